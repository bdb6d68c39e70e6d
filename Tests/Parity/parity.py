"""Tries every key, option, mode and route of xmrig-proxy 6.26 on the built programs, and compares what happens with
rows.txt. Exits with 1 if a row is not as it says."""

import json
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

PROGRAMS = pathlib.Path(sys.argv[1]).resolve()
ROWS = pathlib.Path(__file__).with_name("rows.txt")
KINDS = ["key", "pool", "option", "leftover", "mode", "route"]
STATES = ["works", "differs", "not yet", "pointless"]
POOL = '"url": "127.0.0.1:1"'


def rows():
    for number, line in enumerate(ROWS.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        state = next(state for state in STATES if line.startswith(state))
        kind, what = line[len(state):].split(None, 1)
        yield number, state, kind, what


def state_of(outcome):
    """From what `--dry-run` prints."""
    text = outcome.stdout + outcome.stderr
    # A pool that needs a feature is left out; there is no other one.
    if "not supported yet" in text and "nicehash is used" not in text:
        return "not yet"
    if outcome.returncode != 0:
        return f"exit {outcome.returncode}"
    return "differs" if "warning: " in text else "works"


def dry_run(directory, members="", pool="", options=()):
    file = directory / "config.json"
    file.write_text("{" + f'"pools": [{{{POOL}{", " + pool if pool else ""}}}]' + (", " + members if members else "") + "}")
    command = [PROGRAMS / "millrace", "--config", file, "--dry-run", "--run-dir", directory / "run", *options]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=20)


def tried(directory, kind, what):
    if kind == "key":
        return state_of(dry_run(directory, members=what))
    if kind == "pool":
        return state_of(dry_run(directory, pool=what))
    if kind == "mode":
        return state_of(dry_run(directory, members=f'"mode": "{what}"'))
    words = shlex.split(what)
    # Options of a pool belong to the `--url` before them.
    own = [] if any(word.startswith(("--url", "-o")) for word in words) else ["--url", "127.0.0.1:1"]
    return state_of(dry_run(directory, options=own + words))


def make_files(directory):
    """Those that rows name."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=directory, check=True, capture_output=True)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=farm",
            "-days", "30", "-keyout", "key.pem", "-out", "cert.pem")
    os.chmod(directory / "key.pem", 0o600)
    openssl("genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "dh_param:ffdhe2048", "-out", "dh.pem")


class Service:
    """A running service with an API that may change it."""

    def __init__(self, directory):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        file = directory / "service.json"
        file.write_text(json.dumps({
            "pools": [{"url": "127.0.0.1:1"}], "bind": ["127.0.0.1:0"], "tls": False,
            "http": {"enabled": True, "host": "127.0.0.1", "port": self.port, "access-token": "t", "restricted": False},
            "millrace": {"run-dir": str(directory / "service")}}))
        self.process = subprocess.Popen(
            [PROGRAMS / "millrace", "--config", file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                self.ask("GET", "/1/summary")
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("the service did not start")

    def ask(self, method, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body, method=method)
        request.add_header("Authorization", "Bearer t")
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def tried(self, what):
        method, path = what.split()
        body = None
        if method in ("PUT", "POST"):
            body = self.ask("GET", "/1/config")[1]
        if path == "/json_rpc":
            body = b'{"id": 1, "jsonrpc": "2.0", "method": "no-such-method", "params": {}}'
        status, text = self.ask(method, path, body)
        wanted = {"/favicon.ico": [404]}.get(path, [200, 204])
        if status not in wanted:
            return f"status {status}"
        if method == "GET" and status == 200 and not json.loads(text):
            return "empty"
        return "works"

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


def main():
    counts = {kind: dict.fromkeys(STATES, 0) for kind in KINDS}
    wrong = []
    with tempfile.TemporaryDirectory(prefix="millrace-") as name:
        directory = pathlib.Path(name)
        os.chmod(directory, 0o700)
        make_files(directory)
        service = Service(directory)
        try:
            for number, state, kind, what in rows():
                found = service.tried(what) if kind == "route" else tried(directory, kind, what)
                # Nothing tells the two apart but what the documents say.
                if state == "pointless" and found == "works":
                    found = state
                if found != state:
                    wrong.append(f"rows.txt:{number}: {kind} {what}: expected {state}, found {found}")
                counts[kind][state] += 1
        finally:
            service.stop()
    print(f"{'':10}" + "".join(f"{state:>11}" for state in STATES))
    for kind in KINDS:
        print(f"{kind:10}" + "".join(f"{counts[kind][state]:>11}" for state in STATES))
    for line in wrong:
        print(line)
    raise SystemExit(1 if wrong else 0)


main()
