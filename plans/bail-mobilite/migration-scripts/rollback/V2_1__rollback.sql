-- Annule la version 2.1.
SET SESSION lock_wait_timeout = 5;
ALTER TABLE missions DROP COLUMN bail_mobilite_id;
