#!/usr/bin/env bash
# A chain of 1,000 steps that do nothing, by `plan apply` and by other runners, in one run and in turn.
# bash crates/cli/benches/peers.sh [ROUNDS]; needs a release build of plan, make, python3 and npm.
# The others are installed from their registries into target/peers.
set -euo pipefail
cd "$(dirname "$0")/../../.."
rounds=${1:-3}
root=$PWD/target/peers
plan=$PWD/target/release/plan
mkdir -p "$root/work"
cd "$root"
[ -x venv/bin/doit ] || { python3 -m venv venv && venv/bin/pip install -q doit luigi ninja rust-just; }
# Its package fetches the program from elsewhere: where that cannot be reached it is left out.
[ -x node_modules/.bin/task ] || npm install --silent --no-fund --no-audit @go-task/cli || true
export PATH=$root/venv/bin:$root/node_modules/.bin:$PATH

python3 - <<'PY'
count = 1000
steps = range(count)
def write(name, lines):
    with open("work/" + name, "w") as file:
        file.write("\n".join(lines) + "\n")
write("plan.yaml", ["plan: chain", "title: A chain", "steps:"] + [
    f'  - {{ step: s{at}, read_only: true, run: ["true"] }}' for at in steps])
write("Makefile", [f"all: s{count - 1}"] + [
    line for at in steps
    for line in (f".PHONY: s{at}", f"s{at}:" + (f" s{at - 1}" if at else ""), "\t@/bin/true")])
write("build.ninja", ["rule do", "  command = true && touch $out"] + [
    f"build n{at}: do" + (f" n{at - 1}" if at else "") for at in steps])
write("justfile", [f"all: s{count - 1}"] + [
    line for at in steps
    for line in (f"s{at}:" + (f" s{at - 1}" if at else ""), "    @true")])
write("Taskfile.yml", ['version: "3"', "tasks:"] + [
    line for at in steps for line in (
        f"  s{at}:", *([f"    deps: [s{at - 1}]"] if at else []), "    cmds: ['true']")])
write("dodo.py", [
    "def task_s():",
    f"    for at in range({count}):",
    "        yield {'name': str(at), 'actions': ['true'],",
    "               'task_dep': [f's:{at - 1}'] if at else []}"])
write("chain.py", [
    "import subprocess, luigi",
    "class Step(luigi.Task):",
    "    at = luigi.IntParameter()",
    "    def requires(self): return [Step(self.at - 1)] if self.at else []",
    "    def output(self): return luigi.LocalTarget(f'luigi/{self.at}')",
    "    def run(self):",
    "        subprocess.run(['true'], check=True)",
    "        with self.output().open('w'): pass"])
PY

cd work
declare -A command=(
    [plan]="$plan apply plan.yaml --store store"
    [make]="make -s"
    [ninja]="ninja --quiet -j1 n999"
    [just]="just s999"
    [task]="task --silent s999"
    [doit]="doit -v0"
    [luigi]="python3 -c \"import sys; sys.setrecursionlimit(9999); import luigi, chain; \
luigi.build([chain.Step(999)], local_scheduler=True, log_level='ERROR')\""
)
declare -A keeps=(
    [plan]="intent and outcome of each step, synced once a step"
    [make]="times of files that the steps make; never synced"
    [ninja]="times of files and a log of what ran; never synced"
    [just]="nothing"
    [task]="sums of files where asked for; never synced"
    [doit]="a database of what succeeded, written at the end; not synced a step"
    [luigi]="files that the steps make; never synced"
)
names=(plan make ninja just task doit luigi)
for ((round = 0; round < rounds; round++)); do
    for name in "${names[@]}"; do
        program=${command[$name]%% *}
        command -v "$program" >/dev/null || continue
        rm -rf store luigi n[0-9]* .ninja_log .ninja_deps .task .doit.db* __pycache__
        begun=$(date +%s%N)
        if bash -c "${command[$name]}" >"$name.out" 2>&1; then
            echo "$name $((($(date +%s%N) - begun) / 1000000))"
        else
            echo "$name failed: see $PWD/$name.out" >&2
        fi
    done
done >times
echo "| runner | median of $rounds | quickest | what it keeps |"
echo "| --- | --- | --- | --- |"
for name in "${names[@]}"; do
    mapfile -t all < <(sed -n "s/^$name //p" times | sort -n)
    [ "${#all[@]}" -gt 0 ] || continue
    echo "| $name | ${all[${#all[@]} / 2]} ms | ${all[0]} ms | ${keeps[$name]} |"
done
