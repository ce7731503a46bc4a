-- Annule la version 2.0.
SET SESSION lock_wait_timeout = 5;
DROP TABLE IF EXISTS bail_mobilites;
