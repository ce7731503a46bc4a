//! Diagnostics as JUnit XML: a plan is a suite, each problem of it a failed test.

use plan_model::diagnostic::Severity;
use quick_junit::{NonSuccessKind, Report as JunitReport, TestCase, TestCaseStatus, TestSuite};

use super::{Report, human};
use crate::terminal::Terminal;

pub fn write(report: &Report<'_>, terminal: &mut Terminal) {
    let mut junit = JunitReport::new("plan validate");
    for plan in report.plans {
        let mut suite = TestSuite::new(plan.name.as_str());
        for diagnostic in &plan.diagnostics {
            let place = human::place(report.sources, diagnostic.span);
            let mut case = if report.fails(diagnostic) {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(diagnostic.message.as_str()).set_type(diagnostic.code);
                let help: Vec<String> =
                    diagnostic.help.iter().map(|help| format!("help: {help}")).collect();
                status.set_description(format!("{place}\n{}", help.join("\n")));
                TestCase::new(format!("{} at {place}", diagnostic.code), status)
            } else {
                let mut case = TestCase::new(
                    format!("{} at {place}", diagnostic.code),
                    TestCaseStatus::success(),
                );
                case.set_system_out(format!(
                    "{}: {}",
                    severity(diagnostic.severity),
                    diagnostic.message
                ));
                case
            };
            case.set_classname(plan.name.as_str());
            suite.add_test_case(case);
        }
        if plan.diagnostics.is_empty() {
            let mut case = TestCase::new("valid", TestCaseStatus::success());
            case.set_classname(plan.name.as_str());
            suite.add_test_case(case);
        }
        junit.add_test_suite(suite);
    }
    let text = junit.to_string().expect("quick-junit writes what it was given");
    terminal.say(&text);
}

fn severity(severity: Severity) -> &'static str {
    severity.word()
}
