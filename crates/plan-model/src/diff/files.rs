//! What the files hold that a plan names: scripts, SQL, templates, migrations, by content.
//! Judges a lost way back only by the names of files.

use std::sync::Arc;

use super::judge::Judged;
use super::{Changes, Risk, Side};
use crate::migration::file_name::{self, Direction};
use crate::model::meaning::{Is, Meaning};
use crate::source::Span;

type Texts = Vec<(String, Arc<str>)>;

/// The texts of the file or folder that is named at a place; `None` where nobody could read it.
pub fn texts(side: &Side<'_>, name: &str, span: Span) -> Option<Texts> {
    let files = side.files;
    if let Some(list) = files.migrations.get(&span) {
        return Some(list.iter().map(|file| (file.name.clone(), file.text.clone())).collect());
    }
    let one = [&files.scripts, &files.sql, &files.templates];
    let file = one.into_iter().find_map(|files| files.get(&span))?;
    Some(vec![(name.to_owned(), file.text.clone())])
}

/// Two values that both name files. `false` where they do not, or where only the name differs.
pub fn compare(judged: &Judged<'_>, old: &Meaning, new: &Meaning, changes: &mut Changes) -> bool {
    let (Is::File(old_name, Some(olds)), Is::File(new_name, Some(news))) = (&old.is, &new.is)
    else {
        return false;
    };
    let mut place = Place { judged, old: old.span, new: new.span, changes };
    if let ([(_, before)], [(_, after)]) = (olds.as_slice(), news.as_slice())
        && olds[0].0 == *old_name
    {
        if before == after {
            return false;
        }
        place.changed(new_name, before, after);
        return old_name == new_name;
    }
    let find = |all: &'_ Texts, name: &str| {
        all.iter().find(|(known, _)| known == name).map(|(_, text)| text.clone())
    };
    for (name, before) in olds {
        match find(news, name) {
            None => place.gone(name, before),
            Some(after) if *before != after => place.changed(name, before, &after),
            Some(_) => {}
        }
    }
    for (name, after) in news.iter().filter(|(name, _)| find(olds, name).is_none()) {
        place.came(name, after);
    }
    old_name == new_name
}

fn undoes(name: &str) -> bool {
    file_name::parse(name).is_some_and(|name| name.direction == Direction::Down)
}

struct Place<'a, 'j> {
    judged: &'a Judged<'j>,
    old: Span,
    new: Span,
    changes: &'a mut Changes,
}

impl Place<'_, '_> {
    fn push(&mut self, kind: &str, risk: Risk, words: &str, name: &str) -> &mut Changes {
        let sentence = self.judged.prefix.clone().then(words, &[name]);
        self.changes.push(kind, risk, self.judged.subject, sentence);
        self.changes.at(Some(self.old), Some(self.new))
    }

    fn changed(&mut self, name: &str, before: &str, after: &str) {
        let words =
            if undoes(name) { ": the way back {} changed" } else { ": the file {} changed" };
        self.push("file-changed", Risk::Notice, words, name)
            .texts(Some(before.to_owned()), Some(after.to_owned()));
    }

    fn gone(&mut self, name: &str, before: &str) {
        let (risk, words) = if undoes(name) {
            (Risk::Worse, " lost the way back {}")
        } else {
            (Risk::Notice, ": the file {} is gone")
        };
        self.push("file-removed", risk, words, name).texts(Some(before.to_owned()), None);
    }

    fn came(&mut self, name: &str, after: &str) {
        let (risk, words) = if undoes(name) {
            (Risk::Better, " gained the way back {}")
        } else {
            (Risk::Notice, ": the file {} is new")
        };
        self.push("file-added", risk, words, name).texts(None, Some(after.to_owned()));
    }
}
