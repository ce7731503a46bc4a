//! `fetch`: a package, checked against its checksum.

use super::{ActionFacts, Effect, Inverse};
use crate::model::read::record;
use crate::model::value::{Checksum, Size, Text, Url};

record! {
/// Fetches a package and checks it.
pub struct Fetch {
    /// Where it comes from. Example: `https://example.org/app-2.0.tar.gz`
    url: Option<Url>,
    /// A file or a folder that it is copied from instead. Example: `/mnt/deliveries/app-2.0.tar.gz`
    path: Option<Text>,
    /// The file or folder that it goes to. Example: `packages/`
    to: Text,
    /// Its SHA-256 sum. Example: `e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`
    sha256: Option<Checksum>,
    /// A file of sums, as `sha256sum` writes it: a path or an address. Example: `packages/SHA256SUMS`
    sums: Option<Text>,
    /// More than this is refused. Example: `500MB`
    max_size: Option<Size>,
    /// Hosts that it may come from, redirects included. Example: `[example.org]`
    hosts: Option<Vec<Text>>,
}
}

impl ActionFacts for Fetch {
    fn line(&self) -> String {
        let url = self.url.as_ref().map(|url| url.value.as_str());
        let from = url.or(self.path.as_ref().map(|path| path.value.as_str())).unwrap_or("?");
        format!("fetch {from} to {}", self.to.value)
    }

    fn inverse(&self) -> Inverse {
        Inverse::Natural("removes the fetched file".to_owned())
    }

    fn by_hand(&self) -> String {
        "by hand: kept/STEP in the run's folder holds what was there: was.json tells each path with its \
         rights, owner and time, and the number of the file beside it that has its bytes; `missing` was not \
         there"
            .to_owned()
    }

    fn effects(&self) -> Vec<Effect> {
        Vec::new()
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["path", "sha256", "size"]
    }
}
