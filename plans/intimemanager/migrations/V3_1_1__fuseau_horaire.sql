-- Fuseau horaire de chaque rendez-vous
-- Date : 2026-04-02
-- Auteur : Équipe IntimeManager
SET SESSION lock_wait_timeout = 5;
ALTER TABLE rendez_vous ADD COLUMN fuseau_horaire VARCHAR(40) NOT NULL DEFAULT 'Europe/Paris';
