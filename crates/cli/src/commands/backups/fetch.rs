//! `plan backups fetch`: a backup that is gone, brought back from its second copy to where it was.

use plan_executor::archive::catalogue::{Mark, Standing};
use plan_executor::store::Store;

use super::{find, short};
use crate::args::FetchBackup;
use crate::exit::Exit;
use crate::operate::{self, Refusal};
use crate::terminal::Terminal;

pub async fn run(args: &FetchBackup, terminal: &mut Terminal) -> Result<Exit, Refusal> {
    let mut store = operate::existing(&args.store.store).await?;
    let kept = find(&mut store, &args.backup).await?;
    let id = &kept.manifest.id;
    let is_whole = || {
        let found = plan_executor::digest::of_file(&kept.path);
        found.is_ok_and(|found| found == (kept.manifest.sha256.clone(), kept.manifest.size))
    };
    if kept.standing() == Standing::There && is_whole() {
        terminal.tell(&format!("{id} is where it was: {}", short(&kept.path)));
        return Ok(Exit::Done);
    }
    let Some(copy) = &kept.manifest.copy else {
        let text = format!("{id} has no second copy");
        return Err(Refusal::new(Exit::Wrong, text, "steps with `copy_to:` make one"));
    };
    copy.bring_back(&kept.path, &kept.manifest).await.map_err(|failure| {
        let next = "nothing was changed; see to what it says, and fetch it again";
        Refusal::new(Exit::NotReady, failure.text, next)
    })?;
    // It was read to its end, and is what was written.
    let (at, proof, fault) = (operate::clock().now(), "read".to_owned(), None);
    store.mark(&kept.path, &Mark::Verified { at, proof, fault }).await?;
    terminal.tell(&format!("{id} is back: {}", short(&kept.path)));
    Ok(Exit::Done)
}
