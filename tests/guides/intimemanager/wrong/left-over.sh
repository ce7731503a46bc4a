# A restore over the live database left a table of the new version behind, with rows: the second script fails.
mariadb intimemanager -e 'CREATE TABLE rappels (id INT PRIMARY KEY, note VARCHAR(20)); INSERT INTO rappels VALUES (1, "gardée")'
