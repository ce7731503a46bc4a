//! `http`: a request that does something.

use schemars::JsonSchema;

use super::{ActionFacts, Effect, Inverse};
use crate::document::{Node, View};
use crate::model::read::{Leaf, Read, Walk, record, words};
use crate::model::value::{AnyKey, Anything, Count, Entries, OneOrMany, Text, Url, Value};

words! {
/// An HTTP method.
pub enum Method {
    /// Reads.
    Get = "GET",
    /// Reads only the head.
    Head = "HEAD",
    /// Does something.
    Post = "POST",
    /// Puts something.
    Put = "PUT",
    /// Changes something.
    Patch = "PATCH",
    /// Removes something.
    Delete = "DELETE",
}
}

record! {
/// A request.
pub struct HttpKeys {
    /// The address. Example: `http://127.0.0.1:8000/admin/reindex`
    url: Url,
    /// The method; GET unless said. Example: `POST`
    method: Option<Method>,
    /// Headers. Example: `{ Authorization: "Bearer {{ token }}" }`
    headers: Option<Entries<AnyKey, Text>>,
    /// A JSON body. Example: `{ full: true }`
    json: Option<Anything>,
    /// A form. Example: `{ login: tester }`
    form: Option<Entries<AnyKey, Value>>,
    /// A body as text. Example: `reindex`
    body: Option<Text>,
    /// The status, or several that will do; 200 to 299 unless said. Example: `202`
    status: Option<OneOrMany<Count>>,
}
}

/// The address alone (a GET), or a whole request.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub enum Http {
    /// The address.
    Url(Url),
    /// The whole request.
    Full(Box<HttpKeys>),
}

impl Http {
    pub fn url(&self) -> &Url {
        match self {
            Http::Url(url) => url,
            Http::Full(keys) => &keys.url,
        }
    }

    pub fn method(&self) -> Method {
        match self {
            Http::Url(_) => Method::Get,
            Http::Full(keys) => keys.method.unwrap_or(Method::Get),
        }
    }

    fn reads_only(&self) -> bool {
        matches!(self.method(), Method::Get | Method::Head)
    }
}

impl Read for Http {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        match node.view() {
            View::Map(_) => Read::read(node).map(Http::Full),
            _ => Url::read(node).map(Http::Url),
        }
    }
}

impl Walk for Http {
    fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
        match self {
            Http::Url(url) => url.walk(see),
            Http::Full(keys) => keys.walk(see),
        }
    }
}

impl ActionFacts for Http {
    fn line(&self) -> String {
        format!("{} {}", self.method().word(), self.url().value)
    }

    fn inverse(&self) -> Inverse {
        if self.reads_only() { Inverse::ReadOnly } else { Inverse::None }
    }

    fn effects(&self) -> Vec<Effect> {
        if self.reads_only() { Vec::new() } else { vec![Effect::Outside] }
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["status", "body"]
    }
}
