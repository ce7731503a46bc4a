# The whole system: code and settings, git, the database, the services, and what a visitor sees.
app=/var/www/electoral
if cd /home/dev/electoral 2>/dev/null; then
    find . -path ./.git -prune -o -path './storage/*' -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
    git for-each-ref --format '%(refname) %(objectname)' refs/heads
    git status --porcelain
fi
cat /var/www/electoral-changements.md
cd $app
find . -path ./.git -prune -o -path './storage/framework/*' -prune -o -path ./storage/logs -prune -o -printf '%y %m %u:%g %p %l\n' | sort
find . -path ./.git -prune -o -path './storage/framework/*' -prune -o -path ./storage/logs -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
git rev-parse --abbrev-ref HEAD
git for-each-ref --format '%(refname) %(objectname)' refs/heads refs/tags
git status --porcelain
# What the workshop has published stays published.
git -C /srv/electoral.git for-each-ref --format '%(refname) %(objectname)' | grep -v /modif/accueil
mariadb-dump --skip-dump-date --order-by-primary --routines --events --skip-extended-insert electoral_db | sed "s, AUTO_INCREMENT=[0-9]*,,"
systemctl is-active electoral-worker nginx mariadb "$(basename /lib/systemd/system/php*-fpm.service .service)" || true
ls storage/framework
for path in / /login; do
    curl -s -w '%{http_code}\n' http://electoral-test.internal$path | sed 's/value="[^"]*"//'
done
