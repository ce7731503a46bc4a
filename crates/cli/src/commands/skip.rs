//! `plan skip`: goes on without a step, or takes a failed rollback step for done by hand.

use plan_executor::store::Request;

use super::pause::{Needs, ask};
use crate::args::Skip;
use crate::exit::Exit;
use crate::operate;
use crate::terminal::Terminal;

pub fn run(args: &Skip, terminal: &mut Terminal) -> Exit {
    if args.reason.trim().is_empty() {
        return super::wrong_call(
            terminal,
            "the reason is empty",
            "say why, for those who read on",
        );
    }
    let request = Request::Skip { entry: args.step.clone(), reason: args.reason.clone() };
    let result = operate::wait_for(ask(&args.run, request, Needs::Nobody, terminal));
    result.unwrap_or_else(|refusal| refusal.tell(terminal))
}
