-- What the guide makes before any migration, and a small season: 40 candidates, their sessions and answers.
CREATE TABLE schema_migrations (
    id SERIAL PRIMARY KEY,
    version VARCHAR(10) UNIQUE NOT NULL,
    description TEXT,
    applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    applied_by VARCHAR(100) DEFAULT CURRENT_USER
);
INSERT INTO schema_migrations (version, description, applied_at) VALUES ('1.0', 'Schéma initial', '2026-01-20');
INSERT INTO roles (nom) VALUES ('candidat'), ('administrateur');
INSERT INTO etablissements (nom, type, ville, departement, region)
SELECT 'Collège ' || n, 'CEG', 'Cotonou', 'Littoral', 'Littoral' FROM generate_series(1, 5) n;
INSERT INTO utilisateurs (id, role_id, nom, prenoms, courriel, mot_de_passe_hache, created_at)
SELECT md5('u' || n)::uuid, 1, 'Nom' || n, 'Prénom' || n, 'c' || n || '@example.org', md5('' || n), '2026-01-21'
  FROM generate_series(1, 40) n;
INSERT INTO candidats (id, utilisateur_id, etablissement_id, classe, date_naissance, score_total, created_at)
SELECT md5('c' || n)::uuid, md5('u' || n)::uuid, 1 + n % 5, 'Terminale', '2009-05-01', n * 7 % 31, '2026-01-21'
  FROM generate_series(1, 40) n;
INSERT INTO categories (nom) VALUES ('Logique'), ('Mathématiques');
INSERT INTO questions (categorie_id, enonce, type_question, niveau_difficulte, reponse_correcte, statut)
SELECT 1 + n % 2, 'Question ' || n, 'qcm', 1 + n % 5, 'A', 'active' FROM generate_series(1, 20) n;
INSERT INTO sessions_qcm (id, candidat_id, debut)
SELECT md5('s' || n)::uuid, md5('c' || n)::uuid, '2026-01-22'::timestamp + n * interval '1 minute'
  FROM generate_series(1, 40) n;
INSERT INTO sessions_questions (session_id, question_id, reponse, juste)
SELECT md5('s' || n)::uuid, q, 'A', (n + q) % 3 > 0 FROM generate_series(1, 40) n, generate_series(1, 10) q;
INSERT INTO evaluations_phases (candidat_id, phase, note)
SELECT md5('c' || n)::uuid, 'régionale', n % 20 FROM generate_series(1, 40) n;
INSERT INTO notifications (utilisateur_id, titre, message, created_at)
SELECT md5('u' || n)::uuid, 'Bienvenue', 'La saison commence', '2026-01-22' FROM generate_series(1, 40) n;
