//! Machines that are reached by ssh. One local program goes from host to host and hands each the
//! same errand, so a keeper stays with it like with any other program.
//!
//! What a host reads comes through standard input: nobody sees it in a list of processes, and values
//! of the environment, secrets among them, are in no file.

use std::path::Path;
use std::time::Duration;

use plan_model::model::plan::Host;
use plan_model::template::shell_word;

use super::{Around, Broken, Ran, error};
use crate::event::{Failure, FailureKind};
use crate::fill::Filler;
use crate::keeper::Ended;

/// How ssh ends where it does not come through, and also where what it ran ended so.
const SSH_FAILED: i32 = 255;
/// How `timeout` says that the time was over; the other one where it had to kill.
const TIME_OVER: [i32; 2] = [124, 137];
/// How long a host may take beside the work itself: to be reached, and to end what took too long.
const FAR_GRACE: Duration = Duration::from_secs(30);

/// Brings the errand to each host in turn; the first that fails ends it. The far side gets the values
/// of `PLAN_NAMES` before the errand, and begins only once it has read all of it: the brace that ends
/// it comes last.
const DRIVER: &str = r#"
export SHELL=/bin/sh
plan_quote="'\\''"
for plan_host do
    [ $# -eq 1 ] || echo "== $plan_host"
    rm -f "$PLAN_REACHED"
    {
        plan_at=0
        echo '{'
        for plan_name in $PLAN_NAMES; do
            plan_at=$((plan_at + 1))
            plan_value=PLAN_VALUE_$plan_at
            plan_value=${!plan_value}
            printf "export %s='%s'\n" "$plan_name" "${plan_value//\'/"$plan_quote"}" || exit
        done
        cat "$PLAN_ERRAND" && echo '}'
    } | ssh -T -o BatchMode=yes -o ConnectTimeout=15 -o ServerAliveInterval=15 \
        -o ServerAliveCountMax=4 -o ControlPath=none -o PermitLocalCommand=yes \
        -o LocalCommand='touch "$PLAN_REACHED"' "$plan_host" exec sh -s
    plan_ends=("${PIPESTATUS[@]}")
    [ "${plan_ends[1]}" -eq 0 ] || exit "${plan_ends[1]}"
    [ "${plan_ends[0]}" -eq 0 ] || { echo "the errand was not handed over whole" >&2; exit 1; }
done
"#;

/// A machine, or the machines of a group, in the order of the plan; none where nothing is called so.
pub fn named(fill: &Filler<'_>, name: &str) -> Result<Vec<String>, Failure> {
    let is_meant = |id: &str, host: &Host| {
        id == name || host.groups.iter().flatten().any(|group| group.value == name)
    };
    let hosts = fill.plan.plan.hosts.iter();
    let meant = hosts.filter(|(id, host)| is_meant(&id.value, host));
    meant.map(|(id, host)| address(fill, &id.value, host)).collect()
}

/// As ssh takes it; a host without an address is one that ssh's own configuration knows.
fn address(fill: &Filler<'_>, id: &str, host: &Host) -> Result<String, Failure> {
    let address = fill.optional(host.ssh.as_ref())?.unwrap_or_else(|| id.to_owned());
    // What begins with a dash would be an option of ssh.
    if address.is_empty() || address.starts_with('-') || address.contains(char::is_whitespace) {
        return Err(error(format!("host {id}: `{address}` is no address")));
    }
    Ok(match &host.port {
        Some(port) if !address.starts_with("ssh://") => {
            format!("ssh://{address}:{}", fill.count(port)?)
        }
        _ => address,
    })
}

/// What a host is to do.
pub enum Errand<'e> {
    Script(&'e str),
    Program(&'e [String]),
}

/// The errand as a shell on the far side reads it. `names` are variables that another user keeps.
pub fn written(errand: &Errand<'_>, around: &Around, names: &[&str]) -> String {
    let mut out = String::new();
    if let Some(dir) = &around.far_dir {
        out += &format!("cd {} || exit\n", shell_word(dir));
    }
    let limit = around.timeout.map_or(String::new(), |time| {
        out += "plan_limit=\ncommand -v timeout >/dev/null && plan_limit='timeout -k 10'\n";
        // Not every `timeout` knows fractions.
        format!("${{plan_limit:+$plan_limit {}}} ", time.as_millis().div_ceil(1000))
    });
    let user = around.user.as_ref().map_or("", |user| {
        let user = shell_word(user);
        out += &format!(
            "as_user() {{\n    if [ \"$(id -u)\" = 0 ]; then runuser -u {user} -- \"$@\"\n    \
             else sudo -n -u {user} --preserve-env={} -- \"$@\"; fi\n}}\n",
            names.join(",")
        );
        "as_user "
    });
    match errand {
        Errand::Program(words) => {
            let words: Vec<_> = words.iter().map(|word| shell_word(word)).collect();
            out += &format!("{user}{limit}{} </dev/null\n", words.join(" "));
        }
        Errand::Script(script) => {
            let shell: Vec<_> = around.shell.iter().map(|word| shell_word(word)).collect();
            let shell = shell.join(" ");
            // Another user could not read the file.
            if !user.is_empty() {
                out += &format!("{user}{limit}{shell} -c {} </dev/null\n", shell_word(script));
                return out;
            }
            let mut end = "PLAN_END".to_owned();
            while script.lines().any(|line| line == end) {
                end.push('_');
            }
            let newline = if script.ends_with('\n') { "" } else { "\n" };
            out += &format!(
                "plan_file=$(mktemp) || exit\ntrap 'rm -f \"$plan_file\"' EXIT\n\
                 cat >\"$plan_file\" <<'{end}'\n{script}{newline}{end}\n\
                 {limit}{shell} \"$plan_file\" </dev/null\n"
            );
        }
    }
    out
}

/// The local program that goes to the hosts; `errand` and `reached` are files of its own.
pub fn driver(
    around: &mut Around,
    names: Vec<String>,
    errand: &Path,
    reached: &Path,
) -> Vec<String> {
    // Under names of our own: a PATH for over there must not be the one here.
    for (at, (name, _)) in around.env.iter_mut().enumerate() {
        *name = format!("PLAN_VALUE_{}", at + 1);
    }
    let own = [
        ("PLAN_NAMES", names.join(" ")),
        ("PLAN_ERRAND", errand.display().to_string()),
        ("PLAN_REACHED", reached.display().to_string()),
    ];
    around.env.extend(own.map(|(name, value)| (name.to_owned(), value)));
    around.timeout = around.timeout.map(|time| (time + FAR_GRACE) * around.on.len() as u32);
    let mut words = ["bash", "-c", DRIVER, "plan"].map(str::to_owned).to_vec();
    words.extend(around.on.iter().cloned());
    words
}

/// Where it stands that a host was reached, beside the output.
pub fn reached(output: &Path) -> std::path::PathBuf {
    output.with_extension("reached")
}

/// What an end tells about the far side; `Ok` where it is the end of what ran there.
pub fn judge(ran: &Ran, timeout: Option<Duration>) -> Result<(), Broken> {
    let was_reached = reached(&ran.output).exists();
    match &ran.ended {
        Ended::Exit(SSH_FAILED) if !was_reached => {
            let why = ran.last_line().unwrap_or_else(|| "ssh does not say why".to_owned());
            let text = format!("the host was not reached: {why}");
            Err(Failure::new(FailureKind::Unreachable, text).into())
        }
        Ended::Exit(SSH_FAILED) => Err(Broken::InDoubt(
            "the connection to the host was lost; what ran there may go on".to_owned(),
        )),
        Ended::Exit(status) if timeout.is_some() && TIME_OVER.contains(status) => {
            Ran { ended: Ended::TimedOut, ..Ran::clone(ran) }.check(timeout)?;
            Ok(())
        }
        Ended::TimedOut | Ended::Stopped | Ended::Signal(_) if was_reached => {
            Err(Broken::InDoubt("ssh was ended; what ran on the host may go on".to_owned()))
        }
        _ => Ok(()),
    }
}
