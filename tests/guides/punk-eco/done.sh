# Whether the new version is there, asked from outside.
plan=$1
export PGHOST=127.0.0.1 PGUSER=punk_eco PGPASSWORD=$PUNK_ECO_DB_PASSWORD
is() { [ "$2" = "$3" ] || { echo "$1: $2, not $3"; exit 1; }; }
newest() { ls -t "$1"/*.zst "$1"/*.age 2>/dev/null | head -1; }

backups() {
    base=$(newest /var/backups/punk-eco/base)
    zstd -dqc "$base" | pg_restore --list | grep -q 'TABLE DATA public collectes'
    zstd -dqc "$(newest /var/backups/punk-eco/media)" | tar -t | grep -q photo-3.jpg
    age --decrypt --identity /root/age.key "$(newest /var/backups/punk-eco/configuration)" | zstd -dqc | tar -xO \
        --wildcards '*/.env' | grep -q "^POSTGRES_PASSWORD=$PUNK_ECO_DB_PASSWORD"
    curl --silent 127.0.0.1:5000/punk-eco-sauvegardes | grep -q "$(basename "$base")"
}
version() {
    is page "$(curl --silent https://staging.punk-eco.ma/)" "Punk Eco $1"
    is health "$(curl --silent https://staging.punk-eco.ma/health)" '{"revision":"'$2'","version":"'$1'"}'
    is code "$(cat /home/punk_eco/punk-eco/VERSION)" "$1"
    grep -q "^PUNK_ECO_TAG=$1$" /home/punk_eco/punk-eco/.env
    for service in web worker; do
        found=$(docker inspect --format '{{.State.Status}} {{.Config.Image}}' punk-eco_${service}_1)
        is $service "${found/docker.io\/library\//}" "running punk-eco-$service:$1"
        docker image inspect punk-eco-$service:1.4.0 >/dev/null
    done
    is collectes "$(psql -Atc 'select count(*), sum(kilos) from collectes' punk_eco)" '600|270450.0'
    grep -q "^## .*$1" /home/punk_eco/CHANGELOG.md
    git -c safe.directory='*' -C /srv/depot.git for-each-ref --points-at v1.4.0 | grep -q refs/heads/backup-
    grep -q "$1 est en service" -r /root/mail/new
    [ ! -e /var/www/punk-eco/maintenance.flag ]
}

case $plan in
    mise-a-jour.yaml)
        version 1.5.0 0012
        backups
        curl --silent https://staging.punk-eco.ma/api/collectes | grep -q '"horaire":"matin"'
        ;;
    majeure.yaml)
        version 2.0.0 0020
        backups
        grep -q '^DONS_MAXIMUM=' /home/punk_eco/punk-eco/.env
        is dons "$(psql -Atc 'select count(*) from dons' punk_eco)" 0
        ;;
    mineure.yaml)
        if [ -e /root/sans_redemarrage ]; then
            is page "$(curl --silent https://staging.punk-eco.ma/)" 'Punk Eco 1.4.0'
            is code "$(cat /home/punk_eco/punk-eco/VERSION)" 1.4.1
            grep -q '^PUNK_ECO_TAG=1.4.1$' /home/punk_eco/punk-eco/.env
            docker image inspect punk-eco-web:1.4.1 >/dev/null
        else
            version 1.4.1 0011
            backups
        fi
        ;;
    sauvegarde.yaml) backups ;;
    verification.yaml)
        is health "$(curl --silent https://staging.punk-eco.ma/health)" '{"revision":"0011","version":"1.4.0"}'
        ;;
    nouvelle-migration.yaml)
        cd /home/dev/punk-eco/migrations/versions
        new=$(ls *ajout_des_points*.py)
        grep -q adresse "$new"
        is revision "$(psql -Atc 'select version_num from alembic_version' punk_eco_dev)" "${new%%_*}"
        psql -Atc 'select adresse from points_de_collecte' punk_eco_dev
        ;;
    *) exit 1 ;;
esac
