-- Table des inscriptions avec un bureau de vote obligatoire
-- Date : 2026-03-10
-- Auteur : Équipe technique
-- Créée à côté de la table en place ; copie-et-echange.yaml la remplit puis échange les noms.
-- Le classement est celui de la table en place : sans lui, les deux ne se comparent pas.
CREATE TABLE inscriptions_nouvelle (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    nom VARCHAR(120) NOT NULL,
    prenoms VARCHAR(160) NOT NULL,
    date_naissance DATE NOT NULL,
    bureau VARCHAR(20) NOT NULL,
    inscrit_le DATETIME NOT NULL,
    PRIMARY KEY (id),
    KEY inscriptions_bureau (bureau)
) DEFAULT CHARSET utf8mb4 COLLATE utf8mb4_unicode_ci;
