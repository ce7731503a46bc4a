# What each plan must have brought about, seen from outside.
plan=$1
export PGHOST=localhost PGUSER=olympiades_user PGPASSWORD=$DB_PASSWORD PGDATABASE=olympiades_ia_staging PGSSLMODE=verify-full
export PGSSLROOTCERT=/etc/ssl/certs/olympiades-ca.crt
fail() { echo "$plan: $*" >&2; exit 1; }
value() { psql -qXAt -v ON_ERROR_STOP=1 -c "$1"; }
is() { [ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"; }
mail_has() { grep -rqs -- "$1" /var/courriel/new || fail "no mail says $1"; }

site_is_open() {
    is site "$(curl -s -o /dev/null -w '%{http_code}' https://olympiades-ia-benin.org/)" 200
    is health "$(curl -s https://olympiades-ia-benin.org/api/health)" "{\"status\": \"ok\", \"schema\": \"$1\"}"
    [ "$(curl -s https://olympiades-ia-benin.org/api/classement | head -c 3)" = "[[1" ] || fail "no ranking"
    for role in worker jobs; do
        redis-cli DEL reponse:essai >/dev/null
        redis-cli RPUSH taches:$role essai >/dev/null
        for _ in $(seq 300); do answer=$(redis-cli GET reponse:essai); [ -n "$answer" ] && break; sleep .1; done
        redis-cli DEL reponse:essai >/dev/null
        is "answer of $role" "$answer" 40
    done
}
# The newest backup of this name lies in the bucket as well, bit for bit.
backup_is_good() {
    file=$(ls -t /var/backups/postgresql/$1 | head -1)
    is "second copy" "$(aws s3 cp "s3://olympiades-ia-backups/postgresql/${file##*/}" - | sha256sum)" "$(sha256sum < "$file")"
}

case $plan in
version.yaml)
    site_is_open 2.0
    is versions "$(value "select string_agg(version, ' ' order by id) from schema_migrations")" "1.0 1.1 1.2 1.3 2.0"
    is "new tables" "$(value "select count(*) from pg_tables where tablename in ('points', 'candidats_badges', 'audit_log', 'notification_tokens', 'application_mobile_stats')")" 5
    value "select push_envoye, push_envoye_at from notifications; select derniere_sync from candidats" >/dev/null
    is candidates "$(value "select count(*), sum(score_total) from candidats")" "40|$(value "select sum(n * 7 % 31) from generate_series(1, 40) n")"
    grep -q '^## \[2.0.0\]' /srv/olympiades/CHANGELOG.md || fail "the changelog does not tell"
    backup_is_good 'olympiades_ia_2*.zst'
    backup_is_good 'olympiades_ia_securite_*.zst'
    mail_has "equipe@olympiades.example"
    mail_has "utilisateurs@olympiades.example"
    ;;
partition-audit-log.yaml)
    site_is_open 2.1
    is "kind of table" "$(value "select relkind from pg_class where relname = 'audit_log'")" p
    is lines "$(value "select count(*), count(distinct id), max(id) from audit_log")" "5000|5000|10000"
    is months "$(value "select count(*) >= 36 from pg_inherits where inhparent = 'audit_log'::regclass")" t
    is "next number" "$(value "begin; insert into audit_log (action) values ('essai') returning id > 10000; rollback")" t
    is "lines in one month" "$(value "select count(*) > 0 from audit_log_$(date -d '40 days ago' +%Y_%m)")" t
    is indexes "$(value "select count(*) from pg_indexes where tablename = 'audit_log'")" 3
    value "select count(*) from audit_log_avant" >/dev/null
    grep -q '^## \[2.1.0\]' /srv/olympiades/CHANGELOG.md || fail "the changelog does not tell"
    backup_is_good 'olympiades_ia_securite_*.zst'
    mail_has "La maintenance est termin"
    ;;
restauration.yaml)
    site_is_open 2.0
    is sessions "$(value "select count(*) from sessions_qcm")" 40
    is scores "$(value "select sum(score_total) > 0 from candidats")" t
    is "what was replaced" "$(value "select count(*) > 0 from pg_database where datname like 'olympiades_ia_staging_before_%'")" t
    grep -q 'Base restaurée depuis la sauvegarde olympiades_ia_olympiades-sauvegarde-quotidienne-1' /srv/olympiades/CHANGELOG.md || fail "the changelog does not tell"
    backup_is_good 'olympiades_ia_securite_*.zst'
    ;;
suppression-audit-log-avant.yaml)
    site_is_open 2.1
    is "old table" "$(value "select count(*) from pg_class where relname = 'audit_log_avant'")" 0
    is lines "$(value "select count(*) from audit_log")" 5000
    is "next number" "$(value "begin; insert into audit_log (action) values ('essai') returning id > 10000; rollback")" t
    grep -q '^## \[2.1.1\]' /srv/olympiades/CHANGELOG.md || fail "the changelog does not tell"
    ;;
semences.yaml)
    is roles "$(value "select count(*) from roles")" 3
    is schools "$(value "select count(*) from etablissements where nom in ('CEG Gbegamey', 'Lycée Mathieu Bouké', 'Collège CEG Dantokpa', 'Lycée Technique Coulibaly', 'CEG Abomey-Calavi')")" 5
    is questions "$(value "select count(*) from questions")" 23
    grep -q "Données d'essai rejouées dans staging" /srv/olympiades/SEMENCES.md || fail "SEMENCES.md does not tell"
    ;;
sauvegarde-quotidienne.yaml)
    backup_is_good 'olympiades_ia_2*.gz'
    # Of the nights of last winter the first is gone: three backups are kept, however old, and tonight's is one.
    is "daily backups" "$(find /var/backups/postgresql -name '*.gz' | wc -l)" 3
    is "first night" "$(find /var/backups/postgresql -name 'olympiades_ia_2025-11-01*' | wc -l)" 0
    gunzip -c "$file" | pg_restore -l | grep -q 'TABLE DATA public candidats' || fail "pg_restore cannot read it"
    ;;
entretien-hebdomadaire.yaml)
    is "vacuumed tables" "$(value "select count(*) from pg_stat_user_tables where last_vacuum > now() - interval '2 minutes' and last_analyze is not null")" 5
    is "dead lines" "$(value "select n_dead_tup from pg_stat_user_tables where relname = 'sessions_questions'")" 0
    is "invalid indexes" "$(value "select count(*) from pg_index where not indisvalid")" 0
    ;;
surveillance.yaml)
    cd /srv/plans
    told() { PLAN_STORE=/root/store plan logs "$1" | grep -q "$2" || fail "$1 does not tell $2"; }
    told requetes-lentes pg_sleep
    told taille-des-tables sessions_questions
    told connexions-actives plan/olympiades-surveillance
    told index-inutilises idx_candidats_etablissement
    ;;
tableaux-de-bord.yaml)
    curl -s http://127.0.0.1:9187/metrics | grep -q '^pg_up 1' || fail "no metrics"
    curl -s http://127.0.0.1:9187/metrics | grep -q 'datname="olympiades_ia_staging"' || fail "not this database"
    for _ in $(seq 100); do
        curl -s 'http://127.0.0.1:9090/api/v1/query?query=pg_up' | grep -q '"1"\]' && break
        sleep .2
    done
    is measured "$(curl -s 'http://127.0.0.1:9090/api/v1/query?query=pg_up' | grep -o '"1"\]')" '"1"]'
    is "mode of the secret" "$(stat -c '%a %U' /etc/postgres-exporter.pass)" "600 prometheus"
    ;;
approvisionner-rds.yaml)
    is instance "$(aws rds describe-db-instances --query 'DBInstances[0].[Engine,EngineVersion,DBInstanceClass,AllocatedStorage,StorageEncrypted,PubliclyAccessible,MultiAZ]' --output text | tr '\t' ' ')" \
        "postgres 14.7 db.t3.medium 100 True False True"
    is "who may enter" "$(aws ec2 describe-security-groups --group-ids "$RDS_SECURITY_GROUP" --query 'SecurityGroups[0].IpPermissions[].[FromPort,UserIdGroupPairs[0].GroupId]' --output text | tr '\t' ' ')" "5432 $APP_SECURITY_GROUP"
    ;;
approvisionner-cloud-sql.yaml)
    is database "$(PGDATABASE=olympiades_ia value 'select current_database()')" olympiades_ia
    is instance "$(CLOUDSDK_CORE_PROJECT=olympiades-ia gcloud sql instances describe olympiades-ia-prod --format=x | tr '\t' ' ')" "RUNNABLE False True True 1"
    ;;
approvisionner-vps.yaml)
    export PGDATABASE=olympiades_ia PGHOST=127.0.0.1 PGSSLROOTCERT=$(ls /etc/postgresql/*/main/server.crt)
    is settings "$(value "select string_agg(setting || coalesce(unit, ''), ' ' order by name) from pg_settings where name in ('shared_buffers', 'work_mem', 'listen_addresses', 'archive_mode', 'random_page_cost', 'autovacuum_max_workers')")" "on 3 * 1.1 2621448kB 32768kB"
    is "TLS" "$(value "select ssl from pg_stat_ssl where pid = pg_backend_pid()")" t
    ufw status | grep -qE '5432/tcp +ALLOW +10.0.0.7' || fail "the firewall does not let the application in"
    ls /var/lib/postgresql/archive | grep -q . || fail "nothing is archived"
    is "password of postgres" "$(PGUSER=postgres PGDATABASE=postgres PGPASSWORD=$POSTGRES_PASSWORD value 'select current_user')" postgres
    if PGPASSWORD=faux value 'select 1' 2>/dev/null; then fail "any password opens"; fi
    ;;
*) fail "nobody knows what it should do" ;;
esac
