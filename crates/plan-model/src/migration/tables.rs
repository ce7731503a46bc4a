//! Which tables there are while scripts run one after the other: their keys, rows and renames.
//! Does not judge; what the scripts do not tell counts as unknown.

use std::collections::HashMap;

use crate::sql::{
    Action, Alteration, Change, Column, Constraint, Drop, Key, KeyKind, Name, NewTable, Statement,
};

#[derive(Debug, Clone, Default)]
pub struct Tables {
    tables: Vec<Table>,
    by_name: HashMap<String, TableId>,
    file: usize,
}

pub type TableId = usize;

#[derive(Debug, Clone, Default)]
pub struct Table {
    pub name: String,
    /// The key of its name when the current file began, or when it was first heard of.
    pub name_at_start: String,
    /// The file that created it; None if it was there before all files.
    born: Option<usize>,
    /// Columns and keys are complete.
    pub known: bool,
    pub partitioned: bool,
    pub columns: Vec<Column>,
    pub keys: Vec<Key>,
    pub references: Vec<TableId>,
    /// A script put rows into it, or values into its columns.
    pub filled: bool,
    pub added: Vec<String>,
    pub filled_columns: Vec<String>,
    pub dropped: bool,
}

impl Tables {
    /// From here on, statements belong to another file.
    pub fn start_file(&mut self) {
        self.file += 1;
        for (key, id) in &self.by_name {
            self.tables[*id].name_at_start.clone_from(key);
        }
    }

    pub fn id(&self, name: &Name) -> Option<TableId> {
        self.by_name.get(&name.key).copied()
    }

    pub fn id_of_key(&self, key: &str) -> Option<TableId> {
        self.by_name.get(key).copied()
    }

    pub fn get(&self, name: &Name) -> Option<&Table> {
        self.tables.get(self.id(name)?)
    }

    pub fn table(&self, id: TableId) -> Option<&Table> {
        self.tables.get(id)
    }

    pub fn all(&self) -> impl Iterator<Item = (TableId, &Table)> {
        self.tables.iter().enumerate()
    }

    /// Created by a statement of the current file: nobody else uses it yet.
    pub fn is_new(&self, name: &Name) -> bool {
        self.get(name).is_some_and(|table| self.is_born_here(table))
    }

    pub fn is_born_here(&self, table: &Table) -> bool {
        table.born == Some(self.file)
    }

    pub fn is_born_before(&self, table: &Table) -> bool {
        table.born.is_some_and(|file| file < self.file)
    }

    pub fn apply(&mut self, statement: &Statement) {
        match &statement.action {
            Action::CreateTable(new) => self.create(new),
            Action::CreateIndex(index) => {
                let kind = if index.unique { KeyKind::Unique } else { KeyKind::Index };
                let name = index.name.as_ref().map(|name| last_part(&name.key));
                // An index of some rows keeps no key of all rows.
                let kind = if index.partial { KeyKind::Index } else { kind };
                self.touch(&index.table).keys.push(Key {
                    kind,
                    columns: index.columns.clone(),
                    name,
                });
            }
            Action::AlterTable { table, alterations } => self.alter(table, alterations),
            Action::RenameTables(pairs) => {
                for (from, to) in pairs {
                    self.rename(from, to);
                }
            }
            Action::Drop(drop) => self.drop(drop),
            Action::Insert(insert) => self.touch(&insert.table).filled = true,
            Action::Update(update) => {
                let table = self.touch(&update.table);
                table.filled = true;
                table.filled_columns.extend(update.columns.iter().cloned());
            }
            _ => {}
        }
    }

    /// The table of this name; if no script made it, it was there before.
    fn touch_id(&mut self, name: &Name) -> TableId {
        if let Some(id) = self.by_name.get(&name.key) {
            return *id;
        }
        self.add(name, Table { name: name.shown.clone(), ..Table::default() })
    }

    fn touch(&mut self, name: &Name) -> &mut Table {
        let id = self.touch_id(name);
        &mut self.tables[id]
    }

    fn add(&mut self, name: &Name, mut table: Table) -> TableId {
        let id = self.tables.len();
        table.name_at_start.clone_from(&name.key);
        self.tables.push(table);
        self.by_name.insert(name.key.clone(), id);
        id
    }

    fn create(&mut self, new: &NewTable) {
        if new.guarded && self.by_name.contains_key(&new.name.key) {
            return;
        }
        let shape = new.shape.clone().unwrap_or_default();
        let references = shape.references.iter();
        // A table may refer to itself, before it exists.
        let references: Vec<TableId> = references
            .filter(|name| name.key != new.name.key)
            .map(|name| self.touch_id(name))
            .collect();
        let table = Table {
            name: new.name.shown.clone(),
            born: Some(self.file),
            known: new.shape.is_some(),
            partitioned: new.partitioned,
            columns: shape.columns,
            keys: shape.keys,
            references,
            filled: new.from_query,
            ..Table::default()
        };
        self.add(&new.name, table);
    }

    fn rename(&mut self, from: &Name, to: &Name) {
        let id = self.touch_id(from);
        self.by_name.remove(&from.key);
        self.by_name.insert(to.key.clone(), id);
        self.tables[id].name.clone_from(&to.shown);
    }

    fn drop(&mut self, drop: &Drop) {
        for name in &drop.names {
            if drop.kind == "table" {
                let id = self.touch_id(name);
                self.by_name.remove(&name.key);
                self.tables[id].dropped = true;
            } else if drop.kind == "index" {
                let index = last_part(&name.key);
                for table in &mut self.tables {
                    table.keys.retain(|key| key.name.as_ref() != Some(&index));
                }
            }
        }
    }

    fn alter(&mut self, name: &Name, alterations: &[Alteration]) {
        let id = self.touch_id(name);
        for alteration in alterations {
            match &alteration.change {
                Change::RenameTable { to } => {
                    let to = with_schema_of(name, to);
                    self.rename(name, &to);
                }
                Change::AddConstraint { constraint: Constraint::ForeignKey { to }, .. } => {
                    let to = self.touch_id(to);
                    self.tables[id].references.push(to);
                }
                Change::AddColumn { column } => {
                    let to = column.references.clone().map(|to| self.touch_id(&to));
                    self.tables[id].references.extend(to);
                    self.tables[id].add_column(column);
                }
                change => self.tables[id].change(change),
            }
        }
    }
}

impl Table {
    fn add_column(&mut self, column: &Column) {
        for kind in &column.keys {
            let columns = vec![column.name.clone()];
            self.keys.push(Key { kind: *kind, columns, name: None });
        }
        self.added.push(column.name.clone());
        self.columns.push(column.clone());
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::DropColumn { columns, .. } => {
                let gone = |name: &String| columns.contains(name);
                self.keys.retain(|key| !key.columns.iter().any(gone));
                self.columns.retain(|column| !gone(&column.name));
            }
            Change::RenameColumn { from, to } => {
                let names = self.columns.iter_mut().map(|column| &mut column.name);
                let keys = self.keys.iter_mut().flat_map(|key| &mut key.columns);
                for name in names.chain(keys).filter(|name| *name == from) {
                    name.clone_from(to);
                }
            }
            Change::AddConstraint { constraint: Constraint::Key(key), .. } => {
                self.keys.push(key.clone());
            }
            Change::DropConstraint { name: None, .. } => {
                self.keys.retain(|key| key.kind != KeyKind::Primary);
            }
            Change::DropConstraint { name: Some(name), .. } => {
                let before = self.keys.len();
                self.keys.retain(|key| key.name.as_ref() != Some(name));
                // It may be a key under a name that the server gave it.
                if self.keys.len() == before {
                    self.known = false;
                }
            }
            Change::ChangeType { column, to, .. } => {
                let column = self.columns.iter_mut().find(|one| one.name == *column);
                if let Some(column) = column {
                    column.data_type.clone_from(to);
                }
            }
            Change::Other => self.known = false,
            _ => {}
        }
    }
}

/// `ALTER TABLE app.a RENAME TO b` keeps the schema.
fn with_schema_of(name: &Name, to: &Name) -> Name {
    let mut to = to.clone();
    if let (Some((schema, _)), false) = (name.key.rsplit_once('.'), to.key.contains('.')) {
        to.key = format!("{schema}.{}", to.key);
    }
    to
}

fn last_part(key: &str) -> String {
    key.rsplit('.').next().unwrap_or_default().to_owned()
}
