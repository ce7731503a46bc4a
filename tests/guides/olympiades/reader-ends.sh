systemctl stop rapport
PGPASSWORD=$DB_PASSWORD psql -qX -h localhost -U olympiades_user olympiades_ia_staging \
    -c "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(600)%' and pid <> pg_backend_pid()"
