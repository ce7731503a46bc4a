"""The web server before the API: closed while the flag is there. Under other names it serves what the Internet would."""

import os
import ssl
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FLAG = "/var/www/olympiades/maintenance.flag"
ELSEWHERE = "/srv/ailleurs"


class Web(BaseHTTPRequestHandler):
    def do_GET(self):
        host = self.headers.get("Host", "").split(":")[0]
        if host != "olympiades-ia-benin.org":
            path = os.path.normpath(f"{ELSEWHERE}/{host}{self.path}")
            if path.startswith(ELSEWHERE) and os.path.isfile(path):
                with open(path, "rb") as file:
                    return self.answer(200, file.read())
            return self.answer(404, b"")
        if os.path.exists(FLAG):
            return self.answer(503, open(FLAG, "rb").read())
        try:
            with urllib.request.urlopen("http://127.0.0.1:3000" + self.path, timeout=5) as answer:
                self.answer(answer.status, answer.read())
        except urllib.error.HTTPError as fault:
            self.answer(fault.code, fault.read())
        except OSError:
            self.answer(502, b"")

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/root/ca/web.crt", "/root/ca/web.key")
server = ThreadingHTTPServer(("127.0.0.1", 443), Web)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
