//! The plans of the five guides, carried out for real: each on a machine of its own, built from nothing, forwards
//! and backwards, with every checkpoint failing once, and killed at random moments.

#[path = "../support/apart.rs"]
mod apart;

mod coverage;
mod guide;
mod person;
mod spoil;

/// One test for each guide, or several where one would take too long: a machine takes seconds, and what differs is in
/// the folder of the guide.
macro_rules! guides {
    ($($name:ident $folder:literal $part:ident;)*) => {$(
        #[test]
        fn $name() {
            guide::carried_out(stringify!($name), $folder, guide::Part::$part);
        }
    )*};
}

guides! {
    electoral "electoral" Whole;
    intimemanager "intimemanager" Whole;
    bail_mobilite "bail-mobilite" Whole;
    punk_eco "punk-eco" FirstFailing;
    punk_eco_killed "punk-eco" FirstKilled;
    punk_eco_others "punk-eco" Others;
    olympiades "olympiades" First;
    olympiades_others "olympiades" Others;
}
