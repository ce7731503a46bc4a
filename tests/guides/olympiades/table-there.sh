# Somebody made a table of this name by hand: version 1.3 fails after 1.1 and 1.2 were applied.
PGPASSWORD=$DB_PASSWORD psql -qX -h localhost -U olympiades_user olympiades_ia_staging -c "create table notification_tokens (id int)"
