-- Migration 1.3 : notifications push
-- Date : 2026-02-15
-- Auteur : Équipe Dev
-- Le guide lui donne le numéro 1.1, déjà pris par la gamification.

SET LOCAL lock_timeout = '2s';

CREATE TABLE notification_tokens (
    id SERIAL PRIMARY KEY,
    utilisateur_id UUID REFERENCES utilisateurs (id) ON DELETE CASCADE,
    platform VARCHAR(20) CHECK (platform IN ('ios', 'android', 'web')),
    token TEXT NOT NULL,
    actif BOOLEAN DEFAULT TRUE,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (utilisateur_id, platform, token)
);
CREATE INDEX idx_notification_tokens_user ON notification_tokens (utilisateur_id);
CREATE INDEX idx_notification_tokens_actif ON notification_tokens (actif);
COMMENT ON TABLE notification_tokens IS 'Tokens FCM/APNs pour notifications push';

ALTER TABLE notifications
    ADD COLUMN push_envoye BOOLEAN DEFAULT FALSE,
    ADD COLUMN push_envoye_at TIMESTAMP;
