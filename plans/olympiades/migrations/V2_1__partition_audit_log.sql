-- Migration 2.1 : audit_log partitionnée par mois
-- Date : 2026-03-20
-- Auteur : Équipe Dev
-- L'ancienne table reste sous le nom audit_log_avant ; la version 2.2 la supprimera, plus tard.

SET LOCAL lock_timeout = '5s';

ALTER TABLE audit_log RENAME TO audit_log_avant;

CREATE TABLE audit_log (
    id BIGINT NOT NULL DEFAULT nextval('audit_log_id_seq'),
    utilisateur_id UUID,
    action VARCHAR(100) NOT NULL,
    table_affectee VARCHAR(100),
    enregistrement_id VARCHAR(100),
    anciennes_valeurs JSONB,
    nouvelles_valeurs JSONB,
    adresse_ip INET,
    user_agent TEXT,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);

-- Un mois par partition, du premier mois des données à trois mois après aujourd'hui ;
-- une partition par défaut reçoit le reste, pour qu'aucune ligne ne soit refusée.
CREATE TABLE audit_log_autres PARTITION OF audit_log DEFAULT;
DO $$
DECLARE
    mois DATE := date_trunc('month', coalesce((SELECT min(created_at) FROM audit_log_avant), now()));
    fin DATE := date_trunc('month', now()) + interval '3 months';
BEGIN
    WHILE mois <= fin LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF audit_log FOR VALUES FROM (%L) TO (%L)',
                       'audit_log_' || to_char(mois, 'YYYY_MM'), mois, (mois + interval '1 month')::date);
        mois := mois + interval '1 month';
    END LOOP;
END
$$;

INSERT INTO audit_log (id, utilisateur_id, action, table_affectee, enregistrement_id, anciennes_valeurs,
                       nouvelles_valeurs, adresse_ip, user_agent, created_at)
SELECT id, utilisateur_id, action, table_affectee, enregistrement_id, anciennes_valeurs,
       nouvelles_valeurs, adresse_ip, user_agent, created_at
  FROM audit_log_avant;

CREATE INDEX idx_audit_log_mois_utilisateur ON audit_log (utilisateur_id);
CREATE INDEX idx_audit_log_mois_created_at ON audit_log (created_at);

-- La suite des numéros continue : la séquence passe à la nouvelle table.
ALTER SEQUENCE audit_log_id_seq OWNED BY audit_log.id;
SELECT setval('audit_log_id_seq', greatest((SELECT coalesce(max(id), 1) FROM audit_log), 1));
