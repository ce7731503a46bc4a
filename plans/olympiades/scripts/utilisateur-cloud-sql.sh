#!/usr/bin/env bash
# Crée ou met à jour le compte de l'application sur Cloud SQL. Le mot de passe passe par un fichier
# d'options lisible de son seul propriétaire, jamais par la ligne de commande.
set -euo pipefail

instance=${1:?usage : utilisateur-cloud-sql.sh INSTANCE COMPTE}
compte=${2:?usage : utilisateur-cloud-sql.sh INSTANCE COMPTE}
: "${MOT_DE_PASSE:?variable non définie}"

options=$(mktemp)
trap 'rm -f "$options"' EXIT
chmod 600 "$options"
secret=${MOT_DE_PASSE//\\/\\\\}
secret=${secret//\"/\\\"}
printf -- '--password: "%s"\n' "$secret" >"$options"

existe=$(gcloud sql users list --instance="$instance" --filter="name=$compte" --format='value(name)')
if [[ -n $existe ]]; then
    gcloud sql users set-password "$compte" --instance="$instance" --flags-file="$options"
else
    gcloud sql users create "$compte" --instance="$instance" --flags-file="$options"
fi
