//! Who may do what with a file, whose it is, and when it was changed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use serde::{Deserialize, Serialize};

use crate::event::Failure;
use crate::world::error;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    pub mode: u32,
    pub user: u32,
    pub group: u32,
    /// When it was changed: seconds and their billionths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<(i64, i64)>,
}

impl Meta {
    pub fn of(path: &Path) -> Result<Meta, Failure> {
        let found = fs::symlink_metadata(path)
            .map_err(|problem| error(format!("{}: {problem}", path.display())))?;
        Ok(Meta {
            mode: found.mode() & 0o7777,
            user: found.uid(),
            group: found.gid(),
            changed: Some((found.mtime(), found.mtime_nsec())),
        })
    }

    /// What a new file gets that others are to read.
    pub fn usual() -> Meta {
        let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
        Meta { mode: 0o644, user: user.as_raw(), group: group.as_raw(), changed: None }
    }

    /// In all but the time.
    pub fn is_like(&self, other: &Meta) -> bool {
        (self.mode, self.user, self.group) == (other.mode, other.user, other.group)
    }

    /// Owner first: a change of owner takes special bits away.
    pub fn give(&self, path: &Path) -> Result<(), Failure> {
        let wrong = |what: &str, problem: std::io::Error| {
            error(format!("{}: its {what} cannot be set: {problem}", path.display()))
        };
        let found = fs::symlink_metadata(path).map_err(|problem| wrong("rights", problem))?;
        if (found.uid(), found.gid()) != (self.user, self.group) {
            lchown(path, Some(self.user), Some(self.group))
                .map_err(|problem| wrong("owner", problem))?;
        }
        if !found.is_symlink() {
            let found = fs::symlink_metadata(path).map_err(|problem| wrong("rights", problem))?;
            if found.mode() & 0o7777 != self.mode {
                fs::set_permissions(path, fs::Permissions::from_mode(self.mode))
                    .map_err(|problem| wrong("rights", problem))?;
            }
        }
        let is_same = |time| (found.mtime(), found.mtime_nsec()) == time;
        let Some((seconds, billionths)) = self.changed.filter(|time| !is_same(*time)) else {
            return Ok(());
        };
        let time = Timespec { tv_sec: seconds, tv_nsec: billionths as _ };
        let times = Timestamps { last_access: time, last_modification: time };
        utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|problem| wrong("time", problem.into()))
    }
}
