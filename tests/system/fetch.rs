//! `fetch` from a real server, which is kind, or cuts, lies, loops and never ends.

use std::fs;
use std::process::{Child, Command, Stdio};

use crate::place::{Place, wait_until};
use crate::tree::tree;

const SERVER: &str = r#"
import http.server, os, sys, time
BODY = bytes(range(256)) * 4000
class One(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *a):
        open('asked', 'a').write(self.path + ' ' + self.headers.get('Range', '') + '\n')
    def give(self, body, code=200, length=None):
        self.send_response(code)
        self.send_header('Content-Length', str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
    def go(self, to):
        self.send_response(302)
        self.send_header('Location', to)
        self.send_header('Content-Length', '0')
        self.end_headers()
    def do_GET(self):
        start = self.headers.get('Range')
        start = int(start[6:-1]) if start else 0
        p = self.path.split('?')[0]
        if p == '/app.bin': return self.give(BODY[start:], 206 if start else 200)
        if p == '/sums': return self.give(b'%s *./app.bin\n%s  other\n' % (sys.argv[2].encode(), b'0' * 64))
        if p == '/cut/app.bin':
            if start: return self.give(BODY[start:], 206)
            self.give(BODY[:500_000], length=len(BODY)); self.close_connection = True; return
        if p == '/wrong/app.bin': return self.give(b'<html>not found</html>')
        if p == '/loop/app.bin': return self.go('/loop/app.bin')
        if p == '/away/app.bin': return self.go('http://localhost:%s/app.bin' % sys.argv[1])
        if p == '/short/app.bin': return self.go('/app.bin')
        if p == '/endless/app.bin':
            self.send_response(200); self.end_headers(); self.close_connection = True
            try:
                while True: self.wfile.write(bytes(100_000))
            except OSError: return
        if p == '/slow/app.bin': time.sleep(60)
        if p in ('/drips/app.bin', '/trickles/app.bin'):
            self.close_connection = True
            if p == '/trickles/app.bin': self.send_response(200); self.end_headers()
            else: self.wfile.write(b'HTTP/1.1 200 OK\r\n')
            try:
                while True: self.wfile.write(b'X: y\r\n'); time.sleep(1)
            except OSError: return
        self.give(b'', 404)
http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), One).serve_forever()
"#;

struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn body() -> Vec<u8> {
    (0..=255u8).cycle().take(256 * 4000).collect()
}

fn sum(place: &Place) -> String {
    fs::write(place.folder.join("body"), body()).unwrap();
    let done = Command::new("sha256sum").arg(place.folder.join("body")).output().unwrap();
    String::from_utf8(done.stdout).unwrap()[..64].to_owned()
}

fn serve(place: &Place) -> Server {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    place.write("server.py", SERVER);
    let mut command = Command::new("python3");
    command.args(["server.py", &port.to_string(), &sum(place)]).current_dir(&place.folder);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let server = Server { child, port };
    wait_until("the server", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    server
}

fn plan(place: &Place, keys: &str, timeout: &str) {
    place.write(
        "plan.yaml",
        &format!(
            "plan: p\nsteps:\n  - step: package\n    fetch: {{ {keys}, to: packages/ }}\n    timeout: {timeout}\n  \
             - {{ checkpoint: right, checks: [{{ file: right }}] }}\n"
        ),
    );
}

#[test]
fn what_was_cut_goes_with_the_way_back() {
    let place = Place::new("fetch-killed");
    let server = serve(&place);
    let port = server.port;
    place.write("packages/other", "stays");
    let before = tree(&place.folder.join("packages"));
    plan(
        &place,
        &format!(
            "url: \"http://127.0.0.1:{port}/endless/app.bin\", max_size: 500GB, sha256: {}",
            sum(&place)
        ),
        "60s",
    );
    let mut run = place.begin();
    wait_until("something came", || tree(&place.folder.join("packages")) != before);
    run.kill().unwrap();
    run.wait().unwrap();
    place.plan(&["rollback"]).ends(0);
    assert_eq!(tree(&place.folder.join("packages")), before);
}

#[test]
fn a_package_comes_goes_on_where_it_was_cut_and_goes_again() {
    let place = Place::new("fetch-good");
    let server = serve(&place);
    let (port, sum) = (server.port, sum(&place));
    place.write("packages/other", "stays");
    place.write("right", "");
    let before = tree(&place.folder.join("packages"));
    for (path, keys) in [
        ("app.bin", format!("sha256: {sum}")),
        ("app.bin", format!("sums: \"http://127.0.0.1:{port}/sums\"")),
        ("short/app.bin", format!("sha256: {sum}, hosts: [127.0.0.1]")),
    ] {
        plan(
            &place,
            &format!("url: \"http://127.0.0.1:{port}/{path}?token=hunter2\", {keys}"),
            "20s",
        );
        place.apply().ends(0);
        assert_eq!(fs::read(place.folder.join("packages/app.bin")).unwrap(), body());
        place.plan(&["rollback"]).ends(0);
        assert_eq!(tree(&place.folder.join("packages")), before, "{path}");
    }
    // What came before the cut is not loaded again.
    plan(&place, &format!("url: \"http://127.0.0.1:{port}/cut/app.bin\", sha256: {sum}"), "20s");
    place.apply().ends(1).says("ended after 500000 bytes");
    place.apply().ends(0);
    assert!(place.read("asked").contains("/cut/app.bin bytes=500000-"), "{}", place.read("asked"));
    assert_eq!(fs::read(place.folder.join("packages/app.bin")).unwrap(), body());
    place.plan(&["rollback"]).ends(0);
    assert_eq!(tree(&place.folder.join("packages")), before);
    // Of a file that is there and right nothing is asked.
    plan(&place, &format!("path: body, sha256: {sum}"), "20s");
    place.apply().ends(0);
    assert_eq!(fs::read(place.folder.join("packages/body")).unwrap(), body());
}

#[test]
fn what_is_not_what_it_must_be_never_has_its_name() {
    let place = Place::new("fetch-bad");
    let server = serve(&place);
    let (port, sum) = (server.port, sum(&place));
    place.write("packages/app.bin", "the one before");
    let before = tree(&place.folder.join("packages"));
    let at = |path: &str| format!("url: \"http://127.0.0.1:{port}/{path}?token=hunter2\"");
    for (keys, words) in [
        (format!("{}, sha256: {sum}", at("wrong/app.bin")), "is not what it must be: 22 bytes"),
        (format!("{}, sha256: {sum}", at("none/app.bin")), "404"),
        (format!("{}, sha256: {sum}", at("loop/app.bin")), "from one address to the next"),
        (format!("{}, sha256: {sum}, hosts: [127.0.0.1]", at("away/app.bin")), "is on localhost"),
        (format!("{}, sha256: {sum}, max_size: 10MB", at("endless/app.bin")), "more than 10000000 bytes"),
        (format!("{}, sha256: {sum}, max_size: 1KB", at("app.bin")), "more than 1000 bytes"),
        (format!("{}, sums: \"http://127.0.0.1:{port}/endless/app.bin\"", at("app.bin")), "too long"),
        (format!("{}, sums: server.py", at("app.bin")), "has no sum of app.bin"),
        ("path: none/app.bin, sha256: \"0123456789012345678901234567890123456789012345678901234567890123\"".to_owned(), "No such file"),
    ] {
        plan(&place, &keys, "20s");
        place.apply().ends(1).says(words).never_says("hunter2");
        assert_eq!(tree(&place.folder.join("packages")), before, "{keys}");
    }
    plan(&place, &format!("{}, sha256: {sum}", at("slow/app.bin")), "1s");
    place.apply().ends(1).says("took longer than 1 s").never_says("hunter2");
    assert_eq!(tree(&place.folder.join("packages")), before);
}

#[test]
fn a_server_that_drips_is_given_up() {
    let cases =
        [("drips", "no answer within 30 s"), ("trickles", "less than 16384 bytes came in 30 s")];
    let places = cases.map(|(path, words)| {
        let place = Place::new(&format!("fetch-{path}"));
        let server = serve(&place);
        let url = format!("http://127.0.0.1:{}/{path}/app.bin", server.port);
        plan(&place, &format!("url: \"{url}\", sha256: a{}", "0".repeat(63)), "5m");
        place.write("packages/here", "");
        let mut apply = place.command(&["apply", "plan.yaml"]);
        let child = apply.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        (place, server, child, words)
    });
    for (place, _server, child, words) in places {
        let output = child.wait_with_output().unwrap();
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stderr),
            String::from_utf8_lossy(&output.stdout)
        );
        assert!(said.contains(words), "{said}");
        assert!(!place.has("packages/app.bin"));
    }
}
