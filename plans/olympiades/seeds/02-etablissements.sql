-- Établissements d'essai
INSERT INTO etablissements (nom, type, ville, departement, region) VALUES
    ('CEG Gbegamey', 'CEG', 'Cotonou', 'Littoral', 'Littoral'),
    ('Lycée Mathieu Bouké', 'Lycée', 'Parakou', 'Borgou', 'Borgou'),
    ('Collège CEG Dantokpa', 'CEG', 'Cotonou', 'Littoral', 'Littoral'),
    ('Lycée Technique Coulibaly', 'Lycée', 'Cotonou', 'Littoral', 'Littoral'),
    ('CEG Abomey-Calavi', 'CEG', 'Abomey-Calavi', 'Atlantique', 'Atlantique')
ON CONFLICT (nom, ville) DO NOTHING;
