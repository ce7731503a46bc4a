//! Files and folders into one tar, with what each of them is. What cannot be read is a failure, not a
//! warning.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::event::Failure;
use crate::fingerprint;
use crate::world::error;

/// Packs what is below a base folder; gives each path with its digest, rights and owner.
pub fn save(
    base: &Path,
    names: &[String],
    except: &[String],
    how: &str,
    to: &Path,
) -> Result<BTreeMap<String, String>, Failure> {
    let before = look(base, names, except)?;
    if before.is_empty() {
        return Err(error(format!("there is nothing at {}", names.join(", "))));
    }
    write(base, before.keys(), how, to)
        .map_err(|problem| error(format!("{}: {problem}", to.display())))?;
    // A file that changed while it was read is in nobody's state.
    let after = look(base, names, except)?;
    if let Some(changed) = fingerprint_difference(&before, &after) {
        return Err(error(format!("{changed} while it was being saved: stop what writes there")));
    }
    Ok(before)
}

fn look(
    base: &Path,
    names: &[String],
    except: &[String],
) -> Result<BTreeMap<String, String>, Failure> {
    let mut parts = BTreeMap::new();
    for name in names {
        let name = name.trim_end_matches('/');
        if !base.join(name).exists() && std::fs::symlink_metadata(base.join(name)).is_err() {
            return Err(error(format!("there is no {name}")));
        }
        if let Ok(target) = std::fs::read_link(base.join(name)) {
            return Err(error(format!(
                "{name} is a link to {}, and only the link would be saved: name what it leads to",
                target.display()
            )));
        }
        fingerprint::files(&base.join(name), name, except, &mut parts)?;
    }
    Ok(parts)
}

fn fingerprint_difference(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> Option<String> {
    let changed = before.iter().find(|(name, was)| after.get(*name) != Some(was));
    let new = after.keys().find(|name| !before.contains_key(*name));
    changed.map(|(name, _)| format!("{name} changed")).or(new.map(|name| format!("{name} came")))
}

fn write<'n>(
    base: &Path,
    names: impl Iterator<Item = &'n String>,
    how: &str,
    to: &Path,
) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(to)?;
    let (reader, writer) = io::pipe()?;
    let how = how.to_owned();
    let packing = std::thread::spawn(move || {
        let (mut reader, mut file) = (reader, file);
        super::pack::pack(&how, &mut reader, &mut file)
    });
    let mut tar = tar::Builder::new(io::BufWriter::with_capacity(1 << 17, writer));
    tar.follow_symlinks(false);
    let written = (|| {
        for name in names {
            // Absolute paths stand in a tar without their first stroke.
            let inside = PathBuf::from(name.trim_start_matches('/'));
            let inside = inside.strip_prefix("./").unwrap_or(&inside).to_owned();
            let path = base.join(name);
            match std::fs::symlink_metadata(&path)?.is_dir() {
                true => tar.append_dir(&inside, &path)?,
                false => tar.append_path_with_name(&path, &inside)?,
            }
        }
        tar.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok::<_, io::Error>(())
    })();
    let packed = packing.join().map_err(|_| io::Error::other("the packer broke"))?;
    written?;
    packed?;
    Ok(())
}
