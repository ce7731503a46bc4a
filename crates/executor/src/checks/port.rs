//! `port`: whether something listens.

use std::time::Duration;

use plan_model::model::check::PortCheck;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Looked;
use crate::event::Failure;
use crate::world::Job;

const PATIENCE: Duration = Duration::from_secs(5);

pub async fn look(job: &Job, check: &PortCheck) -> Looked {
    match try_look(job, check).await {
        Ok(looked) => looked,
        Err(failure) => Looked::Unmeasured(failure.text),
    }
}

async fn try_look(job: &Job, check: &PortCheck) -> Result<Looked, Failure> {
    let fill = job.filler();
    let text = fill.text(&check.port.plain())?;
    let address = if text.contains(':') { text } else { format!("127.0.0.1:{text}") };
    let closed = fill.flag(check.closed.as_ref(), false)?;
    let listens = match timeout(PATIENCE, TcpStream::connect(&address)).await {
        Ok(Ok(_)) => true,
        Ok(Err(problem)) if problem.kind() == std::io::ErrorKind::ConnectionRefused => false,
        Ok(Err(problem)) => return Ok(Looked::Unmeasured(format!("{address}: {problem}"))),
        Err(_) => return Ok(Looked::Unmeasured(format!("{address} does not answer"))),
    };
    Ok(match (listens, closed) {
        (true, false) | (false, true) => Looked::Holds(None),
        (false, false) => Looked::Fails(format!("nothing listens on {address}")),
        (true, true) => Looked::Fails(format!("something listens on {address}")),
    })
}
