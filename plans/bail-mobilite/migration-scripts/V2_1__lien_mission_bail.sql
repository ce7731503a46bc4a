-- Colonne qui relie une mission à son bail, vide d'abord
-- Date : 2026-04-20
-- Auteur : Équipe Ops
SET SESSION lock_wait_timeout = 5;
ALTER TABLE missions ADD COLUMN bail_mobilite_id BIGINT UNSIGNED NULL;
