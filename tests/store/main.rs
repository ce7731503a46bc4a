//! What every kind of store promises, as one suite over the trait; and how each kind opens.

mod contract;
mod sqlite;
