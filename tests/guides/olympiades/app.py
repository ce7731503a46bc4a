"""The API of the Olympiades, its worker and its jobs: what of them touches the database, Redis and the network."""

import json
import logging
import os
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg

ROLE = sys.argv[1]


def query(sql):
    with psycopg.connect(
        host="localhost", dbname="olympiades_ia_staging", user="olympiades_user", sslmode="verify-full",
        sslrootcert="/etc/ssl/certs/olympiades-ca.crt", application_name=f"olympiades-{ROLE}", connect_timeout=30,
    ) as base:
        return base.execute(sql).fetchall()


def redis(*words):
    """One command, and its answer: text, a list of texts, or nothing."""
    with socket.create_connection(("127.0.0.1", 6379), 5) as line:
        words = [str(word).encode() for word in words]
        line.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        answer = line.makefile("rb")

        def read():
            head = answer.readline().decode().strip()
            if head[0] == "*":
                return None if head == "*-1" else [read() for _ in range(int(head[1:]))]
            if head[0] == "$":
                return None if head == "$-1" else answer.read(int(head[1:]) + 2)[:-2].decode()
            return head[1:]

        return read()


def ranking():
    """The national ranking, kept for an hour."""
    kept = redis("GET", "classement:national")
    if kept is None:
        rows = query("select rang, nom from vue_classement_national order by rang, nom limit 100")
        kept = json.dumps(rows)
        redis("SETEX", "classement:national", 3600, kept)
    return kept


class Api(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            if self.path == "/api/health":
                version = query("select max(version) from schema_migrations")[0][0]
                self.answer(200, json.dumps({"status": "ok", "schema": version}))
            elif self.path == "/api/classement":
                self.answer(200, ranking())
            elif self.path in ("/", "/connexion"):
                self.answer(200, "<title>Olympiades d'IA du Bénin</title>")
            else:
                self.answer(404, "{}")
        except (BrokenPipeError, ConnectionResetError):
            return  # Whoever asked has gone.
        except Exception as fault:
            logging.error("ERROR %s: %s", self.path, fault)
            self.answer(500, json.dumps({"status": "error"}))

    def answer(self, status, body):
        body = body.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def ready():
    """Tells systemd that it may count on us."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])


if ROLE == "api":
    api = ThreadingHTTPServer(("127.0.0.1", 3000), Api)
    ready()
    api.serve_forever()
ready()
while True:
    # A task is a word; the answer is the number of candidates, as this process sees it.
    task = redis("BLPOP", f"taches:{ROLE}", 2)
    if task:
        redis("SETEX", f"reponse:{task[1]}", 60, query("select count(*) from candidats")[0][0])
    time.sleep(0.05)
