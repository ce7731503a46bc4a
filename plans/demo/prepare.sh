#!/usr/bin/env bash
# Makes the shop 1.0 anew: data/shop.db, site/ and an empty changelog.
set -euo pipefail
cd "$(dirname "$0")"

rm -rf data site notices.txt
mkdir -p data
cp -r pages-1.0 site
cat migrations/V1_0__shop.sql data-1.0.sql | sqlite3 -bail data/shop.db
printf '# Changelog\n' >CHANGELOG.md
echo "the shop 1.0 is ready: data/shop.db, site/"
