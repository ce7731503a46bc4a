//! Asks the SQL parser for what words cannot tell: columns, keys, and what ALTER TABLE changes.
//! A statement that the parser does not know is no error: less is known then.

use std::ops::Range;

use sqlparser::ast::{
    AlterColumnOperation, AlterTableOperation, ColumnDef, ColumnOption, CreateTableLikeKind, Ident,
    IndexColumn, ObjectName, RenameTableNameKind, Statement as Tree, TableConstraint,
};
use sqlparser::dialect::{MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;

use super::Dialect;
use super::fact::{Alteration, Change, Column, Constraint, Key, KeyKind, Name, Shape};
use super::lex::{Token, TokenKind};
use super::words::{Words, list, range_of};

/// The parser tries alternatives, and its time may double with each open bracket: real tables
/// need few of either, hostile texts many.
const DEEPEST_BRACKETS: usize = 12;
const LONGEST_STATEMENT: usize = 128 * 1024;
const RECURSION_LIMIT: usize = 40;

pub(super) fn parse(
    text: &str,
    range: &Range<usize>,
    tokens: &[Token],
    dialect: Dialect,
) -> Option<Tree> {
    if range.len() > LONGEST_STATEMENT || brackets(tokens) > DEEPEST_BRACKETS {
        return None;
    }
    let dialect: &dyn sqlparser::dialect::Dialect = match dialect {
        Dialect::PostgreSql => &PostgreSqlDialect {},
        Dialect::MySql | Dialect::MariaDb => &MySqlDialect {},
        Dialect::Sqlite => &SQLiteDialect {},
    };
    let parser = Parser::new(dialect).with_recursion_limit(RECURSION_LIMIT);
    let mut parser = parser.try_with_sql(text.get(range.clone())?).ok()?;
    let mut trees = parser.parse_statements().ok()?;
    if trees.len() == 1 { trees.pop() } else { None }
}

fn brackets(tokens: &[Token]) -> usize {
    let mut depth = 0usize;
    let mut deepest = 0;
    for token in tokens {
        match token.kind {
            TokenKind::Sign(b'(' | b'[' | b'{') => depth += 1,
            TokenKind::Sign(b')' | b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// The columns and keys of CREATE TABLE; none where they come from another table.
pub(super) fn shape(
    text: &str,
    range: &Range<usize>,
    tokens: &[Token],
    dialect: Dialect,
) -> Option<Shape> {
    let Tree::CreateTable(table) = parse(text, range, tokens, dialect)? else {
        return None;
    };
    let copies_another = table.partition_of.is_some()
        || table.inherits.is_some()
        || matches!(
            table.like,
            Some(CreateTableLikeKind::Parenthesized(_) | CreateTableLikeKind::Plain(_))
        );
    if copies_another {
        return None;
    }
    let places = Places::new(text, range);
    let mut shape = Shape::default();
    for definition in &table.columns {
        let column = column(definition, &places);
        for kind in &column.keys {
            let columns = vec![column.name.clone()];
            shape.keys.push(Key { kind: *kind, columns, name: None });
        }
        shape.references.extend(column.references.clone());
        shape.columns.push(column);
    }
    for constraint in &table.constraints {
        match read_constraint(constraint, &places) {
            Constraint::Key(key) => shape.keys.push(key),
            Constraint::ForeignKey { to } => shape.references.push(to),
            Constraint::UsingIndex | Constraint::Check | Constraint::Other => {}
        }
    }
    Some(shape)
}

/// What ALTER TABLE changes, one item for each of its parts; `rest` starts after the table name.
pub(super) fn alterations(
    text: &str,
    range: &Range<usize>,
    rest: &[Token],
    dialect: Dialect,
) -> Vec<Alteration> {
    let parts: Vec<&[Token]> = list(rest).into_iter().filter(|part| !part.is_empty()).collect();
    let changes = match parse(text, range, rest, dialect) {
        Some(Tree::AlterTable(tree)) if tree.operations.len() == parts.len() => {
            let places = Places::new(text, range);
            tree.operations.iter().map(|one| change(one, &places)).collect()
        }
        _ => vec![Change::Other; parts.len()],
    };
    let alteration = |(part, change): (&&[Token], Change)| {
        let change = if change == Change::Other { change_in_words(text, part) } else { change };
        Some(Alteration { range: range_of(part)?, change: unchecked(text, part, change) })
    };
    parts.iter().zip(changes).filter_map(alteration).collect()
}

/// NOT VALID stands last, and the tree keeps it for some constraints only.
fn unchecked(text: &str, part: &[Token], mut change: Change) -> Change {
    let not_valid = part.windows(2).any(|two| two[0].is(text, "not") && two[1].is(text, "valid"));
    if let Change::AddConstraint { checks_rows, .. } = &mut change {
        *checks_rows = !not_valid;
    }
    change
}

/// The few changes that plain words tell, for what the parser does not know.
fn change_in_words(text: &str, part: &[Token]) -> Change {
    let mut words = Words::new(text, part);
    if words.take(&["rename", "to"]) || words.take(&["rename", "as"]) {
        return words.name().map_or(Change::Other, |to| Change::RenameTable { to });
    }
    if words.take(&["drop", "column"]) {
        let guarded = words.take_guard();
        let columns = words.names().into_iter().map(|name| name.key).collect();
        return Change::DropColumn { columns, guarded };
    }
    Change::Other
}

fn change(operation: &AlterTableOperation, places: &Places) -> Change {
    match operation {
        AlterTableOperation::AddColumn { column_def, .. } => {
            Change::AddColumn { column: column(column_def, places) }
        }
        AlterTableOperation::DropColumn { column_names, if_exists, .. } => Change::DropColumn {
            columns: column_names.iter().map(folded).collect(),
            guarded: *if_exists,
        },
        AlterTableOperation::RenameTable { table_name } => {
            let (RenameTableNameKind::As(to) | RenameTableNameKind::To(to)) = table_name;
            Change::RenameTable { to: places.name(to) }
        }
        AlterTableOperation::RenameColumn { old_column_name, new_column_name } => {
            Change::RenameColumn { from: folded(old_column_name), to: folded(new_column_name) }
        }
        AlterTableOperation::AddConstraint { constraint, not_valid } => Change::AddConstraint {
            constraint: read_constraint(constraint, places),
            checks_rows: !not_valid,
        },
        AlterTableOperation::DropConstraint { name, if_exists, .. } => {
            Change::DropConstraint { name: Some(folded(name)), guarded: *if_exists }
        }
        AlterTableOperation::DropPrimaryKey { .. } => {
            Change::DropConstraint { name: None, guarded: false }
        }
        AlterTableOperation::DropForeignKey { name, .. }
        | AlterTableOperation::DropIndex { name } => {
            Change::DropConstraint { name: Some(folded(name)), guarded: false }
        }
        AlterTableOperation::AlterColumn { column_name, op } => match op {
            AlterColumnOperation::SetNotNull => Change::SetNotNull { column: folded(column_name) },
            AlterColumnOperation::SetDataType { data_type, using, .. } => Change::ChangeType {
                column: folded(column_name),
                to: data_type.to_string().to_uppercase(),
                converted: using.is_some(),
            },
            _ => Change::Other,
        },
        AlterTableOperation::ModifyColumn { col_name, data_type, .. } => Change::ChangeType {
            column: folded(col_name),
            to: data_type.to_string().to_uppercase(),
            converted: false,
        },
        AlterTableOperation::ValidateConstraint { .. } => Change::ValidateConstraint,
        _ => Change::Other,
    }
}

fn column(definition: &ColumnDef, places: &Places) -> Column {
    let data_type = definition.data_type.to_string().to_uppercase();
    let serial = ["SERIAL", "BIGSERIAL", "SMALLSERIAL", "SERIAL4", "SERIAL8", "SERIAL2"];
    let mut column = Column {
        name: folded(&definition.name),
        range: places.ident(&definition.name),
        counted: serial.contains(&data_type.as_str()),
        data_type,
        default: None,
        stored: false,
        keys: Vec::new(),
        references: None,
    };
    for option in &definition.options {
        match &option.option {
            ColumnOption::PrimaryKey(_) => column.keys.push(KeyKind::Primary),
            ColumnOption::Unique(_) => column.keys.push(KeyKind::Unique),
            ColumnOption::ForeignKey(key) => {
                column.references = Some(places.name(&key.foreign_table));
            }
            ColumnOption::Default(value) => column.default = Some(value.to_string()),
            ColumnOption::Generated { generation_expr: None, .. } | ColumnOption::Identity(_) => {
                column.counted = true;
            }
            ColumnOption::Generated { .. } => column.stored = true,
            _ => {}
        }
    }
    column
}

fn read_constraint(constraint: &TableConstraint, places: &Places) -> Constraint {
    let key = |kind, columns: &[IndexColumn], name: &Option<Ident>| {
        let columns = columns.iter().map(indexed).collect();
        Constraint::Key(Key { kind, columns, name: name.as_ref().map(folded) })
    };
    match constraint {
        TableConstraint::PrimaryKey(one) => key(KeyKind::Primary, &one.columns, &one.name),
        TableConstraint::Unique(one) => key(
            KeyKind::Unique,
            &one.columns,
            if one.name.is_some() { &one.name } else { &one.index_name },
        ),
        TableConstraint::Index(one) => key(KeyKind::Index, &one.columns, &one.name),
        TableConstraint::FulltextOrSpatial(one) => {
            key(KeyKind::Index, &one.columns, &one.opt_index_name)
        }
        TableConstraint::ForeignKey(one) => {
            Constraint::ForeignKey { to: places.name(&one.foreign_table) }
        }
        TableConstraint::Check(_) => Constraint::Check,
        TableConstraint::PrimaryKeyUsingIndex(_) | TableConstraint::UniqueUsingIndex(_) => {
            Constraint::UsingIndex
        }
        TableConstraint::Exclude(_) => Constraint::Other,
    }
}

fn indexed(column: &IndexColumn) -> String {
    let written = column.column.expr.to_string();
    written.trim_matches(['`', '"', '[', ']']).to_lowercase()
}

fn folded(ident: &Ident) -> String {
    ident.value.to_lowercase()
}

/// Turns the lines and columns of the parser into bytes of the script.
struct Places {
    start: usize,
    /// The byte at which each character of the statement stands, and its end.
    characters: Vec<usize>,
    /// The character at which each line starts.
    lines: Vec<usize>,
}

impl Places {
    fn new(text: &str, range: &Range<usize>) -> Places {
        let statement = text.get(range.clone()).unwrap_or("");
        let mut lines = vec![0];
        let mut characters = Vec::with_capacity(statement.len() + 1);
        for (count, (byte, sign)) in statement.char_indices().enumerate() {
            characters.push(byte);
            if sign == '\n' {
                lines.push(count + 1);
            }
        }
        characters.push(statement.len());
        Places { start: range.start, characters, lines }
    }

    fn byte(&self, line: u64, column: u64) -> usize {
        let line = usize::try_from(line).unwrap_or(1).saturating_sub(1);
        let column = usize::try_from(column).unwrap_or(1).saturating_sub(1);
        let character = self.lines.get(line).map_or(0, |start| start + column);
        let last = self.characters.last().copied().unwrap_or(0);
        self.start + self.characters.get(character).copied().unwrap_or(last)
    }

    fn ident(&self, ident: &Ident) -> Range<usize> {
        let start = self.byte(ident.span.start.line, ident.span.start.column);
        start..self.byte(ident.span.end.line, ident.span.end.column).max(start)
    }

    fn name(&self, name: &ObjectName) -> Name {
        let idents: Vec<&Ident> = name.0.iter().filter_map(|part| part.as_ident()).collect();
        let parts: Vec<String> = idents.iter().map(|ident| ident.value.clone()).collect();
        let start = idents.first().map_or(self.start, |ident| self.ident(ident).start);
        let end = idents.last().map_or(start, |ident| self.ident(ident).end);
        Name::of(&parts, start..end.max(start))
    }
}
