# Somebody's report reads a table in a transaction that does not end: the first script waits for it in vain.
systemd-run -q --unit=guide-report mariadb intimemanager -e \
    'START TRANSACTION; SELECT COUNT(*) FROM rendez_vous; DO SLEEP(3600)'
until mariadb -e 'SHOW PROCESSLIST' | grep -q 'SLEEP(3600)'; do sleep 0.1; done
