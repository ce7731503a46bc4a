# The team's channel: each message is a line of a file.
from http.server import BaseHTTPRequestHandler, HTTPServer


class Channel(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_response(405)
        self.end_headers()

    def do_POST(self):
        with open('/root/channel', 'ab') as file:
            file.write(self.rfile.read(int(self.headers['Content-Length'])) + b'\n')
        self.send_response(200)
        self.end_headers()


HTTPServer(('127.0.0.1', 9000), Channel).serve_forever()
