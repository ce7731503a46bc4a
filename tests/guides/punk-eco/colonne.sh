# Somebody has made by hand what the migration is to make: it fails.
PGPASSWORD=$PUNK_ECO_DB_PASSWORD psql -q -h 127.0.0.1 -U punk_eco punk_eco \
    -c "alter table collectes add horaire text not null default 'matin'"
