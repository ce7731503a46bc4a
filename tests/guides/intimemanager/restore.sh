# Long after a run its backups bring back what somebody spoilt: the database, then the files.
here=$(cd "$(dirname "$0")" && pwd)
plan=$here/../../../target/debug/plan
app=/srv/intimemanager
export PLAN_STORE=/root/store PLAN_AGE_IDENTITY=/root/age-key USER=ama
cd /srv/plans
CLE_AGE=$(age-keygen -y $PLAN_AGE_IDENTITY)
export CLE_AGE
newest() { basename "$(find "/var/backups/intimemanager/$1" -name '*.json' | sort | tail -n 1)" "$2"; }
# An archive knows whole seconds.
state() { bash -eu "$here/state.sh" | sed -E 's/\.[0-9]{10} / /' | sort; }
same() { diff <(state) /tmp/before || { echo "$1: it is not as it was"; exit 1; }; }

state >/tmp/before
mariadb intimemanager -e 'DELETE FROM rendez_vous WHERE id > 1000; ALTER TABLE clients DROP COLUMN telephone; CREATE TABLE autre (a INT)'
"$plan" backups restore "$(newest base .sql.zst.json)" --yes </dev/null
mariadb -N -e 'SHOW DATABASES LIKE "intimemanager\_%"' | while read -r kept; do mariadb -e "DROP DATABASE $kept"; done
same database

systemctl stop intimemanager-worker
rm -r $app/releases/3.1.0/src
echo broken >$app/shared/.env
"$plan" backups restore "$(newest fichiers .tar.zst.age.json)" --yes </dev/null
# Users were out when it was saved.
rm $app/shared/maintenance.flag
systemctl start intimemanager-worker
same files
