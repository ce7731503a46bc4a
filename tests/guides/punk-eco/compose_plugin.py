"""`docker compose` for this machine: Debian's docker-compose, loaded once, as loading takes longer than what it does.

`compose_plugin.py serve` waits for calls; as a plugin of docker it passes them on, with its files, folder and
environment. As the newer Compose it makes no links between containers.
"""
import json
import os
import socket
import sys

PLACE = "/run/compose"


def call(words):
    server = socket.socket(socket.AF_UNIX)
    server.connect(PLACE)
    asked = json.dumps({"words": words, "folder": os.getcwd(), "env": dict(os.environ)})
    socket.send_fds(server, [asked.encode()], [0, 1, 2])
    server.shutdown(socket.SHUT_WR)
    ended = server.recv(1)
    return ended[0] if ended else 1


def serve():
    import pwd
    import signal
    import struct

    from compose import service
    from compose.cli.main import main

    links = service.Service._get_links
    service.Service._get_links = lambda self, link_to_self: links(self, False)
    server = socket.socket(socket.AF_UNIX)
    server.bind(PLACE)
    os.chmod(PLACE, 0o666)
    server.listen()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        client, _ = server.accept()
        if os.fork():
            client.close()
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        told, files, _, _ = socket.recv_fds(client, 1 << 16, 3)
        while part := client.recv(1 << 16):
            told += part
        asked = json.loads(told)
        for number, file in enumerate(files):
            os.dup2(file, number)
        _, user, group = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        os.initgroups(pwd.getpwuid(user).pw_name, group)
        os.setgid(group)
        os.setuid(user)
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["env"])
        sys.argv = ["docker-compose", *asked["words"]]
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
        sys.stdout.flush()
        sys.stderr.flush()
        client.send(bytes([code & 255]))
        os._exit(0)


if sys.argv[1] == "serve":
    serve()
elif sys.argv[1] == "docker-cli-plugin-metadata":
    print('{ "SchemaVersion": "0.1.0", "Vendor": "test", "Version": "1" }')
else:
    sys.exit(call(sys.argv[2:]))
