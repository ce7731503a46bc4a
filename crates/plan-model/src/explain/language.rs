//! Why each problem of the language is one.

pub const CODES: &[(&str, &str)] = &[
    (
        "alias-loop",
        "A YAML alias stands inside the value that it repeats: written out, the value would never end.",
    ),
    (
        "bad-checksum",
        "A SHA-256 sum has 64 hexadecimal digits. A shorter or mistyped one would refuse the right package at night.",
    ),
    (
        "bad-cron",
        "A schedule is a cron line of five fields. One that cannot be read would never run, or run at another time than meant.",
    ),
    (
        "bad-duration",
        "Times are written with their unit: 90s, 5m, 1h30m, 30d. A bare number would leave open whether it means seconds or minutes.",
    ),
    (
        "bad-id",
        "Ids are lower-case words joined by hyphens, because they are typed in commands and, with underscores, in templates.",
    ),
    (
        "bad-input",
        "An input has a type, and may have choices or a pattern: a value outside of them is refused before anything runs.",
    ),
    (
        "bad-items",
        "`for_each` is laid out before the run, so that what is shown is what runs. Its items are a list, or an input of type list.",
    ),
    (
        "bad-mode",
        "Permissions are written in octal and in quotes: YAML would read 0600 as the number six hundred.",
    ),
    ("bad-name", "Names that templates use are lower-case words joined by underscores."),
    ("bad-number", "The number is outside of what makes sense here."),
    ("bad-opening", "A window opens at a time of day, on a day of the week, or once on a date."),
    ("bad-percent", "A share is written as a percentage from 0% to 100%."),
    ("bad-range", "An estimate is one time, or optimistic..pessimistic, such as 5m..15m."),
    (
        "bad-regex",
        "A regular expression that cannot be read would fail when the check is asked, in the middle of the night.",
    ),
    (
        "bad-size",
        "Sizes are written with their unit: 500MB is 500,000,000 bytes, 500MiB is 524,288,000.",
    ),
    ("bad-timezone", "Time zones are named as in the IANA list, so that summer time is known."),
    ("bad-url", "An address must be whole and use http or https."),
    ("bad-version-range", "Versions are asked for as >=14, 2.x or \">=8.1, <9\"."),
    (
        "cycle",
        "Steps that wait for each other would never start. Every edge of the cycle is shown, also those that come from the order of the file.",
    ),
    (
        "duplicate-id",
        "An id names one step or checkpoint of the plan, in commands, templates and the journal.",
    ),
    (
        "duplicate-key",
        "YAML readers differ in which of two equal keys counts; here neither is guessed.",
    ),
    ("empty-file", "The file holds no plan."),
    (
        "empty-list",
        "A list with nothing in it says nothing: a checkpoint without checks would always pass.",
    ),
    ("empty-text", "A text with nothing in it is nearly always a mistake."),
    (
        "cannot-be-done",
        "The plan is right, but this version of plan cannot carry it out: better known now than during the night.",
    ),
    (
        "environment-name",
        "The file of an environment bears its name, so that --env prod cannot lay staging over a plan.",
    ),
    (
        "file-missing",
        "Files that a plan names must be there before the run: a missing script is found now, not at 3 a.m.",
    ),
    (
        "file-unreadable",
        "A file that a plan names cannot be read: it is a folder, a pipe, too big, or not permitted.",
    ),
    ("include-cycle", "A file that includes itself, directly or by others, has no end."),
    (
        "include-phases",
        "A plan with phases can stand among phases only; one with `steps:` can stand among steps.",
    ),
    ("missing-key", "A key is needed for this to mean anything."),
    ("no-action", "A step does exactly one thing; this one says none."),
    ("not-text", "Plans, scripts and SQL are UTF-8 text."),
    (
        "missing-value",
        "An included plan gets its inputs from the plan that includes it: nobody else can give this one.",
    ),
    ("odd-key", "Keys are words: a list or a map as a key has no meaning in a plan."),
    ("odd-tag", "YAML tags have no meaning in a plan."),
    (
        "output-may-be-missing",
        "A skipped or failed step gives no output: whoever uses it says what holds then, with default('…').",
    ),
    ("reserved-name", "Templates use this name for something else."),
    (
        "secret-in-file",
        "A secret that stands in a file or on a command line is read by everybody who reads those.",
    ),
    (
        "secret-without-source",
        "A secret never stands in a file that is reviewed: it comes from the environment, a file or a command.",
    ),
    (
        "several-actions",
        "A step does exactly one thing, so that it can be shown, undone and resumed as one.",
    ),
    (
        "several-documents",
        "One file holds one plan: with a second document it would be unclear which is meant.",
    ),
    (
        "several-sources",
        "An input that is read from two places would have the value of one of them, and nobody could tell which.",
    ),
    (
        "shell-syntax",
        "The shell would refuse the script when the step starts, half way through the plan.",
    ),
    ("template-syntax", "The template cannot be read, so its text would never come to be."),
    ("too-deep", "Nothing in a plan is nested this deep; a stray bracket or an attack is."),
    (
        "too-many-nodes",
        "Aliases inside aliases multiply: a few lines can stand for billions of values.",
    ),
    ("unknown-checkpoint", "A run can go back to a checkpoint that stands above."),
    (
        "unknown-connection",
        "Databases are declared under `connections:` in the plan or the environment.",
    ),
    ("unknown-contact", "Escalation names a role; somebody must have it, or nobody is called."),
    ("unknown-environment", "There is no file for this environment beside the plan."),
    ("unknown-filter", "The template names a filter that does not exist."),
    ("unknown-host", "Machines are declared under `hosts:` in the plan or the environment."),
    ("unknown-input", "A value was given to an input that the plan does not have."),
    (
        "unknown-key",
        "A key outside of the language would be ignored silently by a more lenient tool, and its meaning lost.",
    ),
    ("unknown-lint", "A waiver names a rule that does not exist, so it waives nothing."),
    (
        "unknown-name",
        "A template names something that does not exist; at night it would be an empty text.",
    ),
    ("unknown-need", "A step waits for one that does not exist."),
    ("unknown-output", "A template names an output that the step does not give."),
    ("unknown-step", "There is no step or checkpoint of this id."),
    ("unknown-test", "The template asks `is …` with a test that does not exist."),
    ("unknown-value", "Only some words mean something here."),
    ("unordered-reference", "The output is used by something that may start before it is there."),
    ("unreachable", "A condition that is never true hides what stands behind it."),
    ("unused-waiver", "A waiver that nothing needs hides the next real finding."),
    (
        "value-as-code",
        "A value at this place of a script would be read as code: an input could run commands.",
    ),
    ("waiver-without-reason", "A waiver is read by a reviewer, who needs the reason."),
    ("wrong-type", "The value is of another kind than the key wants."),
    ("yaml-syntax", "The text is not YAML, so nothing else can be said about it."),
    (
        "yaml-trap",
        "YAML reads some texts as something else: 1.10 as the number 1.1, 0600 as 600, yes as a word, {{ x }} as a map.",
    ),
];
