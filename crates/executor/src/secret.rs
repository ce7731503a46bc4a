//! Secrets, and how they are covered wherever something is written: as they are, and in the
//! encodings in which programs like to print them. Knows no inputs and no files.

use aho_corasick::{AhoCorasick, MatchKind};
use serde::{Deserialize, Serialize};

use crate::digest::hex;

/// What stands where a secret stood.
pub const MASK: &str = plan_model::inputs::MASK;

/// Shorter ones are only looked for as they are: their encodings stand in every text.
const LEAST_ENCODED: usize = 4;

/// The secrets of a run. Never printed, not even for debugging.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Secrets(Vec<String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

impl Secrets {
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Secrets {
        let mut all = Vec::new();
        for secret in secrets {
            // A key file is printed line by line as often as whole.
            let lines = secret.lines().filter(|line| line.len() >= 12).map(str::to_owned);
            all.extend(lines.collect::<Vec<_>>());
            all.push(secret.trim_end_matches(['\n', '\r']).to_owned());
        }
        all.retain(|secret| !secret.is_empty());
        all.sort_unstable();
        all.dedup();
        Secrets(all)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn are_in(&self, text: &str) -> bool {
        self.0.iter().any(|secret| text.contains(secret.as_str()))
    }

    /// Every text that would give a secret away.
    fn tells(&self) -> Vec<Vec<u8>> {
        let mut tells = Vec::new();
        for secret in &self.0 {
            tells.push(secret.as_bytes().to_vec());
            if secret.len() < LEAST_ENCODED {
                continue;
            }
            let json = serde_json::to_string(secret).unwrap_or_default();
            let json = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
            // Some languages write a slash in JSON with a stroke before it.
            tells.push(json.replace('/', "\\/").into_bytes());
            tells.push(json.as_bytes().to_vec());
            let html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            tells.push(html.replace('"', "&quot;").replace('\'', "&#39;").into_bytes());
            tells.push(html.into_bytes());
            tells.push(plan_model::template::shell_word(secret).trim_matches('\'').into());
            for kept in [STRICT, COMPONENT, ADDRESS] {
                let upper = percent(secret, kept);
                tells.push(upper.replace("%20", "+").into_bytes());
                tells.push(lower_hex(&upper).into_bytes());
                tells.push(upper.into_bytes());
            }
            let hex = hex(secret.as_bytes());
            tells.push(hex.to_uppercase().into_bytes());
            tells.push(hex.into_bytes());
            for alphabet in [STANDARD, URL_SAFE] {
                for shift in 0..3 {
                    tells.push(inside_base64(secret.as_bytes(), shift, alphabet));
                }
                // Programs fold what is long into lines of 76 letters.
                for line in secret.as_bytes().chunks(57).filter(|line| line.len() > 8) {
                    tells.push(inside_base64(line, 0, alphabet));
                }
            }
        }
        tells.retain(|tell| {
            tell.len() >= LEAST_ENCODED || self.0.iter().any(|s| s.as_bytes() == tell)
        });
        tells.sort_unstable();
        tells.dedup();
        tells
    }

    pub fn cover(&self) -> Cover {
        Cover::new(self.tells())
    }
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What different programs leave as it is where they escape for an address: nothing but what needs
/// no escape, what may stand in one component, what may stand in a query.
const STRICT: &[u8] = b"-_.~";
const COMPONENT: &[u8] = b"-_.~!'()*";
const ADDRESS: &[u8] = b"-_.~!()*;,/?:@&=+$%[]{}|\\^`";

fn percent(text: &str, kept: &[u8]) -> String {
    let each = text.bytes().map(|byte| {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    each.collect()
}

/// The same with the digits of its escapes small.
fn lower_hex(text: &str) -> String {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        out += &format!("%{}{rest}", digits.to_ascii_lowercase());
    }
    out
}

/// The letters that a text has in base64 whatever stands before and behind it: those that hold bits
/// of its neighbours are left off.
fn inside_base64(bytes: &[u8], shift: usize, alphabet: &[u8; 64]) -> Vec<u8> {
    let mut padded = vec![0u8; shift];
    padded.extend_from_slice(bytes);
    let whole = padded.len() / 3 * 3;
    let mut letters = Vec::new();
    for three in padded[..whole].chunks_exact(3) {
        let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
        letters.extend([18, 12, 6, 0].map(|by| alphabet[(bits >> by & 63) as usize]));
    }
    // Of what is behind the last whole group, the letters that hold only its own bits.
    let rest = &padded[whole..];
    if let Some(first) = rest.first() {
        letters.push(alphabet[usize::from(first >> 2)]);
        if let Some(second) = rest.get(1) {
            letters.push(alphabet[usize::from((first & 3) << 4 | second >> 4)]);
        }
    }
    let skipped = [0, 2, 3][shift];
    letters.split_off(skipped.min(letters.len()))
}

/// Covers secrets in texts and in streams.
#[derive(Debug)]
pub struct Cover {
    search: Option<AhoCorasick>,
    tells: Vec<Vec<u8>>,
    /// Of a stream: what may be the beginning of a secret.
    kept: Vec<u8>,
}

impl Cover {
    fn new(tells: Vec<Vec<u8>>) -> Cover {
        let search = (!tells.is_empty()).then(|| {
            AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                .build(&tells)
                .expect("secrets are few and short")
        });
        Cover { search, tells, kept: Vec::new() }
    }

    pub fn text(&self, text: &str) -> String {
        match &self.search {
            None => text.to_owned(),
            Some(search) => {
                let masks = vec![MASK; self.tells.len()];
                search.replace_all(text, &masks)
            }
        }
    }

    pub fn json(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => *text = self.text(text),
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| self.json(item)),
            serde_json::Value::Object(map) => {
                map.values_mut().for_each(|item| self.json(item));
                if map.keys().any(|key| self.text(key) != *key) {
                    let pairs = std::mem::take(map).into_iter();
                    *map = pairs.map(|(key, item)| (self.text(&key), item)).collect();
                }
            }
            // A number may be one as well.
            serde_json::Value::Number(number) => {
                let plain = number.to_string();
                let covered = self.text(&plain);
                if covered != plain {
                    *value = covered.into();
                }
            }
            _ => {}
        }
    }

    /// A piece of a stream; what may be the beginning of a secret is kept for the next piece.
    pub fn piece(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Some(search) = &self.search else { return bytes.to_vec() };
        let mut whole = std::mem::take(&mut self.kept);
        whole.extend_from_slice(bytes);
        let masks = vec![MASK.as_bytes(); self.tells.len()];
        let longest = self.tells.iter().map(Vec::len).max().unwrap_or(1);
        let from = whole.len().saturating_sub(longest - 1);
        // From here on, the rest may be the beginning of a secret.
        let cut = (from..whole.len())
            .find(|at| self.tells.iter().any(|tell| tell.starts_with(&whole[*at..])))
            .unwrap_or(whole.len());
        // A secret that is there whole may reach over that place.
        let cut = search
            .find_iter(&whole)
            .find(|found| found.start() < cut && found.end() > cut)
            .map_or(cut, |found| found.end());
        self.kept = whole.split_off(cut);
        search.replace_all_bytes(&whole, &masks)
    }

    pub fn last(&mut self) -> Vec<u8> {
        let kept = std::mem::take(&mut self.kept);
        match &self.search {
            None => kept,
            Some(search) => {
                search.replace_all_bytes(&kept, &vec![MASK.as_bytes(); self.tells.len()])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "p4ss w/rd+7";

    fn base64(text: &str) -> String {
        let mut out = Vec::new();
        for three in text.as_bytes().chunks(3) {
            let mut padded = [0; 3];
            padded[..three.len()].copy_from_slice(three);
            let bits =
                u32::from(padded[0]) << 16 | u32::from(padded[1]) << 8 | u32::from(padded[2]);
            let letters = [18, 12, 6, 0].map(|by| STANDARD[(bits >> by & 63) as usize]);
            out.extend_from_slice(&letters[..=three.len()]);
            out.extend(std::iter::repeat_n(b'=', 3 - three.len()));
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn secrets_are_covered_in_every_usual_encoding() {
        let cover = Secrets::new([SECRET.to_owned()]).cover();
        for text in [
            format!("password={SECRET}"),
            "p4ss%20w%2Frd%2B7".to_owned(),
            "p4ss+w%2frd%2b7".to_owned().replace("%2f", "%2F").replace("%2b", "%2B"),
            "70347373 in hex: 7034737320772f72642b37".to_owned(),
        ] {
            assert!(cover.text(&text).contains(MASK), "{text}");
        }
        for around in ["", "a", "ab", "abc", "user:", "another user:"] {
            let text = base64(&format!("{around}{SECRET}"));
            let text = format!("Authorization: Basic {text}");
            assert!(cover.text(&text).contains(MASK), "{text}");
        }
        assert_eq!(cover.text("nothing of the kind"), "nothing of the kind");
    }

    #[test]
    fn a_secret_cut_in_two_is_covered_all_the_same() {
        let text = format!("before {SECRET} behind p4s");
        for size in 1..text.len() {
            let mut cover = Secrets::new([SECRET.to_owned()]).cover();
            let mut out = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                out.extend(cover.piece(piece));
            }
            out.extend(cover.last());
            let out = String::from_utf8(out).unwrap();
            assert_eq!(out, format!("before {MASK} behind p4s"), "pieces of {size}");
        }
    }

    #[test]
    fn nothing_is_kept_back_that_cannot_become_a_secret() {
        let mut cover = Secrets::new([SECRET.to_owned()]).cover();
        assert_eq!(cover.piece(b"ready> "), b"ready> ");
    }
}
