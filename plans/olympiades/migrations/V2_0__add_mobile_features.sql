-- Migration 2.0 : application mobile
-- Date : 2026-03-01
-- Auteur : Équipe Dev

SET LOCAL lock_timeout = '2s';

CREATE TABLE application_mobile_stats (
    id BIGSERIAL PRIMARY KEY,
    utilisateur_id UUID NOT NULL REFERENCES utilisateurs (id) ON DELETE CASCADE,
    version_application VARCHAR(20) NOT NULL,
    plateforme VARCHAR(20) NOT NULL CHECK (plateforme IN ('ios', 'android')),
    evenement VARCHAR(60) NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_application_mobile_stats_utilisateur ON application_mobile_stats (utilisateur_id);

ALTER TABLE candidats ADD COLUMN derniere_sync TIMESTAMP;
