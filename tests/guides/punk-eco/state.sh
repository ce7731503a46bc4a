# All that the plans work on. Backups, pushed branches, what git fetched and the layers of images stay by intent.
export PGHOST=127.0.0.1 PGUSER=punk_eco PGPASSWORD=$PUNK_ECO_DB_PASSWORD
if docker ps --format '{{.Names}}' | grep -q punk-eco_web_1; then
    for _ in {1..100}; do
        curl --silent --fail --output /dev/null https://staging.punk-eco.ma/ && break
        sleep 0.1
    done
    curl --silent --write-out '%{http_code}\n' https://staging.punk-eco.ma/health
fi

find /home /var/www/punk-eco -path '*/.git' -prune -o -printf '%p %M %u:%g %l\n' | sort
find /home /var/www/punk-eco -path '*/.git' -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
for folder in /home/*/*/.git; do
    git="git -c safe.directory=* -C ${folder%/.git}"
    cat $folder/HEAD
    $git status --short
    $git for-each-ref refs/heads
done

psql -Atc 'select datname from pg_database order by 1' postgres
for base in $(psql -Atc "select datname from pg_database where datname like 'punk%' order by 1" postgres); do
    pg_dump --schema-only "$base" | grep -v '^\\'
    for table in $(psql -Atc "select tablename from pg_tables where schemaname = 'public' order by 1" "$base"); do
        [ "$table" = sessions ] || psql -Ac "select * from $table order by 1" "$base"
    done
done

docker ps --all --format '{{.Names}} {{.Image}} {{.State}} {{.Ports}}' | sort
docker images --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}' | grep -v '<none>' | sort
docker volume ls --quiet | sort
docker network ls --format '{{.Name}}' | sort
