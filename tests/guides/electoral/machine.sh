# The electoral application as its team has it: Laravel behind nginx and PHP-FPM, MariaDB, a queue worker, a git
# repository with the tested branch, and a mail server.
here=$(dirname "$0")
. "$here/../laravel/skeleton.sh"
python=$here/../../../target/external/venv/bin/python

systemctl start mariadb &
# Mail goes to a folder.
cat >/etc/systemd/system/mail.service <<END
[Service]
ExecStart=$python -m aiosmtpd -n -l 127.0.0.1:25 -c aiosmtpd.handlers.Mailbox /root/mail
END
echo '127.0.0.1 electoral-test.internal' >>/etc/hosts

# Version 1.3, in its repository; the branch adds the number of the polling station.
export GIT_CONFIG_GLOBAL=/root/.gitconfig
git config --global user.name Afi
git config --global user.email afi@electoral.example.bj
git config --global init.defaultBranch main
git config --global advice.detachedHead false
work=/root/atelier
lay_application $work
cp -r "$here"/app/. $work/
cd $work
printf '%s\n' /.env '/.env.*' /bootstrap/cache/* /storage/ /vendor/ /tests/coverage/ >.gitignore
git init -q
git add -A
git commit -qm 'Version 1.3'
git switch -qc modif/liste-electorale
cp -r "$here"/branch/. .
git add -A
git commit -qm 'Numéro de bureau de vote'
git clone -q --bare . /srv/electoral.git
git -C /srv/electoral.git symbolic-ref HEAD refs/heads/main

app=/var/www/electoral
git clone -q /srv/electoral.git $app
cp -r $work/vendor $app/
mkdir -p $app/bootstrap/cache $app/storage/{app,logs} $app/storage/framework/{cache/data,views,sessions}
cat >$app/.env <<END
APP_ENV=production
APP_KEY=base64:$(printf 'a key of thirty-two bytes length' | base64)
APP_URL=http://electoral-test.internal
DB_DATABASE=electoral_db
DB_USERNAME=electoral
DB_PASSWORD=application
MAIL_MAILER=smtp
QUEUE_CONNECTION=database
CACHE_DRIVER=file
END
chmod 600 $app/.env
chown www-data $app/.env
touch $app/storage/logs/laravel.log /var/www/electoral-changements.md
chown -R www-data:www-data $app/storage $app/bootstrap/cache

cat >/etc/nginx/sites-enabled/default <<END
server {
    listen 80;
    root $app/public;
    location / {
        include fastcgi_params;
        fastcgi_param SCRIPT_FILENAME $app/public/index.php;
        fastcgi_pass unix:/run/php/fpm.sock;
    }
}
END
fpm=$(basename /lib/systemd/system/php*-fpm.service .service)
version=${fpm#php}
sed -i 's|^listen = .*|listen = /run/php/fpm.sock|' /etc/php/"${version%-fpm}"/fpm/pool.d/www.conf
cat >/etc/systemd/system/electoral-worker.service <<END
[Service]
User=www-data
WorkingDirectory=$app
ExecStart=/usr/bin/php artisan queue:work --sleep=1
Restart=always
END
systemctl daemon-reload
wait
mariadb <<END
CREATE DATABASE electoral_db CHARACTER SET utf8mb4;
CREATE USER electoral@localhost IDENTIFIED BY 'application', electoral@127.0.0.1 IDENTIFIED BY 'application';
GRANT ALL ON electoral_db.* TO electoral@localhost, electoral@127.0.0.1;
CREATE USER electoral_maintenance@localhost IDENTIFIED BY '$ELECTORAL_DB_PASSWORD';
CREATE USER electoral_maintenance@127.0.0.1 IDENTIFIED BY '$ELECTORAL_DB_PASSWORD';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, TRIGGER, LOCK TABLES, CREATE VIEW, SHOW VIEW,
    EVENT ON electoral_db.* TO electoral_maintenance@localhost, electoral_maintenance@127.0.0.1;
GRANT ALL ON \`electoral\_db\_%\`.* TO electoral_maintenance@localhost, electoral_maintenance@127.0.0.1;
GRANT PROCESS ON *.* TO electoral_maintenance@localhost, electoral_maintenance@127.0.0.1;
END
cd $app
php artisan migrate --force >/dev/null
mariadb electoral_db <"$here/data.sql"
mkdir -p /var/backups/electoral
systemctl start mail "$fpm" nginx electoral-worker
for _ in $(seq 100); do
    curl -sf http://electoral-test.internal/ >/dev/null && exit
    sleep 0.1
done
curl -si http://electoral-test.internal/
tail -5 $app/storage/logs/laravel.log
exit 1
