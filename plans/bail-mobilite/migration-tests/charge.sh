#!/usr/bin/env bash
# Envoie 200 requêtes, cinq à la fois, et mesure le temps que 95 % d'entre elles ne dépassent pas.
# La dernière ligne est ce temps en millisecondes ; au-dessus de la limite, le script échoue.
set -euo pipefail

adresse=${1:?usage : charge.sh ADRESSE LIMITE_MS}
limite=${2:?usage : charge.sh ADRESSE LIMITE_MS}
requetes=200

temps=$(seq "$requetes" | xargs -P 5 -I{} \
    curl --silent --show-error --fail --max-time 10 --output /dev/null --write-out '%{time_total}\n' "$adresse")
p95=$(sort -n <<<"$temps" | awk -v n="$requetes" 'NR == int(n * 0.95) { printf "%d", $1 * 1000 }')

echo "requêtes : $requetes, limite : $limite ms"
[[ $p95 -le $limite ]] || { echo "trop lent : $p95 ms" >&2; exit 1; }
echo "$p95"
