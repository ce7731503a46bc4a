# The developer's own copy, and a database for its tests.
app=/home/dev/electoral
mkdir -p /home/dev /var/backups/electoral-atelier
git clone -q /srv/electoral.git $app
cp -r /var/www/electoral/vendor $app/
mkdir -p $app/vendor/bin $app/bootstrap/cache $app/storage/{app,logs} $app/storage/framework/{cache/data,views,sessions}
ln -s /usr/bin/phpunit $app/vendor/bin/phpunit
sed 's/^DB_DATABASE=.*/DB_DATABASE=electoral_dev/' /var/www/electoral/.env >$app/.env
chmod 600 $app/.env
touch $app/storage/logs/laravel.log
mariadb <<'END'
CREATE DATABASE electoral_test;
GRANT ALL ON electoral_test.* TO electoral@localhost, electoral@127.0.0.1;
END
cd $app
php artisan config:clear >/dev/null
