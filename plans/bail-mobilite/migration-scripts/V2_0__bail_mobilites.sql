-- Table des baux mobilité
-- Date : 2026-04-20
-- Auteur : Équipe Ops
-- Un ajout seulement : l'application en place ne s'en sert pas.
CREATE TABLE bail_mobilites (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    mission_id BIGINT UNSIGNED NOT NULL,
    reference VARCHAR(30) NOT NULL,
    logement_id BIGINT UNSIGNED NOT NULL,
    locataire_id BIGINT UNSIGNED NOT NULL,
    debut DATE NOT NULL,
    fin DATE NOT NULL,
    loyer_cents BIGINT UNSIGNED NOT NULL,
    statut VARCHAR(20) NOT NULL,
    cree_le DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (id),
    UNIQUE KEY bail_mobilites_mission (mission_id),
    UNIQUE KEY bail_mobilites_reference (reference),
    KEY bail_mobilites_statut (statut),
    CONSTRAINT bail_mobilites_dates CHECK (fin > debut),
    CONSTRAINT bail_mobilites_de_mission FOREIGN KEY (mission_id) REFERENCES missions (id)
);
