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
    /// Compare two plans: what became riskier, safer or different
    #[command(after_help = "OLD and NEW are files, or git:REVISION:PATH such as \
        git:main:plans/shop.yaml (PATH from the top of the repository, or with ./ from here).\n\n\
        Exit codes: 0 both plans could be read, also if they differ; 2 one of them is wrong, or the \
        call is.")]
    Diff(Diff),
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
