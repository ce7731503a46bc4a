# The update is there, as users, the database and the machine see it.
app=/srv/intimemanager
is() { [ "$2" = "$3" ] || { echo "$1 is: $2, not: $3"; exit 1; }; }
ask() { mariadb -N intimemanager -e "$1"; }
web() { curl -sS --fail "$@"; }

site=https://intimemanager.example.fr
is home "$(web $site/)" 'IntimeManager 3.2.0 : 2000 rendez-vous'
is version "$(web $site/api/version)" '{"version":"3.2.0"}'
is flag "$(ls $app/shared)" 'CHANGELOG.md
storage'
is link "$(readlink -f $app/current)" $app/releases/3.2.0
is releases "$(ls $app/releases | xargs)" '3.0.0 3.1.0 3.2.0'
is tasks "$(readlink "/proc/$(systemctl show -P MainPID intimemanager-worker)/cwd")" $app/releases/3.2.0
is library "$(tar -xOf /srv/depot/bibliotheques/calendar-2.0.0.tar calendar-2.0.0/src/Calendar.php | sha256sum)" \
    "$(sha256sum <$app/releases/3.2.0/vendor/intimemanager/calendar/src/Calendar.php)"

is versions "$(ask 'select version from schema_versions order by 1' | xargs)" '3.0 3.1 3.1.1 3.2'
is zones "$(ask 'select fuseau_horaire, count(*) from rendez_vous group by 1')" 'Europe/Paris	2000'
is clients "$(ask 'select count(*) from clients')" 300

# Somebody makes an appointment, is going to be reminded of it, and takes it back.
rm -f /tmp/jar
user() { web -b /tmp/jar -c /tmp/jar "$@"; }
user $site/connexion -d compte=ama -d passe=secret
user $site/agenda >/tmp/agenda
is agenda "$(head -n 2 /tmp/agenda)" 'calendar 2.0.0
1 2026-12-01 09:00:00 Europe/Paris'
id=$(user $site/rendez-vous -d client=1 -d 'debut=2030-01-02 10:00:00')
is reminder "$(ask "select moyen, prevu_le from rappels where rendez_vous_id = $id")" 'courriel	2030-01-01 10:00:00'
user $site/rendez-vous/retrait -d id="$id"
user $site/deconnexion -d x=
is reminders "$(ask 'select count(*) from rappels')" 0

# The newest backups hold what was there before, here and in their second place.
saves=/var/backups/intimemanager
base=$(ls -t $saves/base/*.zst | head -n 1)
files=$(ls -t $saves/fichiers/*.age | head -n 1)
zstd -dc "$base" >/tmp/base.sql
grep -q 'INSERT INTO `rendez_vous`' /tmp/base.sql
if grep -q fuseau_horaire /tmp/base.sql; then echo 'the backup is of the new database'; exit 1; fi
is age "$(head -c 21 "$files")" age-encryption.org/v1
is rights "$(stat -c %a "$base" "$files" | xargs)" '600 600'
age -d -i /root/age-key "$files" | zstd -dc >/tmp/files.tar
is version "$(tar -xOf /tmp/files.tar ${app#/}/releases/3.1.0/VERSION)" 3.1.0
tar -xOf /tmp/files.tar ${app#/}/shared/.env | cmp - $app/shared/.env
for backup in "$base" "$files"; do
    name=$(basename "$backup")
    if [ -d $saves-copie ]; then
        cmp "$backup" "$saves-copie/$name"
    else
        web --aws-sigv4 aws:amz:eu-west-3:s3 --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
            "$AWS_ENDPOINT_URL/intimemanager-sauvegardes/$name" | cmp - "$backup"
    fi
done

# Who had to know was told, and it is written down.
grep -q 'Passage de la version 3.1.0 à la version 3.2.0' $app/shared/CHANGELOG.md
mail=$(python3 -c 'import email, email.policy, sys
for path in sys.argv[1:]:
    mail = email.message_from_file(open(path), policy=email.policy.default)
    print(mail["to"], mail["subject"])' /var/mail/recu/new/*)
for subject in 'IntimeManager sera fermé dimanche soir' 'IntimeManager est de nouveau ouvert'; do
    echo "$mail" | grep -qF "$COURRIEL_UTILISATEURS $subject"
done
rm -rf /var/mail/recu/new/* $saves-copie
