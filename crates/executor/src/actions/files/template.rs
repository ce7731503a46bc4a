//! A template, filled in.

use plan_model::model::action::files::FillTemplate;

use super::Going;
use crate::event::{Failure, Outputs};

pub fn make(going: &mut Going<'_>, change: &FillTemplate) -> Result<(), Failure> {
    let fill = going.fill();
    let name = fill.named(&change.template.value)?;
    let text = going.job.world.frozen_text(&name)?;
    let own = change.values.iter().flat_map(|values| values.0.iter());
    let own = own.map(|(key, value)| Ok((key.value.clone(), fill.json(&value.json)?)));
    let own: Outputs = own.collect::<Result<_, Failure>>()?;
    let written = fill.template(&name, &text, &own)?;
    let (to, rights) = (going.path(&change.to)?, going.rights(&change.ownership)?);
    going.write(&to, &mut written.as_bytes(), rights)
}
