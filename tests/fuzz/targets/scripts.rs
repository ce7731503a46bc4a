//! The readers of shell and SQL, over whatever the fuzzer thinks of. Knows nothing of plans.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plan_model::sql::Dialect;
use plan_model::{shell, sql};

fuzz_target!(|text: &str| {
    shell::read(text);
    for dialect in [Dialect::PostgreSql, Dialect::MySql, Dialect::Sqlite] {
        sql::read(text, dialect);
    }
});
