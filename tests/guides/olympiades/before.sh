# What a plan of this guide finds: its predecessors have been applied.
plan=$1
plans=$(cd "$(dirname "$0")/../../../plans/olympiades" && pwd)
export PGHOST=localhost PGUSER=olympiades_user PGPASSWORD=$DB_PASSWORD PGDATABASE=olympiades_ia_staging
sql() { psql -qX -v ON_ERROR_STOP=1 "$@" >/dev/null; }

case $plan in
partition-audit-log.yaml)
    # Version 2.0, and a season in the audit log: three years, with gaps between the numbers.
    for file in V1_1__add_gamification V1_2__add_audit_log V1_3__add_notifications_push V2_0__add_mobile_features; do
        version=$(echo "$file" | sed 's/V\(.\)_\(.\)__.*/\1.\2/')
        sql -1 -f "$plans/migrations/$file.sql" -c "insert into schema_migrations (version, description) values ('$version', '$file')"
    done
    sql -c "insert into audit_log (id, utilisateur_id, action, table_affectee, nouvelles_valeurs, adresse_ip, created_at)
            select n * 2, md5('u' || 1 + n % 40)::uuid, 'modifier', 'candidats', jsonb_build_object('score', n), '10.0.0.1',
                   now() - n * interval '5 hours' from generate_series(1, 5000) n" \
        -c "select setval('audit_log_id_seq', 10000)"
    ;;
restauration.yaml)
    # Last night's backup, taken as every night; the day after, somebody deletes half of the sessions.
    cp -a "$plans" /root/nuit
    cd /root/nuit
    sed -i 's/_{{ run.started }}//; s/10GiB/100MB/' sauvegarde-quotidienne.yaml
    PLAN_STORE=/root/store plan apply sauvegarde-quotidienne.yaml --env staging </dev/null
    sql -c "delete from sessions_qcm where debut > '2026-01-22 00:20'" -c "update candidats set score_total = 0"
    redis-cli DEL classement:national >/dev/null
    ;;
suppression-audit-log-avant.yaml)
    # The audit log was split a month ago.
    sql -1 -f "$plans/migrations/V2_1__partition_audit_log.sql" \
        -c "insert into schema_migrations (version, description, applied_at) values ('2.1', 'Partition', now() - interval '31 days')"
    ;;
sauvegarde-quotidienne.yaml)
    # Nights of last winter.
    cp -a "$plans" /root/hiver
    cd /root/hiver
    sed -i 's/10GiB/100MB/' "$plan"
    for night in 2025-11-01 2025-11-02 2025-11-03; do
        PLAN_STORE=/root/store PLAN_CLOCK=${night}T02:00:00Z plan apply "$plan" --env staging </dev/null
    done
    ;;
entretien-hebdomadaire.yaml)
    # Half of the answers went: there is something to clean up.
    sql -c "delete from sessions_questions where question_id > 5"
    ;;
surveillance.yaml)
    # A query that takes more than a second.
    sql -c "select pg_sleep(1.1)"
    ;;
tableaux-de-bord.yaml)
    # What GitHub would send, of Debian's build of the same version.
    folder=/srv/ailleurs/github.com/prometheus-community/postgres_exporter/releases/download/v0.11.1
    name=postgres_exporter-0.11.1.linux-amd64
    mkdir -p "$folder" "/tmp/$name" /var/cache/olympiades
    cp /usr/bin/prometheus-postgres-exporter "/tmp/$name/postgres_exporter"
    tar -C /tmp -czf "$folder/$name.tar.gz" "$name"
    (cd "$folder" && sha256sum "$name.tar.gz" > sha256sums.txt)
    ;;
approvisionner-rds.yaml)
    # Two groups and private subnets, with names that are the same each time.
    touch /root/cloud
    subnets=$(aws ec2 describe-subnets --query 'Subnets[].SubnetId' --output text)
    curl -sf -X POST "https://127.0.0.2/moto-api/seed?a=1" -k -o /dev/null
    for group in base applications; do aws ec2 create-security-group --group-name $group --description $group; done
    aws rds create-db-subnet-group --db-subnet-group-name olympiades-subnet-group --db-subnet-group-description essai \
        --subnet-ids $subnets
    ;;
approvisionner-cloud-sql.yaml)
    # The server behind the instance is empty: no application, no account.
    rm /root/cloud
    systemctl stop olympiades-api olympiades-worker olympiades-jobs
    PGDATABASE=postgres setpriv --reuid=postgres --regid=postgres --init-groups env -u PGHOST -u PGUSER psql -qX \
        -c "drop database olympiades_ia_staging with (force)" -c "alter role olympiades_user rename to ancien"
    ;;
approvisionner-vps.yaml)
    rm -f /var/lib/gcloud.json; touch /root/server
    # A server without PostgreSQL, and a repository from which it comes: made of what is installed here.
    version=$(ls /usr/lib/postgresql | sort -n | tail -1)
    repository=/srv/ailleurs/apt.postgresql.org/pub/repos/apt
    pool=pool/main/p/postgresql-$version
    mkdir -p "$repository/$pool" "$repository/dists/bookworm-pgdg/main/binary-amd64" /root/deb/DEBIAN
    cd /root/deb
    dpkg -L "postgresql-$version" | while read -r path; do [ -d "$path" ] && [ ! -L "$path" ] || echo "$path"; done \
        | tar -cf - -P -T - | tar -xf - -C /root/deb --transform 's,^/,,'
    for script in postinst preinst prerm postrm templates config triggers; do
        [ ! -e "/var/lib/dpkg/info/postgresql-$version.$script" ] || cp -p "/var/lib/dpkg/info/postgresql-$version.$script" "DEBIAN/$script"
    done
    dpkg -s "postgresql-$version" | grep -vE '^(Status|Conffiles| /)' > DEBIAN/control
    dpkg-deb -Znone --build . "$repository/$pool/postgresql.deb" >/dev/null
    mkdir -p /root/contrib/DEBIAN
    printf 'Package: postgresql-contrib\nVersion: %s+300\nArchitecture: all\nMaintainer: essai\nDepends: postgresql-%s\nDescription: essai\n' \
        "$version" "$version" > /root/contrib/DEBIAN/control
    dpkg-deb --build /root/contrib "$repository/$pool/contrib.deb" >/dev/null
    cd "$repository"
    for file in "$pool"/*.deb; do
        dpkg-deb -f "$file"
        printf 'Filename: %s\nSize: %s\nSHA256: %s\n\n' "$file" "$(stat -c %s "$file")" "$(sha256sum "$file" | cut -d' ' -f1)"
    done > dists/bookworm-pgdg/main/binary-amd64/Packages
    cd dists/bookworm-pgdg
    index=main/binary-amd64/Packages
    printf 'Origin: apt.postgresql.org\nCodename: bookworm-pgdg\nArchitectures: amd64\nComponents: main\nSHA256:\n %s %s %s\n' \
        "$(sha256sum $index | cut -d' ' -f1)" "$(stat -c %s $index)" $index > Release
    mkdir -p /srv/ailleurs/www.postgresql.org/media/keys
    cp /usr/share/postgresql-common/pgdg/apt.postgresql.org.asc /srv/ailleurs/www.postgresql.org/media/keys/ACCC4CF8.asc
    # Nobody here can sign with that key.
    printf 'Acquire::AllowInsecureRepositories "true";\nAPT::Get::AllowUnauthenticated "true";\n' > /etc/apt/apt.conf.d/99essai
    rm -f /etc/apt/sources.list /etc/apt/sources.list.d/* /usr/sbin/policy-rc.d
    systemctl stop olympiades-api olympiades-worker olympiades-jobs postgresql
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y purge "postgresql-$version" postgresql-contrib >/dev/null 2>&1
    rm -rf /etc/postgresql /etc/apt/apt.conf.d/02autoremove-postgresql /var/lib/postgresql/* /var/log/postgresql/*
    ;;
esac
