-- Schéma initial : comptes, candidats, QCM, évaluations, notifications
-- Date : 2026-01-20
-- Auteur : Équipe Dev
-- irreversible: premier schéma de la base, le retour est la restauration d'une sauvegarde

CREATE TABLE roles (
    id SERIAL PRIMARY KEY,
    nom VARCHAR(40) NOT NULL UNIQUE,
    description TEXT
);

CREATE TABLE etablissements (
    id SERIAL PRIMARY KEY,
    nom VARCHAR(160) NOT NULL,
    type VARCHAR(30) NOT NULL,
    ville VARCHAR(80) NOT NULL,
    departement VARCHAR(80) NOT NULL,
    region VARCHAR(80) NOT NULL,
    UNIQUE (nom, ville)
);

CREATE TABLE utilisateurs (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    role_id INTEGER NOT NULL REFERENCES roles (id),
    nom VARCHAR(80) NOT NULL,
    prenoms VARCHAR(120) NOT NULL,
    courriel VARCHAR(200) NOT NULL UNIQUE,
    mot_de_passe_hache TEXT NOT NULL,
    actif BOOLEAN NOT NULL DEFAULT TRUE,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE candidats (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    utilisateur_id UUID NOT NULL UNIQUE REFERENCES utilisateurs (id) ON DELETE CASCADE,
    etablissement_id INTEGER NOT NULL REFERENCES etablissements (id),
    classe VARCHAR(30) NOT NULL,
    date_naissance DATE NOT NULL,
    score_total INTEGER NOT NULL DEFAULT 0,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_candidats_etablissement ON candidats (etablissement_id);

CREATE TABLE categories (
    id SERIAL PRIMARY KEY,
    nom VARCHAR(80) NOT NULL UNIQUE
);

CREATE TABLE questions (
    id SERIAL PRIMARY KEY,
    categorie_id INTEGER NOT NULL REFERENCES categories (id),
    enonce TEXT NOT NULL UNIQUE,
    type_question VARCHAR(20) NOT NULL CHECK (type_question IN ('qcm', 'libre')),
    niveau_difficulte SMALLINT NOT NULL CHECK (niveau_difficulte BETWEEN 1 AND 5),
    options JSONB,
    reponse_correcte TEXT NOT NULL,
    statut VARCHAR(20) NOT NULL DEFAULT 'brouillon'
);

CREATE TABLE sessions_qcm (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    candidat_id UUID NOT NULL REFERENCES candidats (id) ON DELETE CASCADE,
    debut TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    fin TIMESTAMP,
    score INTEGER
);
CREATE INDEX idx_sessions_qcm_candidat ON sessions_qcm (candidat_id);

CREATE TABLE sessions_questions (
    session_id UUID NOT NULL REFERENCES sessions_qcm (id) ON DELETE CASCADE,
    question_id INTEGER NOT NULL REFERENCES questions (id),
    reponse TEXT,
    juste BOOLEAN,
    PRIMARY KEY (session_id, question_id)
);

CREATE TABLE evaluations_phases (
    id SERIAL PRIMARY KEY,
    candidat_id UUID NOT NULL REFERENCES candidats (id) ON DELETE CASCADE,
    phase VARCHAR(30) NOT NULL,
    note NUMERIC(5, 2) NOT NULL,
    UNIQUE (candidat_id, phase)
);

CREATE TABLE notifications (
    id SERIAL PRIMARY KEY,
    utilisateur_id UUID NOT NULL REFERENCES utilisateurs (id) ON DELETE CASCADE,
    titre VARCHAR(160) NOT NULL,
    message TEXT NOT NULL,
    lue BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_notifications_utilisateur ON notifications (utilisateur_id);

CREATE TABLE badges (
    id SERIAL PRIMARY KEY,
    code VARCHAR(40) NOT NULL UNIQUE,
    nom VARCHAR(80) NOT NULL,
    description TEXT
);
INSERT INTO badges (code, nom, description) VALUES
    ('premiere-session', 'Première session', 'A terminé une première session de QCM'),
    ('sans-faute', 'Sans faute', 'A répondu juste à toutes les questions d''une session'),
    ('finaliste', 'Finaliste', 'S''est qualifié pour la finale nationale');

CREATE FUNCTION calculer_score_qcm() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sessions_qcm
       SET score = (SELECT count(*) FROM sessions_questions
                     WHERE session_id = NEW.session_id AND juste)
     WHERE id = NEW.session_id;
    RETURN NEW;
END
$$;
CREATE TRIGGER score_qcm AFTER INSERT OR UPDATE ON sessions_questions
    FOR EACH ROW EXECUTE FUNCTION calculer_score_qcm();

CREATE VIEW vue_classement_national AS
SELECT c.id AS candidat_id, u.nom, u.prenoms, e.region, c.score_total,
       rank() OVER (ORDER BY c.score_total DESC) AS rang
  FROM candidats c
  JOIN utilisateurs u ON u.id = c.utilisateur_id
  JOIN etablissements e ON e.id = c.etablissement_id;
