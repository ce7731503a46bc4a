# The whole system: files, the database, services, what is answered.
app=/srv/intimemanager
(
    cd $app
    # A folder bears the time of its last change, a log what was written since.
    find . ! -type f -printf '%y %m %u:%g %p %l\n'
    find . -type f ! -path './shared/storage/logs/*' -printf '%y %m %u:%g %T@ %p\n' -exec sha256sum {} \;
    find . -type f -path './shared/storage/logs/*' -printf '%y %m %u:%g %p\n'
) | sort
find /var/backups/intimemanager* -name '*.partial*' 2>/dev/null || true
# Counters of new numbers do not go back.
mariadb-dump --skip-dump-date --skip-comments --order-by-primary --routines --triggers --events intimemanager |
    sed 's/ AUTO_INCREMENT=[0-9]*//'
mariadb -N -e 'show databases; show grants for intimemanager_maj@"127.0.0.1"'
for unit in mariadb nginx php8.2-fpm intimemanager-worker; do
    echo "$unit $(systemctl is-active $unit)"
done
# The version that the tasks really run.
readlink "/proc/$(systemctl show -P MainPID intimemanager-worker)/cwd"
for page in https://intimemanager.example.fr/ https://intimemanager.example.fr/agenda http://127.0.0.1:8080/api/version; do
    curl -sS -w ' %{http_code} %{url}\n' "$page"
done
