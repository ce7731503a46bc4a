# Punk Eco as it runs before an upgrade: an engine of Docker's kind, the project with its database, web and worker in
# containers, its git repository, a web server in front of it, a mail server and a store for the second copies.
here=$(cd "$(dirname "$0")" && pwd)
python=$here/../../../target/external/venv/bin/python
as() { setpriv --reuid=punk_eco --regid=punk_eco --init-groups env HOME=/home/punk_eco USER=punk_eco "$@"; }
until_it() { for _ in {1..300}; do "$@" >/dev/null 2>&1 && return; sleep 0.2; done; "$@"; }
unit() { systemd-run --quiet --unit="$1" --property=Restart=on-failure --property=KillMode=process "${@:2}"; }

# The engine: Podman's, which speaks as Docker's. Its disk and that of the backups have room.
for disk in /var/lib/docker /var/backups/punk-eco /var/backups/punk-eco-dev; do
    mkdir -p $disk
    mount -t tmpfs -o size=40g,mode=0755 disk $disk
done
mkdir -p /etc/containers
cat >/etc/containers/containers.conf <<'END'
[containers]
cgroups = "disabled"
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
[engine.runtimes]
crun = ["/usr/local/lib/crun"]
[network]
network_backend = "netavark"
END
# Within a container of systemd nobody may raise limits or make keyrings: builds ask for both.
cat >/usr/local/lib/crun <<'END'
#!/bin/bash
arguments=()
for word; do
    arguments+=("$word")
    [ "$word" != create ] || arguments+=(--no-new-keyring)
done
exec /usr/bin/crun --cgroup-manager=disabled "${arguments[@]}"
END
chmod +x /usr/local/lib/crun
cat >/etc/containers/storage.conf <<'END'
[storage]
driver = "overlay"
runroot = "/run/containers/storage"
graphroot = "/var/lib/docker"
END
echo '{ "default": [{ "type": "insecureAcceptAnything" }] }' >/etc/containers/policy.json
groupadd --force docker
useradd --create-home --groups docker --shell /bin/bash punk_eco
units=/etc/systemd/system
printf '%s\n' '[Socket]' ListenStream=/run/docker.sock SocketGroup=docker SocketMode=0660 >$units/docker.socket
printf '%s\n' '[Service]' 'ExecStart=podman system service --time=0' KillMode=process >$units/docker.service
systemctl daemon-reload
systemctl start docker.socket

# `docker compose` is the older docker-compose. Podman asks for the packages of its programs at each call: nobody here
# wants to know.
plugin=/usr/local/lib/docker/compose_plugin.py
mkdir -p /usr/local/lib/docker/cli-plugins
cp "$here/compose_plugin.py" $plugin
printf '#!/bin/sh\nexec /usr/bin/python3 -IS %s "$@"\n' $plugin >/usr/local/lib/docker/cli-plugins/docker-compose
chmod +x /usr/local/lib/docker/cli-plugins/docker-compose
unit compose /usr/bin/python3 $plugin serve
until_it test -S /run/compose
mount --bind /bin/true /usr/bin/dpkg-query

mkdir /tmp/images
"$python" "$here/images.py" /tmp/images
podman import --quiet --change 'ENV PATH=/venv/bin:/usr/local/bin:/bin' /tmp/images/python.tar localhost/python:3
podman import --quiet --change 'ENV PGDATA=/var/lib/postgresql/data' --change 'ENV PATH=/usr/local/bin:/bin' \
    --change 'ENTRYPOINT ["/usr/local/bin/entrypoint"]' /tmp/images/postgres.tar localhost/postgres:15
rm -r /tmp/images

# The repository: each version is what changed against the one before. The same commits each time.
export GIT_AUTHOR_NAME=Punk GIT_AUTHOR_EMAIL=dev@punk-eco.ma GIT_COMMITTER_NAME=Punk GIT_COMMITTER_EMAIL=dev@punk-eco.ma
mkdir /srv/depot.git /srv/depot
chown punk_eco:punk_eco /srv/depot.git /srv/depot
as git init --quiet --bare -b main /srv/depot.git
as git init --quiet -b main /srv/depot
as git -C /srv/depot remote add origin /srv/depot.git
day=0
for version in 1.4.0 1.4.1 1.5.0 2.0.0; do
    day=$((day + 1))
    export GIT_AUTHOR_DATE="2026-11-0${day}T12:00:00Z" GIT_COMMITTER_DATE="2026-11-0${day}T12:00:00Z"
    cp -rT --no-preserve=mode "$here/app/$version" /srv/depot
    chown -R punk_eco:punk_eco /srv/depot
    as git -C /srv/depot add --all
    as git -C /srv/depot commit --quiet -m "Version $version"
    as git -C /srv/depot tag "v$version"
    as git -C /srv/depot push --quiet --tags origin main
    if [ $version = 1.4.0 ]; then
        as git clone --quiet /srv/depot.git /home/punk_eco/punk-eco
        as git clone --quiet /srv/depot.git /home/punk_eco/construction
    fi
done
as git -C /srv/depot tag --format='%(objectname) %(refname:short)'

cd /home/punk_eco/punk-eco
as tee .env >/dev/null <<END
DATABASE_URL=postgresql+psycopg://punk_eco:$PUNK_ECO_DB_PASSWORD@db/punk_eco
FLASK_APP=wsgi.py
POSTGRES_PASSWORD=$PUNK_ECO_DB_PASSWORD
PUNK_ECO_PORT=8100
PUNK_ECO_TAG=1.4.0
SECRET_KEY=secret-de-l-essai
END
chmod 0600 .env
as ln -s ../punk-eco/.env ../construction/.env
as mkdir -p media
for picture in 1 2 3; do head -c 20000 /dev/zero | as tee media/photo-$picture.jpg >/dev/null; done
as docker compose build --quiet
as docker compose up -d db
until_it as docker compose exec -T db pg_isready -U punk_eco
as docker compose run --rm -T web flask db upgrade
as docker compose exec -T db psql -q -U punk_eco <<END
insert into utilisateurs (email, mot_de_passe) values
    ('verification@punk-eco.ma', '$(as docker compose run --rm -T --no-deps web python -c \
        'import sys, werkzeug.security as s; print(s.generate_password_hash(sys.argv[1], "pbkdf2:sha256:1000"))' \
        "$PUNK_ECO_MOT_DE_PASSE_ESSAI")'),
    ('ama@example.org', 'x');
insert into points_de_collecte (nom) values ('Le port'), ('La place');
insert into collectes (lieu, kilos) select 'lieu ' || md5(n::text), n * 1.5 from generate_series(1, 600) n;
END
as docker compose up -d
cd /root

# The web server: users come by https, and read 503 while the flag is there.
echo '127.0.0.1 punk-eco.ma staging.punk-eco.ma' >>/etc/hosts
openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=punk-eco.ma -keyout /root/key.pem -out /root/cert.pem \
    -addext basicConstraints=critical,CA:FALSE \
    -addext subjectAltName=DNS:punk-eco.ma,DNS:staging.punk-eco.ma 2>/dev/null
cat /root/cert.pem >>/etc/ssl/certs/ca-certificates.crt
mkdir -p /var/www/punk-eco
cat >/etc/nginx/nginx.conf <<'END'
error_log /var/log/nginx/error.log;
events {}
http {
    access_log off;
    server {
        listen 443 ssl;
        ssl_certificate /root/cert.pem;
        ssl_certificate_key /root/key.pem;
        location / {
            if (-f /var/www/punk-eco/maintenance.flag) { return 503; }
            proxy_pass http://127.0.0.1:8100;
        }
    }
}
END
unit web-server --property=Type=forking nginx
unit mail "$python" -m aiosmtpd -n -l 127.0.0.1:25 -c aiosmtpd.handlers.Mailbox /root/mail
unit store "$python" -m moto.server -H 127.0.0.1 -p 5000
echo "$AGE_IDENTITY" >/root/age.key
chmod 0600 /root/age.key
until_it curl --silent --fail 127.0.0.1:5000/moto-api/data.json
"$python" -c 'import boto3; boto3.client("s3", "us-east-1").create_bucket(Bucket="punk-eco-sauvegardes")'
until_it curl --silent --fail https://staging.punk-eco.ma/health
until_it bash -c '</dev/tcp/127.0.0.1/25'
