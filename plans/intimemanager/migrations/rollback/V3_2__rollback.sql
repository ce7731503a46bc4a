-- Annule la version 3.2.
SET SESSION lock_wait_timeout = 5;
DROP TABLE IF EXISTS rappels;
