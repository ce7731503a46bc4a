"""Counts orders: POST adds a line to `machine/orders`, DELETE takes the last one away."""

import http.server, os

FILE = "machine/orders"


class Orders(http.server.BaseHTTPRequestHandler):
    def lines(self):
        return open(FILE).read().splitlines() if os.path.exists(FILE) else []

    def keep(self, lines):
        if lines:
            with open(FILE, "w") as file:
                file.write("".join(line + "\n" for line in lines))
        elif os.path.exists(FILE):
            os.remove(FILE)
        self.answer(lines)

    def answer(self, lines):
        body = str(len(lines)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(self.lines())

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.keep(self.lines() + ["ordered"])

    def do_DELETE(self):
        self.keep(self.lines()[:-1])

    def log_message(self, *arguments):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Orders)
with open("port.new", "w") as file:
    file.write(str(server.server_address[1]))
os.rename("port.new", "port")
server.serve_forever()
