until mariadb -e 'select 1' >/tmp/up 2>&1; do sleep 0.1; done
