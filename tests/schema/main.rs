//! Types and schema agree: our checker and an independent one (the `jsonschema` crate, on the same
//! generated schema) give the same verdict over thousands of accepted and rejected texts.
//! Knows nothing of what a plan means beyond its shape.

mod agreement;
mod mutate;
