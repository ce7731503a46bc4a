-- Rappels envoyés avant un rendez-vous
-- Date : 2026-04-02
-- Auteur : Équipe IntimeManager
CREATE TABLE rappels (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    rendez_vous_id BIGINT UNSIGNED NOT NULL,
    moyen VARCHAR(10) NOT NULL,
    prevu_le DATETIME NOT NULL,
    envoye_le DATETIME NULL,
    PRIMARY KEY (id),
    UNIQUE KEY rappels_une_fois (rendez_vous_id, moyen, prevu_le),
    CONSTRAINT rappels_rendez_vous FOREIGN KEY (rendez_vous_id) REFERENCES rendez_vous (id) ON DELETE CASCADE,
    CONSTRAINT rappels_moyen CHECK (moyen IN ('courriel', 'sms'))
);
