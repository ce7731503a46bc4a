//! The plans of the five guides, carried out for real: each on a machine of its own, built from nothing, forwards
//! and backwards, with every checkpoint failing once, and killed at random moments.

#[path = "../support/apart.rs"]
mod apart;

mod coverage;
mod guide;
mod person;
mod spoil;

/// One test for each guide: a machine takes seconds, and what differs is in the folder of the guide.
macro_rules! guides {
    ($($name:ident $folder:literal;)*) => {$(
        #[test]
        fn $name() {
            guide::carried_out(stringify!($name), $folder);
        }
    )*};
}

guides! {
    electoral "electoral";
    intimemanager "intimemanager";
    bail_mobilite "bail-mobilite";
    punk_eco "punk-eco";
    olympiades "olympiades";
}
