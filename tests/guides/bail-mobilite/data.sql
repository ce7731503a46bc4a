CREATE TABLE logements (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, adresse VARCHAR(120) NOT NULL);
CREATE TABLE locataires (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, nom VARCHAR(120) NOT NULL);
CREATE TABLE missions (
    id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
    logement_id BIGINT UNSIGNED NOT NULL,
    locataire_id BIGINT UNSIGNED NOT NULL,
    debut DATE NOT NULL,
    fin DATE NOT NULL,
    loyer_cents BIGINT UNSIGNED NOT NULL,
    statut VARCHAR(20) NOT NULL,
    FOREIGN KEY (logement_id) REFERENCES logements (id),
    FOREIGN KEY (locataire_id) REFERENCES locataires (id)
);
CREATE TABLE pieces (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, mission_id BIGINT UNSIGNED NOT NULL, contenu MEDIUMBLOB NOT NULL);
CREATE TABLE historique (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, mission_id BIGINT UNSIGNED NOT NULL, statut VARCHAR(20) NOT NULL);
CREATE TABLE sessions (
    id VARCHAR(255) PRIMARY KEY, user_id BIGINT UNSIGNED NULL, ip_address VARCHAR(45) NULL, user_agent TEXT NULL,
    payload TEXT NOT NULL, last_activity INT NOT NULL
);
CREATE TABLE cache (`key` VARCHAR(255) PRIMARY KEY, value MEDIUMTEXT NOT NULL, expiration INT NOT NULL);
CREATE TABLE jobs (
    id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, queue VARCHAR(255) NOT NULL, payload LONGTEXT NOT NULL,
    attempts TINYINT UNSIGNED NOT NULL, reserved_at INT UNSIGNED NULL, available_at INT UNSIGNED NOT NULL,
    created_at INT UNSIGNED NOT NULL, KEY (queue)
);
-- The swap of a restore must bring views and triggers along.
CREATE VIEW missions_ouvertes AS SELECT id, logement_id, debut FROM missions WHERE statut = 'ouverte';
CREATE TRIGGER missions_historique AFTER UPDATE ON missions FOR EACH ROW
    INSERT INTO historique (mission_id, statut) SELECT NEW.id, NEW.statut FROM DUAL WHERE NEW.statut <> OLD.statut;

INSERT INTO logements (adresse) SELECT concat(seq, ', rue des Lilas') FROM seq_1_to_80;
INSERT INTO locataires (nom) SELECT concat('Locataire ', seq) FROM seq_1_to_300;
INSERT INTO missions (logement_id, locataire_id, debut, fin, loyer_cents, statut)
SELECT 1 + seq MOD 80, 1 + seq MOD 300, '2025-01-01' + INTERVAL seq MOD 400 DAY,
       '2025-01-01' + INTERVAL seq MOD 400 + 30 + seq MOD 200 DAY, 60000 + 37 * seq, ELT(1 + seq MOD 3, 'ouverte', 'close', 'litige')
FROM seq_1_to_1200;
INSERT INTO pieces (mission_id, contenu) SELECT seq, random_bytes(1024) FROM seq_1_to_1200;
