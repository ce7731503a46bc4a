//! Keys that few records say: where none is said, they take no room.

use std::borrow::Cow;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::meaning::{Is, Keys, Meaning, Means};
use super::read::{Leaf, Read, Walk};
use crate::document::Node;
use crate::source::Span;

/// A record that may say nothing at all.
pub trait Nothing: 'static {
    fn nothing() -> &'static Self;
}

/// Reads like the record itself.
#[derive(Debug, Clone)]
pub struct Rare<T>(Option<Box<T>>);

impl<T: Nothing> Deref for Rare<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.0 {
            Some(value) => value,
            None => T::nothing(),
        }
    }
}

impl<T: Read + Means> Read for Rare<T> {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        let value = T::read(node)?;
        let mut said = Keys::new();
        value.put(&mut said);
        Some(Rare((!said.is_empty()).then(|| Box::new(value))))
    }
}

impl<T: Walk> Walk for Rare<T> {
    fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
        self.0.walk(see);
    }
}

impl<T: Means> Means for Rare<T> {
    fn meaning(&self, around: Span) -> Option<Meaning> {
        match &self.0 {
            Some(value) => value.meaning(around),
            None => Some(Is::Map(Keys::new()).at(around)),
        }
    }

    fn put(&self, keys: &mut Keys) {
        if let Some(value) = &self.0 {
            (**value).put(keys);
        }
    }
}

impl<T: JsonSchema> JsonSchema for Rare<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
