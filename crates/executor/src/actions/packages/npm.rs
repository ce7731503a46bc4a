//! npm: package-lock.json into `node_modules`.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use super::{Act, Manager, Site, json, read_json};
use crate::world::{Broken, error};

pub struct Npm;

/// So many packages are fetched by one call.
const AT_ONCE: usize = 50;

impl Manager for Npm {
    fn lock(&self) -> &'static str {
        "package-lock.json"
    }

    fn folder(&self) -> &'static str {
        "node_modules"
    }

    fn refuses(&self, lock: &str) -> Option<String> {
        let lock: Json = serde_json::from_str(lock).ok()?;
        (!lock["packages"].is_object()).then(|| {
            "it is of npm 6 or older, which does not say what is installed: make it anew (npm install \
             --package-lock-only)"
                .to_owned()
        })
    }

    fn fetch<'a>(&'a self, site: &'a Site<'_>, store: &'a Path) -> Act<'a, Result<(), Broken>> {
        Box::pin(async move {
            let lock = json(&site.lock, &site.lock_text)?;
            let packages = wanted(&lock, site.dev);
            let addresses = packages.filter_map(|(_, package)| package["resolved"].as_str());
            let addresses = addresses.filter(|address| address.contains("://"));
            let addresses: Vec<_> = addresses.collect();
            let cache = store.join("cache").display().to_string();
            for some in addresses.chunks(AT_ONCE) {
                let mut words = vec!["npm", "cache", "add", "--cache", &cache, "--"];
                words.extend(some);
                site.run(&words, &[]).await?;
            }
            Ok(())
        })
    }

    fn install<'a>(
        &'a self,
        site: &'a Site<'_>,
        store: Option<&'a Path>,
    ) -> Act<'a, Result<(), Broken>> {
        Box::pin(async move {
            let usual: PathBuf = site.around.dir.join(self.folder());
            let lock: PathBuf = site.around.dir.join(self.lock());
            if site.into != usual || site.lock != lock {
                let text =
                    "npm has package-lock.json and node_modules in one folder: say it by `in:`";
                return Err(error(text).into());
            }
            let mut words = vec!["npm", "ci", "--no-audit", "--no-fund", "--no-progress"];
            let cache = store.map(|store| store.join("cache").display().to_string());
            if let Some(cache) = &cache {
                words.extend(["--offline", "--cache", cache]);
            }
            words.push(if site.dev { "--include=dev" } else { "--omit=dev" });
            site.run(&words, &[]).await.map(drop)
        })
    }

    fn missing<'a>(&'a self, site: &'a Site<'_>) -> Act<'a, Result<Vec<String>, Broken>> {
        Box::pin(async move {
            let lock = json(&site.lock, &site.lock_text)?;
            let there = site.into.join(".package-lock.json");
            // Where nothing is wanted there is no list.
            let there = if there.is_file() { read_json(&there)? } else { Json::Null };
            let is_there = |(path, package): &(&String, &Json)| {
                there["packages"][path.as_str()]["version"] == package["version"]
            };
            // Some are for other systems only.
            let needed = wanted(&lock, site.dev).filter(|(_, package)| package["optional"] != true);
            let missing = needed.filter(|one| !is_there(one));
            Ok(missing
                .map(|(path, package)| {
                    let name = path.rsplit("node_modules/").next().unwrap_or(path);
                    format!("{name} {}", package["version"].as_str().unwrap_or_default())
                })
                .collect())
        })
    }
}

/// Packages of the lock by their folders; not what is part of the project itself.
fn wanted(lock: &Json, dev: bool) -> impl Iterator<Item = (&String, &Json)> {
    static NONE: std::sync::LazyLock<Map<String, Json>> = std::sync::LazyLock::new(Map::new);
    let packages = lock["packages"].as_object().unwrap_or(&NONE);
    packages.iter().filter(move |(path, package)| {
        let is_left = package["link"] == true || package["devOptional"] == true;
        path.contains("node_modules/") && !is_left && (dev || package["dev"] != true)
    })
}
