//! A real editor server over its own protocol: completion, hover and diagnostics on plan files.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use super::{HOW, installed, is_missing, root};

struct Server {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    next: u64,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start() -> Server {
        let mut child = Command::new("node")
            .arg(installed("node_modules/yaml-language-server/bin/yaml-language-server"))
            .arg("--stdio")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut server = Server { child, input, output, next: 1 };
        server.ask("initialize", json!({ "processId": null, "rootUri": null, "capabilities": {
            "workspace": { "configuration": true },
            "textDocument": { "completion": { "completionItem": { "snippetSupport": true } }, "publishDiagnostics": {} },
        }}));
        server.tell("initialized", json!({}));
        server
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        self.input.flush().unwrap();
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.next;
        self.next += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        self.until(|message| message["id"] == id && message.get("method").is_none())["result"]
            .clone()
    }

    /// Reads on; what the server asks meanwhile is answered.
    fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.read();
            if wanted(&message) {
                return message;
            }
            if let (Some(id), Some(method)) = (message.get("id"), message["method"].as_str()) {
                let result = match method {
                    "workspace/configuration" => {
                        let count = message["params"]["items"].as_array().map_or(0, Vec::len);
                        let settings = json!({ "validate": true, "hover": true, "completion": true, "schemaStore": { "enable": false } });
                        Value::Array(
                            (0..count)
                                .map(|at| if at == 0 { settings.clone() } else { json!({}) })
                                .collect(),
                        )
                    }
                    _ => Value::Null,
                };
                let answer = json!({ "jsonrpc": "2.0", "id": id, "result": result });
                self.send(&answer);
            }
        }
    }

    fn read(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the editor server ended");
            let line = line.trim();
            if line.is_empty() {
                break;
            }
            if let Some(number) = line.strip_prefix("Content-Length: ") {
                length = number.parse().unwrap();
            }
        }
        let mut bytes = vec![0; length];
        self.output.read_exact(&mut bytes).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    fn open(&mut self, name: &str, text: &str) -> (String, Vec<Value>) {
        let uri = format!("file:///{name}");
        self.tell("textDocument/didOpen", json!({ "textDocument": { "uri": uri, "languageId": "yaml", "version": 1, "text": text } }));
        let published = self.until(|message| {
            message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["uri"] == uri.as_str()
        });
        (uri, published["params"]["diagnostics"].as_array().cloned().unwrap_or_default())
    }
}

fn header() -> String {
    format!(
        "# yaml-language-server: $schema=file://{}\n",
        root().join("schemas/plan.schema.json").display()
    )
}

#[test]
fn an_editor_completes_explains_and_checks_plans() {
    if is_missing(&installed("node_modules/yaml-language-server"), HOW) {
        return;
    }
    let mut server = Server::start();
    let good = header()
        + "plan: good\ntitle: A good plan\nsteps:\n  - step: look\n    run: uptime\n    read_only: true\n    \n";
    let (uri, diagnostics) = server.open("good.yaml", &good);
    assert_eq!(diagnostics, Vec::<Value>::new());

    let at = |line: usize, character: usize| json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": character } });
    let completion = server.ask("textDocument/completion", at(7, 4));
    let labels: Vec<&str> = completion["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|item| item["label"].as_str())
        .collect();
    for key in ["title", "needs", "estimate", "timeout", "rollback", "on_failure", "allow"] {
        assert!(labels.contains(&key), "{key} is not offered: {labels:?}");
    }
    assert!(!labels.contains(&"phases"), "a key of the plan is offered in a step: {labels:?}");

    let hover = server.ask("textDocument/hover", at(6, 6));
    let hover = hover["contents"]["value"].as_str().unwrap_or_default().to_owned();
    assert!(hover.contains("It changes nothing, so there is nothing to undo"), "{hover}");

    let bad = header() + "plan: bad\nsteps:\n  - step: look\n    rnu: uptime\n    timeout: 5\n";
    let (_, diagnostics) = server.open("bad.yaml", &bad);
    let lines: Vec<u64> =
        diagnostics.iter().filter_map(|one| one["range"]["start"]["line"].as_u64()).collect();
    assert!(lines.contains(&4) && lines.contains(&5), "{diagnostics:#?}");
}
