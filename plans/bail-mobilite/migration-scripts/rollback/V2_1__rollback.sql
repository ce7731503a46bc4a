-- Annule la version 2.1. MySQL ne connaît pas DROP COLUMN IF EXISTS :
-- la colonne n'est retirée que si elle est là.
SET SESSION lock_wait_timeout = 5;
SET @retrait = IF(
    (SELECT COUNT(*) FROM information_schema.columns
      WHERE table_schema = DATABASE() AND table_name = 'missions' AND column_name = 'bail_mobilite_id') = 1,
    'ALTER TABLE missions DROP COLUMN bail_mobilite_id',
    'DO 0');
PREPARE retrait FROM @retrait;
EXECUTE retrait;
DEALLOCATE PREPARE retrait;
