//! A statement that changes rows of one table, plainly enough to ask beforehand which rows those are.

use std::ops::Range;

use sqlparser::ast::{
    AssignmentTarget, FromTable, ObjectName, OnConflictAction, OnInsert, SqliteOnConflict,
    Statement as Tree, TableAlias, TableFactor, TableObject, TableWithJoins,
};

use super::{Dialect, Statement, tree};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    Insert,
    Update,
    Delete,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowChange {
    pub kind: ChangeKind,
    /// Without quotes, parts joined by points.
    pub table: String,
    pub alias: Option<String>,
    /// Where the condition stands in the text; all rows where there is none.
    pub condition: Option<Range<usize>>,
    /// The columns that an update sets, lower case.
    pub columns: Vec<String>,
}

/// What a statement changes, or why that cannot be told beforehand.
pub fn row_change(
    text: &str,
    statement: &Statement,
    dialect: Dialect,
) -> Result<RowChange, &'static str> {
    let parsed = tree::parse(text, &statement.range, &statement.tokens, dialect);
    let mut change = match parsed.ok_or("it cannot be read")? {
        Tree::Insert(insert) => {
            let TableObject::TableName(table) = &insert.table else {
                return Err("it names no table");
            };
            if insert.returning.is_some() {
                return Err("it has a RETURNING of its own");
            }
            let keeps = match (&insert.or, &insert.on) {
                (None | Some(SqliteOnConflict::Abort | SqliteOnConflict::Ignore), None) => true,
                (None, Some(OnInsert::OnConflict(on))) => on.action == OnConflictAction::DoNothing,
                _ => false,
            };
            if !keeps || insert.replace_into || insert.ignore {
                return Err("it changes or passes over rows that are there");
            }
            change(ChangeKind::Insert, table, None)
        }
        Tree::Update(update) => {
            let (table, alias) = plain(&update.table).ok_or("it joins tables")?;
            if update.from.is_some() {
                return Err("it joins tables");
            }
            if update.returning.is_some() {
                return Err("it has a RETURNING of its own");
            }
            if update.or.is_some() || update.limit.is_some() || !update.order_by.is_empty() {
                return Err("it depends on an order or on conflicts");
            }
            let mut change = change(ChangeKind::Update, table, alias);
            for assignment in &update.assignments {
                let names = match &assignment.target {
                    AssignmentTarget::ColumnName(name) => std::slice::from_ref(name),
                    AssignmentTarget::Tuple(names) => names,
                };
                change.columns.extend(names.iter().filter_map(|name| parts(name).pop()));
            }
            change.columns.iter_mut().for_each(|column| column.make_ascii_lowercase());
            change
        }
        Tree::Delete(delete) => {
            let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
            let ([from], true, None) = (&from[..], delete.tables.is_empty(), &delete.using) else {
                return Err("it joins tables");
            };
            let (table, alias) = plain(from).ok_or("it joins tables")?;
            if delete.returning.is_some() {
                return Err("it has a RETURNING of its own");
            }
            if delete.limit.is_some() || !delete.order_by.is_empty() {
                return Err("it depends on an order");
            }
            change(ChangeKind::Delete, table, alias)
        }
        _ => return Err("it is no INSERT, UPDATE or DELETE of one table"),
    };
    if change.kind != ChangeKind::Insert {
        change.condition = condition(text, statement);
    }
    Ok(change)
}

fn change(kind: ChangeKind, table: &ObjectName, alias: Option<&TableAlias>) -> RowChange {
    let alias = alias.map(|alias| alias.name.value.clone());
    let table = parts(table).join(".");
    RowChange { kind, table, alias, condition: None, columns: Vec::new() }
}

fn parts(name: &ObjectName) -> Vec<String> {
    name.0.iter().filter_map(|part| part.as_ident()).map(|ident| ident.value.clone()).collect()
}

fn plain(table: &TableWithJoins) -> Option<(&ObjectName, Option<&TableAlias>)> {
    match &table.relation {
        TableFactor::Table { name, alias, args: None, partitions, .. }
            if table.joins.is_empty() && partitions.is_empty() =>
        {
            Some((name, alias.as_ref()))
        }
        _ => None,
    }
}

/// What stands behind its own WHERE.
fn condition(text: &str, statement: &Statement) -> Option<Range<usize>> {
    let mut depth = 0usize;
    let mut start = None;
    for token in &statement.tokens {
        if token.is_sign('(') {
            depth += 1;
        } else if token.is_sign(')') {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && start.is_none() && token.is(text, "where") {
            start = Some(token.range.end);
        }
    }
    start.map(|start| start..statement.range.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, dialect: Dialect) -> Result<(RowChange, String), &'static str> {
        let script = super::super::read(text, dialect);
        let change = row_change(text, &script.statements[0], dialect)?;
        let condition = change.condition.clone().map_or("", |range| &text[range]).trim();
        Ok((change, condition.to_owned()))
    }

    #[test]
    fn plain_changes_say_which_rows_they_mean() {
        for (text, kind, table, condition) in [
            (
                "update orders set state = 'x' where id in (select id from old where a = 1)",
                ChangeKind::Update,
                "orders",
                "id in (select id from old where a = 1)",
            ),
            (
                "UPDATE shop.orders AS o SET state = (select 1 where true) WHERE o.id = 5",
                ChangeKind::Update,
                "shop.orders",
                "o.id = 5",
            ),
            ("update orders set state = 'where'", ChangeKind::Update, "orders", ""),
            (
                "delete from \"Orders\" where id > 3 and (a or b);",
                ChangeKind::Delete,
                "Orders",
                "id > 3 and (a or b)",
            ),
            (
                "insert into orders (id) values (1), (2) on conflict do nothing",
                ChangeKind::Insert,
                "orders",
                "",
            ),
            ("insert into orders select * from old where id > 3", ChangeKind::Insert, "orders", ""),
        ] {
            let (change, found) = read(text, Dialect::PostgreSql).unwrap();
            assert_eq!((change.kind, &*change.table, &*found), (kind, table, condition), "{text}");
        }
        let (change, _) = read("update t set A = 1, (b, c) = (2, 3)", Dialect::PostgreSql).unwrap();
        assert_eq!(change.columns, ["a", "b", "c"]);
    }

    #[test]
    fn what_cannot_be_told_beforehand_is_refused() {
        for (text, dialect) in [
            ("update a set x = b.x from b where a.id = b.id", Dialect::PostgreSql),
            ("update a join b on a.id = b.id set a.x = 1", Dialect::MariaDb),
            ("update a set x = 1 order by id limit 3", Dialect::MariaDb),
            ("delete from a using b where a.id = b.id", Dialect::PostgreSql),
            ("delete a from a join b on a.id = b.id", Dialect::MariaDb),
            ("insert into a values (1) on conflict (id) do update set x = 2", Dialect::PostgreSql),
            ("insert into a values (1) on duplicate key update x = 2", Dialect::MariaDb),
            ("insert ignore into a values (1)", Dialect::MariaDb),
            ("replace into a values (1)", Dialect::MariaDb),
            ("insert or replace into a values (1)", Dialect::Sqlite),
            ("insert into a values (1) returning id", Dialect::Sqlite),
            ("delete from a returning id", Dialect::PostgreSql),
            ("with b as (select 1) delete from a", Dialect::PostgreSql),
            ("truncate a", Dialect::PostgreSql),
            ("call tidy()", Dialect::MariaDb),
        ] {
            assert!(read(text, dialect).is_err(), "{text}: {:?}", read(text, dialect));
        }
    }
}
