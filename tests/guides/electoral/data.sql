INSERT INTO inscriptions (nom, prenoms, date_naissance, bureau, inscrit_le)
SELECT concat('Nom ', seq), concat('Prénom ', seq), '1980-01-01' + INTERVAL seq DAY, concat('B', seq MOD 12), '2026-01-15 08:00:00'
FROM seq_1_to_5000;
