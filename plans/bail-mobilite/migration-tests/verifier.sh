#!/usr/bin/env bash
# Joue chaque requête de controles.txt, qui compte des anomalies : toutes doivent donner 0.
set -euo pipefail

options=$(mktemp)
trap 'rm -f "$options"' EXIT
chmod 600 "$options"
secret=${DB_MOT_DE_PASSE//\\/\\\\}
secret=${secret//\"/\\\"}
printf '[client]\nhost=%s\nuser=%s\npassword="%s"\n' "$DB_HOTE" "$DB_UTILISATEUR" "$secret" >"$options"

echecs=0
while IFS='|' read -r nom requete; do
    [[ -n $nom && $nom != \#* ]] || continue
    nombre=$(mysql --defaults-extra-file="$options" --batch --skip-column-names "$DB_NOM" --execute "$requete")
    if [[ $nombre == 0 ]]; then
        echo "juste : $nom"
    else
        echo "faux  : $nom ($nombre)"
        echecs=$((echecs + 1))
    fi
done <"$(dirname "$0")/controles.txt"

echo "$echecs contrôles en échec"
[[ $echecs -eq 0 ]]
