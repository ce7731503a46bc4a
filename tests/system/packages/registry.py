"""Packages of two versions for each manager, in the folder `served`, and a server for them."""

import base64, hashlib, http.server, io, json, os, sys, tarfile, threading, zipfile

VERSIONS = ["1.0.0", "2.0.0"]


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())


def zipped(files):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), text)
    return memory.getvalue()


def packed(files):
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return memory.getvalue()


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    base = f"http://127.0.0.1:{server.server_address[1]}"
    for version in VERSIONS:
        info = f"greet-{version}.dist-info"
        wheel = {
            "greet.py": f"WORD = '{version}'\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: greet\nVersion: {version}\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        wheel[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*wheel, f"{info}/RECORD"])
        write(f"served/simple/greet/greet-{version}-py3-none-any.whl", zipped(wheel))
        write(f"pip/{version}/requirements.txt", f"--index-url {base}/simple/\n# pinned\ngreet=={version}\n")

        tarball = packed({
            "package/package.json": json.dumps({"name": "greet", "version": version}),
            "package/index.js": f"module.exports = '{version}'\n",
        })
        write(f"served/greet-{version}.tgz", tarball)
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()
        needs = {"name": "app", "version": "1.0.0", "dependencies": {"greet": version}}
        write(f"npm/{version}/package.json", json.dumps(needs))
        write(f"npm/{version}/package-lock.json", json.dumps({
            "name": "app", "version": "1.0.0", "lockfileVersion": 3, "requires": True,
            "packages": {
                "": needs,
                "node_modules/greet": {
                    "version": version, "resolved": f"{base}/greet-{version}.tgz", "integrity": integrity,
                },
            },
        }))

        write(f"served/greet-{version}.zip", zipped({
            "greet/composer.json": json.dumps({"name": "acme/greet", "version": version}),
            "greet/greet.php": f"<?php return '{version}';\n",
        }))
        package = {
            "name": "acme/greet", "version": version,
            "dist": {"type": "zip", "url": f"{base}/greet-{version}.zip"},
        }
        write(f"composer/{version}/composer.json", json.dumps({
            "name": "acme/app", "require": {"acme/greet": version}, "config": {"secure-http": False},
            "repositories": [{"type": "package", "package": package}, {"packagist.org": False}],
        }))
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0))).start()
    print("ready", flush=True)
    server.serve_forever()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *arguments):
        super().__init__(*arguments, directory="served")

    def log_message(self, *arguments):
        pass


main()
