//! The rules, their list, and waivers. One file per rule, each with its tests.
//! A rule looks at a compiled plan and the files it names; it touches nothing.

pub mod ask;
pub mod background_process;
pub mod backup_before_change;
pub mod backup_before_quiesce;
pub mod backup_exposed;
pub mod backup_fresh;
pub mod backup_name_unique;
pub mod backup_offsite;
pub mod backup_scope;
pub mod backup_secret_mode;
pub mod backup_status_hidden;
pub mod backup_verified;
pub mod prune_floor;
pub mod restore_known_artefact;
pub mod restore_over_live;
pub mod retention_conflict;
pub mod compare_without_snapshot;
pub mod human_only_gate;
pub mod logs_unchecked;
pub mod migrate_unchecked;
pub mod release_unchecked;
pub mod smoke_empty;
pub mod watch_missing;
pub mod workers_running;
pub mod disk_unchecked;
pub mod floating_ref;
pub mod privileges_short;
pub mod staging_first;
pub mod target_implicit;
pub mod test_env_shared;
pub mod tls_unverified;
pub mod tree_destroyed;
pub mod versions_undeclared;
pub mod force_state;
pub mod code;
pub mod db_superuser;
pub mod download_unverified;
pub mod failure_masked;
pub mod implicit_cwd;
pub mod interactive;
pub mod inverse_missing;
pub mod key_mode;
pub mod migrations;
pub mod placeholder;
pub mod relative_rollback;
pub mod rollback_beyond_run;
pub mod rollback_order;
pub mod rollback_unverified;
pub mod maintenance_unbalanced;
pub mod no_return_point;
pub mod rollback_unrehearsed;
pub mod slow_step_in_downtime;
pub mod window_collision;
pub mod window_timezone;
pub mod estimate_missing;
pub mod rollback_time;
pub mod totals_mismatch;
pub mod window_too_short;
pub mod change_outside_window;
pub mod changelog_missing;
pub mod contact_placeholder;
pub mod contacts_missing;
pub mod escalation_missing;
pub mod escalation_unheard;
pub mod mojibake;
pub mod notice_missing;
pub mod self_approval;
pub mod users_uninformed;
pub mod never_ends;
pub mod no_timeout;
pub mod not_rerunnable;
pub mod obsolete_command;
pub mod open_to_world;
pub mod placeholder_secret;
pub mod raw_value;
pub mod secret_in_plan;
pub mod secret_on_command_line;
pub mod secret_changed;
pub mod secret_shown;
pub mod secrets;
pub mod shell_instead_of_typed;
pub mod sql_errors_pass;
pub mod sql_refused;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustc_hash::FxHashSet;

use crate::diagnostic::{Diagnostic, Severity};
use crate::estimate::{self, Bounds};
use crate::graph::CompiledPlan;
use crate::migration;
use crate::model::plan::Allow;
use crate::named::NamedFiles;
use crate::schema::nearest;
use crate::scripts::Scripts;
use crate::source::{Sources, Span};
use crate::together;

/// One rule about plans.
pub struct Rule {
    /// Its readable name, which is also that of its file.
    pub code: &'static str,
    pub severity: Level,
    /// One line for the list: what it asks for.
    pub about: &'static str,
    /// Why it exists: what went wrong without it.
    pub why: &'static str,
    /// A plan that it refuses.
    pub bad: &'static str,
    /// The same plan as it should be.
    pub good: &'static str,
    pub check: fn(&Lint<'_>, &mut Vec<Finding>),
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Error,
    Warning,
    Hint,
    /// An error where users or their data live (`protected: true`), else a warning.
    ErrorWhenProtected,
}

/// What a rule may look at.
pub struct Lint<'p> {
    pub plan: &'p CompiledPlan,
    pub files: &'p NamedFiles,
    pub scripts: &'p Scripts<'p>,
    pub sources: &'p Sources,
    bounds: OnceLock<Bounds>,
    /// Two rules ask for them.
    secrets: OnceLock<Vec<secrets::Written>>,
}

impl Lint<'_> {
    /// How long it takes on paper; worked out when the first rule asks.
    pub fn bounds(&self) -> &Bounds {
        self.bounds.get_or_init(|| estimate::bounds(self.plan))
    }
}

/// What a rule found, with the entry or phase that it is about, so that it can be waived there.
#[derive(Debug)]
pub struct Finding {
    pub diagnostic: Diagnostic,
    pub entry: Option<usize>,
    pub phase: Option<usize>,
}

impl Finding {
    /// Code and severity come from the rule.
    pub fn new(span: Span, message: impl Into<String>) -> Finding {
        Finding { diagnostic: Diagnostic::warning("", span, message), entry: None, phase: None }
    }

    pub fn about(mut self, entry: usize) -> Finding {
        self.entry = Some(entry);
        self
    }

    pub fn about_phase(mut self, phase: usize) -> Finding {
        self.phase = Some(phase);
        self
    }

    pub fn label(mut self, text: impl Into<String>) -> Finding {
        self.diagnostic = self.diagnostic.label(text);
        self
    }

    pub fn related(mut self, span: Span, text: impl Into<String>) -> Finding {
        self.diagnostic = self.diagnostic.related(span, text);
        self
    }

    pub fn help(mut self, text: impl Into<String>) -> Finding {
        self.diagnostic = self.diagnostic.help(text);
        self
    }
}

/// A finding that the author waived.
#[derive(Debug, Clone)]
pub struct Waived {
    pub code: &'static str,
    pub message: String,
    pub reason: String,
    pub span: Span,
}

pub const RULES: &[&Rule] = &[
    &backup_before_change::RULE,
    &backup_before_quiesce::RULE,
    &backup_exposed::RULE,
    &backup_fresh::RULE,
    &backup_name_unique::RULE,
    &backup_offsite::RULE,
    &backup_scope::RULE,
    &backup_secret_mode::RULE,
    &backup_status_hidden::RULE,
    &backup_verified::RULE,
    &prune_floor::RULE,
    &restore_known_artefact::RULE,
    &restore_over_live::RULE,
    &retention_conflict::RULE,
    &compare_without_snapshot::RULE,
    &human_only_gate::RULE,
    &logs_unchecked::RULE,
    &migrate_unchecked::RULE,
    &release_unchecked::RULE,
    &smoke_empty::RULE,
    &watch_missing::RULE,
    &workers_running::RULE,
    &disk_unchecked::RULE,
    &floating_ref::RULE,
    &privileges_short::RULE,
    &staging_first::RULE,
    &target_implicit::RULE,
    &test_env_shared::RULE,
    &tls_unverified::RULE,
    &tree_destroyed::RULE,
    &versions_undeclared::RULE,
    &inverse_missing::RULE,
    &rollback_order::RULE,
    &relative_rollback::RULE,
    &placeholder::RULE,
    &rollback_unverified::RULE,
    &force_state::RULE,
    &rollback_beyond_run::RULE,
    &maintenance_unbalanced::RULE,
    &no_return_point::RULE,
    &rollback_unrehearsed::RULE,
    &slow_step_in_downtime::RULE,
    &window_collision::RULE,
    &window_timezone::RULE,
    &estimate_missing::RULE,
    &rollback_time::RULE,
    &totals_mismatch::RULE,
    &window_too_short::RULE,
    &change_outside_window::RULE,
    &changelog_missing::RULE,
    &contact_placeholder::RULE,
    &contacts_missing::RULE,
    &escalation_missing::RULE,
    &escalation_unheard::RULE,
    &mojibake::RULE,
    &notice_missing::RULE,
    &self_approval::RULE,
    &users_uninformed::RULE,
    &interactive::RULE,
    &never_ends::RULE,
    &failure_masked::RULE,
    &sql_errors_pass::RULE,
    &sql_refused::RULE,
    &no_timeout::RULE,
    &not_rerunnable::RULE,
    &background_process::RULE,
    &shell_instead_of_typed::RULE,
    &implicit_cwd::RULE,
    &obsolete_command::RULE,
    &secret_in_plan::RULE,
    &secret_on_command_line::RULE,
    &placeholder_secret::RULE,
    &secret_changed::RULE,
    &secret_shown::RULE,
    &raw_value::RULE,
    &db_superuser::RULE,
    &open_to_world::RULE,
    &download_unverified::RULE,
    &key_mode::RULE,
];

pub fn rule(code: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.code == code)
}

/// Every code that can be waived: the rules about plans and those about migration scripts.
pub fn codes() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.code).chain(migration::RULES.iter().map(|rule| rule.code))
}

/// Which findings somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    All,
    /// What stands in the way of a run; opinions are left out.
    Errors,
}

/// What one rule finds, with its code and severity.
fn found_by(rule: &Rule, lint: &Lint<'_>, wanted: Wanted) -> Vec<Finding> {
    let severity = match rule.severity {
        Level::Error => Severity::Error,
        Level::Warning => Severity::Warning,
        Level::Hint => Severity::Hint,
        Level::ErrorWhenProtected if lint.plan.plan.is_protected() => Severity::Error,
        Level::ErrorWhenProtected => Severity::Warning,
    };
    let mut found = Vec::new();
    if wanted == Wanted::Errors && severity != Severity::Error {
        return found;
    }
    (rule.check)(lint, &mut found);
    for finding in &mut found {
        finding.diagnostic.code = rule.code;
        finding.diagnostic.severity = severity;
    }
    found
}

pub fn run<'p>(
    plan: &'p CompiledPlan,
    files: &'p NamedFiles,
    scripts: &'p Scripts<'p>,
    sources: &'p Sources,
    wanted: Wanted,
) -> Vec<Finding> {
    let lint =
        Lint { plan, files, scripts, sources, bounds: OnceLock::new(), secrets: OnceLock::new() };
    // Rules know nothing of each other: whoever is free takes the next one.
    let next = AtomicUsize::new(0);
    let ask = || {
        let mut answers = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(rule) = RULES.get(at) else { return answers };
            answers.push((at, found_by(rule, &lint, wanted)));
        }
    };
    let (mut answers, others) = together::both(plan.has_many_entries(), ask, ask);
    answers.extend(others);
    answers.sort_by_key(|(at, _)| *at);
    let mut all: Vec<Finding> = answers.into_iter().flat_map(|(_, found)| found).collect();
    migrations::check(&lint, &mut all);
    all
}

/// Takes out what is waived beside the step, in its phase or in the plan; a waiver that nothing
/// needs or that names no rule is itself reported.
pub fn waive(
    findings: Vec<Finding>,
    plan: &CompiledPlan,
    wanted: Wanted,
    found: &mut Vec<Diagnostic>,
) -> (Vec<Diagnostic>, Vec<Waived>) {
    let mut kept = Vec::new();
    let mut waived = Vec::new();
    let mut used: FxHashSet<Span> = FxHashSet::default();
    for finding in findings {
        let entry = finding.entry.map(|at| plan.entry(at));
        let phase =
            finding.phase.or(entry.map(|entry| entry.phase)).map(|at| &plan.plan.phases[at]);
        let places = [
            entry.and_then(|entry| entry.allow()),
            phase.and_then(|phase| phase.allow.as_ref()),
            plan.plan.file.allow.as_ref(),
        ];
        let waiver =
            places.into_iter().flatten().find_map(|allow| waiver(allow, finding.diagnostic.code));
        match waiver {
            Some((place, reason)) => {
                used.insert(place);
                waived.push(Waived {
                    code: finding.diagnostic.code,
                    message: finding.diagnostic.message,
                    reason: reason.to_owned(),
                    span: finding.diagnostic.span,
                });
            }
            None => kept.push(finding.diagnostic),
        }
    }
    report_odd_waivers(plan, &used, wanted, found);
    (kept, waived)
}

fn waiver<'a>(allow: &'a Allow, code: &str) -> Option<(Span, &'a str)> {
    let (key, reason) = allow.iter().find(|(key, _)| key.value == code)?;
    Some((key.span, &reason.value))
}

fn report_odd_waivers(
    plan: &CompiledPlan,
    used: &FxHashSet<Span>,
    wanted: Wanted,
    found: &mut Vec<Diagnostic>,
) {
    let of_entries =
        plan.entries().iter().filter(|entry| !entry.after_previous && !entry.beside_previous);
    let all = of_entries
        .filter_map(|entry| entry.allow())
        .chain(plan.plan.phases.iter().filter_map(|phase| phase.allow.as_ref()))
        .chain(&plan.plan.file.allow);
    for (key, reason) in all.flat_map(|allow| allow.iter()) {
        if !codes().any(|code| code == key.value) {
            let mut diagnostic = Diagnostic::error(
                "unknown-lint",
                key.span,
                format!("there is no rule `{}`", key.value),
            );
            if let Some(near) = nearest(&key.value, codes()) {
                diagnostic = diagnostic.label(format!("did you mean `{near}`?"));
            }
            found.push(diagnostic.help("`plan lints` lists the rules"));
        } else if !says_why(&reason.value) {
            found.push(
                Diagnostic::error(
                    "waiver-without-reason",
                    reason.span,
                    "a waiver needs a reason that a reviewer can judge",
                )
                .help("say why the rule does not matter here"),
            );
        } else if wanted == Wanted::All && !used.contains(&key.span) {
            // Such a rule may have nothing to say until an environment is laid over the plan.
            let waits_for_environment = plan.plan.environment.is_none()
                && rule(&key.value).is_some_and(|rule| rule.severity == Level::ErrorWhenProtected);
            if waits_for_environment {
                continue;
            }
            found.push(
                Diagnostic::warning(
                    "unused-waiver",
                    key.span,
                    format!("`{}` finds nothing here: there is nothing to waive", key.value),
                )
                .help("remove the waiver"),
            );
        }
    }
}

/// A word like "ok" is no reason.
fn says_why(reason: &str) -> bool {
    reason
        .split_whitespace()
        .filter(|word| word.chars().filter(|c| c.is_alphabetic()).count() > 1)
        .count()
        >= 2
}

/// For the tests of rules: the places that a rule marks in a plan.
#[cfg(test)]
pub mod testing {
    use super::*;
    use crate::folder::MemoryFolder;
    use crate::validate::{self, Setting};

    /// Holds a plan against one rule: each finding as `marked text|message`.
    pub fn check(rule: &Rule, plan: &str, expected: &[&str]) {
        check_with(rule, plan, &MemoryFolder::default(), None, expected);
    }

    pub fn check_with(
        rule: &Rule,
        plan: &str,
        folder: &MemoryFolder,
        environment: Option<&str>,
        expected: &[&str],
    ) {
        let mut sources = Sources::default();
        let setting = Setting { environment: environment.map(str::to_owned), set: Vec::new() };
        let folder = folder.clone().with("plan.yaml", plan);
        let outcome = validate::plan(&mut sources, &folder, "plan.yaml", &setting);
        let wrong: Vec<_> =
            outcome.diagnostics.iter().filter(|d| !codes().any(|code| code == d.code)).collect();
        assert!(wrong.is_empty(), "the plan of this test is wrong in itself: {wrong:#?}");
        let mine = outcome.diagnostics.iter().filter(|d| d.code == rule.code);
        let got: Vec<_> = mine
            .map(|d| {
                format!("{}|{}", sources.slice(d.span).lines().next().unwrap_or(""), d.message)
            })
            .collect();
        assert_eq!(got, expected, "{plan}");
    }

    /// With no environment and with a protected one, where some rules speak only.
    fn fires(rule: &Rule, plan: &str) -> usize {
        [None, Some("prod")].map(|environment| fires_in(rule, plan, environment)).iter().sum()
    }

    fn fires_in(rule: &Rule, plan: &str, environment: Option<&str>) -> usize {
        let mut sources = Sources::default();
        let folder = example_folder().with("plan.yaml", plan);
        let setting = Setting { environment: environment.map(str::to_owned), set: Vec::new() };
        let outcome = validate::plan(&mut sources, &folder, "plan.yaml", &setting);
        let errors: Vec<_> =
            outcome.diagnostics.iter().filter(|d| !codes().any(|code| code == d.code)).collect();
        assert!(errors.is_empty(), "the example of {} is wrong in itself: {errors:#?}", rule.code);
        outcome.diagnostics.iter().filter(|d| d.code == rule.code).count()
    }

    /// The files that examples may name.
    pub fn example_folder() -> MemoryFolder {
        MemoryFolder::default()
            .with(
                "migrations/V1_1__add_colour.sql",
                "set lock_timeout = '2s';\nalter table orders add column colour text;\n",
            )
            .with(
                "migrations/rollback/V1_1__rollback.sql",
                "set lock_timeout = '2s';\nalter table orders drop column if exists colour;\n",
            )
            .with("environments/prod.yaml", "environment: prod\nprotected: true\n")
    }

    #[test]
    fn every_example_shows_its_rule() {
        for rule in RULES {
            assert!(fires(rule, rule.bad) > 0, "{}: its bad example is not refused", rule.code);
            assert_eq!(fires(rule, rule.good), 0, "{}: its good example is refused", rule.code);
        }
    }

    #[test]
    fn every_rule_is_a_file_of_its_name_and_is_explained() {
        for rule in RULES {
            let file = format!(
                "{}/src/lint/{}.rs",
                env!("CARGO_MANIFEST_DIR"),
                rule.code.replace('-', "_")
            );
            assert!(std::path::Path::new(&file).exists(), "{file}");
            assert!(
                rule.why.split_whitespace().count() >= 15,
                "{} does not say why it exists",
                rule.code
            );
            assert!(!rule.about.is_empty());
        }
        let mut codes: Vec<_> = codes().collect();
        codes.sort_unstable();
        let count = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), count, "two rules of one name");
    }

    #[test]
    fn waivers_are_found_beside_the_step_in_the_phase_and_in_the_plan() {
        let plan = |at_plan: &str, at_phase: &str, at_step: &str| {
            format!(
                "plan: p\n{at_plan}\nphases:\n  - phase: a\n    {at_phase}\n    steps:\n      - step: x\n        run: ./change\n        {at_step}\n"
            )
        };
        let allow = "allow: { inverse-missing: nobody uses this machine }";
        let rule = rule("inverse-missing").unwrap();
        check(rule, &plan("", "", ""), &["x|nothing says how `x` is undone"]);
        check(rule, &plan(allow, "", ""), &[]);
        check(rule, &plan("", allow, ""), &[]);
        check(rule, &plan("", "", allow), &[]);
    }
}
