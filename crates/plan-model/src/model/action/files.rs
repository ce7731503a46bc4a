//! `files`: changes to files, each of which keeps what was there.

use schemars::JsonSchema;

use super::{ActionFacts, Effect, Inverse};
use crate::document::Node;
use crate::model::meaning::{Meaning, Means};
use crate::model::read::{Leaf, Read, Walk, record, words};
use crate::model::value::{
    AnyKey, Count, Entries, Flag, Mode, OneOrMany, Size, TemplatePath, Text, Value,
};
use crate::source::Span;

record! {
/// Permissions and owner that a written file gets.
pub struct Ownership {
    /// Permissions. Example: `"0640"`
    mode: Option<Mode>,
    /// Owner, or owner and group. Example: `www-data:www-data`
    owner: Option<Text>,
}
}

record! {
/// Copies one file.
pub struct CopyFile {
    /// The file to copy. Example: `config/app.conf`
    copy: Text,
    /// Where it goes. Example: `/etc/shop/app.conf`
    to: Text,
    /// Leaves a file that is there already as it is. Example: `true`
    only_if_missing: Option<Flag>,
    ;
    flatten ownership: Ownership,
}
}

record! {
/// Makes one folder like another.
pub struct SyncFolder {
    /// The folder that is right. Example: `releases/2.0/`
    sync: Text,
    /// The folder that becomes like it. Example: `/srv/shop/`
    to: Text,
    /// What is only in the other folder is removed (and kept for the way back). Example: `true`
    delete: Option<Flag>,
    /// What is left alone, as glob patterns. Example: `[".env", "storage/**"]`
    except: Option<Vec<Text>>,
    ;
    flatten ownership: Ownership,
}
}

record! {
/// Fills in a template file.
pub struct FillTemplate {
    /// The template. Example: `templates/postgresql.conf.j2`
    template: TemplatePath,
    /// Where the result goes. Example: `/etc/postgresql/14/main/conf.d/plan.conf`
    to: Text,
    /// Names that only this template sees. Example: `{ shared_buffers: 2GB }`
    values: Option<Entries<AnyKey, Value>>,
    ;
    flatten ownership: Ownership,
}
}

record! {
/// Points a symbolic link at something, in one step.
pub struct SetLink {
    /// The link. Example: `current`
    link: Text,
    /// What it points at. Example: `releases/{{ version }}`
    to: Text,
    /// Paths that every release shares: linked into the new one first. Example: `[storage, .env]`
    shared: Option<Vec<Text>>,
    /// How many of the folders beside the target are kept. Example: `3`
    keep: Option<Count>,
}
}

record! {
/// Removes files or folders; they are kept for the way back.
pub struct RemoveFiles {
    /// What is removed. Example: `[bootstrap/cache/config.php]`
    remove: OneOrMany<Text>,
}
}

record! {
/// Unpacks an archive into a new folder; paths and links that leave it are refused.
pub struct UnpackArchive {
    /// The archive: tar.gz, tar.zst or zip. Example: `packages/app-2.0.tar.gz`
    unpack: Text,
    /// The folder that it makes. Example: `releases/2.0/`
    to: Text,
    /// How many leading folders of each path are dropped. Example: `1`
    strip: Option<Count>,
    /// More than this is refused. Example: `2GiB`
    max_size: Option<Size>,
}
}

words! {
/// How a settings file is written.
pub enum SettingsFormat {
    /// `KEY=value`, as in `.env`.
    Env = "env",
    /// `[section]` and `key = value`.
    Ini = "ini",
    /// `key = value` or `key value`, as in postgresql.conf.
    Conf = "conf",
}
}

record! {
/// Sets keys in a settings file and leaves the rest as it is.
pub struct SetKeys {
    /// The keys and their values. Example: `{ APP_ENV: testing }`
    set: Entries<AnyKey, Value>,
    /// The file. Example: `.env`
    file as "in": Text,
    /// How the file is written; told by its name unless said. Example: `env`
    format: Option<SettingsFormat>,
    /// The section, for ini files. Example: `server`
    section: Option<Text>,
}
}

record! {
/// Makes a folder.
pub struct MakeFolder {
    /// The folder. Example: `/var/backups/shop`
    make: Text,
    ;
    flatten ownership: Ownership,
}
}

record! {
/// Sets permissions and owner.
pub struct SetMode {
    /// The file or folder. Example: `/etc/ssl/private/server.key`
    path: Text,
    /// For folders: everything below as well. Example: `true`
    recursive: Option<Flag>,
    ;
    flatten ownership: Ownership,
}
}

macro_rules! file_changes {
    ($($(#[$meta:meta])* $variant:ident($record:ident) = $key:literal),* $(,)?) => {
        /// One change to files, told apart by its key.
        #[derive(Debug, Clone, JsonSchema)]
        #[schemars(untagged)]
        pub enum FileChange { $($(#[$meta])* $variant($record)),* }

        impl Read for FileChange {
            fn read(node: Node<'_, '_>) -> Option<Self> {
                let map = node.map()?;
                $(if map.get($key).is_some() {
                    return $record::read(node).map(FileChange::$variant);
                })*
                None
            }
        }

        impl Walk for FileChange {
            fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
                match self { $(FileChange::$variant(change) => change.walk(see)),* }
            }
        }

        impl Means for FileChange {
            fn meaning(&self, around: Span) -> Option<Meaning> {
                match self { $(FileChange::$variant(change) => change.meaning(around)),* }
            }
        }
    };
}

file_changes! {
    Copy(CopyFile) = "copy",
    Sync(SyncFolder) = "sync",
    Template(FillTemplate) = "template",
    Link(SetLink) = "link",
    Remove(RemoveFiles) = "remove",
    Unpack(UnpackArchive) = "unpack",
    Set(SetKeys) = "set",
    Make(MakeFolder) = "make",
    Mode(SetMode) = "path",
}

impl FileChange {
    fn line(&self) -> String {
        match self {
            FileChange::Copy(change) => {
                format!("copy {} to {}", change.copy.value, change.to.value)
            }
            FileChange::Sync(change) => {
                format!("make {} like {}", change.to.value, change.sync.value)
            }
            FileChange::Template(change) => {
                format!("write {} from {}", change.to.value, change.template.value)
            }
            FileChange::Link(change) => {
                format!("point {} at {}", change.link.value, change.to.value)
            }
            FileChange::Remove(change) => {
                let all: Vec<_> = change.remove.iter().map(|path| path.value.as_str()).collect();
                format!("remove {}", all.join(", "))
            }
            FileChange::Unpack(change) => {
                format!("unpack {} into {}", change.unpack.value, change.to.value)
            }
            FileChange::Set(change) => {
                let keys: Vec<_> = change.set.0.iter().map(|(key, _)| key.value.as_str()).collect();
                format!("set {} in {}", keys.join(", "), change.file.value)
            }
            FileChange::Make(change) => format!("make folder {}", change.make.value),
            FileChange::Mode(change) => format!("set permissions of {}", change.path.value),
        }
    }

    /// What the change writes.
    pub fn targets(&self) -> Vec<&Text> {
        match self {
            FileChange::Copy(change) => vec![&change.to],
            FileChange::Sync(change) => vec![&change.to],
            FileChange::Template(change) => vec![&change.to],
            FileChange::Link(change) => vec![&change.link],
            FileChange::Remove(change) => change.remove.iter().collect(),
            FileChange::Unpack(change) => vec![&change.to],
            FileChange::Set(change) => vec![&change.file],
            FileChange::Make(change) => vec![&change.make],
            FileChange::Mode(change) => vec![&change.path],
        }
    }
}

pub type Files = OneOrMany<FileChange>;

impl ActionFacts for Files {
    fn line(&self) -> String {
        self.iter().map(FileChange::line).collect::<Vec<_>>().join("; ")
    }

    fn inverse(&self) -> Inverse {
        Inverse::Natural("puts back what was there, with mode, owner and times".to_owned())
    }

    fn by_hand(&self) -> String {
        "by hand: kept/STEP in the run's folder holds what was there: was.json tells each path with its \
         rights, owner and time, and the number of the file beside it that has its bytes; `missing` was not \
         there"
            .to_owned()
    }

    fn effects(&self) -> Vec<Effect> {
        let targets = self.iter().flat_map(FileChange::targets);
        targets.map(|path| Effect::Files { path: path.value.clone() }).collect()
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["changed", "previous"]
    }
}
