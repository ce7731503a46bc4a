-- Annule la version 1.3.
SET LOCAL lock_timeout = '2s';
ALTER TABLE notifications
    DROP COLUMN IF EXISTS push_envoye,
    DROP COLUMN IF EXISTS push_envoye_at;
DROP TABLE IF EXISTS notification_tokens;
