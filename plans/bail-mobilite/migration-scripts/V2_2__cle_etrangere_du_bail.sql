-- La relation entre mission et bail devient une clé étrangère
-- Date : 2026-04-20
-- Auteur : Équipe Ops
SET SESSION lock_wait_timeout = 5;
ALTER TABLE missions
    ADD CONSTRAINT missions_bail_mobilite FOREIGN KEY (bail_mobilite_id) REFERENCES bail_mobilites (id);
