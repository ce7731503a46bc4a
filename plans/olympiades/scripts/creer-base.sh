#!/usr/bin/env bash
# Crée le compte et la base de l'application s'ils manquent ; se relance sans dommage.
# pg_stat_statements va dans la base postgres : seul un superutilisateur crée cette extension, et une base
# qui la contient ne se restaure plus par le compte de l'application.
# À lancer sous le compte postgres. Le mot de passe vient de l'environnement, jamais des arguments.
set -euo pipefail

base=${1:?usage : creer-base.sh BASE COMPTE}
compte=${2:?usage : creer-base.sh BASE COMPTE}
: "${MOT_DE_PASSE:?variable non définie}"

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set base="$base" --set compte="$compte" \
    --dbname postgres <<'SQL'
\getenv mot_de_passe MOT_DE_PASSE
SET password_encryption = 'scram-sha-256';
SELECT format('CREATE ROLE %I LOGIN', :'compte')
 WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = :'compte') \gexec
SELECT format('ALTER ROLE %I PASSWORD %L', :'compte', :'mot_de_passe') \gexec
SELECT format('CREATE DATABASE %I OWNER %I ENCODING UTF8 TEMPLATE template0', :'base', :'compte')
 WHERE NOT EXISTS (SELECT 1 FROM pg_database WHERE datname = :'base') \gexec
-- La sauvegarde se prouve dans une base d'essai, que ce compte crée.
SELECT format('ALTER ROLE %I CREATEDB', :'compte') \gexec
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
SQL
