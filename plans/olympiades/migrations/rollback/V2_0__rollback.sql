-- Annule la version 2.0.
SET LOCAL lock_timeout = '2s';
ALTER TABLE candidats DROP COLUMN IF EXISTS derniere_sync;
DROP TABLE IF EXISTS application_mobile_stats;
