# Ops as its team has it: Laravel behind nginx and PHP-FPM, MariaDB, a queue worker, a git repository with both
# versions, a place for the second copies of backups (S3), a mail server and the team's channel.
here=$(dirname "$0")
. "$here/../laravel/skeleton.sh"
external=$here/../../../target/external/venv/bin

# The plan asks for the room that production has.
for folder in /var/lib/mysql /var/backups /srv; do
    mount -t tmpfs -o size=30g none $folder
done
(
    chown mysql:mysql /var/lib/mysql
    mariadb-install-db --user=mysql --auth-root-authentication-method=socket --skip-test-db --innodb-log-file-size=4M >/dev/null
    install -d -o mysql -g adm /var/log/mysql
    cat >/etc/mysql/mariadb.conf.d/99-ops.cnf <<'END'
[mariadbd]
innodb_log_file_size = 4M
log_error = /var/log/mysql/error.log
END
    # As Debian's unit, which gives up after an abort.
    mkdir -p /etc/systemd/system/mariadb.service.d
    printf '[Service]\nRestart=always\nRestartSec=500ms\n' >/etc/systemd/system/mariadb.service.d/restart.conf
    systemctl daemon-reload
    systemctl start mariadb
) &

# The one builder of assets, packed as a registry would have it.
(
    mkdir -p /root/builder /root/lock/outils
    cp "$here"/builder/* /root/builder/
    chmod +x /root/builder/constructeur.js
    cd /root/builder
    npm pack --silent --pack-destination /root/lock/outils >/dev/null
    cd /root/lock
    cp "$here/v2/package.json" .
    npm install --package-lock-only --offline --silent --no-audit --no-fund
) &
lock=$!

export GIT_CONFIG_GLOBAL=/root/.gitconfig
git config --global user.name 'Équipe Ops'
git config --global user.email ops@ops.example.fr
git config --global init.defaultBranch main
git config --global advice.detachedHead false
work=/root/atelier
lay_application $work
cp -r "$here"/v1/. $work/
# Sessions in the database ask who is logged in.
sed -i 's/.*Illuminate\\Bus\\BusServiceProvider.*/        Illuminate\\Auth\\AuthServiceProvider::class,\n&/' $work/config/app.php
cd $work
mv vendor /root/vendor
touch bootstrap/cache/.gitkeep storage/{app,logs}/.gitkeep storage/framework/{cache/data,sessions,views}/.gitkeep
printf '%s\n' /.env /vendor/ /node_modules/ /public/build/ /public/storage '/bootstrap/cache/*.php' /storage/logs/*.log \
    '/storage/framework/*/*' '!.gitkeep' /storage/framework/down /storage/framework/maintenance.php >.gitignore
git init -q
git add -A
git commit -qm 'Ops 1.4.0'
git tag v1.4.0
cp -r "$here"/v2/. .
wait $lock
cp -r /root/lock/. .
COMPOSER_ALLOW_SUPERUSER=1 composer update --no-install --quiet --no-interaction
git add -A
git commit -qm 'Ops 2.0.0'
git tag v2.0.0
git clone -q --bare . /srv/ops.git

app=/srv/ops
mkdir -p $app/versions $app/shared/storage/{app/public,logs} $app/shared/storage/framework/{cache/data,sessions,views}
for version in 1.4.0 2.0.0; do
    git clone -q /srv/ops.git $app/versions/$version
    git -C $app/versions/$version checkout -q v1.4.0
    chown -R www-data:www-data $app/versions/$version/{storage,bootstrap/cache}
done
cp -r /root/vendor $app/versions/1.4.0/
cat >$app/shared/.env <<END
APP_ENV=production
APP_KEY=base64:$(printf 'a key of thirty-two bytes length' | base64)
APP_URL=http://ops-test.internal
DB_DATABASE=ops
DB_USERNAME=ops_app
DB_PASSWORD=application
QUEUE_CONNECTION=database
END
chmod 640 $app/shared/.env
chown root:www-data $app/shared/.env
echo 'contrat signé' >$app/shared/storage/app/public/contrat.txt
touch $app/shared/storage/logs/laravel.log
printf '# Journal des modifications\n' >$app/shared/CHANGELOG.md
chown -R www-data:www-data $app/shared/storage
rm -r $app/versions/1.4.0/storage
ln -s $app/shared/storage $app/versions/1.4.0/storage
ln -s $app/shared/.env $app/versions/1.4.0/.env
ln -s $app/shared/storage/app/public $app/versions/1.4.0/public/storage
ln -s versions/1.4.0 $app/current

echo '127.0.0.1 ops-test.internal' >>/etc/hosts
cat >/etc/nginx/sites-enabled/default <<END
server {
    listen 80;
    root $app/current/public;
    location / {
        include fastcgi_params;
        fastcgi_param SCRIPT_FILENAME \$realpath_root/index.php;
        fastcgi_pass unix:/run/php/fpm.sock;
    }
    location /build/ { }
}
END
fpm=$(basename /lib/systemd/system/php*-fpm.service .service)
version=${fpm#php}
sed -i 's|^listen = .*|listen = /run/php/fpm.sock|' /etc/php/"${version%-fpm}"/fpm/pool.d/www.conf
cat >/etc/systemd/system/ops-worker.service <<END
[Service]
User=www-data
WorkingDirectory=$app/current
ExecStart=/usr/bin/php artisan queue:work --sleep=1
Restart=always
END
cat >/etc/systemd/system/ops-essai.service <<END
[Service]
User=www-data
WorkingDirectory=$app/versions/2.0.0
Environment=LOG_CHANNEL=stderr PHP_CLI_SERVER_WORKERS=4
ExecStart=/usr/bin/php -d opcache.enable_cli=1 -S 127.0.0.1:8081 -t public public/index.php
END
cat >/etc/systemd/system/mail.service <<END
[Service]
ExecStart=$external/python -m aiosmtpd -n -l 127.0.0.1:587 -c aiosmtpd.handlers.Mailbox /root/mail
END
cat >/etc/systemd/system/channel.service <<END
[Service]
ExecStart=$external/python $here/sink.py
END
cat >/etc/systemd/system/s3.service <<END
[Service]
ExecStart=$external/moto_server -H 127.0.0.1 -p 5000
END
systemctl daemon-reload
systemctl start mail channel s3 nginx "$fpm"
wait
mariadb <<END
CREATE DATABASE ops CHARACTER SET utf8mb4;
CREATE USER ops_app@localhost IDENTIFIED BY 'application', ops_app@127.0.0.1 IDENTIFIED BY 'application';
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.* TO ops_app@localhost, ops_app@127.0.0.1;
CREATE USER ops_migration@localhost IDENTIFIED BY '$OPS_DB_PASSWORD', ops_migration@127.0.0.1 IDENTIFIED BY '$OPS_DB_PASSWORD';
END
# The rights that the README of the plan names.
for database in 'ops' 'ops\_before\_%' 'ops\_new\_%' 'plan\_scratch\_%'; do
    echo "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, LOCK TABLES, TRIGGER, CREATE VIEW, SHOW VIEW,
        EVENT ON \`$database\`.* TO ops_migration@localhost, ops_migration@127.0.0.1;"
done | mariadb
mariadb -e 'GRANT PROCESS, SET USER ON *.* TO ops_migration@localhost, ops_migration@127.0.0.1'
mariadb ops <"$here/data.sql"
mkdir -p /var/backups/ops
systemctl start ops-worker
for _ in $(seq 100); do
    if curl -sf http://ops-test.internal/missions >/dev/null && curl -sf -X PUT http://127.0.0.1:5000/ops-sauvegardes >/dev/null; then
        exit
    fi
    sleep 0.1
done
curl -si http://ops-test.internal/missions | head -1
grep -m1 ERROR $app/shared/storage/logs/laravel.log
exit 1
