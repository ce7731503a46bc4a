#!/usr/bin/env bash
# Prints the products as a page. Writes aside first, so that nobody reads half a page.
set -euo pipefail

database=${1:?usage: print-catalogue.sh DATABASE PAGE}
page=${2:?usage: print-catalogue.sh DATABASE PAGE}

{
    echo '<!doctype html><title>Catalogue</title><ul>'
    sqlite3 -bail "$database" "select '<li>' || name || ': ' || printf('%.2f', price) || ' €' from products order by name"
    echo '</ul>'
} >"$page.new"
mv "$page.new" "$page"
