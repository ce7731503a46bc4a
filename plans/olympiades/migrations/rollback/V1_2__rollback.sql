-- Annule la version 1.2.
SET LOCAL lock_timeout = '2s';
DROP TABLE IF EXISTS audit_log;
