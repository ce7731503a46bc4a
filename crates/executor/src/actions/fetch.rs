//! `fetch`: a package, held against its sum before it has its name. What was loaded of it before goes on
//! where it ended.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use plan_model::model::action::fetch::Fetch;
use plan_model::model::plan::Surroundings;
use plan_model::notation::Spoken;
use reqwest::{Response, StatusCode, Url, header};
use serde_json::Value as Json;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout_at};

use super::{About, Act, Found, Perform, again, goes_on, no_other_user};
use crate::digest;
use crate::event::{Failure, Outputs};
use crate::keep::{self, Keep, meta::Meta};
use crate::world::{Broken, Job, error, reason};

/// Unless the plan says otherwise.
const MOST: u64 = 4 << 30;
/// A file of sums is text of some lines.
const MOST_SUMS: u64 = 1 << 20;
const REDIRECTS: usize = 10;
/// So long a server may take for its head, and for each [`LEAST`] bytes behind it: whoever drips is no server.
const PATIENCE: Duration = Duration::from_secs(30);
const LEAST: u64 = 16 << 10;

pub const ABOUT: About = About {
    key: "fetch",
    verified: "SHA-256 of the whole, before it has its name",
    undone: "removes it, or puts back what was there",
    after_crash: "what is there and right is not fetched again, what was cut goes on",
    tests: &["tests/system/fetch.rs"],
};

impl Perform for Fetch {
    fn lacks(&self, around: &Surroundings) -> Vec<String> {
        let mut lacks = no_other_user(around);
        if self.url.is_some() == self.path.is_some() {
            lacks.push("either `url:` or `path:` says where it comes from".to_owned());
        }
        if self.sha256.is_none() && self.sums.is_none() {
            lacks.push("nothing says what it must be: give `sha256:` or `sums:`".to_owned());
        }
        lacks
    }

    fn perform<'a>(
        &'a self,
        job: &'a Job,
        around: &'a Surroundings,
    ) -> Act<'a, Result<Outputs, Broken>> {
        Box::pin(async move {
            let done = run(self, job, around).await;
            Ok(done.map_err(Failure::untouched)?)
        })
    }

    fn undo<'a>(&'a self, job: &'a Job, around: &'a Surroundings) -> Act<'a, Result<(), Broken>> {
        Box::pin(async move {
            // What was cut is no use to anybody any more.
            if let Ok(from) = source(self, job, around)
                && let Ok(to) = target(self, job, around, &from)
            {
                let _ = fs::remove_file(part(&to));
            }
            Ok(super::files::put_back(job)?)
        })
    }

    fn found<'a>(&'a self, _: &'a Job, _: &'a Surroundings) -> Act<'a, Found> {
        goes_on("what is there and right is not fetched again")
    }

    fn found_undone<'a>(&'a self, _: &'a Job, _: &'a Surroundings) -> Act<'a, Found> {
        again("what was there is put back again")
    }
}

async fn run(fetch: &Fetch, job: &Job, around: &Surroundings) -> Result<Outputs, Failure> {
    let fill = job.filler();
    let base = job.around(Some(around))?.dir;
    let from = source(fetch, job, around)?;
    let hosts = fetch.hosts.iter().flatten().map(|host| fill.of(host));
    let going = Going { job, hosts: hosts.collect::<Result<_, _>>()? };
    let name = from.name()?;
    let to = target(fetch, job, around, &from)?;
    let folder = to.parent().unwrap_or(Path::new("/"));
    if !folder.is_dir() {
        return Err(error(format!("there is no folder {}", folder.display())));
    }
    let sha256 = match (&fetch.sha256, &fetch.sums) {
        (Some(sum), _) => fill.text(&sum.value)?.to_ascii_lowercase(),
        (None, Some(sums)) => going.sum_of(&fill.of(sums)?, &base, &name).await?,
        (None, None) => return Err(error("nothing says what it must be")),
    };
    let most = fetch.max_size.as_ref().map(|size| fill.size(size)).transpose()?.unwrap_or(MOST);
    let wrong = |problem: std::io::Error| error(format!("{}: {problem}", to.display()));
    let is_there = to.is_file() && digest::of_file(&to).map_err(wrong)?.0 == sha256;
    if is_there {
        job.say(&format!("{} is there already, and right", to.display()));
    } else {
        let part = part(&to);
        going.load(&from, &part, most).await?;
        let (found, size) = digest::of_file(&part).map_err(wrong)?;
        if found != sha256 {
            let _ = fs::remove_file(&part);
            return Err(error(format!(
                "{from} is not what it must be: {size} bytes with {found}, not {sha256}; it was thrown away"
            )));
        }
        let mut keep = Keep::of(super::files::kept(job))?;
        keep.note([to.clone()])?;
        keep.made([(to.clone(), sha256.clone())])?;
        Meta::usual().give(&part)?;
        fs::File::open(&part).and_then(|file| file.sync_all()).map_err(wrong)?;
        fs::rename(&part, &to).map_err(wrong)?;
        keep::sync_folder(&to)?;
    }
    let size = fs::metadata(&to).map_err(wrong)?.len();
    let mut outputs = Outputs::new();
    outputs.insert("path".to_owned(), Json::from(to.display().to_string()));
    outputs.insert("sha256".to_owned(), sha256.into());
    outputs.insert("size".to_owned(), size.into());
    Ok(outputs)
}

fn source(fetch: &Fetch, job: &Job, around: &Surroundings) -> Result<From, Failure> {
    let fill = job.filler();
    match (&fetch.url, &fetch.path) {
        (Some(url), _) => {
            let text = fill.text(&url.value)?;
            let url = text.parse::<Url>();
            Ok(From::Address(url.map_err(|problem| error(format!("{text}: {problem}")))?))
        }
        (None, Some(path)) => Ok(From::File(job.around(Some(around))?.dir.join(fill.of(path)?))),
        (None, None) => Err(error("either `url:` or `path:` says where it comes from")),
    }
}

/// The file that it becomes.
fn target(
    fetch: &Fetch,
    job: &Job,
    around: &Surroundings,
    from: &From,
) -> Result<PathBuf, Failure> {
    let mut to = job.around(Some(around))?.dir.join(job.filler().of(&fetch.to)?);
    if to.is_dir() || fetch.to.value.ends_with('/') {
        to.push(from.name()?);
    }
    Ok(to)
}

/// While it is loaded.
fn part(to: &Path) -> PathBuf {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    to.with_file_name(format!(".{name}.plan-part"))
}

enum From {
    Address(Url),
    File(PathBuf),
}

impl std::fmt::Display for From {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            From::Address(url) => shown(url).fmt(f),
            From::File(path) => path.display().fmt(f),
        }
    }
}

/// Without what may be secret in it.
fn shown(url: &Url) -> String {
    let mut plain = url.clone();
    let _ = plain.set_username("");
    let _ = plain.set_password(None);
    plain.set_query(None);
    plain.to_string()
}

impl From {
    fn name(&self) -> Result<String, Failure> {
        let name = match self {
            From::Address(url) => url.path().rsplit('/').next().unwrap_or_default().to_owned(),
            From::File(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        };
        match name.is_empty() || name == "." || name == ".." {
            true => Err(error(format!("{self} names no file"))),
            false => Ok(name),
        }
    }
}

struct Going<'j> {
    job: &'j Job,
    /// Hosts that it may come from; all where none is named.
    hosts: Vec<String>,
}

impl Going<'_> {
    async fn load(&self, from: &From, part: &Path, most: u64) -> Result<(), Failure> {
        let wrong = |problem: std::io::Error| error(format!("{}: {problem}", part.display()));
        let too_much = || error(format!("{from} has more than {most} bytes (`max_size`)"));
        let url = match from {
            From::Address(url) => url,
            From::File(path) => {
                let size = fs::metadata(path)
                    .map_err(|problem| error(format!("{}: {problem}", path.display())))?;
                if !size.is_file() {
                    return Err(error(format!("{} is no file", path.display())));
                }
                if size.len() > most {
                    return Err(too_much());
                }
                let _ = fs::remove_file(part);
                fs::copy(path, part).map_err(wrong)?;
                return Ok(());
            }
        };
        // Whoever else may write there may have put a link under this name.
        let found = fs::symlink_metadata(part).ok();
        let is_ours = |meta: &fs::Metadata| {
            meta.is_file() && meta.uid() == rustix::process::geteuid().as_raw() && meta.nlink() == 1
        };
        if found.as_ref().is_some_and(|meta| !is_ours(meta)) {
            fs::remove_file(part).map_err(wrong)?;
        }
        let there = found.filter(is_ours).map_or(0, |meta| meta.len());
        let mut response = self.ask(url, there).await?;
        let goes_on = response.status() == StatusCode::PARTIAL_CONTENT;
        if there > 0 && !goes_on {
            // It was whole, became another one, or the server cannot go on in it.
            let _ = fs::remove_file(part);
            if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
                response = self.ask(url, 0).await?;
            }
        }
        let mut size = if goes_on { there } else { 0 };
        if response.content_length().is_some_and(|more| size + more > most) {
            return Err(too_much());
        }
        let mut options = tokio::fs::OpenOptions::new();
        let options = options.create(true).append(true).mode(0o600);
        let options = options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32);
        let mut file = options.open(part).await.map_err(wrong)?;
        let (mut since, mut little) = (Instant::now(), 0);
        loop {
            let cut = |why: String| error(format!("{from} ended after {size} bytes: {why}"));
            let piece = timeout_at(since + PATIENCE, response.chunk()).await;
            let piece = piece.map_err(|_| {
                cut(format!("less than {LEAST} bytes came in {}", Spoken(PATIENCE)))
            })?;
            let piece = piece.map_err(|problem| cut(reason(&problem.without_url())))?;
            let Some(piece) = piece else { break };
            little += piece.len() as u64;
            if little >= LEAST {
                (since, little) = (Instant::now(), 0);
            }
            size += piece.len() as u64;
            if size > most {
                drop(file);
                let _ = fs::remove_file(part);
                return Err(too_much());
            }
            file.write_all(&piece).await.map_err(wrong)?;
        }
        file.sync_all().await.map_err(wrong)
    }

    /// Follows to other addresses, as far as the plan lets it.
    async fn ask(&self, url: &Url, from: u64) -> Result<Response, Failure> {
        let mut url = url.clone();
        for _ in 0..REDIRECTS {
            let host = url.host_str().unwrap_or_default();
            if !self.hosts.is_empty() && !self.hosts.iter().any(|one| one == host) {
                return Err(error(format!(
                    "{} is on {host}, and it may come from {} only (`hosts`)",
                    shown(&url),
                    self.hosts.join(", ")
                )));
            }
            let mut request = self.job.world.http()?.get(url.clone());
            if from > 0 {
                request = request.header(header::RANGE, format!("bytes={from}-"));
            }
            let asked = timeout_at(Instant::now() + PATIENCE, request.send()).await;
            let asked = asked.map_err(|_| {
                error(format!("{}: no answer within {}", shown(&url), Spoken(PATIENCE)))
            })?;
            let response = asked.map_err(|problem| {
                error(format!("{}: {}", shown(&url), reason(&problem.without_url())))
            })?;
            let status = response.status();
            if status.is_redirection() {
                let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
                let next = to.and_then(|to| url.join(to).ok());
                let next =
                    next.ok_or_else(|| error(format!("{}: {status} to nowhere", shown(&url))))?;
                if url.scheme() == "https" && next.scheme() != "https" {
                    return Err(error(format!(
                        "{} leads to {}, which is not encrypted",
                        shown(&url),
                        shown(&next)
                    )));
                }
                url = next;
                continue;
            }
            if !status.is_success() && status != StatusCode::RANGE_NOT_SATISFIABLE {
                return Err(error(format!("{}: {status}", shown(&url))));
            }
            return Ok(response);
        }
        Err(error(format!("{} leads from one address to the next", shown(&url))))
    }

    /// As `sha256sum` writes it: the sum, two signs, the name.
    async fn sum_of(&self, sums: &str, base: &Path, name: &str) -> Result<String, Failure> {
        let text = match sums.parse::<Url>() {
            Ok(url) if matches!(url.scheme(), "http" | "https") => {
                let mut response = self.ask(&url, 0).await?;
                let mut bytes = Vec::new();
                let lost = |problem: reqwest::Error| {
                    error(format!("{}: {}", shown(&url), reason(&problem.without_url())))
                };
                let until = Instant::now() + PATIENCE;
                let slow = |_| {
                    error(format!(
                        "{}: not all of it came within {}",
                        shown(&url),
                        Spoken(PATIENCE)
                    ))
                };
                while let Some(piece) =
                    timeout_at(until, response.chunk()).await.map_err(slow)?.map_err(lost)?
                {
                    bytes.extend_from_slice(&piece);
                    if bytes.len() as u64 > MOST_SUMS {
                        return Err(error(format!("{} is no file of sums: too long", shown(&url))));
                    }
                }
                String::from_utf8_lossy(&bytes).into_owned()
            }
            _ => {
                let path = base.join(sums);
                fs::read_to_string(&path)
                    .map_err(|problem| error(format!("{}: {problem}", path.display())))?
            }
        };
        let fits = |line: &str| {
            let (sum, rest) = line.trim().split_once(char::is_whitespace)?;
            let named = rest.trim_start().trim_start_matches('*').rsplit('/').next()?;
            let is_sum = sum.len() == 64 && sum.chars().all(|c| c.is_ascii_hexdigit());
            (is_sum && named == name).then(|| sum.to_ascii_lowercase())
        };
        let mut found: Vec<String> = text.lines().filter_map(fits).collect();
        found.dedup();
        match &found[..] {
            [sum] => Ok(sum.clone()),
            [] => Err(error(format!("{sums} has no sum of {name}"))),
            _ => Err(error(format!("{sums} has several sums of {name}"))),
        }
    }
}
