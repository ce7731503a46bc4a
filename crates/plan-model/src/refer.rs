//! Names and notations that a plan uses: templates, needs, connections, hosts, patterns, addresses,
//! zones, cron lines. Each unknown one with its place and the nearest that is known.

use crate::diagnostic::Diagnostic;
use crate::graph::{CompiledPlan, unknown_entry};
use crate::inputs::Scope;
use crate::model::action::{Action, ActionKeys};
use crate::model::check::Check;
use crate::model::plan::OnFailure;
use crate::model::read::{Leaf, LeafKind, Walk};
use crate::model::value::Estimate;
use crate::notation::{Opening, OpeningDay};
use crate::place::within;
use crate::resolve::{EntryOf, What};
use crate::schema::nearest;
use crate::source::{Sources, Span};
use crate::template::{self, Reference, Scanned};

/// What every run knows about itself.
const RUN_NAMES: &[&str] = &["id", "started", "by", "folder"];
const PLAN_NAMES: &[&str] = &["id", "title", "version"];
const ENVIRONMENT_NAMES: &[&str] = &["id", "title"];
/// What every step knows once it has ended.
const STEP_NAMES: &[&str] = &["started", "ended", "skipped"];

pub fn check(plan: &CompiledPlan, sources: &Sources, found: &mut Vec<Diagnostic>) {
    let mut referrer = Referrer { plan, sources, found };
    referrer.around();
    for (at, phase) in plan.plan.phases.iter().enumerate() {
        let first = phase.entries.end;
        let scene = Scene {
            entry: None,
            phase: Some((at, first)),
            rollback: false,
            extra: &[],
            scope: phase.scope,
        };
        phase.watch.walk(&mut |leaf| referrer.leaf(leaf, scene));
    }
    for (at, entry) in plan.entries().iter().enumerate() {
        // What a loop repeats is written once.
        if entry.beside_previous || entry.after_previous {
            continue;
        }
        referrer.entry(at, entry);
    }
}

/// An environment file on its own: what can be told without the plan.
pub fn environment(
    environment: &crate::model::plan::EnvironmentFile,
    sources: &Sources,
    found: &mut Vec<Diagnostic>,
) {
    let openings = environment.window.iter().map(|window| &window.opens);
    for opens in openings.chain(environment.busy.iter().flatten().map(|busy| &busy.opens)) {
        opening(&opens.value, opens.span, found);
    }
    environment.walk(&mut |leaf| match leaf.kind {
        LeafKind::Zone => zone(leaf, found),
        LeafKind::Pattern => pattern(leaf, found),
        _ if template::has_template(leaf.text) => {
            if let Some(problem) = template::scan(leaf.text).problem {
                let place = within(sources, leaf.span, leaf.text, problem.range);
                let message = format!("this template cannot be read: {}", problem.message);
                found.push(
                    Diagnostic::error(problem.code, place, message)
                        .help("docs/reference.md shows what templates can do"),
                );
            }
        }
        LeafKind::Url => url(leaf, found),
        _ => {}
    });
}

/// Where a text stands: decides which names it may use.
#[derive(Clone, Copy)]
struct Scene<'p> {
    entry: Option<usize>,
    phase: Option<(usize, usize)>,
    rollback: bool,
    extra: &'p [&'p str],
    scope: usize,
}

struct Referrer<'p, 'f> {
    plan: &'p CompiledPlan,
    sources: &'p Sources,
    found: &'f mut Vec<Diagnostic>,
}

impl<'p> Referrer<'p, '_> {
    /// Everything that stands around the phases.
    fn around(&mut self) {
        let plan = &self.plan.plan;
        let scene = Scene { entry: None, phase: None, rollback: false, extra: &[], scope: 0 };
        plan.requires.walk(&mut |leaf| self.leaf(leaf, scene));
        for (_, connection) in &plan.connections {
            connection.walk(&mut |leaf| self.leaf(leaf, scene));
        }
        for (_, host) in &plan.hosts {
            host.walk(&mut |leaf| self.leaf(leaf, scene));
        }
        plan.contacts.walk(&mut |leaf| self.leaf(leaf, scene));
        plan.busy.walk(&mut |leaf| self.leaf(leaf, scene));
        plan.window.walk(&mut |leaf| self.leaf(leaf, scene));
        let file = &plan.file;
        self.estimate(file.estimate);
        for phase in &plan.phases {
            self.estimate(phase.estimate);
        }
        file.title.walk(&mut |leaf| self.leaf(leaf, scene));
        file.change.walk(&mut |leaf| self.leaf(leaf, scene));
        file.schedule.walk(&mut |leaf| self.leaf(leaf, scene));
        file.state.walk(&mut |leaf| self.leaf(leaf, scene));
        let openings = plan
            .window
            .iter()
            .map(|window| &window.opens)
            .chain(plan.busy.iter().map(|busy| &busy.opens));
        for opens in openings {
            opening(&opens.value, opens.span, self.found);
        }
        let roles: Vec<&str> =
            plan.contacts.iter().map(|contact| contact.role.value.as_str()).collect();
        for escalation in file.escalation.iter().flatten() {
            let role = &escalation.tell;
            if !roles.contains(&role.value.as_str()) {
                let mut diagnostic = Diagnostic::error(
                    "unknown-contact",
                    role.span,
                    format!("nobody among the contacts has the role `{}`", role.value),
                );
                if let Some(near) = nearest(&role.value, roles.iter().copied()) {
                    diagnostic = diagnostic.label(format!("did you mean `{near}`?"));
                }
                self.found.push(diagnostic.help("add this role to `contacts`"));
            }
        }
    }

    /// `15m..5m`: nobody can tell which of the two is meant.
    fn estimate(&mut self, estimate: Option<Estimate>) {
        if let Some(estimate) = estimate.filter(|estimate| estimate.range.is_backwards()) {
            self.found.push(
                Diagnostic::error(
                    "bad-range",
                    estimate.span,
                    "the optimistic time is longer than the pessimistic one",
                )
                .help("write the shorter one first, such as 5m..15m"),
            );
        }
    }

    fn entry(&mut self, at: usize, entry: &'p EntryOf) {
        let scene =
            Scene { entry: Some(at), phase: None, rollback: false, extra: &[], scope: entry.scope };
        match &entry.what {
            What::Checkpoint(checkpoint) => {
                self.estimate(checkpoint.estimate);
                checkpoint.title.walk(&mut |leaf| self.leaf(leaf, scene));
                checkpoint.about.walk(&mut |leaf| self.leaf(leaf, scene));
                checkpoint.checks.walk(&mut |leaf| self.leaf(leaf, scene));
                checkpoint.within.walk(&mut |leaf| self.leaf(leaf, scene));
                checkpoint.every.walk(&mut |leaf| self.leaf(leaf, scene));
                self.when(entry, scene);
            }
            What::Step(step) => {
                self.estimate(step.estimate);
                step.title.walk(&mut |leaf| self.leaf(leaf, scene));
                step.about.walk(&mut |leaf| self.leaf(leaf, scene));
                self.surroundings(&step.surroundings, &step.actions, scene);
                self.actions(&step.actions, scene);
                step.outputs.walk(&mut |leaf| self.leaf(leaf, scene));
                step.progress.walk(&mut |leaf| self.leaf(leaf, scene));
                step.changes.walk(&mut |leaf| self.leaf(leaf, scene));
                step.probe.walk(&mut |leaf| self.leaf(leaf, scene));
                self.when(entry, scene);
                for rollback in step.rollback.iter().flat_map(|many| many.iter()) {
                    let scene = Scene { rollback: true, ..scene };
                    self.estimate(rollback.estimate);
                    rollback.title.walk(&mut |leaf| self.leaf(leaf, scene));
                    self.surroundings(&rollback.surroundings, &rollback.actions, scene);
                    self.actions(&rollback.actions, scene);
                    rollback.probe.walk(&mut |leaf| self.leaf(leaf, scene));
                    if let Some(when) = &rollback.when {
                        self.expression(&when.value, when.span, scene);
                    }
                }
            }
        }
        self.on_failure(at, entry);
    }

    fn actions(&mut self, actions: &'p ActionKeys, scene: Scene<'_>) {
        let extra: &[&str] = match actions.iter().next() {
            Some(Action::Migrate(_)) => &["target"],
            Some(Action::Service(_)) => &["service"],
            _ => &[],
        };
        let scene = Scene { extra, ..scene };
        actions.walk(&mut |leaf| self.leaf(leaf, scene));
    }

    /// `on` is a connection for SQL and a host for everything else.
    fn surroundings(
        &mut self,
        around: &'p crate::model::plan::Surroundings,
        actions: &ActionKeys,
        scene: Scene<'_>,
    ) {
        let of_sql = actions.sql.is_some();
        around.walk(&mut |leaf| {
            let kind = if of_sql && leaf.kind == LeafKind::Host {
                LeafKind::Connection
            } else {
                leaf.kind
            };
            self.leaf(Leaf { kind, ..leaf }, scene);
        });
    }

    fn when(&mut self, entry: &'p EntryOf, scene: Scene<'_>) {
        if let Some(when) = entry.when()
            && entry.conditional
        {
            self.expression(&when.value, when.span, scene);
        }
    }

    fn on_failure(&mut self, at: usize, entry: &EntryOf) {
        let OnFailure::To(to) = crate::graph::on_failure(entry) else { return };
        let id = &to.rollback_to;
        match self.plan.by_id(&id.value) {
            Some(goal) if self.plan.entry(goal).checkpoint().is_none() => {
                self.found.push(
                    Diagnostic::error(
                        "unknown-checkpoint",
                        id.span,
                        format!("`{}` is a step, not a checkpoint", id.value),
                    )
                    .help("a run can go back to a checkpoint only"),
                );
            }
            Some(goal) if !self.plan.is_before(goal, at) => {
                self.found.push(
                    Diagnostic::error(
                        "unordered-reference",
                        id.span,
                        format!("`{}` is not always passed before `{}`", id.value, entry.id),
                    )
                    .related(self.plan.entry(goal).span, "the checkpoint")
                    .help("name a checkpoint that stands above"),
                );
            }
            Some(_) => {}
            None => self.found.push(unknown_entry(
                "unknown-checkpoint",
                &id.value,
                id.span,
                &self.plan.plan,
            )),
        }
    }

    fn leaf(&mut self, leaf: Leaf<'p>, scene: Scene<'_>) {
        match leaf.kind {
            LeafKind::Entry => return self.entry_ref(leaf, scene),
            LeafKind::Expression => return,
            _ => {}
        }
        if template::has_template(leaf.text) {
            let scanned = template::scan(leaf.text);
            self.scanned(&scanned, leaf.text, leaf.span, scene);
            return;
        }
        match leaf.kind {
            LeafKind::Pattern => pattern(leaf, self.found),
            LeafKind::Url => url(leaf, self.found),
            LeafKind::Zone => zone(leaf, self.found),
            LeafKind::Cron => cron(leaf, self.found),
            LeafKind::Host => self.host(leaf),
            LeafKind::Connection => self.connection(leaf),
            _ => {}
        }
    }

    fn expression(&mut self, text: &str, span: Span, scene: Scene<'_>) {
        let scanned = template::scan_expression(text);
        if scanned.problem.is_none() {
            self.scanned(&scanned, text, span, scene);
        }
    }

    fn scanned(&mut self, scanned: &Scanned<'_>, text: &str, span: Span, scene: Scene<'_>) {
        if let Some(problem) = &scanned.problem {
            let place = within(self.sources, span, text, problem.range.clone());
            let mut diagnostic = Diagnostic::error(
                problem.code,
                place,
                format!("this template cannot be read: {}", problem.message),
            );
            diagnostic = if problem.code == "unknown-filter" {
                diagnostic.message = problem.message.clone();
                diagnostic.help("docs/reference.md lists the filters")
            } else {
                diagnostic.help(
                    "braces that are not a template: write {{ '{{' }}, or {% raw %}…{% endraw %}",
                )
            };
            self.found.push(diagnostic);
        }
        for reference in &scanned.references {
            if let Some(diagnostic) = self.reference(reference, scene) {
                let place = within(self.sources, span, text, reference.range.clone());
                self.found.push(Diagnostic { span: place, ..diagnostic });
            }
        }
    }

    /// What is wrong with a name, if anything; the place is filled in by the caller.
    fn reference(&self, reference: &Reference<'_>, scene: Scene<'_>) -> Option<Diagnostic> {
        let mut parts = reference.path.split('.');
        let root = parts.next().unwrap_or("");
        let (second, third) = (parts.next(), parts.next());
        let scope = &self.plan.plan.scopes[scene.scope];
        if scope.get(root).is_some() {
            return None;
        }
        match root {
            "steps" | "checkpoints" => self.earlier(reference, root, second, third, scene, scope),
            "self" if scene.rollback => self.own(reference, second, scene),
            "self" => Some(wrong(
                "unknown-name",
                "`self` is the step that is undone: it is known in `rollback` only",
                "name an output with steps.ID.NAME",
            )),
            "run" => one_of("run", second, RUN_NAMES),
            "plan" => one_of("plan", second, PLAN_NAMES),
            "environment" => one_of("environment", second, ENVIRONMENT_NAMES),
            "host" => None,
            "item" => {
                let looped = scene.entry.is_some_and(|at| self.plan.entry(at).item.is_some());
                let looped = looped
                    || scene.entry.is_some_and(|at| {
                        self.plan.entry(at).step().is_some_and(|step| step.for_each.is_some())
                    });
                (!looped).then(|| {
                    wrong(
                        "unknown-name",
                        "`item` is known in a step with `for_each` only",
                        "add `for_each:`, or name an input",
                    )
                })
            }
            other if scene.extra.contains(&other) => None,
            other => Some(self.unknown_name(other, scope)),
        }
    }

    fn unknown_name(&self, name: &str, scope: &Scope) -> Diagnostic {
        let inputs = scope.inputs.iter().map(|input| input.name.as_str());
        let near = nearest(
            name,
            inputs.clone().chain(["steps", "checkpoints", "run", "plan", "environment", "item"]),
        );
        let mut diagnostic = Diagnostic::error(
            "unknown-name",
            Span::default(),
            format!("nothing is named `{name}` here"),
        );
        if let Some(near) = near {
            diagnostic = diagnostic.label(format!("did you mean `{near}`?"));
        }
        let inputs: Vec<_> = inputs.collect();
        if inputs.is_empty() {
            diagnostic.help("declare it under `inputs:`")
        } else if inputs.len() <= 12 {
            diagnostic.help(format!(
                "inputs: {}; a new one is declared under `inputs:`",
                inputs.join(", ")
            ))
        } else {
            diagnostic.help("declare it under `inputs:`")
        }
    }

    /// `steps.ID.NAME` and `checkpoints.ID.NAME`.
    fn earlier(
        &self,
        reference: &Reference<'_>,
        root: &str,
        id: Option<&str>,
        name: Option<&str>,
        scene: Scene<'_>,
        scope: &Scope,
    ) -> Option<Diagnostic> {
        let Some(id) = id else {
            return Some(wrong(
                "unknown-name",
                &format!("`{root}` needs an id and a name"),
                &format!("write {root}.ID.NAME"),
            ));
        };
        let plain = id.replace('_', "-");
        let prefixed = format!("{}-{plain}", scope.prefix);
        let at = self
            .plan
            .by_id(&prefixed)
            .filter(|_| !scope.prefix.is_empty())
            .or_else(|| self.plan.by_id(&plain));
        let Some(at) = at else {
            let plan = &self.plan.plan;
            if let Some(group) = plan.groups.get(&plain) {
                let first = &self.plan.entry(group[0]).id;
                return Some(wrong(
                    "unknown-step",
                    &format!("`{plain}` stands for several steps"),
                    &format!("name one of them, such as {root}.{}", first.replace('-', "_")),
                ));
            }
            if plan.left_out.contains(&plain) {
                return (!reference.optional).then(|| {
                    wrong(
                        "output-may-be-missing",
                        &format!("`{plain}` does not run with these inputs"),
                        "give a value for that case: | default('…')",
                    )
                });
            }
            if plan.refused_ids.contains(&plain) {
                return None;
            }
            let known = self.plan.entries().iter().map(|entry| entry.id.as_str());
            let mut diagnostic = Diagnostic::error(
                "unknown-step",
                Span::default(),
                format!("there is no step or checkpoint `{plain}`"),
            );
            if let Some(near) = nearest(&plain, known) {
                diagnostic =
                    diagnostic.label(format!("did you mean `{}`?", near.replace('-', "_")));
            }
            return Some(diagnostic.help(
                "in templates a hyphen is written as an underscore: steps.save_database.path",
            ));
        };
        let entry = self.plan.entry(at);
        if (root == "steps") != entry.step().is_some() {
            let better = if root == "steps" { "checkpoints" } else { "steps" };
            return Some(
                wrong(
                    "unknown-step",
                    &format!(
                        "`{}` is a {}",
                        entry.id,
                        if root == "steps" { "checkpoint" } else { "step" }
                    ),
                    &format!("write {better}.{id}"),
                )
                .related(entry.span, "it stands here"),
            );
        }
        if let Some(diagnostic) = name.and_then(|name| unknown_output(entry, name)) {
            return Some(diagnostic);
        }
        let ordered = match (scene.entry, scene.phase) {
            (Some(own), _) if own == at => scene.rollback,
            (Some(own), _) => self.plan.is_before(at, own),
            (None, Some((phase, _))) => entry.phase < phase,
            (None, None) => false,
        };
        if !ordered {
            let message = match scene.entry {
                Some(own) if own == at => format!("`{}` cannot use what it gives itself", entry.id),
                Some(own) => format!(
                    "`{}` does not always end before `{}` starts",
                    entry.id,
                    self.plan.entry(own).id
                ),
                None => format!("`{}` has not run when this is needed", entry.id),
            };
            return Some(
                wrong("unordered-reference", &message, "add it to `needs`, or move the step down")
                    .related(entry.span, "its output is used above or beside"),
            );
        }
        let own_when =
            scene.entry.and_then(|own| self.plan.entry(own).when()).map(|when| &when.value);
        let same_when = entry.when().map(|when| &when.value) == own_when;
        if entry.conditional && !same_when && !reference.optional {
            return Some(
                wrong(
                    "output-may-be-missing",
                    &format!("`{}` may be skipped: then it has no output", entry.id),
                    "give a value for that case: | default('…')",
                )
                .related(entry.span, "it has a `when`"),
            );
        }
        None
    }

    /// `self.NAME` in a rollback step.
    fn own(
        &self,
        reference: &Reference<'_>,
        name: Option<&str>,
        scene: Scene<'_>,
    ) -> Option<Diagnostic> {
        let name = name?;
        if name == "previous" || reference.optional {
            return None;
        }
        let entry = self.plan.entry(scene.entry?);
        if let Some(diagnostic) = unknown_output(entry, name) {
            return Some(diagnostic);
        }
        Some(wrong(
            "output-may-be-missing",
            &format!("`self.{name}` is not there when `{}` fails before it gives it", entry.id),
            "a failed step is rolled back too: use self.previous, or | default('…')",
        ))
    }

    fn entry_ref(&mut self, leaf: Leaf<'_>, scene: Scene<'_>) {
        let scope = &self.plan.plan.scopes[scene.scope];
        let prefixed = if scope.prefix.is_empty() {
            leaf.text.to_owned()
        } else {
            format!("{}-{}", scope.prefix, leaf.text)
        };
        let plan = &self.plan.plan;
        let known = self.plan.by_id(&prefixed).or_else(|| self.plan.by_id(leaf.text));
        if known.is_some()
            || plan.groups.contains_key(leaf.text)
            || plan.left_out.contains(&prefixed)
            || plan.refused_ids.contains(leaf.text)
        {
            if let (Some(at), Some(own)) = (known, scene.entry)
                && at != own
                && !self.plan.is_before(at, own)
            {
                let message = format!(
                    "`{}` does not always end before `{}` starts",
                    leaf.text,
                    self.plan.entry(own).id
                );
                self.found.push(
                    Diagnostic::error("unordered-reference", leaf.span, message)
                        .related(self.plan.entry(at).span, "the step that is meant")
                        .help("add it to `needs`, or move the step down"),
                );
            }
            return;
        }
        // A backup check may name a connection as well as a step.
        if plan.connection(leaf.text).is_some() {
            return;
        }
        self.found.push(unknown_entry("unknown-step", leaf.text, leaf.span, plan));
    }

    fn connection(&mut self, leaf: Leaf<'_>) {
        let plan = &self.plan.plan;
        if plan.connection(leaf.text).is_some() || (plan.in_part && plan.connections.is_empty()) {
            return;
        }
        let known = plan.connections.iter().map(|(id, _)| id.value.as_str());
        let mut diagnostic = Diagnostic::error(
            "unknown-connection",
            leaf.span,
            format!("there is no connection `{}`", leaf.text),
        );
        if let Some(near) = nearest(leaf.text, known.clone()) {
            diagnostic = diagnostic.label(format!("did you mean `{near}`?"));
        }
        let all: Vec<_> = known.collect();
        self.found.push(if all.is_empty() {
            diagnostic.help("declare it under `connections:`")
        } else {
            diagnostic.help(format!("connections: {}", all.join(", ")))
        });
    }

    fn host(&mut self, leaf: Leaf<'_>) {
        let plan = &self.plan.plan;
        let groups = plan
            .hosts
            .iter()
            .flat_map(|(_, host)| host.groups.iter().flatten())
            .map(|id| id.value.as_str());
        let hosts = plan.hosts.iter().map(|(id, _)| id.value.as_str());
        let mut known = hosts.chain(groups).chain(["local"]);
        if known.clone().any(|name| name == leaf.text) {
            return;
        }
        let mut diagnostic = Diagnostic::error(
            "unknown-host",
            leaf.span,
            format!("there is no host or group `{}`", leaf.text),
        );
        if let Some(near) = nearest(leaf.text, &mut known) {
            diagnostic = diagnostic.label(format!("did you mean `{near}`?"));
        } else if plan.connection(leaf.text).is_some() {
            diagnostic = diagnostic.label("this is a connection");
        }
        self.found
            .push(diagnostic.help("declare it under `hosts:`, in the plan or in the environment"));
    }
}

fn pattern(leaf: Leaf<'_>, found: &mut Vec<Diagnostic>) {
    if regex_syntax::Parser::new().parse(leaf.text).is_ok() && !leaf.text.contains('{') {
        return;
    }
    if let Err(error) = regex::Regex::new(leaf.text) {
        found.push(bad_regex(leaf.span, &error));
    }
}

fn url(leaf: Leaf<'_>, found: &mut Vec<Diagnostic>) {
    let problem = match url::Url::parse(leaf.text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            format!("`{}` is not http or https", url.scheme())
        }
        Ok(url) if url.host_str().is_none() => "it names no host".to_owned(),
        Ok(_) => return,
        Err(error) => error.to_string(),
    };
    found.push(
        Diagnostic::error("bad-url", leaf.span, format!("this is not an address: {problem}"))
            .help("write it whole, such as http://127.0.0.1:8000/health"),
    );
}

fn zone(leaf: Leaf<'_>, found: &mut Vec<Diagnostic>) {
    let zones = jiff::tz::TimeZoneDatabase::bundled();
    if zones.get(leaf.text).is_ok() {
        return;
    }
    let names: Vec<String> = zones.available().map(|name| name.as_str().to_owned()).collect();
    let last = leaf.text.rsplit('/').next().unwrap_or("").replace(' ', "_").to_lowercase();
    let by_city = names
        .iter()
        .find(|name| name.to_lowercase().ends_with(&format!("/{last}")))
        .map(String::as_str);
    let mut diagnostic = Diagnostic::error(
        "bad-timezone",
        leaf.span,
        format!("there is no time zone `{}`", leaf.text),
    );
    if let Some(near) = by_city.or_else(|| nearest(leaf.text, names.iter().map(String::as_str))) {
        diagnostic = diagnostic.label(format!("did you mean `{near}`?"));
    }
    found.push(
        diagnostic.help("write its name in the IANA list, such as Africa/Porto-Novo, or UTC"),
    );
}

fn cron(leaf: Leaf<'_>, found: &mut Vec<Diagnostic>) {
    use std::str::FromStr;
    let fields = leaf.text.split_whitespace().count();
    let problem = if fields != 5 {
        Some(format!("it has {fields} fields, not 5"))
    } else {
        croner::Cron::from_str(leaf.text).err().map(|error| error.to_string())
    };
    if let Some(problem) = problem {
        found.push(
            Diagnostic::error("bad-cron", leaf.span, format!("this is not a cron line: {problem}"))
                .help("write minute, hour, day of month, month, day of week, such as: 0 3 * * *"),
        );
    }
}

fn opening(text: &str, span: Span, found: &mut Vec<Diagnostic>) {
    if let Some(Opening { day: OpeningDay::Once { year, month, day }, .. }) = Opening::parse(text)
        && jiff::civil::Date::new(year, month, day).is_err()
    {
        found.push(
            Diagnostic::error(
                "bad-opening",
                span,
                format!("there is no day {year:04}-{month:02}-{day:02}"),
            )
            .help("look at the calendar"),
        );
    }
}

fn wrong(code: &'static str, message: &str, help: &str) -> Diagnostic {
    Diagnostic::error(code, Span::default(), message).help(help)
}

fn one_of(root: &str, name: Option<&str>, known: &[&str]) -> Option<Diagnostic> {
    let all = known.iter().map(|name| format!("{root}.{name}")).collect::<Vec<_>>().join(", ");
    match name {
        Some(name) if known.contains(&name) => None,
        Some(name) => {
            let mut diagnostic = wrong(
                "unknown-name",
                &format!("`{root}` has no `{name}`"),
                &format!("there are: {all}"),
            );
            if let Some(near) = nearest(name, known.iter().copied()) {
                diagnostic = diagnostic.label(format!("did you mean `{near}`?"));
            }
            Some(diagnostic)
        }
        None => Some(wrong(
            "unknown-name",
            &format!("`{root}` alone is no value"),
            &format!("there are: {all}"),
        )),
    }
}

/// The names that an entry gives to later ones.
pub fn outputs(entry: &EntryOf) -> Vec<String> {
    match &entry.what {
        What::Checkpoint(checkpoint) => names_kept(&checkpoint.checks),
        What::Step(step) => {
            let natural =
                step.actions.iter().flat_map(|action| action.facts().outputs().iter().copied());
            let own = step
                .outputs
                .iter()
                .flat_map(|entries| entries.iter())
                .map(|(name, _)| name.value.clone());
            natural.map(str::to_owned).chain(own).collect()
        }
    }
}

fn names_kept(checks: &[Check]) -> Vec<String> {
    checks.iter().filter_map(|check| Some(check.common().save_as.as_ref()?.value.clone())).collect()
}

fn unknown_output(entry: &EntryOf, name: &str) -> Option<Diagnostic> {
    let known = outputs(entry);
    if known.iter().any(|known| known == name) || STEP_NAMES.contains(&name) {
        return None;
    }
    let mut diagnostic = Diagnostic::error(
        "unknown-output",
        Span::default(),
        format!("`{}` gives no `{name}`", entry.id),
    )
    .related(entry.span, "it stands here");
    if let Some(near) = nearest(name, known.iter().map(String::as_str)) {
        diagnostic = diagnostic.label(format!("did you mean `{near}`?"));
    }
    let help = match (&entry.what, known.is_empty()) {
        (What::Checkpoint(_), _) => format!("give a check of `{}` the key `as: {name}`", entry.id),
        (What::Step(_), true) => format!("declare it: outputs: {{ {name}: stdout }}"),
        (What::Step(_), false) => {
            format!("it gives: {}; more are declared under `outputs:`", known.join(", "))
        }
    };
    Some(diagnostic.help(help))
}

pub fn bad_regex(span: Span, error: &regex::Error) -> Diagnostic {
    let text = error.to_string();
    let reason = text.lines().last().unwrap_or("").trim_start_matches("error: ").to_owned();
    Diagnostic::error("bad-regex", span, format!("this is not a regular expression: {reason}"))
        .help("a backslash is written once in plain or single-quoted text, twice between double quotes")
}
