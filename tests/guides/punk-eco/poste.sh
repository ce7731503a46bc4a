# A developer's machine: the same project, its own database, and a model that no migration makes yet.
cd /home/punk_eco/punk-eco
docker compose stop
install -d -o punk_eco /home/dev
setpriv --reuid=punk_eco --regid=punk_eco --init-groups env HOME=/home/punk_eco \
    git clone --quiet /srv/depot.git /home/dev/punk-eco
chown -R root:root /home/dev
cd /home/dev/punk-eco
git checkout --quiet v1.4.0
cat >.env <<END
COMPOSE_PROJECT_NAME=dev
DATABASE_URL=postgresql+psycopg://punk_eco:$PUNK_ECO_DEV_DB_PASSWORD@db/punk_eco_dev
FLASK_APP=wsgi.py
POSTGRES_PASSWORD=$PUNK_ECO_DEV_DB_PASSWORD
PUNK_ECO_PORT=8000
PUNK_ECO_TAG=1.4.0
PYTHONDONTWRITEBYTECODE=1
SECRET_KEY=dev
END
cat >docker-compose.override.yml <<'END'
version: "3.8"
services:
  db:
    environment:
      POSTGRES_DB: punk_eco_dev
  web:
    volumes: [".:/srv"]
END
echo docker-compose.override.yml >>.git/info/exclude
docker compose up -d db
for _ in {1..100}; do
    docker compose exec -T db pg_isready && break
    sleep 0.2
done
docker compose run --rm -T web flask db upgrade
sed -i '/^class PointDeCollecte/,/nom = /s/^    nom = .*/&\n    adresse = db.Column(db.Text)/' app/models.py
