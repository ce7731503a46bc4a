#!/usr/bin/env bash
# Fuzzes a target for some seconds, guided by coverage and beginning with every plan and script here:
#   bash tests/fuzz/run.sh validate 600
#   bash tests/fuzz/run.sh scripts 300
# What it finds lies in target/fuzz/TARGET/found; `run.sh TARGET FILE` plays one such file again. The
# corpus beside it is kept, so the next run goes on where this one stopped. The first run installs
# cargo-fuzz and builds for minutes; the compiler is the stable one, and debug assertions are on.
# Further words go to libFuzzer: `-fork=2 -ignore_crashes=1` goes on behind a finding.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${1:-validate}
what=${2:-60}
command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz

folder=target/fuzz/$target
# Without a sanitizer the stable compiler can do it; the product has no unsafe code of its own.
fuzz=(cargo fuzz run --fuzz-dir tests/fuzz --target-dir target/fuzz/build --sanitizer none
    --codegen-units 16 "$target")
if [ -f "$what" ]; then exec "${fuzz[@]}" "$what"; fi
mkdir -p "$folder/corpus" "$folder/found"

seed() {
    local text
    text=$(cat; printf .)
    [ "${#text}" -gt 16384 ] || printf %s "${text%.}" >"$folder/corpus/$(cksum <<<"$text" | tr ' ' -)"
}
# A plan, and what the files hold that it names.
behind_the_cut() { printf '%s\n# ---- cut ----\n' "$1"; cat "$2"; }
migrating() {
    printf 'plan: p\nconnections: { main: { %s } }\nsteps:\n' "$1"
    printf '  - { step: a, migrate: { database: main, from: migrations/, rollback: rollback/ }, timeout: 1m }\n'
    printf '  - { step: b, sql: { file: a.sql }, on: main, irreversible: it is new, timeout: 1m }'
}
running=$(printf 'plan: p\nsteps:\n  - { step: a, run: { file: a.sh }, rollback: { run: { file: b.sh } }, timeout: 1m }')
find plans tests/diagnostics tests/diff -type f \( -name '*.yaml' -o -name '*.sql' -o -name '*.sh' \) -print0 |
    while IFS= read -r -d '' file; do
        seed <"$file"
        [ "$target" = validate ] || continue
        case $file in
        *.sql)
            for server in 'server: postgresql, host: db, database: d' 'server: mysql, host: db, database: d' 'file: a.db'; do
                behind_the_cut "$(migrating "$server")" "$file" | seed
            done
            ;;
        *.sh) behind_the_cut "$running" "$file" | seed ;;
        */plan.yaml)
            find "$(dirname "$file")" -type f ! -name plan.yaml -size -8k -print0 |
                while IFS= read -r -d '' other; do behind_the_cut "$(tr -d '\0' <"$file")" "$other" | seed; done
            ;;
        esac
    done
# Every key and every fixed value of the language is a word worth trying.
{
    grep -oE '"[a-z_]+": \{' schemas/plan.schema.json | sed -E 's/"([a-z_]+)": \{/"\1: "/'
    grep -oE '^ *"[a-z_-]+",?$' schemas/plan.schema.json | sed -E 's/[ ,]//g'
    printf '"%s"\n' '{{ ' ' }}' '\x0a# ---- cut ----\x0a' '\x0a  - ' '<<EOF\x0a' '$(' '\x0d' ' |\x0a' '&a ' '*a'
} | sort -u >"$folder/words"

exec "${fuzz[@]}" "$folder/corpus" -- \
    -max_total_time="$what" -timeout=10 -rss_limit_mb=2048 -max_len=16384 \
    -dict="$folder/words" -artifact_prefix="$folder/found/" -print_final_stats=1 "${@:3}"
