# A clock that was wrong wrote a line years ahead: it has no month.
PGPASSWORD=$DB_PASSWORD psql -qX -h localhost -U olympiades_user olympiades_ia_staging -c "insert into audit_log (action, created_at) values ('connexion', '2041-05-01')"
