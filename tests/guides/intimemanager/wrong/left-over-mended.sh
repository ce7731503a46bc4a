mariadb intimemanager -e 'DROP TABLE rappels'
