# Everything that the plans touch, line by line. Left out: backups and their copies, messages, and who ran when.
export PGHOST=localhost PGUSER=olympiades_user PGPASSWORD=$DB_PASSWORD
as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups env -u PGHOST -u PGUSER -u PGPASSWORD)

echo "== HTTP"
for address in http://127.0.0.1:3000/api/health http://127.0.0.1:3000/api/classement https://olympiades-ia-benin.org/connexion; do
    echo "$address $(curl -s -w ' %{http_code}' "$address")"
done
echo "== Redis"
for key in $(redis-cli --scan | sort); do echo "$key $(redis-cli GET "$key")"; done

echo "== Services"
units=(olympiades-api olympiades-worker olympiades-jobs olympiades-web redis-server prometheus postgres-exporter)
paste <(printf '%s\n' "${units[@]}") <(systemctl is-active "${units[@]}" || true) <(systemctl show -P UnitFileState "${units[@]}" | sed '1~2!d')

echo "== Files"
find /srv/olympiades /var/www/olympiades /opt/olympiades /opt/postgres_exporter /etc/prometheus /etc/postgresql /etc/apt /etc/ufw /etc/default/ufw \
    /etc/systemd/system /etc/postgres-exporter* /var/cache/olympiades /var/lib/postgresql/archive \
    -printf '%p %y %m %u:%g %l\n' 2>/dev/null | sort
find /srv/olympiades /var/www/olympiades /opt/olympiades /opt/postgres_exporter /etc/prometheus /etc/postgresql /etc/apt /etc/ufw /etc/default/ufw \
    /etc/systemd/system /etc/postgres-exporter* /var/cache/olympiades ! -name 'user*.rules' -type f -print0 2>/dev/null | sort -z | xargs -0 sha256sum

if [ -e /root/server ]; then
    echo "== Server"
    ufw status
    ufw show added
    dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\n' | grep ^ii
fi
if [ -e /root/cloud ]; then
    echo "== Cloud"
    aws ec2 describe-security-groups --query 'SecurityGroups[].[GroupName,IpPermissions,IpPermissionsEgress]' --output json
    aws rds describe-db-instances --query 'DBInstances[].DBInstanceIdentifier' --output text
fi

echo "== Databases"
[ -S /var/run/postgresql/.s.PGSQL.5432 ] || { echo "no server"; exit 0; }
psql() { "${as_postgres[@]}" psql -qXAt -v ON_ERROR_STOP=1 "$@"; }
psql -c "select rolname, rolsuper, rolcreatedb, rolcanlogin, rolpassword from pg_authid order by 1"
psql -c "select datname, datdba::regrole, datallowconn, datacl from pg_database order by 1"
for base in $(psql -c "select datname from pg_database where not datistemplate order by 1"); do
    echo "-- $base"
    "${as_postgres[@]}" pg_dump --column-inserts "$base" | grep -vE '^(\\(un)?restrict|SELECT pg_catalog.setval|--|$)' | sort
done
