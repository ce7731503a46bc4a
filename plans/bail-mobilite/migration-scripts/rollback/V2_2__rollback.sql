-- Annule la version 2.2 : la clé, puis l'index que le serveur a fait pour elle.
SET SESSION lock_wait_timeout = 5;
ALTER TABLE missions DROP FOREIGN KEY missions_bail_mobilite;
ALTER TABLE missions DROP INDEX missions_bail_mobilite;
