mariadb ops -e 'UPDATE missions SET fin = debut + INTERVAL 130 DAY WHERE id = 1100'
