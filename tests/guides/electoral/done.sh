# The new version, seen from outside.
fail() {
    echo "$1" >&2
    exit 1
}
sees() { curl -sf "http://electoral-test.internal/$1" | grep -q "$2" || fail "/$1 has no $2"; }
asks() { [ "$(mariadb -N electoral_db -e "$1")" = "$2" ] || fail "$1 is not $2"; }

app=/var/www/electoral
case $1 in
changement.yaml)
    sees '' '5000 inscrits dans 12 bureaux'
    sees login csrf
    asks 'SELECT count(*) FROM bureaux' 12
    asks 'SELECT count(*) FROM migrations' 2
    [ "$(git -C $app rev-parse HEAD)" = "$(git -C /srv/electoral.git rev-parse modif/liste-electorale)" ] || fail 'not merged'
    [ "$(grep -c 'numéro de bureau de vote' /var/www/electoral-changements.md)" = 1 ] || fail 'not in the changelog once'
    grep -q 'Afi Mensah' /var/www/electoral-changements.md || fail 'no tester'
    ls /var/backups/electoral/db_backups/*.sql.* /var/backups/electoral-copie/* >/dev/null || fail 'no backup'
    systemctl -q is-active electoral-worker || fail 'no worker'
    grep -qrh '^Subject:' /root/mail || fail 'no mail'
    ;;
copie-et-echange.yaml)
    sees '' '5000 inscrits'
    asks 'SELECT count(*) FROM inscriptions' 5000
    asks 'SELECT count(*) FROM inscriptions_avant' 5000
    asks "SELECT count(*) FROM information_schema.statistics WHERE table_schema = 'electoral_db' AND index_name = 'inscriptions_bureau'" 1
    ;;
modification.yaml)
    cd /home/dev/electoral
    [ -f tests/coverage/index.html ] || fail 'no coverage'
    grep -qx DB_DATABASE=electoral_test .env.testing || fail 'no database of its own'
    git -C /srv/electoral.git show modif/accueil:docs/changelog.md | grep -q 'numéro de bureau' || fail 'not published'
    ;;
esac
