-- Annule la version 1.5 : la table en place n'a pas été touchée.
SET SESSION lock_wait_timeout = 5;
DROP TABLE IF EXISTS inscriptions_nouvelle;
