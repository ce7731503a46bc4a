PGPASSWORD=$PUNK_ECO_DB_PASSWORD psql -q -h 127.0.0.1 -U punk_eco punk_eco -c 'alter table collectes drop horaire'
