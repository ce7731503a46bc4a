# What the administrator tries while users are out: an appointment is made and taken back by the address within.
site=http://127.0.0.1:8080
rm -f /tmp/trial
user() { curl -sS --fail -b /tmp/trial -c /tmp/trial "$@"; }
user $site/connexion -d compte=ama -d passe=secret
id=$(user $site/rendez-vous -d client=2 -d 'debut=2030-03-04 11:00:00')
user $site/agenda | grep "^$id 2030-03-04"
user $site/rendez-vous/retrait -d id="$id"
user $site/deconnexion -d x=
