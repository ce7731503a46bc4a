-- Annule la version 3.1.1.
SET SESSION lock_wait_timeout = 5;
ALTER TABLE rendez_vous DROP COLUMN fuseau_horaire;
