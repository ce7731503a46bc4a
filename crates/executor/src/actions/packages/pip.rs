//! pip: a requirements file that names versions, into a virtual environment.

use std::path::Path;

use serde_json::Value as Json;

use super::{Act, Manager, Site, json};
use crate::world::{Broken, error};

pub struct Pip;

impl Manager for Pip {
    fn lock(&self) -> &'static str {
        "requirements.txt"
    }

    fn folder(&self) -> &'static str {
        ".venv"
    }

    fn refuses(&self, lock: &str) -> Option<String> {
        let other = lock.lines().map(str::trim).find(|line| {
            ["-r", "-c", "-e", "--requirement", "--constraint", "--editable"]
                .iter()
                .any(|option| line.starts_with(option))
        });
        if let Some(other) = other {
            return Some(format!(
                "`{other}` leads to what is no part of this file: write all of it here, as `pip freeze` does"
            ));
        }
        let loose = requirements(lock).find(|line| !is_pinned(line))?;
        Some(format!(
            "`{loose}` names no version, so nobody knows what is installed: pin it, as `pip freeze` does"
        ))
    }

    fn fetch<'a>(&'a self, site: &'a Site<'_>, store: &'a Path) -> Act<'a, Result<(), Broken>> {
        Box::pin(async move {
            let own = store.join("venv");
            make(site, &own).await?;
            let wheels = store.join("wheels").display().to_string();
            let python = python(&own);
            let lock = site.lock.display().to_string();
            let words = [
                &*python,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "-r",
                &lock,
                "-d",
                &wheels,
            ];
            site.run(&words, &USUAL).await.map(drop)
        })
    }

    fn install<'a>(
        &'a self,
        site: &'a Site<'_>,
        store: Option<&'a Path>,
    ) -> Act<'a, Result<(), Broken>> {
        Box::pin(async move {
            if !Path::new(&python(&site.into)).exists() {
                make(site, &site.into).await?;
            }
            let python = python(&site.into);
            let lock = site.lock.display().to_string();
            let wheels = store.map(|store| store.join("wheels").display().to_string());
            // What the lock does not name is missing, and not fetched in passing.
            let mut words =
                vec![&*python, "-m", "pip", "install", "--quiet", "--no-deps", "-r", &lock];
            if let Some(wheels) = &wheels {
                words.extend(["--no-index", "--find-links", wheels]);
            }
            site.run(&words, &USUAL).await?;
            remove_others(site, &python).await?;
            site.run(&[&python, "-m", "pip", "check"], &USUAL).await.map(drop)
        })
    }

    /// Asked of pip itself: what it would still install.
    fn missing<'a>(&'a self, site: &'a Site<'_>) -> Act<'a, Result<Vec<String>, Broken>> {
        Box::pin(async move {
            let python = python(&site.into);
            let lock = site.lock.display().to_string();
            let words = [
                &*python,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--dry-run",
                "--no-deps",
                "--no-index",
                "--report",
                "-",
                "-r",
                &lock,
            ];
            let report = json(&site.lock, &site.run(&words, &USUAL).await?)?;
            let Some(left) = report["install"].as_array() else {
                return Err(error("pip does not say what it would install").into());
            };
            let name = |one: &Json| {
                let text = |key: &str| one["metadata"][key].as_str().unwrap_or_default().to_owned();
                format!("{} {}", text("name"), text("version"))
            };
            Ok(left.iter().map(name).collect())
        })
    }
}

const USUAL: [(&str, &str); 3] = [
    ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
    ("PIP_NO_INPUT", "1"),
    ("PIP_ROOT_USER_ACTION", "ignore"),
];

async fn make(site: &Site<'_>, folder: &Path) -> Result<(), Broken> {
    let folder = folder.display().to_string();
    site.run(&["python3", "-m", "venv", "--", &folder], &USUAL).await.map(drop)
}

fn python(folder: &Path) -> String {
    folder.join("bin/python").display().to_string()
}

/// Its lines that name a package: neither comments nor options.
fn requirements(lock: &str) -> impl Iterator<Item = &str> {
    let lines = lock.lines().map(|line| line.split(" #").next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty() && !line.starts_with(['#', '-']))
}

/// One version and no other, or one file.
fn is_pinned(line: &str) -> bool {
    let named = line.split(';').next().unwrap_or_default();
    if named.contains(" @ ") || named.contains("://") {
        return true;
    }
    let Some((_, version)) = named.split_once("==") else { return false };
    !version.contains(['*', ',', '<', '>', '~', '!'])
}

/// Its name as all spellings of it are compared.
fn plain(name: &str) -> String {
    name.trim().to_lowercase().replace(['_', '.'], "-")
}

/// What is there and the lock does not name.
async fn remove_others(site: &Site<'_>, python: &str) -> Result<(), Broken> {
    let end = |c: char| "=@[;< >!~".contains(c);
    let wanted: Vec<String> = requirements(&site.lock_text)
        .map(|line| plain(line.split(end).next().unwrap_or_default()))
        .collect();
    let listed = site.run(&[python, "-m", "pip", "list", "--format", "json"], &USUAL).await?;
    let listed = json(&site.into, &listed)?;
    let names = listed.as_array().into_iter().flatten().filter_map(|one| one["name"].as_str());
    let is_other = |name: &&str| {
        let name = plain(name);
        !wanted.contains(&name) && !["pip", "setuptools", "wheel"].contains(&name.as_str())
    };
    let others: Vec<&str> = names.filter(is_other).collect();
    if others.is_empty() {
        return Ok(());
    }
    site.job.say(&format!("removed, the lock does not name it: {}", others.join(", ")));
    let mut words = vec![python, "-m", "pip", "uninstall", "--quiet", "--yes", "--"];
    words.extend(others);
    site.run(&words, &USUAL).await.map(drop)
}
