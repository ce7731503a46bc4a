#!/usr/bin/env bash
# Écrit les clés qui sont dans le modèle et pas dans le fichier de configuration, une par ligne.
# Ne montre jamais une valeur.
set -euo pipefail

modele=${1:?usage : cles-manquantes.sh MODELE CONFIGURATION}
configuration=${2:?usage : cles-manquantes.sh MODELE CONFIGURATION}

cles() { sed -n 's/^[[:space:]]*\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p' "$1" | sort -u; }

comm -23 <(cles "$modele") <(cles "$configuration")
