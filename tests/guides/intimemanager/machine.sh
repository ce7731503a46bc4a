# IntimeManager 3.1.0 on nginx, PHP-FPM and MariaDB, with its depot of packages, a mail server and a bucket.
set -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=$(cd "$here/../../../target/external/venv" && pwd)
app=/srv/intimemanager

unit() {
    printf '%s\n' '[Unit]' 'StartLimitIntervalSec=0' '[Service]' "${@:2}" >"/etc/systemd/system/$1.service"
}

# Mail and the bucket take longest to start.
unit courrier "ExecStart=$venv/bin/python -m aiosmtpd -n -l 127.0.0.1:25 -c aiosmtpd.handlers.Mailbox /var/mail/recu"
unit seau "ExecStart=$venv/bin/moto_server -H 127.0.0.1 -p 9000" "StandardOutput=null" "StandardError=null"
unit intimemanager-worker "User=www-data" "WorkingDirectory=$app/current" "ExecStart=/usr/bin/php worker.php" \
    "Restart=on-failure" "RestartSec=200ms"
install -d -m 0755 /run/php
# Only what is there for this guide.
rm -rf /var/lib/mysql /etc/nginx/sites-enabled/* /etc/nginx/conf.d/*
systemctl daemon-reload
systemctl start courrier seau

# Names, and an authority that this machine trusts.
echo '127.0.0.1 depot.intimemanager.example.fr intimemanager.example.fr dev.intimemanager.example.fr' >>/etc/hosts
mkdir -p /etc/ssl/guide
cd /etc/ssl/guide
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -days 3650 \
    -subj '/CN=Machine of the guide' 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout site.key -out site.csr \
    -subj '/CN=intimemanager.example.fr' 2>/dev/null
openssl x509 -req -in site.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 365 -out site.crt 2>/dev/null -extfile <(
    echo 'subjectAltName=DNS:depot.intimemanager.example.fr,DNS:intimemanager.example.fr,DNS:dev.intimemanager.example.fr'
)
cat ca.crt >>/etc/ssl/certs/ca-certificates.crt
# Who may read the backups of files.
age-keygen -o /root/age-key 2>/dev/null

# The database: an account for the application, and one for updates with the rights that the plan asks for.
install -d -o mysql -g mysql /var/lib/mysql
install -d -o mysql -g adm -m 2750 /var/log/mysql
mariadb-install-db --user=mysql --skip-test-db --innodb-log-file-size=4M >/dev/null
cat >/etc/mysql/mariadb.conf.d/99-guide.cnf <<'END'
[mariadbd]
bind-address = 127.0.0.1
log_error = /var/log/mysql/error.log
innodb-log-file-size = 4M
END
systemctl start mariadb
mariadb <<END
CREATE DATABASE intimemanager CHARACTER SET utf8mb4;
CREATE USER intimemanager_app@'127.0.0.1' IDENTIFIED BY 'app';
GRANT SELECT, INSERT, UPDATE, DELETE ON intimemanager.* TO intimemanager_app@'127.0.0.1';
CREATE USER intimemanager_maj@'127.0.0.1' IDENTIFIED BY '$INTIMEMANAGER_DB_PASSWORD';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, TRIGGER, LOCK TABLES, SHOW VIEW, EVENT
    ON intimemanager.* TO intimemanager_maj@'127.0.0.1';
GRANT ALL ON \`intimemanager\_%\`.* TO intimemanager_maj@'127.0.0.1';
USE intimemanager;
CREATE TABLE schema_versions (
    version VARCHAR(20) PRIMARY KEY, description VARCHAR(200), appliquee_le DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP);
INSERT INTO schema_versions VALUES ('3.0', 'Comptes', '2025-11-02 21:40:00'), ('3.1', 'Agenda', '2026-02-01 21:35:00');
CREATE TABLE comptes (nom VARCHAR(40) PRIMARY KEY, passe VARCHAR(255) NOT NULL);
CREATE TABLE sessions (id CHAR(32) PRIMARY KEY, compte VARCHAR(40) NOT NULL, vue_le DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE clients (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, nom VARCHAR(80) NOT NULL, telephone VARCHAR(20) NULL);
CREATE TABLE rendez_vous (
    id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
    client_id BIGINT UNSIGNED NOT NULL,
    debut DATETIME NOT NULL,
    CONSTRAINT rendez_vous_client FOREIGN KEY (client_id) REFERENCES clients (id));
INSERT INTO comptes VALUES ('ama', '$(php -r 'echo password_hash("secret", PASSWORD_BCRYPT, ["cost" => 4]);')');
INSERT INTO clients (nom, telephone) SELECT CONCAT('Cliente n° ', seq), CONCAT('06 00 00 ', LPAD(seq, 4, '0')) FROM seq_1_to_300;
INSERT INTO rendez_vous (client_id, debut) SELECT 1 + seq % 300, '2026-12-01 08:00:00' + INTERVAL seq HOUR FROM seq_1_to_2000;
END

# The depot: packages of three versions with their sums, and the library that they need.
depot=/srv/depot
mkdir -p $depot/bibliotheques
for version in 1.4.0 2.0.0; do
    mkdir -p "/tmp/l/calendar-$version/src"
    cat >"/tmp/l/calendar-$version/src/Calendar.php" <<END
<?php

namespace IntimeManager\\Calendar;

class Calendar
{
    public static function lines(array \$rows): string
    {
        return "calendar $version\\n" . implode('', array_map(fn (\$row) => implode(' ', \$row) . "\\n", \$rows));
    }
}
END
    tar -C /tmp/l -cf "$depot/bibliotheques/calendar-$version.tar" "calendar-$version"
done
lay_package() { # VERSION LIBRARY SOURCES
    local folder=/tmp/p/intimemanager-$1
    mkdir -p "$folder/database/migrations"
    cp -r "$here/app/." "$here/app-$3/." "$folder/"
    echo "$1" >"$folder/VERSION"
    if [ "$1" = 3.2.0 ]; then cp -r "$here/../../../plans/intimemanager/migrations" "$folder/database/"; fi
    sed "s/@library@/$2/g" "$here/composer.json" >"$folder/composer.json"
    COMPOSER_ALLOW_SUPERUSER=1 composer --working-dir="$folder" update --no-install --quiet
    mkdir -p "$depot/paquets/v$1"
    tar -C /tmp/p -czf "$depot/paquets/v$1/intimemanager-$1.tar.gz" "intimemanager-$1"
    (cd "$depot/paquets/v$1" && sha256sum ./*.tar.gz | sed 's| \./| |' >SHA256SUMS)
}
lay_package 3.1.0 1.4.0 3.1.0 &
lay_package 3.2.0 2.0.0 3.2.0
wait $!

# The web server: users read 503 while the flag is there, the address within is open.
cat >/etc/nginx/conf.d/guide.conf <<END
ssl_certificate /etc/ssl/guide/site.crt;
ssl_certificate_key /etc/ssl/guide/site.key;
server {
    listen 127.0.0.1:443 ssl;
    server_name depot.intimemanager.example.fr;
    root $depot;
}
server {
    listen 127.0.0.1:443 ssl;
    server_name intimemanager.example.fr dev.intimemanager.example.fr;
    error_page 503 @maintenance;
    if (-f $app/shared/maintenance.flag) { return 503; }
    location / { include /etc/nginx/guide.php; }
    location @maintenance { add_header Retry-After 60 always; return 503 "IntimeManager est en cours de mise à jour.\n"; }
}
server {
    listen 127.0.0.1:8080;
    location / { include /etc/nginx/guide.php; }
}
END
cat >/etc/nginx/guide.php <<END
root $app/current/public;
include fastcgi_params;
fastcgi_param SCRIPT_FILENAME \$realpath_root/index.php;
fastcgi_pass unix:/run/php/php8.2-fpm.sock;
END
systemctl start nginx php8.2-fpm

# What is live, and three versions from before it.
install -d -m 0700 /var/backups/intimemanager
mkdir -p $app/{releases,paquets,shared/storage/{cache,logs}}
for version in 2.8.0 2.9.0 3.0.0; do
    mkdir $app/releases/$version
    echo $version >$app/releases/$version/VERSION
    touch -d "2025-01-01 + ${version//./} days" $app/releases/$version/VERSION $app/releases/$version
done
tar -C $app/releases -xzf $depot/paquets/v3.1.0/*.tar.gz
mv $app/releases/intimemanager-3.1.0 $app/releases/3.1.0
COMPOSER_ALLOW_SUPERUSER=1 composer --working-dir=$app/releases/3.1.0 install --no-dev --optimize-autoloader --quiet
ln -s $app/shared/.env $app/shared/storage $app/releases/3.1.0/
ln -s $app/releases/3.1.0 $app/current
cat >$app/shared/.env <<'END'
APP_NAME=IntimeManager
DB_HOST=127.0.0.1
DB_NAME=intimemanager
DB_USER=intimemanager_app
DB_PASSWORD=app
END
chmod 0600 $app/shared/.env
printf '# Journal des versions\n\n## [3.1.0] - 2026-02-01\n\n### Ajouté\n\n- Agenda\n' >$app/shared/CHANGELOG.md
touch $app/shared/storage/logs/application.log
chown -R www-data: $app/shared/.env $app/shared/storage
systemctl start intimemanager-worker

curl() { command curl -sS --fail --retry 60 --retry-delay 1 --retry-connrefused -o /dev/null "$@"; }
curl https://intimemanager.example.fr/
curl https://depot.intimemanager.example.fr/paquets/v3.2.0/SHA256SUMS
curl --aws-sigv4 aws:amz:eu-west-3:s3 --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
    -X PUT "$AWS_ENDPOINT_URL/intimemanager-sauvegardes" -H 'Content-Type: application/xml' -d \
    '<CreateBucketConfiguration><LocationConstraint>eu-west-3</LocationConstraint></CreateBucketConfiguration>'
curl --connect-timeout 1 smtp://127.0.0.1 -X NOOP
