-- Vingt missions, toujours les mêmes, chacune à côté de son bail.
SELECT m.id, m.statut, b.statut AS statut_bail, m.debut, b.debut AS debut_bail, m.fin, b.fin AS fin_bail,
       m.loyer_cents, b.loyer_cents AS loyer_bail, b.reference
  FROM missions m
  JOIN bail_mobilites b ON b.mission_id = m.id
 ORDER BY CRC32(m.id)
 LIMIT 20;
