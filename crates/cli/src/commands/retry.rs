//! `plan retry`: lets a step run again of which nobody knows whether it ran.

use plan_executor::store::Request;

use super::pause::{Needs, ask};
use crate::args::Retry;
use crate::exit::Exit;
use crate::operate;
use crate::terminal::Terminal;

pub fn run(args: &Retry, terminal: &mut Terminal) -> Exit {
    let request = Request::Retry { entry: args.step.clone() };
    let result = operate::wait_for(ask(&args.run, request, Needs::Nobody, terminal));
    result.unwrap_or_else(|refusal| refusal.tell(terminal))
}
