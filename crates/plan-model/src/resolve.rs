//! A plan with its includes, environment and inputs → one flat list of entries in phases:
//! `when` over inputs decided, `for_each` laid out. Orders nothing yet.

use std::ops::Range;
use std::sync::Arc;

use minijinja::value::Value as Filled;
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value as Json;

use crate::diagnostic::Diagnostic;
use crate::folder::beside;
use crate::inputs::{Given, Held, Scope, settle};
use crate::load::{Loaded, PlanTree};
use crate::model::check::Check;
use crate::model::plan::{
    Allow, Busy, Checkpoint, Connection, Contact, Entry, EnvironmentFile, Expression, Host,
    Include, Items, Mail, Phase, PhaseEntry, PlanFile, Step, Window,
};
use crate::model::value::{Entries, Estimate, Id, Text};
use crate::source::Span;
use crate::template;

/// A plan in one environment, flat, not ordered.
#[derive(Debug)]
pub struct Plan {
    pub file: PlanFile,
    pub environment: Option<EnvironmentFile>,
    /// The root's inputs first, then those of each include.
    pub scopes: Vec<Scope>,
    pub connections: Vec<(Id, Connection)>,
    pub hosts: Vec<(Id, Host)>,
    pub window: Option<Window>,
    pub busy: Vec<Busy>,
    pub requires: Vec<Check>,
    pub contacts: Vec<Contact>,
    pub mail: Option<Mail>,
    pub phases: Vec<PhaseOf>,
    pub entries: Vec<EntryOf>,
    /// Ids that a `when` over inputs took out: to need them is to need nothing.
    pub left_out: FxHashSet<String>,
    /// `for_each` steps by their own id → the entries made of them.
    pub groups: FxHashMap<String, Vec<usize>>,
    /// Parts were refused: that something is absent proves nothing.
    pub in_part: bool,
    /// Ids of entries that were refused but stand in the text.
    pub refused_ids: FxHashSet<String>,
    /// Entries that a `when` over inputs took out: their texts must be right all the same.
    pub absent: Vec<EntryOf>,
    /// Texts that are filled in before the run: only inputs are known there.
    pub early: Vec<Early>,
}

/// A text that is filled in while the plan is laid out.
#[derive(Debug, Clone)]
pub struct Early {
    pub text: String,
    pub span: Span,
    pub scope: usize,
    /// A bare expression, as in `when`.
    pub is_expression: bool,
}

#[derive(Debug)]
pub struct PhaseOf {
    pub id: String,
    pub title: Option<Text>,
    pub about: Option<Text>,
    pub maintenance: bool,
    pub estimate: Option<Estimate>,
    pub watch: Vec<Check>,
    pub allow: Option<Allow>,
    pub entries: Range<usize>,
    pub scope: usize,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub enum What {
    Step(Arc<Step>),
    Checkpoint(Arc<Checkpoint>),
}

#[derive(Debug, Clone)]
pub struct EntryOf {
    pub id: String,
    /// Where the id stands.
    pub span: Span,
    pub phase: usize,
    pub what: What,
    /// Ids that it waits for instead of all that stands above.
    pub needs: Option<Vec<(String, Span)>>,
    /// Of a `for_each` with `parallel`: starts with the entry before it.
    pub beside_previous: bool,
    /// Of a `for_each` without `parallel`: waits for the entry before it.
    pub after_previous: bool,
    pub item: Option<Json>,
    pub scope: usize,
    /// It may be skipped during the run.
    pub conditional: bool,
}

impl EntryOf {
    pub fn step(&self) -> Option<&Step> {
        match &self.what {
            What::Step(step) => Some(step),
            What::Checkpoint(_) => None,
        }
    }

    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        match &self.what {
            What::Step(_) => None,
            What::Checkpoint(checkpoint) => Some(checkpoint),
        }
    }

    pub fn title(&self) -> Option<&Text> {
        match &self.what {
            What::Step(step) => step.title.as_ref(),
            What::Checkpoint(checkpoint) => checkpoint.title.as_ref(),
        }
    }

    pub fn about(&self) -> Option<&Text> {
        match &self.what {
            What::Step(step) => step.about.as_ref(),
            What::Checkpoint(checkpoint) => checkpoint.about.as_ref(),
        }
    }

    pub fn allow(&self) -> Option<&Allow> {
        match &self.what {
            What::Step(step) => step.allow.as_ref(),
            What::Checkpoint(checkpoint) => checkpoint.allow.as_ref(),
        }
    }

    pub fn when(&self) -> Option<&Expression> {
        match &self.what {
            What::Step(step) => step.when.as_ref(),
            What::Checkpoint(checkpoint) => checkpoint.when.as_ref(),
        }
    }
}

impl Plan {
    /// Users or their data live in the environment that was named.
    pub fn is_protected(&self) -> bool {
        self.environment.as_ref().is_some_and(|environment| environment.protected == Some(true))
    }

    pub fn connection(&self, id: &str) -> Option<&Connection> {
        self.connections
            .iter()
            .find(|(known, _)| known.value == id)
            .map(|(_, connection)| connection)
    }

    /// The phases of the plan that happen while users are out.
    pub fn maintenance_phases(&self) -> impl Iterator<Item = (usize, &PhaseOf)> {
        self.phases.iter().enumerate().filter(|(_, phase)| phase.maintenance)
    }
}

pub fn resolve(
    tree: PlanTree,
    environment: Option<Loaded<EnvironmentFile>>,
    set: Vec<Given>,
    found: &mut Vec<Diagnostic>,
) -> Plan {
    let in_part = tree.in_part() || environment.as_ref().is_some_and(|loaded| loaded.in_part);
    let refused_ids = tree.known_ids().into_iter().collect();
    let environment = environment.map(|loaded| loaded.value);
    let mut given = Vec::new();
    if let Some(environment) = &environment {
        let origin = format!("environment {}", environment.environment.value);
        given.extend(
            environment.inputs.iter().flat_map(|entries| Given::from_entries(entries, &origin)),
        );
    }
    given.extend(set);
    let at = tree.plan.value.plan.span;
    let scope = settle(tree.plan.value.inputs.as_ref(), &given, "", at, found);
    let mut builder = Builder {
        scopes: vec![scope],
        phases: Vec::new(),
        entries: Vec::new(),
        left_out: FxHashSet::default(),
        groups: FxHashMap::default(),
        declarations: Declarations::default(),
        absent: Vec::new(),
        early: Vec::new(),
        found,
    };
    let file = builder.root(tree);
    let Builder { scopes, phases, entries, left_out, groups, declarations, absent, early, .. } =
        builder;
    let mut plan = Plan {
        connections: declarations.connections,
        hosts: declarations.hosts,
        window: file.window.clone(),
        busy: file.busy.clone().unwrap_or_default(),
        requires: file.requires.clone().unwrap_or_default(),
        contacts: file.contacts.clone().unwrap_or_default(),
        mail: file.mail.clone(),
        file,
        environment: None,
        scopes,
        phases,
        entries,
        left_out,
        groups,
        in_part,
        refused_ids,
        absent,
        early,
    };
    if let Some(environment) = environment {
        lay_over(&mut plan, environment);
    }
    plan
}

fn lay_over(plan: &mut Plan, environment: EnvironmentFile) {
    for (id, over) in environment.connections.iter().flat_map(|entries| &entries.0) {
        match plan.connections.iter_mut().find(|(known, _)| known.value == id.value) {
            Some((_, connection)) => merge_connection(connection, over),
            None => plan.connections.push((id.clone(), over.clone())),
        }
    }
    for (id, over) in environment.hosts.iter().flat_map(|entries| &entries.0) {
        match plan.hosts.iter_mut().find(|(known, _)| known.value == id.value) {
            Some((_, host)) => *host = over.clone(),
            None => plan.hosts.push((id.clone(), over.clone())),
        }
    }
    if let Some(window) = &environment.window {
        plan.window = Some(window.clone());
    }
    plan.busy.extend(environment.busy.iter().flatten().cloned());
    plan.requires.extend(environment.requires.iter().flatten().cloned());
    for contact in environment.contacts.iter().flatten() {
        match plan.contacts.iter_mut().find(|known| known.role.value == contact.role.value) {
            Some(known) => *known = contact.clone(),
            None => plan.contacts.push(contact.clone()),
        }
    }
    if let Some(mail) = &environment.mail {
        plan.mail = Some(mail.clone());
    }
    plan.environment = Some(environment);
}

/// Key by key: what the environment does not say stays as the plan says it.
fn merge_connection(connection: &mut Connection, over: &Connection) {
    macro_rules! take {
        ($($key:ident),*) => {$(if over.$key.is_some() { connection.$key = over.$key.clone(); })*};
    }
    // An address replaces the parts and the other way round: together they would contradict.
    if over.url.is_some() {
        connection.host = None;
        connection.port = None;
        connection.socket = None;
        connection.file = None;
    } else if over.host.is_some() || over.socket.is_some() || over.file.is_some() {
        connection.url = None;
    }
    take!(
        server, url, host, port, socket, file, database, user, password, tls, pool, timeout,
        log_sql, about
    );
}

#[derive(Default)]
struct Declarations {
    connections: Vec<(Id, Connection)>,
    hosts: Vec<(Id, Host)>,
}

struct Builder<'f> {
    scopes: Vec<Scope>,
    phases: Vec<PhaseOf>,
    entries: Vec<EntryOf>,
    left_out: FxHashSet<String>,
    groups: FxHashMap<String, Vec<usize>>,
    declarations: Declarations,
    absent: Vec<EntryOf>,
    early: Vec<Early>,
    found: &'f mut Vec<Diagnostic>,
}

type Included = FxHashMap<Span, PlanTree>;

impl Builder<'_> {
    fn root(&mut self, tree: PlanTree) -> PlanFile {
        let mut file = tree.plan.value;
        let mut included: Included = tree.included.into_iter().collect();
        self.declare(&mut file);
        self.phases_of(&mut file, 0, &mut included);
        file
    }

    fn declare(&mut self, file: &mut PlanFile) {
        for (id, connection) in file.connections.take().map(|entries| entries.0).unwrap_or_default()
        {
            if !self.declarations.connections.iter().any(|(known, _)| known.value == id.value) {
                self.declarations.connections.push((id, connection));
            }
        }
        for (id, host) in file.hosts.take().map(|entries| entries.0).unwrap_or_default() {
            if !self.declarations.hosts.iter().any(|(known, _)| known.value == id.value) {
                self.declarations.hosts.push((id, host));
            }
        }
    }

    fn phases_of(&mut self, file: &mut PlanFile, scope: usize, included: &mut Included) {
        for phase in file.phases.take().unwrap_or_default() {
            match phase {
                PhaseEntry::Phase(phase) => self.phase(*phase, scope, included),
                PhaseEntry::Include(include) => self.include_phases(&include, scope, included),
            }
        }
        if let Some(steps) = file.steps.take() {
            let phase = Phase {
                phase: file.plan.clone(),
                title: file.title.clone(),
                about: None,
                when: None,
                maintenance: None,
                estimate: None,
                watch: None,
                steps,
                allow: None,
                span: file.span,
            };
            self.phase(phase, scope, included);
        }
    }

    fn phase(&mut self, phase: Phase, scope: usize, included: &mut Included) {
        let id = self.prefixed(&phase.phase.value, scope);
        if let Some(when) = &phase.when
            && self.decide_early(when, scope) == Some(false)
        {
            self.leave_out(phase.steps, scope);
            return;
        }
        let first = self.entries.len();
        let at = self.phases.len();
        self.phases.push(PhaseOf {
            id,
            title: phase.title,
            about: phase.about,
            maintenance: phase.maintenance == Some(true),
            estimate: phase.estimate,
            watch: phase.watch.unwrap_or_default(),
            allow: phase.allow,
            entries: first..first,
            scope,
            span: phase.phase.span,
        });
        self.entries_of(phase.steps, at, scope, included);
        self.phases[at].entries.end = self.entries.len();
    }

    fn entries_of(
        &mut self,
        entries: Vec<Entry>,
        phase: usize,
        scope: usize,
        included: &mut Included,
    ) {
        for entry in entries {
            match entry {
                Entry::Step(step) => self.step(step, phase, scope),
                Entry::Checkpoint(checkpoint) => self.checkpoint(checkpoint, phase, scope),
                Entry::Include(include) => self.include_steps(&include, phase, scope, included),
            }
        }
    }

    fn step(&mut self, step: Arc<Step>, phase: usize, scope: usize) {
        let id = self.prefixed(&step.step.value, scope);
        let stays = self.stays(step.when.as_ref(), &id, scope);
        let entry = EntryOf {
            id: id.clone(),
            span: step.step.span,
            phase,
            needs: self.needs(step.needs.as_deref(), scope),
            what: What::Step(step.clone()),
            beside_previous: false,
            after_previous: false,
            item: None,
            scope,
            conditional: stays == Some(true),
        };
        if stays.is_none() {
            self.absent.push(entry);
            return;
        }
        let Some(items) = &step.for_each else {
            self.entries.push(entry);
            return;
        };
        let items = self.items(items, scope);
        let mut ids = FxHashSet::default();
        for (at, item) in items.iter().enumerate() {
            let slug = slug(item);
            let mut id = format!("{id}-{slug}");
            if slug.is_empty() || !ids.insert(id.clone()) {
                id = format!("{}-{}", entry.id, at + 1);
                ids.insert(id.clone());
            }
            let parallel = step.parallel == Some(true);
            self.groups.entry(entry.id.clone()).or_default().push(self.entries.len());
            self.entries.push(EntryOf {
                id,
                item: Some(item.clone()),
                beside_previous: parallel && at > 0,
                after_previous: !parallel && at > 0,
                ..entry.clone()
            });
        }
        if items.is_empty() {
            self.left_out.insert(id);
        }
    }

    fn checkpoint(&mut self, checkpoint: Arc<Checkpoint>, phase: usize, scope: usize) {
        let id = self.prefixed(&checkpoint.checkpoint.value, scope);
        let stays = self.stays(checkpoint.when.as_ref(), &id, scope);
        let entry = EntryOf {
            id,
            span: checkpoint.checkpoint.span,
            phase,
            needs: self.needs(checkpoint.needs.as_deref(), scope),
            what: What::Checkpoint(checkpoint),
            beside_previous: false,
            after_previous: false,
            item: None,
            scope,
            conditional: stays == Some(true),
        };
        match stays {
            Some(_) => self.entries.push(entry),
            None => self.absent.push(entry),
        }
    }

    /// The entries of a phase that does not take place.
    fn leave_out(&mut self, entries: Vec<Entry>, scope: usize) {
        for entry in entries {
            let (id, span, what) = match entry {
                Entry::Step(step) => (step.step.value.clone(), step.step.span, What::Step(step)),
                Entry::Checkpoint(checkpoint) => {
                    let (id, span) =
                        (checkpoint.checkpoint.value.clone(), checkpoint.checkpoint.span);
                    (id, span, What::Checkpoint(checkpoint))
                }
                Entry::Include(_) => continue,
            };
            let id = self.prefixed(&id, scope);
            self.left_out.insert(id.clone());
            self.absent.push(EntryOf {
                id,
                span,
                phase: 0,
                what,
                needs: None,
                beside_previous: false,
                after_previous: false,
                item: None,
                scope,
                conditional: false,
            });
        }
    }

    /// As `decide`, where an answer must be there before the run.
    fn decide_early(&mut self, when: &Expression, scope: usize) -> Option<bool> {
        self.early.push(Early {
            text: when.value.clone(),
            span: when.span,
            scope,
            is_expression: true,
        });
        self.decide(when, scope)
    }

    /// `None` if a `when` over inputs takes it out; else whether it is decided during the run.
    fn stays(&mut self, when: Option<&Expression>, id: &str, scope: usize) -> Option<bool> {
        let Some(when) = when else { return Some(false) };
        match self.decide(when, scope) {
            Some(true) => Some(false),
            Some(false) => {
                self.left_out.insert(id.to_owned());
                None
            }
            None => Some(true),
        }
    }

    /// The truth of an expression over inputs; `None` where it is known only during the run.
    fn decide(&mut self, when: &Expression, scope: usize) -> Option<bool> {
        let scanned = template::scan_expression(&when.value);
        if let Some(problem) = scanned.problem {
            let bare =
                when.value.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
            let lone_equals = when.value.contains(" = ");
            let diagnostic = Diagnostic::error(
                problem.code,
                when.span,
                match bare {
                    Some(_) => "an expression stands without braces".to_owned(),
                    None => format!("this expression cannot be read: {}", problem.message),
                },
            );
            self.found.push(match bare {
                Some(bare) => diagnostic.help(format!("write: {}", bare.trim())),
                None if lone_equals => diagnostic.help("two values are compared with `==`"),
                None => diagnostic.help(
                    "write an expression without braces, such as: with_backup and tag != \"v1\"",
                ),
            });
            return None;
        }
        if scanned.references.is_empty() {
            let truth =
                template::evaluate(&when.value, &Filled::from(())).ok().flatten()?.is_true();
            if !truth {
                self.found.push(
                    Diagnostic::error(
                        "unreachable",
                        when.span,
                        "this is never true: what stands here never runs",
                    )
                    .help("remove it, or let the expression name an input"),
                );
            }
            return Some(truth);
        }
        let known = Filled::from_pairs(self.scopes[scope].known());
        template::evaluate(&when.value, &known).ok().flatten().map(|value| value.is_true())
    }

    fn items(&mut self, items: &Items, scope: usize) -> Vec<Json> {
        match items {
            Items::List(values) => values.iter().map(|value| value.json.clone()).collect(),
            Items::Template(text) => {
                let name = text.value.trim().trim_start_matches("{{").trim_end_matches("}}").trim();
                match self.scopes[scope].get(name).map(|input| input.held.clone()) {
                    Some(Held::Known(Json::Array(items))) => items,
                    Some(Held::Known(_) | Held::Secret) => {
                        let message = format!("`{name}` is not an input of type `list`");
                        self.found.push(
                            Diagnostic::error("bad-items", text.span, message)
                                .help("declare it with `type: list`"),
                        );
                        Vec::new()
                    }
                    Some(Held::Missing) => vec![Json::from("each")],
                    None if crate::notation::is_name(name) => {
                        let inputs = &self.scopes[scope].inputs;
                        let known = inputs.iter().map(|input| input.name.as_str());
                        let mut diagnostic = Diagnostic::error(
                            "unknown-name",
                            text.span,
                            format!("there is no input `{name}`"),
                        );
                        if let Some(near) = crate::schema::nearest(name, known) {
                            diagnostic = diagnostic.label(format!("did you mean `{near}`?"));
                        }
                        self.found
                            .push(diagnostic.help("declare it under `inputs:` with `type: list`"));
                        Vec::new()
                    }
                    None => {
                        let message =
                            "the items are fixed before the run: name one input of type `list`";
                        self.found.push(
                            Diagnostic::error("bad-items", text.span, message)
                                .help("write for_each: \"{{ tables }}\", or a list"),
                        );
                        Vec::new()
                    }
                }
            }
        }
    }

    fn needs(
        &self,
        needs: Option<&[crate::model::value::EntryRef]>,
        scope: usize,
    ) -> Option<Vec<(String, Span)>> {
        let needs = needs?.iter().map(|need| (self.prefixed(&need.value, scope), need.span));
        Some(needs.collect())
    }

    fn prefixed(&self, id: &str, scope: usize) -> String {
        match self.scopes[scope].prefix.as_str() {
            "" => id.to_owned(),
            prefix => format!("{prefix}-{id}"),
        }
    }

    fn include_phases(&mut self, include: &Include, scope: usize, included: &mut Included) {
        let Some((mut file, inner, mut below)) = self.enter(include, scope, included) else {
            return;
        };
        self.declare(&mut file);
        self.phases_of(&mut file, inner, &mut below);
    }

    fn include_steps(
        &mut self,
        include: &Include,
        phase: usize,
        scope: usize,
        included: &mut Included,
    ) {
        let Some((mut file, inner, mut below)) = self.enter(include, scope, included) else {
            return;
        };
        self.declare(&mut file);
        match file.steps.take() {
            Some(steps) => self.entries_of(steps, phase, inner, &mut below),
            None => self.found.push(
                Diagnostic::error("include-phases", include.include.span, format!("{} has phases: it cannot stand among steps", include.include.value))
                    .help("include it in the list of phases, or give that file `steps:` instead of `phases:`"),
            ),
        }
    }

    /// Fills in what an include passes on. What is secret or not known yet outside stays so inside:
    /// those are taken out of the list and given back.
    fn fill_values(&mut self, given: &mut Vec<Given>, scope: usize) -> Vec<PassedOn> {
        let outer = Filled::from_pairs(self.scopes[scope].known());
        let mut passed_on = Vec::new();
        given.retain_mut(|value| {
            let Json::String(text) = &value.value else { return true };
            if !template::has_template(text) {
                return true;
            }
            self.early.push(Early {
                text: text.clone(),
                span: value.span.unwrap_or_default(),
                scope,
                is_expression: false,
            });
            match template::render(text, crate::model::read::LeafKind::Plain, &outer) {
                Ok(filled) => {
                    value.value = Json::from(filled);
                    true
                }
                Err(_) => {
                    let scanned = template::scan(text);
                    let secret = scanned.references.iter().any(|reference| {
                        let input = self.scopes[scope].get(&reference.path);
                        input.is_some_and(|input| input.held == Held::Secret)
                    });
                    let held = if secret { Held::Secret } else { Held::Missing };
                    passed_on.push(PassedOn { name: value.name.clone(), text: text.clone(), held });
                    false
                }
            }
        });
        passed_on
    }

    fn enter(
        &mut self,
        include: &Include,
        scope: usize,
        included: &mut Included,
    ) -> Option<(PlanFile, usize, Included)> {
        let tree = included.remove(&include.include.span)?;
        if let Some(when) = &include.when
            && self.decide_early(when, scope) == Some(false)
        {
            self.left_out.extend(tree.known_ids());
            return None;
        }
        let mut given = include
            .values
            .as_ref()
            .map(|values| Given::from_entries(values, "include"))
            .unwrap_or_default();
        let passed_on = self.fill_values(&mut given, scope);
        let prefix = include
            .prefix
            .as_ref()
            .map_or(String::new(), |prefix| self.prefixed(&prefix.value, scope));
        let prefix =
            if include.prefix.is_some() { prefix } else { self.scopes[scope].prefix.clone() };
        let at = include.include.span;
        let mut inner = settle(tree.plan.value.inputs.as_ref(), &given, &prefix, at, self.found);
        inner.included_at = Some(at);
        let outer = &self.scopes[scope].folder;
        let outer = if outer.is_empty() { "plan" } else { &format!("{outer}/plan") };
        let file = beside(outer, &include.include.value);
        inner.folder = file.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        for input in &mut inner.inputs {
            let passed = passed_on.iter().find(|passed| passed.name == input.name);
            if let Some(passed) = passed {
                input.held = passed.held.clone();
                input.origin = "include".to_owned();
                input.passed = Some((passed.text.clone(), scope));
            } else if input.held == Held::Missing && input.origin.is_empty() {
                let message =
                    format!("{} needs a value for `{}`", include.include.value, input.name);
                self.found.push(
                    Diagnostic::error("missing-value", at, message)
                        .related(input.span, "declared here, without a default")
                        .help(format!("give it: with: {{ {}: … }}", input.name)),
                );
            }
        }
        self.scopes.push(inner);
        Some((tree.plan.value, self.scopes.len() - 1, tree.included.into_iter().collect()))
    }
}

/// A value of an include that only the run can fill in.
struct PassedOn {
    name: String,
    text: String,
    held: Held,
}

/// An item as a part of an id.
fn slug(item: &Json) -> String {
    let text = match item {
        Json::String(text) => text.to_lowercase(),
        other => other.to_string().to_lowercase(),
    };
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

impl<K, V> Entries<K, V> {
    pub fn iter(&self) -> std::slice::Iter<'_, (K, V)> {
        self.0.iter()
    }
}
