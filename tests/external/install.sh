#!/usr/bin/env bash
# Fetches the programs that give a second opinion, into target/external: nothing else is touched.
# Needs node with npm, and python3 with venv; Graphviz comes from the system's packages.
set -euo pipefail
cd "$(dirname "$0")/../.."
place=target/external
mkdir -p "$place"
if [ ! -x "$place/venv/bin/python" ] || ! "$place/venv/bin/python" -c 'import jsonschema, junitparser, flask_migrate, psycopg, moto, aiosmtpd' 2>/dev/null; then
    python3 -m venv "$place/venv"
    "$place/venv/bin/pip" install --quiet --disable-pip-version-check jsonschema==4.26.0 junitparser==5.0.3 \
        alembic==1.20.1 flask-migrate==4.1.0 'psycopg[binary]==3.3.9' 'moto[server]==5.2.5' aiosmtpd==1.4.6
fi
cp tests/external/package.json "$place/package.json"
(cd "$place" && npm install --silent --no-audit --no-fund --no-package-lock)
