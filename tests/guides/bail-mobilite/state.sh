# The whole system: what a visitor sees, code, settings and files, git, the database, the services.
app=/srv/ops
for path in login missions; do
    curl -s -w '%{http_code}\n' http://ops-test.internal/$path | sed 's/\(content\|value\)="[^"]*"//'
done
for address in http://ops-test.internal/bail-mobilites http://127.0.0.1:8081/login; do
    curl -s -o /dev/null -w '%{http_code}\n' $address || true
done
cd $app
# Logs and what the framework keeps for itself are not the plan's.
own() { find . \( -name .git -o -path '*/storage/logs/*' -o -path '*/storage/framework/*' \) -prune -o "$@"; }
own -printf '%y %m %u:%g %p %l\n' | sort
own -type f -print0 | sort -z | xargs -0 sha256sum
ls shared/storage/framework versions/2.0.0/storage/framework
for version in 1.4.0 2.0.0; do
    git -C versions/$version rev-parse HEAD
    git -C versions/$version for-each-ref
    git -C versions/$version status --porcelain
done
# What a restore took out of its place stays as ops_before_…, for a person to remove.
mariadb -N -e "SHOW DATABASES WHERE \`Database\` NOT LIKE 'ops\\_before\\_%'"
mariadb-dump --skip-dump-date --order-by-primary --skip-extended-insert --routines --events --hex-blob \
    --ignore-table-data={ops.sessions,ops.jobs,ops.cache,ops.pieces} ops
mariadb -N -e 'CHECKSUM TABLE ops.pieces; SHOW GRANTS FOR ops_migration@localhost'
systemctl is-active ops-worker ops-essai nginx mariadb "$(basename /lib/systemd/system/php*-fpm.service .service)" || true
