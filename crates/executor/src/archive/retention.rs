//! Which backups may go, and why each of the others stays. Decides only.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::catalogue::{Kept, Standing};
use crate::clock::Moment;

/// How long backups of one subject are kept: whatever one of these keeps, stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Policy {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weekly: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly: Option<u64>,
}

impl Policy {
    pub fn is_empty(&self) -> bool {
        *self == Policy::default()
    }
}

/// What is to become of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    pub stays: bool,
    pub why: String,
}

/// One verdict for each, in their order. `needed` are ids and paths that a run which has not ended names.
pub fn judge(
    all: &[(Kept, Standing)],
    needed: &HashSet<PathBuf>,
    asked: Policy,
    now: Moment,
) -> Vec<Verdict> {
    let mut subjects: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, (kept, _)) in all.iter().enumerate() {
        subjects.entry(kept.subject()).or_default().push(at);
    }
    let mut verdicts: Vec<Option<Verdict>> = vec![None; all.len()];
    for mut members in subjects.into_values() {
        members.sort_by_key(|at| std::cmp::Reverse(all[*at].0.manifest.ended));
        subject(all, &members, needed, asked, now, &mut verdicts);
    }
    verdicts.into_iter().map(|one| one.expect("each has a subject")).collect()
}

/// Those of one subject, the newest first.
fn subject(
    all: &[(Kept, Standing)],
    members: &[usize],
    needed: &HashSet<PathBuf>,
    asked: Policy,
    now: Moment,
    verdicts: &mut [Option<Verdict>],
) {
    let newest = &all[members[0]].0.manifest;
    let policy = if asked.is_empty() { newest.keep } else { asked };
    let whole: Vec<usize> = members.iter().copied().filter(|at| all[*at].1.is_whole()).collect();
    let may_be: Vec<usize> =
        members.iter().copied().filter(|at| all[*at].1.may_be_whole()).collect();
    let mut stays: BTreeMap<usize, String> = BTreeMap::new();
    let mut keep = |at: usize, why: &str| {
        stays.entry(at).or_insert_with(|| why.to_owned());
    };
    for at in members {
        if needed.contains(&all[*at].0.path) {
            keep(*at, "a run that has not ended may need it");
        }
        let folder = all[*at].0.path.parent();
        if all[*at].1 == Standing::Missing && folder.is_some_and(|folder| !folder.exists()) {
            keep(*at, "its whole folder is away: is it mounted?");
        }
    }
    // The floor: whatever the policy says, the last one that can be trusted stays.
    let proven = |at: &usize| all[*at].0.manifest.proven.is_some();
    let restored = |at: &usize| all[*at].0.manifest.proven.as_deref() == Some("restore");
    if let Some(at) = whole.iter().copied().find(proven) {
        keep(at, "the newest proven one");
    }
    if let Some(at) = whole.iter().copied().find(restored) {
        keep(at, "the newest that was proven by a restore");
    }
    if let Some(at) = may_be.iter().copied().find(proven) {
        keep(at, "the newest proven one, if its copy is whole");
    }
    if policy.is_empty() {
        for at in members.iter().filter(|at| all[**at].1 != Standing::Missing) {
            keep(*at, "no retention is set: `keep:` in its step, or --keep");
        }
    }
    for at in may_be.iter().copied().take(count(policy.last)) {
        keep(at, "one of the newest");
    }
    for (limit, format, word) in [
        (policy.daily, "%Y-%m-%d", "day"),
        (policy.weekly, "%G-W%V", "week"),
        (policy.monthly, "%Y-%m", "month"),
    ] {
        let mut seen = BTreeSet::new();
        for at in &may_be {
            let ended = all[*at].0.manifest.ended.timestamp();
            let name = ended.to_zoned(TimeZone::UTC).strftime(format).to_string();
            if seen.len() < count(limit) && seen.insert(name.clone()) {
                keep(*at, &format!("the last of the {word} {name}"));
            }
        }
    }
    if let Some(seconds) = policy.seconds {
        for at in members {
            let (kept, standing) = &all[*at];
            let age = now.since(kept.manifest.ended).as_secs();
            if age < seconds && *standing != Standing::Missing {
                keep(*at, &format!("younger than {}", days(seconds)));
            }
        }
    }
    for at in members {
        let verdict = match stays.remove(at) {
            Some(why) => Verdict { stays: true, why },
            None => Verdict { stays: false, why: goes(&all[*at], now) },
        };
        verdicts[*at] = Some(verdict);
    }
}

fn goes((kept, standing): &(Kept, Standing), now: Moment) -> String {
    match standing {
        Standing::There | Standing::Copied | Standing::Away => {
            format!("{} old", days(now.since(kept.manifest.ended).as_secs()))
        }
        Standing::Missing => "its file is not there any more".to_owned(),
        Standing::Changed => "it is not what was written any more".to_owned(),
        Standing::Damaged => "it is damaged".to_owned(),
    }
}

fn days(seconds: u64) -> String {
    match seconds {
        0..172_800 => {
            plan_model::notation::Spoken(std::time::Duration::from_secs(seconds)).to_string()
        }
        _ => format!("{} days", seconds / 86_400),
    }
}

fn count(limit: Option<u64>) -> usize {
    usize::try_from(limit.unwrap_or(0)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{Kind, Manifest};

    const DAY: i64 = 86_400_000;

    /// A backup of so many days ago, of noon.
    fn backup(days_ago: i64, proven: &str, keep: Policy) -> (Kept, Standing) {
        let ended = now().0 - days_ago * DAY;
        let manifest = Manifest {
            id: format!("b{days_ago}"),
            kind: Kind::SqliteFile,
            packed: "zstd".to_owned(),
            plan: "shop".to_owned(),
            run: "shop-1".to_owned(),
            step: "save".to_owned(),
            database: Some("main".to_owned()),
            from: None,
            began: Moment(ended),
            ended: Moment(ended),
            size: 1,
            sha256: String::new(),
            proven: Some(proven.to_owned()),
            encrypted_for: None,
            copy: None,
            keep,
            data: None,
            except: Vec::new(),
            paths: BTreeMap::new(),
        };
        (Kept::new(format!("/b{days_ago}").as_ref(), &manifest), Standing::There)
    }

    fn now() -> Moment {
        Moment("2026-03-20T12:00:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    /// The days of those that stay.
    fn stay(all: &[(Kept, Standing)], needed: &[&str], asked: Policy) -> Vec<String> {
        let needed = needed.iter().map(PathBuf::from).collect();
        let verdicts = judge(all, &needed, asked, now());
        let pairs = all.iter().zip(verdicts);
        let stays = pairs.filter(|(_, verdict)| verdict.stays);
        stays.map(|((kept, _), _)| kept.manifest.id.clone()).collect()
    }

    fn days(days: impl IntoIterator<Item = i64>) -> Vec<(Kept, Standing)> {
        days.into_iter().map(|day| backup(day, "parse", Policy::default())).collect()
    }

    #[test]
    fn whatever_one_of_the_rules_keeps_stays() {
        let all = days(0..60);
        let seconds = Policy { seconds: Some(3 * 86_400), ..Policy::default() };
        assert_eq!(stay(&all, &[], seconds), ["b0", "b1", "b2"]);
        let last = Policy { last: Some(2), ..Policy::default() };
        assert_eq!(stay(&all, &[], last), ["b0", "b1"]);
        let both = Policy { seconds: Some(86_400), last: Some(2), ..Policy::default() };
        assert_eq!(stay(&all, &[], both), ["b0", "b1"]);
        // 2026-03-20 is a Friday: the weeks end on the 15th and the 8th, the months on the last of each.
        let weekly = Policy { weekly: Some(3), ..Policy::default() };
        assert_eq!(stay(&all, &[], weekly), ["b0", "b5", "b12"]);
        let monthly = Policy { monthly: Some(3), ..Policy::default() };
        assert_eq!(stay(&all, &[], monthly), ["b0", "b20", "b48"]);
        let daily = Policy { daily: Some(2), ..Policy::default() };
        assert_eq!(stay(&all, &[], daily), ["b0", "b1"]);
    }

    #[test]
    fn the_rules_of_the_newest_one_count_where_none_are_given() {
        let keep = Policy { last: Some(1), ..Policy::default() };
        let all = [backup(1, "parse", keep), backup(2, "parse", Policy::default())];
        assert_eq!(stay(&all, &[], Policy::default()), ["b1"]);
        assert_eq!(stay(&days([1, 2]), &[], Policy::default()), ["b1", "b2"], "without any rule");
    }

    #[test]
    fn the_last_ones_that_can_be_trusted_and_what_a_run_needs_never_go() {
        let day = Policy { seconds: Some(86_400), ..Policy::default() };
        let old = days([40, 50, 60]);
        assert_eq!(stay(&old, &[], day), ["b40"]);
        assert_eq!(stay(&old, &["/b60"], day), ["b40", "b60"]);
        let restored =
            [backup(40, "read", day), backup(50, "restore", day), backup(60, "read", day)];
        assert_eq!(stay(&restored, &[], day), ["b40", "b50"]);
        // One that is damaged is no floor.
        let mut damaged = days([40, 50, 60]);
        damaged[0].1 = Standing::Damaged;
        damaged[1].1 = Standing::Missing;
        assert_eq!(stay(&damaged, &[], day), ["b60"]);
    }

    #[test]
    fn subjects_do_not_push_each_other_out() {
        let mut all = days([1, 2, 3]);
        all[1].0.environment = Some("prod".to_owned());
        all[2].0.manifest.database = Some("other".to_owned());
        let last = Policy { last: Some(1), ..Policy::default() };
        assert_eq!(stay(&all, &[], last), ["b1", "b2", "b3"]);
    }
}
