-- Annule la version 3.1.1. MySQL ne connaît pas DROP COLUMN IF EXISTS :
-- la colonne n'est retirée que si elle est là.
SET SESSION lock_wait_timeout = 5;
SET @retrait = IF(
    (SELECT COUNT(*) FROM information_schema.columns
      WHERE table_schema = DATABASE() AND table_name = 'rendez_vous' AND column_name = 'fuseau_horaire') = 1,
    'ALTER TABLE rendez_vous DROP COLUMN fuseau_horaire',
    'DO 0');
PREPARE retrait FROM @retrait;
EXECUTE retrait;
DEALLOCATE PREPARE retrait;
