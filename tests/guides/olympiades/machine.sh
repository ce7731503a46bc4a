# The Olympiades as they run in production: PostgreSQL with TLS, the API with its two helpers, the web server before
# it, Redis, mail, a cloud that speaks as AWS does, and Prometheus.
here=$(cd "$(dirname "$0")" && pwd)
target=$(cd "$here/../../../target" && pwd)
venv=$target/external/venv
ln -s "$target/debug/plan" /usr/local/bin/plan
ip link set lo up

# Names that lead here; nothing else can be reached.
cat >> /etc/hosts <<END
127.0.0.1 olympiades-ia-benin.org github.com www.postgresql.org apt.postgresql.org
127.0.0.1 olympiades-ia-prod.aaaaaaaaaa.eu-west-1.rds.amazonaws.com
127.0.0.2 sts.eu-west-1.amazonaws.com ec2.eu-west-1.amazonaws.com rds.eu-west-1.amazonaws.com
127.0.0.2 s3.eu-west-1.amazonaws.com olympiades-ia-backups.s3.eu-west-1.amazonaws.com
END

# An authority of our own, a certificate for the database, and one for every web server that is played.
mkdir -p /root/ca && cd /root/ca
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=Autorité des Olympiades" \
    -keyout ca.key -out ca.crt -addext keyUsage=critical,keyCertSign 2>/dev/null
certificate() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2>/dev/null
    openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 365 -out "$1.crt" \
        -extfile <(echo "subjectAltName=$2") 2>/dev/null
}
certificate base DNS:localhost,IP:127.0.0.1
certificate web DNS:olympiades-ia-benin.org,DNS:github.com,DNS:www.postgresql.org,DNS:apt.postgresql.org
certificate nuage "DNS:*.eu-west-1.amazonaws.com,DNS:olympiades-ia-backups.s3.eu-west-1.amazonaws.com"
cp ca.crt /etc/ssl/certs/olympiades-ca.crt
cat ca.crt >> /etc/ssl/certs/ca-certificates.crt

# PostgreSQL, as Debian sets it up.
version=$(ls /usr/lib/postgresql | sort -n | tail -1)
pg_dropcluster --stop "$version" main 2>/dev/null || rm -rf "/etc/postgresql/$version" "/var/lib/postgresql/$version"
pg_createcluster --locale C.UTF-8 --port 5432 "$version" main -- --no-sync >/dev/null
install -o postgres -g postgres -m 600 base.key base.crt /var/lib/postgresql/
cat > "/etc/postgresql/$version/main/conf.d/machine.conf" <<END
fsync = off
ssl = on
ssl_cert_file = '/var/lib/postgresql/base.crt'
ssl_key_file = '/var/lib/postgresql/base.key'
shared_preload_libraries = 'pg_stat_statements'
END

# The application. Its repository bears the changelog.
mkdir -p /srv/olympiades /var/www/olympiades /opt/olympiades
cp "$here/app.py" "$here/web.py" /opt/olympiades/
printf '# Changelog - Base de données Olympiades IA\n\n## [1.0.0] - 2026-01-20\n### Ajouté\n- Schéma initial complet\n' \
    > /srv/olympiades/CHANGELOG.md
printf '# Infrastructure\n' > /srv/olympiades/INFRASTRUCTURE.md
printf '# Semences\n' > /srv/olympiades/SEMENCES.md
unit() {
    printf '%s\n' '[Unit]' "Description=$2" StartLimitIntervalSec=0 '[Service]' "ExecStart=$3" Restart=on-failure \
        "Type=${4-exec}" Environment=PGPASSWORD=$DB_PASSWORD > "/etc/systemd/system/$1.service"
}
unit olympiades-api "API des Olympiades" "$venv/bin/python /opt/olympiades/app.py api" notify
unit olympiades-worker "Notifications des Olympiades" "$venv/bin/python /opt/olympiades/app.py worker" notify
unit olympiades-jobs "Travaux des Olympiades" "$venv/bin/python /opt/olympiades/app.py jobs" notify
unit olympiades-web "Serveur web" "$venv/bin/python /opt/olympiades/web.py"
unit courriel "Courriel" "$venv/bin/aiosmtpd -n -c aiosmtpd.handlers.Mailbox -l 127.0.0.1:25 /var/courriel"
unit nuage "Nuage" "$venv/bin/moto_server -H 127.0.0.2 -p 443 -s -c /root/ca/nuage.crt -k /root/ca/nuage.key"

# Prometheus looks for its targets in a folder, every second.
mkdir -p /etc/prometheus/cibles
cat > /etc/prometheus/prometheus.yml <<END
global: { scrape_interval: 2s, evaluation_interval: 1s }
scrape_configs:
  - job_name: olympiades
    file_sd_configs: [{ files: [/etc/prometheus/cibles/*.yml], refresh_interval: 1s }]
END
systemctl daemon-reload
systemctl start --no-block nuage courriel redis-server prometheus olympiades-web
systemctl start "postgresql@$version-main"

# The database at 1.0, with its tracking table as the guide makes it, and data of a running season.
psql=(setpriv --reuid=postgres --regid=postgres --init-groups psql -qX -v ON_ERROR_STOP=1)
"${psql[@]}" -c "create role olympiades_user login createdb password '$DB_PASSWORD'" \
    -c "create role surveillance login password '$SURVEILLANCE_PASSWORD'" -c "grant pg_monitor to surveillance" \
    -c "create database olympiades_ia_staging owner olympiades_user template template0"
"${psql[@]}" -c "create extension pg_stat_statements"
export PGHOST=localhost PGUSER=olympiades_user PGPASSWORD=$DB_PASSWORD PGDATABASE=olympiades_ia_staging
psql -qX -v ON_ERROR_STOP=1 -f "$here/../../../plans/olympiades/migrations/V1_0__initial_schema.sql" -f "$here/data.sql" >/dev/null

# The cloud: an account, and the bucket for second copies.
mkdir -p /root/.aws
printf '[profile olympiades]\nregion = eu-west-1\n' > /root/.aws/config
printf '[olympiades]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" \
    > /root/.aws/credentials
until (: < /dev/tcp/127.0.0.2/443) 2>/dev/null; do sleep .1; done
aws s3api create-bucket --bucket olympiades-ia-backups --create-bucket-configuration LocationConstraint=eu-west-1 >/dev/null
cp "$here/gcloud" /usr/local/bin/

until [ "$(redis-cli ping)" = PONG ] && (: < /dev/tcp/127.0.0.1/25); do sleep .1; done 2>/dev/null
systemctl start olympiades-api olympiades-worker olympiades-jobs
for address in https://olympiades-ia-benin.org/api/classement http://127.0.0.1:9090/-/ready; do
    until curl -sf "$address" >/dev/null; do sleep .1; done
done
