#!/usr/bin/env bash
# Installs the tools that `cargo bench -p plan-cli --bench data` looks for beside `plan`, from their
# registries: into target/peers what npm and pip have, into the system what apt has (as root only).
# What cannot be had is left out, and the benchmark says so.
set -euo pipefail
cd "$(dirname "$0")/../../.."
root=$PWD/target/peers
mkdir -p "$root"
cd "$root"
[ -x node_modules/.bin/dbmate ] || npm install --silent --no-fund --no-audit dbmate ||
    echo "dbmate is left out" >&2
[ -x venv/bin/alembic ] && [ -x venv/bin/yoyo ] || {
    [ -x venv/bin/pip ] || python3 -m venv venv
    # yoyo still asks for what newer setuptools have dropped.
    venv/bin/pip install -q --disable-pip-version-check \
        alembic yoyo-migrations psycopg2-binary 'setuptools<81'
} || echo "alembic and yoyo are left out" >&2
command -v sqitch >/dev/null || {
    [ "$(id -u)" = 0 ] &&
        apt-get install -y -qq --no-install-recommends sqitch libdbd-sqlite3-perl libdbd-pg-perl
} || echo "sqitch is left out: apt-get install sqitch libdbd-sqlite3-perl libdbd-pg-perl" >&2
