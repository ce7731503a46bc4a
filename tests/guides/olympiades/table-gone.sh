PGPASSWORD=$DB_PASSWORD psql -qX -h localhost -U olympiades_user olympiades_ia_staging -c "drop table notification_tokens"
