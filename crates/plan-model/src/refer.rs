//! Names and notations that a plan uses: templates, needs, connections, hosts, patterns, addresses,
//! zones, cron lines. Each unknown one with its place and the nearest that is known.

use crate::diagnostic::Diagnostic;
use crate::graph::{CompiledPlan, unknown_entry};
use crate::inputs::Scope;
use crate::model::action::files::FileChange;
use crate::model::action::{Action, ActionKeys};
use crate::model::check::Check;
use crate::model::plan::OnFailure;
use crate::model::read::{Leaf, LeafKind, Walk};
use crate::model::value::Estimate;
use crate::notation::{NOTATIONS, Opening, OpeningDay};
use crate::place::within;
use crate::resolve::{EntryOf, What};
use crate::schema::nearest;
use crate::source::{Sources, Span};
use crate::template::{self, Reference, Scanned};

/// What every run knows about itself.
const RUN_NAMES: &[&str] = &["id", "started", "by", "folder"];
const PLAN_NAMES: &[&str] = &["id", "title", "version"];
const ENVIRONMENT_NAMES: &[&str] = &["id", "title"];
/// What texts know besides inputs, once the run has begun.
const INPUTS_BESIDE: &[&str] =
    &["steps", "checkpoints", "self", "run", "plan", "environment", "item", "host"];
/// What every step knows once it has ended.
const STEP_NAMES: &[&str] = &["started", "ended", "skipped"];

pub fn check(plan: &CompiledPlan, sources: &Sources, found: &mut Vec<Diagnostic>) {
    let mut referrer = Referrer { plan, sources, found };
    referrer.around();
    for (at, phase) in plan.plan.phases.iter().enumerate() {
        let first = phase.entries.end;
        let scene =
            Scene { entry: None, phase: Some((at, first)), scope: phase.scope, ..Scene::default() };
        phase.watch.walk(&mut |leaf| referrer.leaf(leaf, scene));
    }
    for (at, entry) in plan.entries().iter().enumerate() {
        // What a loop repeats is written once.
        if entry.beside_previous || entry.after_previous {
            continue;
        }
        let scene = Scene { entry: Some(at), scope: entry.scope, ..Scene::default() };
        referrer.entry(entry, scene);
        referrer.on_failure(at, entry);
    }
    for entry in &plan.plan.absent {
        let scene = Scene { absent: Some(entry), scope: entry.scope, ..Scene::default() };
        referrer.entry(entry, scene);
    }
    for early in &plan.plan.early {
        let scene = Scene { early: true, scope: early.scope, ..Scene::default() };
        if early.is_expression {
            referrer.expression(&early.text, early.span, scene);
        } else {
            let scanned = template::scan(&early.text);
            referrer.scanned(&scanned, &early.text, early.span, scene);
        }
    }
}

/// The template files that steps fill in: the same names, and those of `values`.
pub fn templates(
    plan: &CompiledPlan,
    files: &crate::named::NamedFiles,
    sources: &Sources,
    found: &mut Vec<Diagnostic>,
) {
    let mut referrer = Referrer { plan, sources, found };
    for (at, entry) in plan.entries().iter().enumerate() {
        let Some(step) = entry.step() else { continue };
        for change in step.actions.iter().flat_map(changes) {
            let FileChange::Template(fill) = change else { continue };
            let Some(file) = files.templates.get(&fill.template.span) else { continue };
            let own = fill.values.iter().flat_map(|values| values.iter());
            let own: Vec<&str> = own.map(|(name, _)| name.value.as_str()).collect();
            let scene =
                Scene { entry: Some(at), extra: &own, scope: entry.scope, ..Scene::default() };
            let span = Span::new(file.file, 0, file.text.len());
            let scanned = template::scan(&file.text);
            referrer.scanned(&scanned, &file.text, span, scene);
        }
    }
}

fn changes(action: Action<'_>) -> impl Iterator<Item = &FileChange> {
    let files = match action {
        Action::Files(changes) => Some(changes.iter()),
        _ => None,
    };
    files.into_iter().flatten()
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
#[derive(Clone, Copy, Default)]
struct Scene<'p> {
    entry: Option<usize>,
    /// An entry that does not take place with these inputs: nothing is before or after it.
    absent: Option<&'p EntryOf>,
    phase: Option<(usize, usize)>,
    rollback: bool,
    /// It is filled in before the run.
    early: bool,
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
        let scene = Scene::default();
        plan.requires.walk(&mut |leaf| self.leaf(leaf, scene));
        for (_, connection) in &plan.connections {
            connection.walk(&mut |leaf| self.leaf(leaf, scene));
        }
        for (_, host) in &plan.hosts {
            host.walk(&mut |leaf| self.leaf(leaf, scene));
        }
        plan.contacts.walk(&mut |leaf| self.leaf(leaf, scene));
        plan.mail.walk(&mut |leaf| self.leaf(leaf, scene));
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
                let known =
                    if roles.is_empty() { "nobody yet".to_owned() } else { roles.join(", ") };
                self.found.push(
                    diagnostic.help(format!("add this role to `contacts`, which has: {known}")),
                );
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

    fn entry(&mut self, entry: &'p EntryOf, scene: Scene<'p>) {
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
        let of_sql = actions.sql().is_some();
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
            && (entry.conditional || scene.absent.is_some())
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
            Some(goal) if self.plan.is_sound() && !self.plan.is_before(goal, at) => {
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
            let before = self.found.len();
            self.scanned(&scanned, leaf.text, leaf.span, scene);
            if self.found.len() == before {
                self.filled(leaf, scene);
            }
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

    /// What a template comes to, where inputs decide it, must be right as well.
    fn filled(&mut self, leaf: Leaf<'_>, scene: Scene<'_>) {
        let notation = match leaf.kind {
            LeafKind::Setting(name) => NOTATIONS.iter().find(|notation| notation.name == name),
            LeafKind::Url | LeafKind::Zone | LeafKind::Cron | LeafKind::Pattern => None,
            _ => return,
        };
        let known = minijinja::value::Value::from_pairs(self.plan.plan.scopes[scene.scope].known());
        let Ok(text) = template::render(leaf.text, LeafKind::Plain, &known) else { return };
        let first = self.found.len();
        let filled = Leaf { text: &text, ..leaf };
        match leaf.kind {
            LeafKind::Url => url(filled, self.found),
            LeafKind::Zone => zone(filled, self.found),
            LeafKind::Cron => cron(filled, self.found),
            LeafKind::Pattern => pattern(filled, self.found),
            _ => {
                let refused = notation.filter(|notation| !(notation.accepts)(&text));
                self.found.extend(refused.map(|notation| {
                    let message = format!("`{text}` is not {}", notation.what);
                    Diagnostic::error(notation.code, leaf.span, message).help(notation.rule)
                }));
            }
        }
        for diagnostic in &mut self.found[first..] {
            diagnostic.label = format!("with these inputs it is `{text}`");
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
            let shows_place = problem.message.contains("these braces");
            diagnostic = if matches!(problem.code, "unknown-filter" | "unknown-test") {
                diagnostic.message = problem.message.clone();
                diagnostic.help("docs/reference.md lists the filters and tests")
            } else if problem.message.starts_with("this block") || shows_place {
                diagnostic.message = problem.message.clone();
                diagnostic.help("write {{ name }}, or {{ '{{' }} for braces that are no template")
            } else {
                diagnostic.help(
                    "braces that are not a template: write {{ '{{' }}, or {% raw %}…{% endraw %}",
                )
            };
            self.found.push(diagnostic);
        }
        let mut hyphenated = 0;
        for reference in &scanned.references {
            if reference.range.start < hyphenated {
                continue;
            }
            if let Some((range, diagnostic)) = self.hyphenated(reference, text) {
                hyphenated = range.end;
                let place = within(self.sources, span, text, range);
                self.found.push(Diagnostic { span: place, ..diagnostic });
                continue;
            }
            if let Some(diagnostic) = self.reference(reference, scene) {
                let place = within(self.sources, span, text, reference.range.clone());
                self.found.push(Diagnostic { span: place, ..diagnostic });
            }
        }
    }

    /// `steps.save-database.path`: to a template, a hyphen is a minus.
    fn hyphenated(
        &self,
        reference: &Reference<'_>,
        text: &str,
    ) -> Option<(std::ops::Range<usize>, Diagnostic)> {
        let is_entry =
            reference.path.starts_with("steps.") || reference.path.starts_with("checkpoints.");
        let rest = text.get(reference.range.end..)?;
        if !is_entry || !rest.starts_with('-') {
            return None;
        }
        let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let length = rest.find(|c| !part(c)).unwrap_or(rest.len());
        let range = reference.range.start..reference.range.end + length;
        let written = text.get(range.clone())?;
        let id = written.split('.').nth(1)?;
        self.plan.by_id(id)?;
        let diagnostic = Diagnostic::error(
            "unknown-step",
            Span::default(),
            format!("in a template a hyphen is a minus: `{written}` subtracts"),
        )
        .help(format!("write {}", written.replace('-', "_")));
        Some((range, diagnostic))
    }

    /// What is wrong with a name, if anything; the place is filled in by the caller.
    fn reference(&self, reference: &Reference<'_>, scene: Scene<'_>) -> Option<Diagnostic> {
        let mut parts = reference.path.split('.');
        let root = parts.next().unwrap_or("");
        let (second, third) = (parts.next(), parts.next());
        let scope = &self.plan.plan.scopes[scene.scope];
        if scope.get(root).is_some() || scene.extra.contains(&root) || self.was_refused(root) {
            return None;
        }
        if scene.early {
            return Some(match INPUTS_BESIDE.contains(&root) {
                true => wrong(
                    "unknown-name",
                    &format!("`{root}` is not known yet: this is decided before the run"),
                    "only inputs can be named here",
                ),
                false => self.unknown_name(root, scope),
            });
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
                let entry = scene.entry.map(|at| self.plan.entry(at)).or(scene.absent);
                let step = entry.and_then(EntryOf::step);
                let looped = step.is_some_and(|step| step.for_each.is_some());
                (!looped).then(|| {
                    wrong(
                        "unknown-name",
                        "`item` is known in a step with `for_each` only",
                        "add `for_each:`, or name an input",
                    )
                })
            }
            other => Some(self.unknown_name(other, scope)),
        }
    }

    /// An input that stands in the text but was refused: what is wrong with it is said there.
    fn was_refused(&self, input: &str) -> bool {
        let refused = &self.plan.plan.refused_ids;
        !refused.is_empty()
            && (refused.contains("inputs.*") || refused.contains(&format!("inputs.{input}")))
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
        let outside = self.plan.plan.scopes.first().is_some_and(|root| root.get(name).is_some());
        if outside {
            diagnostic.help(format!(
                "an included plan sees its own inputs only: declare it there, and pass it on with: {{ {name}: \"{{{{ {name} }}}}\" }}"
            ))
        } else if inputs.is_empty() {
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
        let Some(name) = name else {
            let known = outputs(entry);
            let names = if known.is_empty() { "NAME".to_owned() } else { known.join(" or ") };
            return Some(wrong(
                "unknown-output",
                &format!("`{}` alone is no value", reference.path),
                &format!("name what it gives: {root}.{id}.{names}"),
            ));
        };
        if let Some(diagnostic) = unknown_output(entry, name) {
            return Some(diagnostic);
        }
        if scene.entry == Some(at) && scene.rollback {
            return self.own(reference, Some(name), scene);
        }
        let ordered = match (scene.entry, scene.phase) {
            _ if scene.absent.is_some() || !self.plan.is_sound() => true,
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
            let help = match scene.entry {
                Some(own) if own == at => {
                    "what a step gives is for later steps; its rollback names it as self.NAME"
                }
                Some(_) if scene.rollback => {
                    "a rollback knows what ran before its step, and self.previous"
                }
                Some(_) => "add it to `needs`, or move the step down",
                None if scene.phase.is_some() => "a `watch` knows what earlier phases gave",
                None => "only inputs are known here",
            };
            return Some(
                wrong("unordered-reference", &message, help).related(entry.span, "it stands here"),
            );
        }
        let own_when =
            scene.entry.and_then(|own| self.plan.entry(own).when()).map(|when| &when.value);
        let same_when = entry.when().map(|when| &when.value) == own_when;
        // Whether it was skipped is known of every step.
        let asks_that = name == "skipped";
        if entry.conditional && !same_when && !reference.optional && !asks_that {
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
        // When it started is known of every step that is rolled back.
        if matches!(name, "previous" | "started") || reference.optional {
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
                && self.plan.is_sound()
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
        let refused = &plan.refused_ids;
        let was_refused = refused.contains("connections.*")
            || refused.contains(&format!("connections.{}", leaf.text));
        if plan.connection(leaf.text).is_some() || was_refused {
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
        } else if plan.hosts.iter().any(|(id, _)| id.value == leaf.text) {
            diagnostic = diagnostic.label("this is a host");
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
        let refused = &plan.refused_ids;
        if refused.contains("hosts.*") || refused.contains(&format!("hosts.{}", leaf.text)) {
            return;
        }
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
        found.push(bad_regex(leaf.span, leaf.text, &error));
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
    let (problem, help) = if leaf.text.contains("://") {
        (problem, "write it whole, such as http://127.0.0.1:8000/health".to_owned())
    } else if leaf.text.starts_with('/') {
        ("it names no host".to_owned(), format!("write http://127.0.0.1:8000{}", leaf.text))
    } else {
        ("http:// or https:// is missing".to_owned(), format!("write http://{}", leaf.text))
    };
    let message = format!("this is not an address: {problem}");
    found.push(Diagnostic::error("bad-url", leaf.span, message).help(help));
}

fn zone(leaf: Leaf<'_>, found: &mut Vec<Diagnostic>) {
    let zones = jiff::tz::TimeZoneDatabase::bundled();
    if zones.get(leaf.text).is_ok() {
        return;
    }
    let names: Vec<String> = zones.available().map(|name| name.as_str().to_owned()).collect();
    let plain = |name: &str| name.to_lowercase().replace([' ', '-'], "_");
    let city = format!("/{}", plain(leaf.text.rsplit('/').next().unwrap_or("")));
    let by_city = names.iter().find(|name| plain(name).ends_with(&city)).map(String::as_str);
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
        Some(format!("it has {fields} field{}, not 5", if fields == 1 { "" } else { "s" }))
    } else {
        let error = croner::Cron::from_str(leaf.text).err().map(|error| error.to_string());
        error.map(|error| {
            let reason = error.rsplit(": ").next().unwrap_or("").trim_end_matches('.');
            reason.to_lowercase()
        })
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

pub fn bad_regex(span: Span, written: &str, error: &regex::Error) -> Diagnostic {
    let text = error.to_string();
    let reason = text.lines().last().unwrap_or("").trim_start_matches("error: ");
    let reason = match error {
        regex::Error::CompiledTooBig(_) => "its repetitions make it too large",
        _ => reason,
    };
    let help = match reason {
        _ if reason.contains("too large") => "make the numbers in braces smaller",
        _ if reason.contains("look-around") => {
            "match the text itself, or ask with two checks: there is no look-around"
        }
        _ if reason.contains("group") => r"close it, or write `\(` or `\)` for the sign itself",
        _ if reason.contains("class") => r"close it with `]`, or write `\[` for the sign itself",
        _ if reason.contains("repetition") => {
            r"write `.*` for any text, or a backslash before the sign itself"
        }
        _ if written.contains('\\') => {
            "a backslash is written once in plain or single-quoted text, twice between double quotes"
        }
        _ => "put a backslash before each sign that is meant as itself",
    };
    Diagnostic::error("bad-regex", span, format!("this is not a regular expression: {reason}"))
        .help(help)
}
