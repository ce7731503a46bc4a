#!/usr/bin/env bash
# Donne son mot de passe au compte postgres. À lancer sous ce compte ; le mot de passe vient de
# l'environnement et n'apparaît ni dans les arguments ni dans le journal du serveur.
set -euo pipefail

: "${MOT_DE_PASSE:?variable non définie}"

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 <<'SQL'
\getenv mot_de_passe MOT_DE_PASSE
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET password_encryption = 'scram-sha-256';
ALTER ROLE postgres PASSWORD :'mot_de_passe';
SQL
