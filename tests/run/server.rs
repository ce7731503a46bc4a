//! A small HTTP server that answers what a test says, and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub line: String,
    /// As they came, one a line.
    pub headers: String,
    pub body: String,
}

pub struct Server {
    pub port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// What is answered: a status line, further headers, a body.
pub type Answer = (&'static str, String, String);

impl Server {
    pub fn start(answer: impl Fn(&Asked, usize) -> Answer + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let known = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut one = Asked::default();
                if reader.read_line(&mut one.line).unwrap_or(0) == 0 {
                    continue;
                }
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
                        break;
                    }
                    if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    one.headers += &line;
                }
                let mut body = vec![0; length];
                let _ = reader.read_exact(&mut body);
                one.body = String::from_utf8_lossy(&body).into_owned();
                let number = {
                    let mut known = known.lock().unwrap();
                    known.push(one.clone());
                    known.len()
                };
                let (status, headers, body) = answer(&one, number);
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
                    body.len()
                );
            }
        });
        Server { port, asked }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

pub fn ok(body: &str) -> Answer {
    ("200 OK", String::new(), body.to_owned())
}
