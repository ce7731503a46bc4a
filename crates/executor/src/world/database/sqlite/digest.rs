//! SQLite has no digests: it is taught one, so that it adds up the rows itself, as servers do.
//!
//! The one place with `unsafe`: sqlx gives no way to teach a function, and the crate that does wants
//! the connection's handle.

use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};
use sqlx::sqlite::SqliteConnection;

use crate::world::database::refusal::Refusal;
use plan_model::sql::Dialect;

/// `plan_digest(column, …)`: what the rows add up to, in whatever order they come.
pub const NAME: &str = "plan_digest";

pub async fn teach(connection: &mut SqliteConnection) -> Result<(), Refusal> {
    let handle = connection.lock_handle().await;
    let mut handle = handle.map_err(|problem| Refusal::of(&problem, Dialect::Sqlite))?;
    let raw = handle.as_raw_handle().as_ptr();
    // SAFETY: the handle is one of an open connection, which outlives this function; while it is
    // locked nobody else uses it. `from_handle` does not own it: dropping `borrowed` closes nothing.
    // Both crates are built against the same libsqlite3-sys (it links a native library, of which
    // cargo allows one), so the two types named sqlite3 are one. What is taught stays with the
    // connection after `borrowed`, is 'static and Send, and is freed by SQLite when it closes.
    #[allow(unsafe_code)]
    let borrowed = unsafe { Connection::from_handle(raw.cast()) };
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DIRECTONLY;
    let taught = borrowed.and_then(|to| to.create_aggregate_function(NAME, -1, flags, RowsAddedUp));
    taught.map_err(|problem| Refusal {
        why: crate::world::database::refusal::Why::Refused,
        code: String::new(),
        text: problem.to_string(),
    })
}

struct RowsAddedUp;

impl Aggregate<u128, String> for RowsAddedUp {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<u128> {
        Ok(0)
    }

    fn step(&self, row: &mut Context<'_>, sum: &mut u128) -> rusqlite::Result<()> {
        let mut hash = Sha256::new();
        for at in 0..row.len() {
            add(&mut hash, row.get_raw(at));
        }
        let hash: [u8; 32] = hash.finalize().into();
        let (half, _) = hash.split_first_chunk().unwrap_or((&[0; 16], &[]));
        *sum = sum.wrapping_add(u128::from_be_bytes(*half));
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, sum: Option<u128>) -> rusqlite::Result<String> {
        Ok(format!("{:032x}", sum.unwrap_or_default()))
    }
}

/// Kind and length stand before what it is, so that no two rows look alike.
fn add(hash: &mut Sha256, value: ValueRef<'_>) {
    let mut bytes = |kind: u8, bytes: &[u8]| {
        let mut head = [kind; 9];
        head[1..].copy_from_slice(&(bytes.len() as u64).to_be_bytes());
        hash.update(head);
        hash.update(bytes);
    };
    match value {
        ValueRef::Null => bytes(b'n', b""),
        ValueRef::Integer(number) => bytes(b'i', &number.to_be_bytes()),
        ValueRef::Real(number) => bytes(b'r', &number.to_be_bytes()),
        ValueRef::Text(text) => bytes(b't', text),
        ValueRef::Blob(blob) => bytes(b'b', blob),
    }
}
