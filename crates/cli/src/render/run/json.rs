//! One JSON event a line, as it stands in the journal. Its form is in schemas/events.schema.json.

use plan_executor::event::Record;
use serde_json::{Value, json};

use crate::terminal::Terminal;

pub struct Json<'t> {
    pub terminal: &'t mut Terminal,
}

impl Json<'_> {
    pub fn hear(&mut self, record: &Record, run: &str) {
        self.terminal.line(&line(record, run).to_string());
        self.terminal.now();
    }
}

pub fn line(record: &Record, run: &str) -> Value {
    let mut line = json!({
        "run": run,
        "number": record.number,
        "at": record.at.timestamp().to_string(),
    });
    let event = serde_json::to_value(&record.event).expect("an event is plain data");
    if let (Value::Object(line), Value::Object(event)) = (&mut line, event) {
        line.extend(event);
    }
    line
}
