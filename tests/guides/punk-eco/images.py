"""Writes the two images that Punk Eco builds on, made of this machine's own files: `python.tar`, `postgres.tar`.

What would be pulled from a registry elsewhere must be there without a network here.
"""
import glob
import importlib.metadata
import io
import os
import re
import subprocess
import sys
import sysconfig
import tarfile

FOLDER = sys.argv[1]


def is_program(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


class Image:
    def __init__(self, name):
        self.tar = tarfile.open(os.path.join(FOLDER, name + ".tar"), "w")
        self.have = {}
        self.add("/bin/busybox", subprocess.check_output(["which", "busybox"], text=True).strip())
        for program in ["sh", "cat", "env", "ls", "mkdir", "rm", "chown"]:
            self.link(f"/bin/{program}", "busybox")
        self.text("/etc/passwd", "root:x:0:0::/root:/bin/sh\npostgres:x:999:999::/tmp:/bin/sh\n")
        self.text("/etc/group", "root:x:0:\npostgres:x:999:\n")
        for folder in ["/tmp", "/var/tmp", "/var/run/postgresql"]:
            info = tarfile.TarInfo(folder[1:])
            info.type, info.mode = tarfile.DIRTYPE, 0o1777
            self.tar.addfile(info)

    def add(self, name, path=None):
        path = path or name
        if name not in self.have and os.path.isfile(path):
            self.have[name] = path
            self.tar.add(os.path.realpath(path), name[1:])

    def close(self):
        """With the libraries that the programs need, but those that Python's packages bring themselves."""
        programs = [path for path in self.have.values() if is_program(path)]
        told = subprocess.run(["ldd", *programs], capture_output=True, text=True).stdout
        for library in set(re.findall(r"(?:=> |^\s+)(/\S+) \(", told, re.M)):
            if "-packages/" not in library:
                self.add(library)
        self.tar.close()

    def tree(self, folder, but=()):
        for top, folders, files in os.walk(folder):
            folders[:] = [name for name in folders if name not in but]
            for name in files:
                if not name.startswith("_tkinter") and ".opt-" not in name and not name.endswith(".a"):
                    self.add(os.path.join(top, name))

    def link(self, name, to):
        info = tarfile.TarInfo(name[1:])
        info.type, info.linkname = tarfile.SYMTYPE, to
        self.tar.addfile(info)

    def text(self, name, text, mode=0o644):
        info = tarfile.TarInfo(name[1:])
        info.size, info.mode = len(text.encode()), mode
        self.tar.addfile(info, io.BytesIO(text.encode()))


def distributions(*names):
    """These packages, and all that they need here."""
    found = {}
    wanted = list(names)
    while wanted:
        name = re.split(r"[^\w.-]", wanted.pop())[0].lower()
        try:
            one = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if one.metadata["Name"] not in found:
            found[one.metadata["Name"]] = one
            wanted += [need for need in one.requires or [] if "extra ==" not in need]
    return found.values()


python = Image("python")
standard = sysconfig.get_path("stdlib")
but = ["test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3"]
but += ["site-packages", "dist-packages"]
but += [name for name in os.listdir(standard) if name.startswith("config-")]
binary = os.path.realpath(sys.executable)
python.add(binary)
python.tree(standard, but)
python.link("/venv/bin/python", binary)
python.text("/venv/pyvenv.cfg", f"home = {os.path.dirname(binary)}\ninclude-system-site-packages = false\n")
packages = f"/venv/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages/"
for one in distributions("pip", "flask-migrate", "psycopg", "psycopg-binary"):
    for file in one.files:
        if ".." not in file.parts and "tests" not in file.parts and file.suffix != ".pyi":
            python.add(packages + str(file), str(one.locate_file(file)))
for name, module in [("flask", "flask.cli"), ("pip", "pip._internal.cli.main")]:
    python.text(f"/venv/bin/{name}", f"#!/venv/bin/python\nfrom {module} import main\nexit(main())\n", 0o755)
python.close()

postgres = Image("postgres")
postgres.add("/usr/bin/setpriv")
server = sorted(glob.glob("/usr/lib/postgresql/*"))[-1]
for program in ["postgres", "initdb", "pg_isready", "psql"]:
    postgres.add(f"{server}/bin/{program}")
    postgres.link(f"/usr/local/bin/{program}", f"{server}/bin/{program}")
for library in ["plpgsql", "dict_snowball"]:
    postgres.add(f"{server}/lib/{library}.so")
postgres.tree(f"/usr/share/postgresql/{os.path.basename(server)}", ["man", "locale"])
postgres.tree("/usr/share/zoneinfo", ["posix", "right"])
postgres.tree("/usr/lib/locale/C.utf8")
postgres.text(
    "/usr/local/bin/entrypoint",
    """#!/bin/sh -eu
as_postgres() { /usr/bin/setpriv --reuid=999 --regid=999 --clear-groups "$@"; }
if [ ! -e "$PGDATA/PG_VERSION" ]; then
    mkdir -p "$PGDATA"
    chown postgres:postgres "$PGDATA"
    echo "$POSTGRES_PASSWORD" >/tmp/password
    as_postgres initdb -D "$PGDATA" -U "$POSTGRES_USER" --pwfile=/tmp/password \\
        --auth-local=trust --auth-host=scram-sha-256 \\
        --no-sync -E UTF8 --locale=C.UTF-8
    echo "create database $POSTGRES_DB" | as_postgres postgres --single -D "$PGDATA" postgres
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    rm /tmp/password
fi
exec /usr/bin/setpriv --reuid=999 --regid=999 --clear-groups postgres -D "$PGDATA" -c listen_addresses='*' -c fsync=off
""",
    0o755,
)
postgres.close()
