//! The reader against the real bash: what it refuses, and what a value can do to a script.

use super::*;
use proptest::prelude::*;
use std::path::PathBuf;
use std::process::Command as Process;

fn bash_accepts(script: &str) -> bool {
    let output = Process::new("bash").args(["-n", "-c", script]).output().unwrap();
    // For what is wrong in `[[ … ]]` bash -n complains, and yet returns 0.
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let refuses = ["syntax error", "unexpected ", "operator expected"];
    output.status.success() && !refuses.iter().any(|words| said.contains(words))
}

/// Scripts in a file, apart by a line of `%`.
fn corpus(text: &str) -> Vec<&str> {
    text.split("\n%\n").map(|script| script.strip_suffix("\n%").unwrap_or(script)).collect()
}

const SILENT: [&str; 3] = ["[[ ]]", "[[ a && ]]", "[[ a == b && ]]"];

#[test]
fn bash_and_the_reader_refuse_the_same_scripts() {
    let scripts = corpus(include_str!("corpus.txt"));
    assert!(scripts.len() >= 150, "{}", scripts.len());
    let mut differences = Vec::new();
    for script in scripts {
        if SILENT.contains(&script) {
            // Bash says nothing, returns 0, and does not run the line: worth a problem.
            assert!(read_rendered(script, &[]).problem.is_some(), "{script}");
            let line = format!("echo ran; {script}");
            let run = Process::new("bash").args(["-c", &line]).output().unwrap();
            assert_eq!(run.stdout, b"", "{script}");
            continue;
        }
        let mine = read_rendered(script, &[]);
        let theirs = bash_accepts(script);
        if mine.problem.is_none() != theirs {
            differences.push(format!("{script:?}: bash {theirs}, {:?}", mine.problem));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Scripts that print the value between `<` and `>`, with the contexts in which it stands.
const PRINTERS: &[&str] = &[
    "printf '<%s>' {{ v }}",
    "printf '<%s>' a{{ v }} | sed '1s/<a/</'",
    "printf '<%s>' \"{{ v }}\"",
    "printf '<%s>' '{{ v }}'",
    "printf '<%s>' \"\"{{ v }}''",
    "x={{ v }}; printf '<%s>' \"$x\"",
    "x=\"{{ v }}\"\nprintf '<%s>' \"$x\"",
    "x=({{ v }}); printf '<%s>' \"${x[0]}\"",
    "x=({{ v }} b)\nprintf '<%s>' \"${x[@]:0:1}\"",
    "export x={{ v }}; printf '<%s>' \"$x\"",
    "f() { local x={{ v }}; printf '<%s>' \"$x\"; }; f",
    "f() { printf '<%s>' \"$1\"; }\nf {{ v }}",
    "printf '<'; printf %s {{ v }}; printf '>'",
    "printf '<%s>' \"$(printf %sX {{ v }})\" | sed '$s/X>$/>/'",
    "printf '<%s>' \"$(printf %sX \"{{ v }}\")\" | sed '$s/X>$/>/'",
    "printf '<%s>' \"$(x='{{ v }}'; printf %sX \"$x\")\" | sed '$s/X>$/>/'",
    "printf '<%s>' \"a$(printf %s \"b$(printf %sX {{ v }})\")\" | sed '1s/^<ab/</;$s/X>$/>/'",
    "if [ {{ v }} = {{ v }} ]; then printf '<%s>' {{ v }}; fi",
    "[[ {{ v }} == \"{{ v }}\" ]] && printf '<%s>' {{ v }}",
    "case {{ v }} in {{ v }}) printf '<%s>' {{ v }};; esac",
    "for x in {{ v }} ; do printf '<%s>' \"$x\"; done",
    "( printf '<%s>' {{ v }} )",
    "{ printf '<%s>' {{ v }}; } | cat",
    "true && printf '<%s>' {{ v }} || false",
    "printf '<%s>' {{ v }} # comment {{ v }}",
    "# {{ v }}\nprintf '<%s>' {{ v }}",
    "set -- {{ v }}; printf '<%s>' \"$1\"",
    "bash -c 'printf \"<%s>\" \"$1\"' _ {{ v }}",
    "x={{ v }} bash -c 'printf \"<%s>\" \"$x\"'",
    "printf '<'; cat <<EOF | head -c -1\n{{ v }}\nEOF\nprintf '>'",
    "printf '<'; cat <<EOF | sed '1s/^a: //' | head -c -1\na: {{ v }}\nEOF\nprintf '>'",
    "printf '<'; cat <<'EOF' | head -c -1\n{{ v }}\nEOF\nprintf '>'",
    "printf '<'; cat <<-EOF | head -c -1\n\t{{ v }}\n\tEOF\nprintf '>'",
    "cat > /dev/null <<EOF {{ v }}\nbody\nEOF\nprintf '<%s>' {{ v }}",
    "printf '<'; cat <<A - <<B > /dev/null; printf '%s' {{ v }}\na {{ v }}\nA\nb\nB\nprintf '>'",
    "cat <<< {{ v }} > /dev/null; printf '<%s>' {{ v }}",
    "cat < <(printf '<%s>' {{ v }})",
    "printf '<%s>' {{ v }} > {{ v }}.out 2>/dev/null || true; printf '<%s>' {{ v }}",
    "printf '<'; printf %s $'a\\'b' {{ v }} | tail -c +4; printf '>'",
    // Refused, whatever the value is.
    "eval \"printf '<%s>' {{ v }}\"",
    "bash -c \"printf '<%s>' {{ v }}\"",
    "echo `printf '<%s>' {{ v }}`",
    "echo ${x:-{{ v }}}",
    "echo \"${x:-{{ v }}}\"",
    "echo $(( {{ v }} + 1 ))",
    "(( {{ v }} > 1 )) || echo",
    "[[ {{ v }} -eq 1 ]] || echo",
    "[[ -v {{ v }} ]] || echo",
    "test -v {{ v }} || echo",
    "x={{ v }}; (( x > 0 )) || echo",
    "x={{ v }}; y=$x; echo $(( y + 1 ))",
    "x={{ v }}; [[ $x -gt 3 ]] || echo",
    "x={{ v }}; eval \"echo $x\"",
    "x={{ v }}; bash -c \"echo $x\"",
    "declare -i x={{ v }}; echo \"$x\"",
    "declare -a x={{ v }}; echo",
    "declare {{ v }}; echo",
    "read x <<< {{ v }}; echo $((x))",
    "echo {{ v }} | while read -r x; do echo $((x)); done",
    "while read -r x; do echo $((x)); done <<< {{ v }}",
    "for x in {{ v }}; do echo $((x)); done",
    "f() { echo $(( $1 )); }; f {{ v }}",
    "set -- {{ v }}; echo $(( $1 ))",
    "printf -v {{ v }} x; echo",
    "unset {{ v }}; echo",
    "echo {{ v }} | bash",
    "printf '%s\\n' {{ v }} | sudo sh; echo",
    "cat <<EOF | bash\n{{ v }}\nEOF",
    "bash <<EOF\n{{ v }}\nEOF",
    "bash <<< {{ v }}",
    "bash <(echo {{ v }})",
    "source <(echo {{ v }})",
    "bash < <(echo {{ v }})",
    "$(echo {{ v }})",
    "$(echo {{ v }})/x",
    "x={{ v }}; $x",
    "x={{ v }}; $x/bin/y",
    "x={{ v }}; \"$x\"",
    "x={{ v }}; sudo $x; timeout 1 $x",
    "f() { \"$@\"; }; f {{ v }}",
    "x=(a {{ v }}); \"${x[@]}\"",
    "cat <<EOF\n$(printf %s {{ v }})\nEOF",
    "cat <<EOF\n`printf %s {{ v }}`\nEOF",
    "cat <<EOF\n\\{{ v }}\nEOF",
    "cat <<EOF\n${{ v }}\nEOF",
    "cat <<EOF\n$x{{ v }}\nEOF",
    "cat <<{{ v }}\nEOF",
    "echo ${{ v }}",
    "echo \"${{ v }}\"",
    "echo \\{{ v }}",
    "echo $'{{ v }}'",
    "echo $\"{{ v }}\"",
    "x=([{{ v }}]=1); echo",
    "x=({{ v }}); echo ${#x[@]}",
    "x[{{ v }}]=1; echo",
    "trap {{ v }} EXIT",
    "PS4={{ v }}; set -x; echo",
    "{{ v }}",
    "{{ v }} {{ v }}",
    "sudo {{ v }} x; echo",
    "awk 'BEGIN { print \"{{ v }}\" }'",
    "echo x | sed \"s/x/{{ v }}/\"",
    "find . -maxdepth 0 -exec sh -c \"echo {{ v }}\" \\;",
    "function {{ v }} { echo; }; echo",
    "for {{ v }} in a; do echo; done",
    "a {{ v }} 'unclosed",
    "echo {% if x %}'{% endif %}{{ v }}",
    "xargs -I{} sh -c {{ v }} < /dev/null; echo",
    "echo {{ v }} | xargs sh -c; echo",
    "alias x={{ v }}; echo",
    "let {{ v }}; echo",
    "let x={{ v }}; echo",
    "echo \"${x:{{ v }}}\"",
    "x=abc; n={{ v }}; echo \"${x:n}\"",
    "n={{ v }}; a=(1); echo \"${a[n]}\"",
    "n={{ v }}; echo ${!n}",
    "ssh {{ v }} true; echo",
    "bash {{ v }} {{ v }}; echo",
    "echo $( # {{ v }}\n)",
    "f() { printf %s {{ v }}; }; f | bash",
    "f() { printf %s {{ v }}; }; eval \"$(f)\"",
    "f() { printf %s {{ v }}; }; bash <(f)",
    "cat() { printf %s {{ v }}; }; cat | bash",
    "f() { bash; }; printf %s {{ v }} | f",
    "f() { bash; }; f <<< {{ v }}",
];

/// Nasty on purpose: everything that any quoting treats specially, and ways to make the canary.
fn value() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("'"),
        Just("\""),
        Just("`"),
        Just("$"),
        Just("\\"),
        Just("\n"),
        Just(" "),
        Just("\t"),
        Just("!"),
        Just("-"),
        Just("#"),
        Just(";"),
        Just("&"),
        Just("|"),
        Just("("),
        Just(")"),
        Just("{"),
        Just("}"),
        Just("EOF"),
        Just("\nEOF\n"),
        Just("A"),
        Just("~"),
        Just("*"),
        Just("%"),
        Just("é"),
        Just("✅"),
        Just("x"),
        Just("1"),
        Just("="),
        Just("\r"),
        Just("'\\''"),
        Just("$(touch canary)"),
        Just("`touch canary`"),
        Just("'; touch canary; '"),
        Just("\"; touch canary; \""),
        Just("\ntouch canary\n"),
        Just("a[$(touch canary)]"),
        Just("\nEOF\ntouch canary\n"),
        Just("${x:-$(touch canary)}"),
        Just(")\ntouch canary\n"),
        Just("<(touch canary)"),
        Just("--"),
        Just("-c"),
        Just("touch canary"),
        Just("e touch canary"),
        Just("[$(touch canary)]=1"),
        Just("/"),
        Just("-oProxyCommand=touch canary"),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn folder() -> Folder {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("shell-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&path).unwrap();
    Folder(path)
}

/// The script with the value in every hole, or `None` if one refuses it.
fn filled(script: &str, value: &str) -> Option<String> {
    let read = read(script);
    let mut text = String::new();
    let mut from = 0;
    for hole in &read.holes {
        text.push_str(&script[from..hole.range.start]);
        text.push_str(&quote(value, &hole.context)?);
        from = hole.range.end;
    }
    text.push_str(&script[from..]);
    Some(text)
}

fn run(folder: &Folder, script: &str) -> Vec<u8> {
    // A nesting of scripts may well loop; that is not what is looked for.
    let mut bash = Process::new("timeout");
    bash.args(["5", "bash", "-c", script])
        .current_dir(&folder.0)
        .stdin(std::process::Stdio::null());
    bash.output().unwrap().stdout
}

fn insert_and_run(template: &str, value: &str) {
    let Some(script) = filled(template, value) else { return };
    let folder = folder();
    let printed = run(&folder, &script);
    assert!(!folder.0.join("canary").exists(), "executed: {template:?} {value:?}\n{script}");
    if template.contains("<%s>") || template.starts_with("printf '<'") {
        let expected = format!("<{value}>");
        assert!(
            printed.windows(expected.len()).any(|window| window == expected.as_bytes()),
            "{template:?} {value:?}\n{script}\n{:?}",
            String::from_utf8_lossy(&printed)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("SHELL_CASES").map_or(300, |cases| cases.parse().unwrap()),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_value_comes_out_unchanged_and_runs_nothing(
        template in prop::sample::select(PRINTERS),
        value in value(),
    ) {
        insert_and_run(template, &value);
    }
}

/// Scripts around scripts: `@` is the inner one.
const AROUND: &[&str] = &[
    "@",
    "( @ )",
    "{ @; }",
    "echo \"$( @ )\"",
    "echo $( @ )",
    "x=$( @ ); echo \"$x\"",
    "@ | cat",
    "if true; then @; fi",
    "f() { @; }; f",
    "case x in x) @ ;; esac",
    "[[ $( @ ) == x ]]; :",
    "echo ${x:-$( @ )}",
    "echo \"${x:-$( @ )}\"",
    "echo `@`",
    "cat <<EOF\n$( @ )\nEOF\n",
    "cat <<'EOF'\n@\nEOF\n",
    "cat <<EOF\n@\nEOF\n",
    "bash -c '@'",
    "bash -c \"@\"",
    "eval @",
    "x=$(cat <<EOF\n@\nEOF\n)",
    "# @\ntrue",
    "echo $(( $( @ ) ))",
    "true && @ || @",
    "@ & wait",
    "cat < <( @ )",
    "bash <( @ )",
    "@ | bash",
    "x=( $( @ ) )",
    "declare x=$( @ )",
    "for i in $( @ ); do @; done",
    "while read -r l; do echo $((l)); done < <( @ )",
    "x=$( @ ); echo $((x))",
    "$( @ )",
    "echo '@'",
    "echo \"@\"",
    "x[$( @ )]=1",
    "echo $'@'",
    "(( $( @ ) )) || :",
    "cat <<-EOF\n\t@\n\tEOF\n",
    "@\n@",
    "set -- $( @ ); echo $(($1))",
    "printf '%s' \"$(echo \"$( @ )\")\"",
    "time @",
    "! @",
    "xargs < <( @ )",
    "coproc { @; }; wait",
    "echo @ \\\n@",
    "select i in $( @ ); do break; done",
];

fn nested() -> impl Strategy<Value = String> {
    const INNER: [&str; 12] = [
        "printf %s {{ v }}",
        "printf %s \"{{ v }}\"",
        "printf %s '{{ v }}'",
        "echo a{{ v }}b",
        "{{ v }}",
        "x={{ v }}",
        "x={{ v }}; echo $((x))",
        "cat <<< {{ v }}",
        "cat <<EOF\n{{ v }}\nEOF\n",
        "echo ${{ v }}",
        "echo {{ v }} # {{ v }}",
        "[ {{ v }} = {{ v }} ]",
    ];
    let around = prop::collection::vec(prop::sample::select(AROUND), 0..4);
    (prop::sample::select(&INNER[..]), around).prop_map(|(inner, around)| {
        around.iter().fold(inner.to_owned(), |script, around| around.replace('@', &script))
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("SHELL_CASES").map_or(300, |cases| cases.parse().unwrap()),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_runs_however_scripts_are_nested(template in nested(), value in value()) {
        if let Some(script) = filled(&template, &value) {
            let folder = folder();
            run(&folder, &script);
            prop_assert!(!folder.0.join("canary").exists(), "executed: {value:?}\n{script}");
        }
    }
}

#[test]
fn the_worst_values_run_nothing_anywhere() {
    let worst = "a'b\"c`touch canary`$(touch canary)\nEOF\ntouch canary\n'; touch canary; '";
    for template in PRINTERS {
        for value in [worst, "a[$(touch canary)]", "touch canary", "-c", ""] {
            insert_and_run(template, value);
        }
    }
}

#[test]
fn templates_after_the_line_are_refused_for_a_value_that_does_harm() {
    let first = PRINTERS.iter().position(|one| one.starts_with("eval")).unwrap();
    for template in &PRINTERS[first..] {
        // Refused altogether, or inserted where it is only text.
        let accepted = filled(template, "a[$(touch canary)]");
        let harmless = ["x=({{ v }});", "ssh {{ v }}", "bash {{ v }}"];
        let harmless = harmless.iter().any(|start| template.starts_with(start));
        assert!(accepted.is_none() || harmless, "{template:?} {accepted:?}");
    }
}

#[test]
fn ordinary_values_are_accepted_in_ordinary_places() {
    let first = PRINTERS.iter().position(|one| one.starts_with("eval")).unwrap();
    for template in &PRINTERS[..first] {
        assert!(filled(template, "v2.0.0").is_some(), "{template:?} {:?}", read(template).holes);
    }
    for template in [
        "git checkout {{ tag }}",
        "pg_dump {{ db }} | gzip > {{ file }}",
        "pg_dump {{ db }} | psql other",
        "sudo systemctl restart {{ unit }}",
        "curl -fsS \"http://{{ host }}:{{ port }}/health\"",
        "{{ dir }}/bin/console migrate",
        "tar -czf {{ file }} app/",
        "ssh {{ host }} systemctl restart shop",
        "for i in {1..{{ n }}}; do echo $i; done",
        "test -f {{ file }} || exit 1",
        "n=$(( {{ n }} + 1 ))",
    ] {
        assert!(filled(template, "5").is_some(), "{template:?} {:?}", read(template).holes);
    }
    assert!(filled("{{ php }} artisan down", "/usr/bin/php").is_some());
}
