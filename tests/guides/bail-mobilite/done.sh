# The new system, seen from outside.
fail() {
    echo "$1" >&2
    exit 1
}
sees() { curl -sf "http://ops-test.internal/$1" | grep -q "$2" || fail "/$1 has no $2"; }
asks() { [ "$(mariadb -N ops -e "$1")" = "$2" ] || fail "$1 is not $2"; }

app=/srv/ops
sees missions 'Ops 2.0 : 1200 missions avec bail'
sees bail-mobilites '1200 baux mobilité, le dernier est BM-00001200'
sees api/health '"version":"2.0.0"'
sees login csrf
sees "$(curl -s http://ops-test.internal/login | sed -n 's/.*src="\/\([^"]*\)".*/\1/p')" 'Ops 2.0'
asks 'SELECT count(*) FROM missions m JOIN bail_mobilites b ON m.bail_mobilite_id = b.id AND b.mission_id = m.id' 1200
asks 'SELECT sum(loyer_cents) FROM missions' 98662200
asks 'SELECT sum(loyer_cents) FROM bail_mobilites' 98662200
asks "SELECT count(*) FROM bail_mobilites WHERE statut = 'en cours'" "$(mariadb -N ops -e "SELECT count(*) FROM missions WHERE statut = 'ouverte'")"
asks "SELECT group_concat(version ORDER BY version) FROM schema_migrations" 1.0,2.0,2.1,2.2
asks "SELECT count(*) FROM information_schema.table_constraints WHERE table_schema = 'ops' AND constraint_name = 'missions_bail_mobilite'" 1
[ "$(readlink -f $app/current)" = $app/versions/2.0.0 ] || fail 'not activated'
[ "$(readlink -f $app/current/storage)" = $app/shared/storage ] || fail 'storage is not shared'
[ "$(git -C $app/current rev-parse HEAD)" = "$(git -C /srv/ops.git rev-parse 'v2.0.0^{commit}')" ] || fail 'other code'
[ ! -e $app/shared/storage/framework/down ] || fail 'users are still out'
systemctl -q is-active ops-worker || fail 'no worker'
[ "$(readlink "/proc/$(systemctl show --property=MainPID --value ops-worker)/cwd")" = $app/versions/2.0.0 ] || fail 'the worker runs the old code'
! systemctl -q is-active ops-essai || fail 'the trial system still runs'
[ "$(grep -c 'Missions converties' $app/shared/CHANGELOG.md)" = 1 ] || fail 'not in the changelog once'
grep -q 'Inès Caron' $app/shared/CHANGELOG.md || fail 'no tester'
[ "$(grep -c 'BM-' "$(find /root/store/runs -name 'echantillon.*.log' -printf '%T@ %p\n' | sort -n | tail -1 | cut -d' ' -f2)")" = 20 ] || fail 'nobody can read the twenty missions'

# Both copies of each backup, the files encrypted.
copies=$(curl -sf 'http://127.0.0.1:5000/ops-sauvegardes?list-type=2&prefix=migration/')
for name in base/backup_pre_migration base/backup_migration fichiers/backup_files fichiers/backup_storage; do
    newest=$(find /var/backups/ops/"$(dirname $name)" -name "$(basename $name)*" ! -name '*.json' -printf '%T@ %p\n' | sort -n | tail -1 | cut -d' ' -f2)
    [ -n "$newest" ] || fail "no backup $name"
    grep -q "$(sha256sum "$newest" | cut -d' ' -f1)" "$newest.json" || fail "$newest is not what its manifest says"
    grep -q "$(basename "$newest")" <<<"$copies" || fail "no second copy of $newest"
    case $name in fichiers/*) head -c 21 "$newest" | grep -q '^age-encryption.org/v1' || fail "$newest is not encrypted" ;; esac
done
for subject in 'interruption de service samedi soir' 'Ops est de nouveau ouvert'; do
    grep -qrh "^Subject: .*$subject" /root/mail || fail "nobody was told: $subject"
done
for words in 'les tests commencent' 'va être activé'; do
    grep -q "$words" /root/channel || fail "the team was not told: $words"
done
