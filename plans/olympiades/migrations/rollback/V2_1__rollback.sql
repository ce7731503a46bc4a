-- Annule la version 2.1 : les lignes écrites depuis reviennent d'abord dans l'ancienne table.
SET LOCAL lock_timeout = '5s';
INSERT INTO audit_log_avant (id, utilisateur_id, action, table_affectee, enregistrement_id, anciennes_valeurs,
                             nouvelles_valeurs, adresse_ip, user_agent, created_at)
SELECT n.id, n.utilisateur_id, n.action, n.table_affectee, n.enregistrement_id, n.anciennes_valeurs,
       n.nouvelles_valeurs, n.adresse_ip, n.user_agent, n.created_at
  FROM audit_log n
 WHERE NOT EXISTS (SELECT 1 FROM audit_log_avant a WHERE a.id = n.id);
ALTER SEQUENCE audit_log_id_seq OWNED BY audit_log_avant.id;
DROP TABLE IF EXISTS audit_log;
ALTER TABLE IF EXISTS audit_log_avant RENAME TO audit_log;
