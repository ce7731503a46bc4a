-- Questions d'essai pour le QCM ; l'énoncé est unique, une seconde exécution n'ajoute rien.
INSERT INTO categories (id, nom) VALUES (1, 'Logique'), (2, 'Mathématiques') ON CONFLICT DO NOTHING;

INSERT INTO questions (categorie_id, enonce, type_question, niveau_difficulte, options, reponse_correcte, statut)
VALUES
    (1, 'Si tous les A sont des B, et tous les B sont des C, alors tous les A sont des C. Cette affirmation est :', 'qcm', 2,
     '[{"lettre":"A","texte":"Vraie"},{"lettre":"B","texte":"Fausse"},{"lettre":"C","texte":"Impossible à déterminer"}]'::jsonb,
     'A', 'active'),
    (1, 'Quelle est la prochaine lettre de la suite : A, C, F, J, ?', 'qcm', 3,
     '[{"lettre":"A","texte":"M"},{"lettre":"B","texte":"N"},{"lettre":"C","texte":"O"},{"lettre":"D","texte":"P"}]'::jsonb,
     'C', 'active'),
    (2, 'Si 5 ouvriers construisent un mur en 10 jours, combien de jours faudra-t-il à 10 ouvriers pour construire le même mur ?', 'qcm', 2,
     '[{"lettre":"A","texte":"5 jours"},{"lettre":"B","texte":"20 jours"},{"lettre":"C","texte":"10 jours"},{"lettre":"D","texte":"15 jours"}]'::jsonb,
     'A', 'active')
ON CONFLICT (enonce) DO NOTHING;
