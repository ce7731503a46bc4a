-- Annule la version 2.2 : la clé n'est retirée que si elle est là, son index avec elle.
SET SESSION lock_wait_timeout = 5;
SET @retrait = IF(
    (SELECT COUNT(*) FROM information_schema.table_constraints
      WHERE table_schema = DATABASE() AND table_name = 'missions' AND constraint_name = 'missions_bail_mobilite') = 1,
    'ALTER TABLE missions DROP FOREIGN KEY missions_bail_mobilite, DROP INDEX missions_bail_mobilite',
    'DO 0');
PREPARE retrait FROM @retrait;
EXECUTE retrait;
DEALLOCATE PREPARE retrait;
