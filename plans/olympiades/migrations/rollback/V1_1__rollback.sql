-- Annule la version 1.1.
SET LOCAL lock_timeout = '2s';
DROP TABLE IF EXISTS points;
DROP TABLE IF EXISTS candidats_badges;
