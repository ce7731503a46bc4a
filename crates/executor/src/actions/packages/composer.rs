//! composer: composer.lock into `vendor`. Its scripts run, as they do by hand.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::{Act, Manager, Site, json, read_json};
use crate::world::Broken;

pub struct Composer;

const USUAL: [(&str, &str); 2] =
    [("COMPOSER_NO_INTERACTION", "1"), ("COMPOSER_ALLOW_SUPERUSER", "1")];

impl Manager for Composer {
    fn lock(&self) -> &'static str {
        "composer.lock"
    }

    fn folder(&self) -> &'static str {
        "vendor"
    }

    /// Laravel writes down there what its packages bring.
    fn beside(&self, site: &Site<'_>) -> Vec<PathBuf> {
        let folder = site.around.dir.join("bootstrap/cache");
        if folder.is_dir() { vec![folder] } else { Vec::new() }
    }

    fn fetch<'a>(&'a self, site: &'a Site<'_>, store: &'a Path) -> Act<'a, Result<(), Broken>> {
        Box::pin(async move {
            // It looks into its folder for what is there already: an empty one beside the real one.
            let (cache, empty) = (store.join("cache"), store.join("vendor"));
            let mut words = self.words(site);
            words.push("--download-only");
            self.run(site, &words, &cache, &empty, &[]).await
        })
    }

    fn install<'a>(
        &'a self,
        site: &'a Site<'_>,
        store: Option<&'a Path>,
    ) -> Act<'a, Result<(), Broken>> {
        Box::pin(async move {
            let words = self.words(site);
            match store {
                Some(store) => {
                    let offline = [("COMPOSER_DISABLE_NETWORK", "1")];
                    self.run(site, &words, &store.join("cache"), &site.into, &offline).await
                }
                None => {
                    let vendor = site.into.display().to_string();
                    let mut env = USUAL.to_vec();
                    env.push(("COMPOSER_VENDOR_DIR", &vendor));
                    site.run(&words, &env).await.map(drop)
                }
            }
        })
    }

    fn missing<'a>(&'a self, site: &'a Site<'_>) -> Act<'a, Result<Vec<String>, Broken>> {
        Box::pin(async move {
            let lock = json(&site.lock, &site.lock_text)?;
            let there = read_json(&site.into.join("composer/installed.json"))?;
            let there = named(&there["packages"]);
            let mut wanted = named(&lock["packages"]);
            if site.dev {
                wanted.extend(named(&lock["packages-dev"]));
            }
            Ok(wanted.difference(&there).cloned().collect())
        })
    }
}

impl Composer {
    fn words(&self, site: &Site<'_>) -> Vec<&'static str> {
        let mut words =
            vec!["composer", "install", "--no-progress", "--no-ansi", "--optimize-autoloader"];
        if !site.dev {
            words.push("--no-dev");
        }
        words
    }

    async fn run(
        &self,
        site: &Site<'_>,
        words: &[&str],
        cache: &Path,
        vendor: &Path,
        more: &[(&str, &str)],
    ) -> Result<(), Broken> {
        let (cache, vendor) = (cache.display().to_string(), vendor.display().to_string());
        let mut env = USUAL.to_vec();
        env.extend([("COMPOSER_CACHE_DIR", &*cache), ("COMPOSER_VENDOR_DIR", &vendor)]);
        env.extend(more);
        site.run(words, &env).await.map(drop)
    }
}

/// Each package with its version.
fn named(packages: &Json) -> BTreeSet<String> {
    let packages = packages.as_array().into_iter().flatten();
    packages
        .filter_map(|one| Some(format!("{} {}", one["name"].as_str()?, one["version"].as_str()?)))
        .collect()
}
