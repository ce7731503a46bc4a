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
        let loose = requirements(lock)
            .find(|line| !line.contains("==") && !line.contains(" @ ") && !line.contains("://"))?;
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
            let words = [&*python, "-m", "pip", "download", "--quiet", "-r", &lock, "-d", &wheels];
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
            let mut words = vec![&*python, "-m", "pip", "install", "--quiet", "-r", &lock];
            if let Some(wheels) = &wheels {
                words.extend(["--no-index", "--find-links", wheels]);
            }
            site.run(&words, &USUAL).await?;
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
    let lines = lock.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with(['#', '-']))
}
