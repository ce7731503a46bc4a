-- Les missions par statut, avec ce qu'elles couvrent.
SELECT statut, COUNT(*) AS missions, MIN(debut) AS premiere, MAX(fin) AS derniere, SUM(loyer_cents) / 100 AS loyers
  FROM missions
 GROUP BY statut
 ORDER BY statut;

-- Celles que la conversion refuserait ou rendrait fausses.
SELECT COUNT(*) AS missions_qui_finissent_avant_de_commencer FROM missions WHERE fin <= debut;
SELECT COUNT(*) AS missions_de_plus_de_dix_mois FROM missions WHERE fin > DATE_ADD(debut, INTERVAL 10 MONTH);
