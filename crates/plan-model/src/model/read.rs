//! From a tree that the schema accepted to values. Finds no problems itself: the schema did.

use crate::document::{Node, Scalar, View};
use crate::source::Span;

/// Reads a value from a node of the right shape; `None` where the schema pruned something.
pub trait Read: Sized {
    fn read(node: Node<'_, '_>) -> Option<Self>;

    /// What it is when its key is not there; `None` where the key must be there.
    fn missing() -> Option<Self> {
        None
    }
}

impl<T: Read> Read for Option<T> {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        Some(T::read(node))
    }

    fn missing() -> Option<Self> {
        Some(None)
    }
}

impl<T: Read> Read for Box<T> {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        T::read(node).map(Box::new)
    }
}

impl<T: Read> Read for std::sync::Arc<T> {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        T::read(node).map(std::sync::Arc::new)
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        match node.view() {
            View::List(list) => Some(list.iter().filter_map(T::read).collect()),
            _ => None,
        }
    }
}

impl Read for bool {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        match node.view() {
            View::Scalar(Scalar::Bool(value)) => Some(value),
            _ => None,
        }
    }
}

impl Read for u64 {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        match node.view() {
            View::Scalar(Scalar::Int(value)) => value.try_into().ok(),
            // `3.0` is a whole number for a JSON schema.
            View::Scalar(Scalar::Float(value)) if value.fract() == 0.0 && value >= 0.0 => {
                Some(value as u64)
            }
            _ => None,
        }
    }
}

impl Read for String {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        node.text().map(str::to_owned)
    }
}

/// What a leaf of the model means: decides how it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeafKind {
    /// Text for people or programs; template values go in as they are.
    Plain,
    /// A script: template values are quoted for the shell.
    Shell,
    /// A bare expression, without braces.
    Expression,
    /// SQL: template values are quoted for the database.
    Sql,
    /// A template that must give a value of this notation.
    Setting(&'static str),
    Pattern,
    Url,
    Zone,
    Cron,
    /// Names a host or a group of hosts.
    Host,
    /// Names a connection.
    Connection,
    /// Names a step or checkpoint.
    Entry,
    /// A script file that must be there.
    ScriptPath,
    /// A file of SQL that must be there.
    SqlPath,
    /// A folder of migrations that must be there.
    MigrationsPath,
    /// A file whose text is a template.
    TemplatePath,
}

/// One text of the model with its place and meaning.
#[derive(Debug, Clone, Copy)]
pub struct Leaf<'p> {
    pub kind: LeafKind,
    pub text: &'p str,
    pub span: Span,
}

/// Shows every leaf below a value, in the order of the type.
pub trait Walk {
    fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>));
}

impl<T: Walk> Walk for Option<T> {
    fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
        if let Some(value) = self {
            value.walk(see);
        }
    }
}

impl<T: Walk> Walk for Box<T> {
    fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
        (**self).walk(see);
    }
}

impl<T: Walk> Walk for std::sync::Arc<T> {
    fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
        (**self).walk(see);
    }
}

impl<T: Walk> Walk for Vec<T> {
    fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
        for value in self {
            value.walk(see);
        }
    }
}

impl Walk for bool {
    fn walk<'p>(&'p self, _: &mut dyn FnMut(Leaf<'p>)) {}
}

impl Walk for u64 {
    fn walk<'p>(&'p self, _: &mut dyn FnMut(Leaf<'p>)) {}
}

/// The keys of one map in the plan language: a struct, its schema and its reader from one text.
///
/// A field may be written `name as "key"` where the key is a Rust word, and `flatten name` where
/// the keys of another record stand among its own. Every record knows its own `span`.
macro_rules! record {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[$field_meta:meta])* $field:ident $(as $key:literal)? : $type:ty),* $(,)?
            $(; $($(#[$flat_meta:meta])* flatten $flat:ident : $flat_type:ty),* $(,)?)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_meta])* $(#[schemars(rename = $key)])? pub $field: $type,)*
            $($($(#[$flat_meta])* #[schemars(flatten)] pub $flat: $flat_type,)*)?
            #[schemars(skip)]
            pub span: crate::source::Span,
        }

        impl $crate::model::read::Walk for $name {
            fn walk<'p>(&'p self, see: &mut dyn FnMut($crate::model::read::Leaf<'p>)) {
                let _ = &see;
                $($crate::model::read::Walk::walk(&self.$field, see);)*
                $($($crate::model::read::Walk::walk(&self.$flat, see);)*)?
            }
        }

        impl $crate::model::meaning::Means for $name {
            fn meaning(&self, _: $crate::source::Span) -> Option<$crate::model::meaning::Meaning> {
                let mut keys = Vec::new();
                self.put(&mut keys);
                Some($crate::model::meaning::Is::Map(keys).at(self.span))
            }

            fn put(&self, keys: &mut $crate::model::meaning::Keys) {
                $($crate::model::meaning::put(
                    keys,
                    $crate::model::read::key_name!($field $($key)?),
                    &self.$field,
                    self.span,
                );)*
                $($(self.$flat.put(keys);)*)?
            }
        }

        impl $crate::model::read::Read for $name {
            fn read(node: $crate::document::Node<'_, '_>) -> Option<Self> {
                let map = node.map()?;
                $(let mut $field: Option<$type> = None;)*
                for (key, value) in map.iter() {
                    let _ = value;
                    $crate::model::read::match_key!(key.raw()?; $($field $(as $key)? => {
                        $field = <$type as $crate::model::read::Read>::read(value);
                    })*);
                }
                Some($name {
                    $($field: match $field {
                        Some(value) => value,
                        None => <$type as $crate::model::read::Read>::missing()?,
                    },)*
                    $($($flat: <$flat_type as $crate::model::read::Read>::read(node)?,)*)?
                    span: node.span(),
                })
            }
        }
    };
}

macro_rules! key_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $key:literal) => {
        $key
    };
}

macro_rules! match_key {
    ($text:expr; $($field:ident $(as $key:literal)? => $body:block)*) => {
        let text = $text;
        $(if text == $crate::model::read::key_name!($field $($key)?) $body else)* {}
    };
}

/// An enum of words: type, schema with a description for each word, and reader.
macro_rules! words {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $($(#[$word_meta:meta])* $variant:ident = $word:literal),* $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, schemars::JsonSchema)]
        pub enum $name { $($(#[$word_meta])* #[schemars(rename = $word)] $variant),* }

        impl $name {
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }
        }

        impl $crate::model::read::Walk for $name {
            fn walk<'p>(&'p self, _: &mut dyn FnMut($crate::model::read::Leaf<'p>)) {}
        }

        impl $crate::model::meaning::Means for $name {
            fn meaning(
                &self,
                around: $crate::source::Span,
            ) -> Option<$crate::model::meaning::Meaning> {
                Some($crate::model::meaning::Is::Text(self.word().to_owned()).at(around))
            }
        }

        impl $crate::model::read::Read for $name {
            fn read(node: $crate::document::Node<'_, '_>) -> Option<Self> {
                match node.raw()? { $($word => Some($name::$variant),)* _ => None }
            }
        }
    };
}

pub(crate) use {key_name, match_key, record, words};
