# A report that somebody left open: it holds `notifications`, and version 1.3 cannot change it.
systemd-run -q --unit=rapport --setenv=PGPASSWORD="$DB_PASSWORD" psql -qX -h localhost -U olympiades_user olympiades_ia_staging \
    -c "begin; select count(*) from notifications; select pg_sleep(600)"
