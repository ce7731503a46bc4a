//! All that is below a folder, to the bit: what a rollback must give back.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Each path with kind, rights, owner, time (of files and links) and what is in it.
pub fn tree(folder: &Path) -> Vec<String> {
    let mut all = Vec::new();
    add(folder, folder, &mut all);
    all.sort();
    all
}

fn add(top: &Path, path: &Path, all: &mut Vec<String>) {
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        let meta = fs::symlink_metadata(&path).unwrap();
        let name = path.strip_prefix(top).unwrap().display();
        let rights = format!("{:o} {}:{}", meta.mode() & 0o7777, meta.uid(), meta.gid());
        let time = format!("{}.{}", meta.mtime(), meta.mtime_nsec());
        if meta.is_symlink() {
            all.push(format!("{name} -> {} {time}", fs::read_link(&path).unwrap().display()));
        } else if meta.is_dir() {
            all.push(format!("{name}/ {rights}"));
            add(top, &path, all);
        } else {
            let bytes = fs::read(&path).unwrap();
            all.push(format!("{name} {rights} {time} {}", String::from_utf8_lossy(&bytes)));
        }
    }
}
