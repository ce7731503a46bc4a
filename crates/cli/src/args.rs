//! What was typed: commands and options with their help. What they mean is decided in `commands`.

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

/// Turns an upgrade guide into something that can be checked, rehearsed, run and undone.
#[derive(Debug, Parser)]
#[command(name = "plan", version, about, max_term_width = 100, disable_help_subcommand = true)]
pub struct Args {
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    pub color: ColorChoice,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check plans: every problem with its place and remedy
    #[command(
        after_help = "Exit codes: 0 no errors, 2 errors (with --strict: errors or warnings) or a wrong call."
    )]
    Validate(Validate),

    /// Show what would happen: every text filled in, secrets masked, each undo beside its step
    Show(Show),

    /// Say how long a plan takes, and whether the way there and back fits the window
    #[command(
        long_about = "Say how long a plan takes, and whether the way there and back fits the window.\n\n\
            Adds the estimates up along the graph: best and worst case for certain, p50 and p90 by \
            playing the plan through many times with the same seed. For every checkpoint: the way \
            there, the check and the full way back, against the window. Waiting for people is shown \
            apart and added to nothing; what has no estimate counts nothing and is listed.",
        after_help = "Exit codes: 0 estimated (whether it fits or not; `plan validate` fails a plan that \
            does not), 2 the plan or the call is wrong."
    )]
    Estimate(Estimate),

    /// Compare two plans: what became riskier, safer or different
    #[command(after_help = "OLD and NEW are files, or git:REVISION:PATH such as \
        git:main:plans/shop.yaml (PATH from the top of the repository, or with ./ from here).\n\n\
        Exit codes: 0 both plans could be read, also if they differ; 2 one of them is wrong, or the \
        call is.")]
    Diff(Diff),

    /// Draw the plan: what waits for what, how long it takes, and where there is no way back
    #[command(after_help = "\
A picture for a pull request:      plan graph plan.yaml --format svg > plan.svg
For Markdown, in a mermaid block:  plan graph plan.yaml --format mermaid
With Graphviz:                     plan graph plan.yaml --format dot | dot -Tpdf -o plan.pdf

Exit codes: 0 drawn, 2 the plan cannot be read, or a wrong call.")]
    Graph(Graph),

    /// Carry a plan out: step by step, journaled, and back again when a checkpoint fails
    #[command(after_help = "\
Exit codes: 0 done, 1 failed and rolled back completely, 2 the plan or the call is wrong, 3 stuck or
left remainders: a person is needed, 4 paused or waiting for a person, 5 held by another run,
6 requirements not met: nothing was touched.")]
    Apply(Apply),

    /// Ask whether everything is there that a plan needs: all of it in one pass, nothing touched
    #[command(after_help = "\
Exit codes: 0 every requirement is met, 2 the plan or the call is wrong, 6 some are not.")]
    Doctor(Doctor),

    /// Go on with a run that paused, was killed, or whose rollback got stuck
    Resume(Resume),

    /// Undo what a run has done, newest first
    #[command(after_help = "\
Exit codes: 0 everything is undone, 2 a wrong call, 3 something remains or could not be undone, 4 paused,
5 somebody else runs it.")]
    Rollback(Rollback),

    /// Ask a running run to stop and roll back
    Abort(Abort),

    /// Ask a running run to pause after what runs now
    Pause(RunOnly),

    /// Let a step run again that failed, or of which nobody knows whether it ran
    Retry(Retry),

    /// Go on without a step; or take a failed rollback step for done by hand
    Skip(Skip),

    /// Answer a question that a run waits for; or say that a plan, as it is, may run
    #[command(after_help = "\
An answer:    plan approve STEP [RUN]
An approval:  plan approve plan.yaml --as DBA --env prod   (bound to the digest of the plan and of all that it \
names: whatever changes later is not approved; `gate: approved` asks for it)")]
    Approve(Approve),

    /// Look at a run from any terminal until it ends or pauses
    Watch(RunOnly),

    /// Say where a run stands, and what to do next
    Status(Status),

    /// Say what became of a run: what ran when, who said what, what failed and why
    #[command(
        after_help = "For a ticket or a binder:  plan report shop-upgrade-3 > shop-upgrade-3.md"
    )]
    Report(ReportArgs),

    /// Print what makes a plan run by itself: lines for cron, or a timer of systemd
    #[command(
        after_help = "The plan says when: `schedule: { cron, timezone }`. Nothing is installed: read it, and put it there."
    )]
    Schedule(Schedule),

    /// List runs, the newest first
    Runs(Runs),

    /// Print what the programs of a step printed
    Logs(Logs),

    /// See which backups there are; verify, restore and prune them
    Backups(Backups),

    /// The keeper of a run's programs; started by `plan` itself
    #[command(hide = true)]
    Keeper { folder: std::path::PathBuf },

    /// Tells people of a failure; started by `plan` itself
    #[command(hide = true)]
    Escalate { store: std::path::PathBuf, run: String },

    /// Stands in a pipe behind a dump; started by `plan` itself
    #[command(hide = true)]
    Pack {
        how: String,
        #[arg(long)]
        unpack: bool,
    },

    /// Write plans in the one way, comments kept
    Fmt(Fmt),

    /// List the rules that `validate` checks
    Lints,

    /// Say why a rule or a problem exists, with an example
    Explain(Explain),

    /// Write a commented first plan
    Init(Init),

    /// Print the JSON schema of plans, environments or events, for editors, CI and scripts
    Schema(Schema),

    /// Print a completion script for a shell
    Completions(Completions),

    /// Print the manual page, or write all of them into a folder
    Man(Man),
}

/// What is laid over a plan.
#[derive(Debug, Clone, ClapArgs)]
pub struct Overlay {
    /// Lay an environment over the plan: environments/NAME.yaml beside it
    #[arg(long, short, value_name = "NAME")]
    pub env: Option<String>,

    /// Give an input a value; may be repeated
    #[arg(long, value_name = "INPUT=VALUE")]
    pub set: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub struct Validate {
    /// Plan files, folders of them, or `-` for standard input
    #[arg(required = true, value_name = "PLAN")]
    pub plans: Vec<String>,

    #[command(flatten)]
    pub overlay: Overlay,

    /// Warnings count as errors
    #[arg(long)]
    pub strict: bool,

    /// How problems are written
    #[arg(long, value_enum, default_value_t = DiagnosticFormat::Human)]
    pub format: DiagnosticFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiagnosticFormat {
    /// For people
    Human,
    /// One JSON document
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations for GitHub Actions
    Github,
    /// JUnit XML, for test reports
    Junit,
}

/// Where runs are remembered.
#[derive(Debug, Clone, ClapArgs)]
pub struct StoreAt {
    /// The folder that remembers runs, with their logs
    #[arg(long, env = "PLAN_STORE", default_value = ".plan", value_name = "FOLDER")]
    pub store: std::path::PathBuf,
}

/// A plan as it will run, and where that is remembered.
#[derive(Debug, ClapArgs)]
pub struct OnePlan {
    /// The plan file
    #[arg(value_name = "PLAN")]
    pub plan: String,

    #[command(flatten)]
    pub overlay: Overlay,

    #[command(flatten)]
    pub store: StoreAt,
}

/// How a run is shown while it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Bars on a terminal, dated lines elsewhere
    Auto,
    /// Bars
    Bars,
    /// One dated line for each thing that happens; also for screen readers
    Lines,
    /// One JSON event a line
    Json,
}

#[derive(Debug, ClapArgs)]
pub struct Apply {
    #[command(flatten)]
    pub one: OnePlan,

    /// How the run is shown
    #[arg(long, value_enum, default_value_t = OutputFormat::Auto)]
    pub output: OutputFormat,

    /// How many steps may run at once; otherwise as the plan says, or 4
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub jobs: Option<u32>,
}

#[derive(Debug, ClapArgs)]
pub struct Doctor {
    #[command(flatten)]
    pub one: OnePlan,

    /// As one JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Resume {
    /// The run; the last one that can be resumed unless said
    #[arg(value_name = "RUN")]
    pub run: Option<String>,

    #[command(flatten)]
    pub store: StoreAt,

    /// How the run is shown
    #[arg(long, value_enum, default_value_t = OutputFormat::Auto)]
    pub output: OutputFormat,

    /// Take the run over although it may still be going on at another machine
    #[arg(long)]
    pub take_over: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Rollback {
    #[command(flatten)]
    pub resume: Resume,

    /// Only back to this checkpoint; the run then pauses there
    #[arg(long, value_name = "CHECKPOINT")]
    pub to: Option<String>,

    /// Also undo what ran before a step that cannot be undone
    #[arg(long)]
    pub past_irreversible: bool,
}

#[derive(Debug, ClapArgs)]
pub struct RunOnly {
    /// The run; the last one that has not ended unless said
    #[arg(value_name = "RUN")]
    pub run: Option<String>,

    #[command(flatten)]
    pub store: StoreAt,
}

#[derive(Debug, ClapArgs)]
pub struct Abort {
    #[command(flatten)]
    pub run: RunOnly,

    /// End the steps that run instead of waiting for them
    #[arg(long)]
    pub running_too: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Retry {
    /// The step
    #[arg(value_name = "STEP")]
    pub step: String,

    #[command(flatten)]
    pub run: RunOnly,
}

#[derive(Debug, ClapArgs)]
pub struct Skip {
    /// The step
    #[arg(value_name = "STEP")]
    pub step: String,

    /// Why: it is kept with your name
    #[arg(long, value_name = "TEXT")]
    pub reason: String,

    #[command(flatten)]
    pub run: RunOnly,
}

#[derive(Debug, ClapArgs)]
pub struct Approve {
    /// The step or checkpoint that asks; or a plan file
    #[arg(value_name = "STEP|PLAN")]
    pub what: String,

    #[command(flatten)]
    pub run: RunOnly,

    /// Which question, where a checkpoint asks several: 1 is the first check
    #[arg(long, value_name = "N")]
    pub question: Option<usize>,

    /// Another answer than the first one
    #[arg(long, value_name = "TEXT")]
    pub answer: Option<String>,

    /// What is handed in with the answer: a text, or a file where one is asked for
    #[arg(long, value_name = "TEXT|FILE")]
    pub evidence: Option<String>,

    /// Of a plan: in which role you approve it
    #[arg(long = "as", value_name = "ROLE")]
    pub role: Option<String>,

    /// Of a plan: what you want to say about it
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,

    #[command(flatten)]
    pub overlay: Overlay,
}

#[derive(Debug, ClapArgs)]
pub struct Status {
    #[command(flatten)]
    pub run: RunOnly,

    /// As one JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScheduleFormat {
    /// A service and a timer
    Systemd,
    /// A line of a crontab
    Cron,
}

#[derive(Debug, ClapArgs)]
pub struct Schedule {
    #[command(flatten)]
    pub one: OnePlan,

    /// For which clock
    #[arg(long, value_enum, default_value_t = ScheduleFormat::Systemd)]
    pub format: ScheduleFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people
    Markdown,
    /// For programs
    Json,
}

#[derive(Debug, ClapArgs)]
pub struct ReportArgs {
    #[command(flatten)]
    pub run: RunOnly,

    /// How it is written
    #[arg(long, value_enum, default_value_t = ReportFormat::Markdown)]
    pub format: ReportFormat,
}

#[derive(Debug, ClapArgs)]
pub struct Runs {
    #[command(flatten)]
    pub store: StoreAt,

    /// As one JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Backups {
    #[command(subcommand)]
    pub verb: Option<BackupsVerb>,

    #[command(flatten)]
    pub list: ListBackups,
}

#[derive(Debug, Subcommand)]
pub enum BackupsVerb {
    /// List them, the newest first
    List(ListBackups),

    /// Look whether they still are what was written
    #[command(after_help = "Exit codes: 0 whole, 1 one is not, 2 a wrong call.")]
    Verify(VerifyBackups),

    /// Bring one back: a run of its own, which `plan rollback` undoes
    #[command(after_help = "\
It is loaded beside the live data, compared, and then swapped with them; what was live keeps a name of
its own. Exit codes are those of `plan apply`.")]
    Restore(RestoreBackup),

    /// Bring one that is gone back to its place, from its second copy
    Fetch(FetchBackup),

    /// Remove those whose time is over; shows them unless --yes
    #[command(after_help = "\
Whatever one of the rules keeps, stays; without rules here, those of the newest backup's step count.
Never removed: the newest proven one of a subject, and what a run that has not ended needs.")]
    Prune(PruneBackups),
}

#[derive(Debug, ClapArgs)]
pub struct ListBackups {
    /// Only those of this plan
    #[arg(long, value_name = "PLAN")]
    pub plan: Option<String>,

    #[command(flatten)]
    pub store: StoreAt,

    /// As one JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, ClapArgs)]
pub struct VerifyBackups {
    /// The backup, by its id or path; all of them unless said
    #[arg(value_name = "BACKUP")]
    pub backup: Option<String>,

    /// How far
    #[arg(long, value_enum)]
    pub proof: Option<ProofLevel>,

    #[command(flatten)]
    pub store: StoreAt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProofLevel {
    /// All of it is read, unpacked and held against its digest; unless said
    Read,
    /// The tool that would restore it reads it as well
    Parse,
    /// It is restored beside the live data, compared, and removed again
    Restore,
}

impl From<ProofLevel> for plan_model::model::check::Proof {
    fn from(level: ProofLevel) -> Self {
        match level {
            ProofLevel::Read => Self::Read,
            ProofLevel::Parse => Self::Parse,
            ProofLevel::Restore => Self::Restore,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub struct RestoreBackup {
    /// The backup, by its id or path
    #[arg(value_name = "BACKUP")]
    pub backup: String,

    /// The connection whose database it becomes; the one that it was taken of unless said
    #[arg(long, value_name = "CONNECTION")]
    pub database: Option<String>,

    /// The folder that files are put back into; where they came from unless said
    #[arg(long, value_name = "FOLDER")]
    pub to: Option<String>,

    /// Do not ask for the name of the database first
    #[arg(long)]
    pub yes: bool,

    #[command(flatten)]
    pub store: StoreAt,

    /// How the run is shown
    #[arg(long, value_enum, default_value_t = OutputFormat::Auto)]
    pub output: OutputFormat,
}

#[derive(Debug, ClapArgs)]
pub struct FetchBackup {
    /// The backup, by its id or path
    #[arg(value_name = "BACKUP")]
    pub backup: String,

    #[command(flatten)]
    pub store: StoreAt,
}

#[derive(Debug, ClapArgs)]
pub struct PruneBackups {
    /// Only those of this plan
    #[arg(long, value_name = "PLAN")]
    pub plan: Option<String>,

    /// Keep what is younger
    #[arg(long, value_name = "TIME", value_parser = crate::commands::backups::time)]
    pub keep: Option<std::time::Duration>,

    /// Keep so many of the newest
    #[arg(long, value_name = "N")]
    pub keep_last: Option<u64>,

    /// Keep the last one of each of so many days
    #[arg(long, value_name = "N")]
    pub keep_daily: Option<u64>,

    /// Keep the last one of each of so many weeks
    #[arg(long, value_name = "N")]
    pub keep_weekly: Option<u64>,

    /// Keep the last one of each of so many months
    #[arg(long, value_name = "N")]
    pub keep_monthly: Option<u64>,

    /// Remove them
    #[arg(long)]
    pub yes: bool,

    #[command(flatten)]
    pub store: StoreAt,
}

#[derive(Debug, ClapArgs)]
pub struct Logs {
    /// The step; all of them unless said
    #[arg(value_name = "STEP")]
    pub step: Option<String>,

    /// The run; the last one unless said
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,

    #[command(flatten)]
    pub store: StoreAt,

    /// Go on printing until the run ends or pauses
    #[arg(long, short)]
    pub follow: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Fmt {
    /// Plan files, folders of them, or `-` for standard input to standard output
    #[arg(required = true, value_name = "PLAN")]
    pub plans: Vec<String>,

    /// Write nothing; exit with 2 if a file would change
    #[arg(long)]
    pub check: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Explain {
    /// The name of a rule or problem, as `validate` shows it in brackets
    #[arg(value_name = "RULE")]
    pub code: String,
}

#[derive(Debug, ClapArgs)]
pub struct Init {
    /// The plan file to write
    #[arg(default_value = "plan.yaml", value_name = "FILE")]
    pub file: String,

    /// What kind of plan to begin with
    #[arg(long, value_enum, default_value_t = Template::Minimal)]
    pub template: Template,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Template {
    /// One step, one checkpoint
    Minimal,
    /// A database migration with backup, window and checks
    Database,
    /// A web application from a git tag
    WebApp,
}

#[derive(Debug, ClapArgs)]
pub struct Schema {
    /// Which kind of file
    #[arg(value_enum, default_value_t = SchemaRole::Plan, value_name = "KIND")]
    pub role: SchemaRole,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaRole {
    Plan,
    Environment,
    /// One line of `plan apply --output json`
    Events,
}

#[derive(Debug, ClapArgs)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[derive(Debug, ClapArgs)]
pub struct Man {
    /// Write a page for each command into this folder
    #[arg(long, value_name = "FOLDER")]
    pub into: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub struct Show {
    /// The plan file, or `-` for standard input
    #[arg(value_name = "PLAN")]
    pub plan: String,

    #[command(flatten)]
    pub overlay: Overlay,

    /// How it is written
    #[arg(long, value_enum, default_value_t = ShowFormat::Human)]
    pub format: ShowFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ShowFormat {
    /// For people
    Human,
    /// One JSON document
    Json,
}

#[derive(Debug, ClapArgs)]
pub struct Estimate {
    /// Plan file, or `-` for standard input
    #[arg(value_name = "PLAN")]
    pub plan: String,

    #[command(flatten)]
    pub overlay: Overlay,

    /// How the times are written
    #[arg(long, value_enum, default_value_t = EstimateFormat::Human)]
    pub format: EstimateFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EstimateFormat {
    /// Tables for people, 80 columns wide
    Human,
    /// One JSON document, every time in milliseconds
    Json,
}

#[derive(Debug, ClapArgs)]
pub struct Diff {
    /// The plan as it was
    pub old: String,

    /// The plan as it is to be
    pub new: String,

    #[command(flatten)]
    pub overlay: Overlay,

    /// How the differences are written
    #[arg(long, value_enum, default_value_t = DiffFormat::Human)]
    pub format: DiffFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// For people
    Human,
    /// One JSON document
    Json,
    /// For the comment of a pull request
    Markdown,
}

#[derive(Debug, ClapArgs)]
pub struct Graph {
    /// The plan file, or `-` for standard input
    #[arg(value_name = "PLAN")]
    pub plan: String,

    #[command(flatten)]
    pub overlay: Overlay,

    /// How it is drawn
    #[arg(long, value_enum, default_value_t = GraphFormat::Text)]
    pub format: GraphFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// For a terminal or a pipe, 80 columns at most
    Text,
    /// For Graphviz
    Dot,
    /// For Markdown on GitHub and GitLab
    Mermaid,
    /// A picture for browsers and pull requests, in light and dark
    Svg,
}
