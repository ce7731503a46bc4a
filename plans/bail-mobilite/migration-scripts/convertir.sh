#!/usr/bin/env bash
# Convertit les missions en baux mobilité, par lots, dans l'ordre des numéros.
# Une mission déjà convertie est passée : interrompu, le script se relance tel quel.
set -euo pipefail

lot=${1:?usage : convertir.sh TAILLE_DU_LOT}
[[ $lot =~ ^[1-9][0-9]*$ ]] || { echo "la taille du lot est un nombre : $lot" >&2; exit 2; }

options=$(mktemp)
trap 'rm -f "$options"' EXIT
chmod 600 "$options"
# Le mot de passe passe par un fichier d'options, jamais par la ligne de commande.
secret=${DB_MOT_DE_PASSE//\\/\\\\}
secret=${secret//\"/\\\"}
printf '[client]\nhost=%s\nuser=%s\npassword="%s"\n' "$DB_HOTE" "$DB_UTILISATEUR" "$secret" >"$options"

requete() { mysql --defaults-extra-file="$options" --batch --skip-column-names "$DB_NOM" --execute "$1"; }

while true; do
    faites=$(requete "
        INSERT INTO bail_mobilites
            (mission_id, reference, logement_id, locataire_id, debut, fin, loyer_cents, statut)
        SELECT m.id, CONCAT('BM-', LPAD(m.id, 8, '0')), m.logement_id, m.locataire_id,
               m.debut, m.fin, m.loyer_cents,
               CASE m.statut WHEN 'ouverte' THEN 'en cours' WHEN 'close' THEN 'terminé' ELSE 'à vérifier' END
          FROM missions m
          LEFT JOIN bail_mobilites b ON b.mission_id = m.id
         WHERE b.id IS NULL
         ORDER BY m.id
         LIMIT $lot;
        SELECT ROW_COUNT();")
    [[ $faites -gt 0 ]] || break
    echo "$faites missions converties"
done
