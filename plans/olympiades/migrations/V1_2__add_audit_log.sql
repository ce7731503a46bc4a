-- Migration 1.2 : journal d'audit
-- Date : 2026-02-08
-- Auteur : Équipe Dev

CREATE TABLE audit_log (
    id BIGSERIAL PRIMARY KEY,
    utilisateur_id UUID,
    action VARCHAR(100) NOT NULL,
    table_affectee VARCHAR(100),
    enregistrement_id VARCHAR(100),
    anciennes_valeurs JSONB,
    nouvelles_valeurs JSONB,
    adresse_ip INET,
    user_agent TEXT,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_audit_log_utilisateur ON audit_log (utilisateur_id);
CREATE INDEX idx_audit_log_created_at ON audit_log (created_at);
