PGPASSWORD=$DB_PASSWORD psql -qX -h localhost -U olympiades_user olympiades_ia_staging -c "delete from audit_log where created_at > '2041-01-01'"
