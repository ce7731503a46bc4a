//! Backups in a bucket of whatever speaks S3: put there in pieces, read back, fetched, removed. Where
//! it is and who we are comes from the variables that the tools of AWS know.

use std::fmt;
use std::ops::Deref;
use std::path::Path;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url, header};
use rusty_s3::actions::{CreateMultipartUpload, S3Action};
use rusty_s3::{Bucket, Credentials, UrlStyle};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Manifest, partial, seal};
use crate::digest::{self, hex};
use crate::event::Failure;
use crate::world::{error, http_client, reason};

/// What goes over in one request: servers want at least 5 MiB, and no more than 10,000 of them.
const PIECE: u64 = 16 << 20;
const PIECES: u64 = 9_000;

/// So long a signed address is good for: one request.
const SIGNED_FOR: Duration = Duration::from_secs(3_600);

/// What a lost connection or a busy server costs, before it counts as a failure.
const PAUSES: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(9)];

/// `s3://bucket/key`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    bucket: String,
    key: String,
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

pub fn unready() -> Option<String> {
    match Credentials::from_env() {
        Some(_) => None,
        None => Some(
            "`copy_to: s3://…` needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and \
             AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL where they matter); from a profile: \
             eval \"$(aws configure export-credentials --format env)\""
                .to_owned(),
        ),
    }
}

fn variable(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.trim().is_empty()))
}

/// A bucket that can be asked.
struct Reached {
    bucket: Bucket,
    credentials: Credentials,
    client: Client,
    /// What is spoken of.
    about: String,
}

impl Object {
    pub fn from_address(text: &str) -> Option<Object> {
        let (bucket, key) = text.strip_prefix("s3://")?.split_once('/')?;
        let is_whole = !bucket.is_empty() && !key.is_empty();
        is_whole.then(|| Object { bucket: bucket.to_owned(), key: key.to_owned() })
    }

    fn reach(&self) -> Result<Reached, Failure> {
        let credentials = Credentials::from_env();
        let credentials = credentials.ok_or_else(|| error(unready().unwrap_or_default()))?;
        let region = variable(&["AWS_REGION", "AWS_DEFAULT_REGION"]);
        let region = region.unwrap_or_else(|| "us-east-1".to_owned());
        let endpoint = variable(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]);
        // Names with dots have no certificate of their own; other servers often have one name only.
        let style = match endpoint.is_some() || self.bucket.contains('.') {
            true => UrlStyle::Path,
            false => UrlStyle::VirtualHost,
        };
        let endpoint = endpoint.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let url: Url = endpoint
            .parse()
            .map_err(|problem| error(format!("AWS_ENDPOINT_URL {endpoint}: {problem}")))?;
        let bucket = Bucket::new(url, style, self.bucket.clone(), region)
            .map_err(|problem| error(format!("{self}: {problem}")))?;
        // A key that a path cannot say would become another one.
        let is_plain = !self.key.split('/').any(|part| matches!(part, "" | "." | ".."));
        if !is_plain {
            return Err(error(format!("{self}: empty parts, `.` and `..` cannot stand in it")));
        }
        Ok(Reached { bucket, credentials, client: http_client()?, about: self.to_string() })
    }

    fn beside(&self) -> String {
        format!("{}.json", self.key)
    }

    /// Puts it there and reads it back; what stands beside it comes last, and says that it is whole.
    pub async fn put(&self, path: &Path, manifest: &Manifest) -> Result<(), Failure> {
        let reached = self.reach()?;
        match manifest.size > PIECE {
            true => reached.put_in_pieces(&self.key, path, manifest.size).await?,
            false => reached.put(&self.key, read(path, 0, manifest.size).await?).await?,
        }
        let (sha256, size) = reached.sum(&self.key).await?;
        if (&sha256, size) != (&manifest.sha256, manifest.size) {
            let _ = reached.remove(&self.key).await;
            return Err(error(format!("{self} is not what was sent: {size} bytes with {sha256}")));
        }
        let text = serde_json::to_vec_pretty(manifest).expect("a manifest is plain data");
        reached.put(&self.beside(), text).await
    }

    /// Fetches it to where it was; it has its name when it is whole.
    pub async fn get(&self, path: &Path, known: &Manifest) -> Result<(), Failure> {
        let reached = self.reach()?;
        let wrong = |problem: std::io::Error| error(format!("{}: {problem}", path.display()));
        let beside = reached.text(&self.beside()).await?;
        let manifest: Manifest = serde_json::from_slice(&beside)
            .map_err(|problem| error(format!("{self}.json: {problem}")))?;
        // Whoever may write into the bucket may write both of them.
        if (&manifest.sha256, manifest.size) != (&known.sha256, known.size) {
            return Err(error(format!(
                "{self} is another backup than the one that the catalogue knows"
            )));
        }
        let half = partial(path);
        crate::world::write_private(&half, b"")?;
        let fetched = async {
            let mut file =
                tokio::fs::OpenOptions::new().write(true).open(&half).await.map_err(wrong)?;
            let mut response = reached.open(&self.key).await?;
            while let Some(piece) = reached.next(&mut response).await? {
                file.write_all(&piece).await.map_err(wrong)?;
            }
            file.sync_all().await.map_err(wrong)?;
            let (sha256, size) = digest::of_file(&half).map_err(wrong)?;
            match (&sha256, size) == (&manifest.sha256, manifest.size) {
                true => seal(path, &manifest),
                false => Err(error(format!(
                    "{self} is not what was written: {size} bytes with {sha256}"
                ))),
            }
        };
        let fetched = fetched.await;
        if fetched.is_err() {
            let _ = std::fs::remove_file(&half);
        }
        fetched
    }

    /// First what says that it is whole.
    pub async fn remove(&self) -> Result<(), Failure> {
        let reached = self.reach()?;
        reached.remove(&self.beside()).await?;
        reached.remove(&self.key).await
    }
}

impl Reached {
    async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), Failure> {
        let url = self.bucket.put_object(Some(&self.credentials), key).sign(SIGNED_FOR);
        self.send(Method::PUT, &url, &bytes).await.map(drop)
    }

    async fn put_in_pieces(&self, key: &str, path: &Path, size: u64) -> Result<(), Failure> {
        let credentials = Some(&self.credentials);
        let url = self.bucket.create_multipart_upload(credentials, key).sign(SIGNED_FOR);
        let answer = self.send(Method::POST, &url, &[]).await?;
        let answer = self.all(answer).await?;
        let answer = CreateMultipartUpload::parse_response(&String::from_utf8_lossy(&answer))
            .map_err(|problem| {
                error(format!("{}: an answer that is none: {problem}", self.about))
            })?;
        let upload = answer.upload_id();
        let going = async {
            let piece = PIECE.max(size.div_ceil(PIECES));
            let mut tags = Vec::new();
            for (number, from) in (1u16..).zip((0..size).step_by(piece as usize)) {
                let bytes = read(path, from, piece.min(size - from)).await?;
                let part = self.bucket.upload_part(credentials, key, number, upload);
                let answer = self.send(Method::PUT, &part.sign(SIGNED_FOR), &bytes).await?;
                let tag = answer.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok());
                let tag =
                    tag.ok_or_else(|| error(format!("{}: a piece without a tag", self.about)))?;
                tags.push(tag.to_owned());
            }
            let tags = tags.iter().map(String::as_str);
            let whole = self.bucket.complete_multipart_upload(credentials, key, upload, tags);
            let url = whole.sign(SIGNED_FOR);
            let answer = self.send(Method::POST, &url, whole.body().as_bytes()).await?;
            // It may have said so before it knew.
            let text = self.all(answer).await?;
            let text = String::from_utf8_lossy(&text);
            match text.contains("<Error>") {
                true => Err(error(format!("{}: {}", self.about, told(&text)))),
                false => Ok(()),
            }
        };
        let gone = going.await;
        if gone.is_err() {
            let abort = self.bucket.abort_multipart_upload(credentials, key, upload);
            let _ = self.send(Method::DELETE, &abort.sign(SIGNED_FOR), &[]).await;
        }
        gone
    }

    async fn open(&self, key: &str) -> Result<Response, Failure> {
        let url = self.bucket.get_object(Some(&self.credentials), key).sign(SIGNED_FOR);
        self.send(Method::GET, &url, &[]).await
    }

    async fn text(&self, key: &str) -> Result<Vec<u8>, Failure> {
        let response = self.open(key).await?;
        self.all(response).await
    }

    async fn sum(&self, key: &str) -> Result<(String, u64), Failure> {
        let mut response = self.open(key).await?;
        let (mut hash, mut size) = (Sha256::new(), 0);
        while let Some(piece) = self.next(&mut response).await? {
            hash.update(&*piece);
            size += piece.len() as u64;
        }
        Ok((hex(&hash.finalize()), size))
    }

    async fn remove(&self, key: &str) -> Result<(), Failure> {
        let url = self.bucket.delete_object(Some(&self.credentials), key).sign(SIGNED_FOR);
        self.send(Method::DELETE, &url, &[]).await.map(drop)
    }

    async fn next(
        &self,
        response: &mut Response,
    ) -> Result<Option<impl Deref<Target = [u8]> + use<>>, Failure> {
        response.chunk().await.map_err(|problem| self.lost(&problem))
    }

    /// An answer that is small: more of it is not read.
    async fn all(&self, mut response: Response) -> Result<Vec<u8>, Failure> {
        let mut all = Vec::new();
        while let Some(piece) = self.next(&mut response).await? {
            all.extend_from_slice(&piece);
            if all.len() > 64 << 20 {
                return Err(error(format!("{}: an answer without end", self.about)));
            }
        }
        Ok(all)
    }

    fn lost(&self, problem: &reqwest::Error) -> Failure {
        // Never with its address: that is signed.
        error(format!("{}: {}", self.about, reason(problem)))
    }

    /// One request, sent again where the server or the way there was busy.
    async fn send(&self, method: Method, url: &Url, body: &[u8]) -> Result<Response, Failure> {
        let request = |method: &Method| -> RequestBuilder {
            let request = self.client.request(method.clone(), url.clone());
            match body.is_empty() {
                true => request,
                false => request.body(body.to_vec()),
            }
        };
        let mut pauses = PAUSES.iter();
        loop {
            let failure = match request(&method).send().await {
                Ok(answer) if answer.status().is_success() => return Ok(answer),
                Ok(answer) => {
                    let status = answer.status();
                    let failure = self.refused(answer).await;
                    let is_busy =
                        status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
                    if !is_busy {
                        return Err(failure);
                    }
                    failure
                }
                Err(problem) => self.lost(&problem.without_url()),
            };
            match pauses.next() {
                Some(pause) => tokio::time::sleep(*pause).await,
                None => return Err(failure),
            }
        }
    }

    async fn refused(&self, answer: Response) -> Failure {
        let status = answer.status();
        let region = answer.headers().get("x-amz-bucket-region");
        let region = region.and_then(|region| region.to_str().ok()).map(str::to_owned);
        let body = self.all(answer).await.unwrap_or_default();
        let mut text = told(&String::from_utf8_lossy(&body));
        if let Some(region) = region.filter(|region| region != self.bucket.region()) {
            text += &format!("; the bucket is in {region}: AWS_REGION={region}");
        }
        error(format!("{}: {status}{}{text}", self.about, if text.is_empty() { "" } else { ": " }))
    }
}

/// What an answer says of an error.
fn told(text: &str) -> String {
    let between = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        let (inside, _) = rest.split_once("</")?;
        let plain = inside.chars().filter(|c| !c.is_control()).take(200);
        Some(plain.collect::<String>())
    };
    let parts = ["Code", "Message"].into_iter().filter_map(between);
    parts.collect::<Vec<_>>().join(": ")
}

async fn read(path: &Path, from: u64, count: u64) -> Result<Vec<u8>, Failure> {
    let wrong = |problem: std::io::Error| error(format!("{}: {problem}", path.display()));
    let mut file = tokio::fs::File::open(path).await.map_err(wrong)?;
    tokio::io::AsyncSeekExt::seek(&mut file, std::io::SeekFrom::Start(from))
        .await
        .map_err(wrong)?;
    let mut bytes = vec![0; count as usize];
    file.read_exact(&mut bytes).await.map_err(wrong)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_bucket_and_a_key() {
        let known = |text| Object::from_address(text).map(|one| one.to_string());
        assert_eq!(known("s3://b/k/l.db").as_deref(), Some("s3://b/k/l.db"));
        for wrong in ["s3://", "s3://b", "s3://b/", "s3:///k", "/b/k", "gs://b/k"] {
            assert_eq!(known(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_a_server_says_is_told_short_and_plain() {
        let text =
            "<?xml?><Error><Code>NoSuchBucket</Code><Message>gone\u{1b}[2J</Message></Error>";
        assert_eq!(told(text), "NoSuchBucket: gone[2J");
        assert_eq!(told("<html>"), "");
    }
}
