//! `plan abort`: asks a running run to stop and roll back.

use plan_executor::store::Request;

use super::pause::{Needs, ask};
use crate::args::Abort;
use crate::exit::Exit;
use crate::operate;
use crate::terminal::Terminal;

pub fn run(args: &Abort, terminal: &mut Terminal) -> Exit {
    let request = Request::Abort { running_too: args.running_too };
    let result = operate::wait_for(ask(&args.run, request, Needs::Engine, terminal));
    result.unwrap_or_else(|refusal| refusal.tell(terminal))
}
