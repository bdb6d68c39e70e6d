"""Attacks at the HTTP API, by clients with and without a token."""

import collections
import contextlib
import http.client
import json
import os
import socket
import time

from attack_bench import require, seconds_until
from attack_pool import Pool

TOKEN = "correct-horse-battery"
OPEN = {"access-token": TOKEN, "restricted": False}


def ask(proxy, path, method="GET", body=None, source="127.0.0.1", **headers):
    """Status, headers and body of one answer."""
    client = http.client.HTTPConnection("127.0.0.1", proxy.api, timeout=20, source_address=(source, 0))
    try:
        client.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = client.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        client.close()


def connect(proxy, source, request):
    client = socket.socket()
    client.settimeout(5)
    client.bind((source, 0))
    client.connect(("127.0.0.1", proxy.api))
    client.sendall(request)
    return client


def status_of(client):
    """The status of the answer on a plain connection; 0 when there is none."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(client.recv(64).split()[1])
    return 0


def half_requests(attack):
    """M: 600 half requests of two addresses keep /healthz from being answered."""
    with Pool() as pool, attack.service(pool.port) as proxy:
        seconds_until(lambda: ask(proxy, "/readyz")[0] == 200, 10, "a pool serves")
        held, slowest = [], 0
        for number in range(600):
            with contextlib.suppress(OSError):
                held.append(connect(proxy, f"127.0.0.{2 + number % 2}", b"GET / HTTP/1.1\r\nHost: x\r\n"))
        for _ in range(20):
            for path in ("/healthz", "/readyz"):
                began = time.time()
                status = ask(proxy, path)[0]
                require(status == 200, f"{path}: {status}")
                slowest = max(slowest, time.time() - began)
            time.sleep(0.05)
        for client in held:
            client.close()
        return require(
            len(held) == 600 and slowest < 1, f"{len(held)} half requests, slowest answer {slowest * 1_000:.0f} ms")


def documents(attack):
    """M: who has the token reads the environment and writes files through PUT /1/config."""
    with attack.directory("written") as directory, Pool() as pool:
        target = os.path.join(directory, "evil")
        with attack.service(pool.port, environment={"ATTACK_SECRET": "from-the-environment"}, http=OPEN) as proxy:
            bearer = {"Authorization": f"Bearer {TOKEN}", "Content_Type": "application/json"}

            def put(change):
                document = json.loads(ask(proxy, "/1/config", **bearer)[2])
                change(document)
                return ask(proxy, "/1/config", "PUT", json.dumps(document), **bearer)[0]

            changes = [
                lambda document: document["pools"][0].update({"user": "${ATTACK_SECRET}"}),
                lambda document: document["pools"][0].update({"pass": "x${ATTACK_SECRET}"}),
                lambda document: document["pools"].append({**document["pools"][0], "rig-id": "${ATTACK_SECRET}"}),
                lambda document: document.update({"log-file": target}),
                lambda document: document.update({"access-log-file": target}),
                lambda document: document["millrace"].update({"database": target}),
                lambda document: document["millrace"].update({"run-dir": target}),
                lambda document: document["millrace"].update({"trust-documents": True}),
            ]
            codes = [put(change) for change in changes]
            time.sleep(1)
            written = os.listdir(directory)
            allowed = put(lambda document: document.update({"retries": 5}))
            require(allowed == 204, f"a harmless change is answered {allowed}")
            refused = codes.count(400)
            return require(
                refused == len(changes) and not written and "from-the-environment" not in proxy.log,
                f"{refused} of {len(changes)} refused {codes}, {len(written)} files written")


def token_guesses(attack):
    """M: thousands of wrong tokens a second, unseen."""
    with Pool() as pool, attack.service(pool.port, http=OPEN) as proxy:
        began, statuses = time.time(), collections.Counter()
        while time.time() < began + 2:
            guess = f"Bearer guess{sum(statuses.values())}"
            with contextlib.suppress(OSError, http.client.HTTPException):
                statuses[ask(proxy, "/1/summary", source="127.0.0.2", Authorization=guess)[0]] += 1
        right = {"Authorization": f"Bearer {TOKEN}"}
        require(ask(proxy, "/1/summary", **right)[0] == 200, "the right token from another address is refused")
        seconds_until(lambda: "127.0.0.2" in proxy.log, 3, "told in the log")
        counted = sum(
            float(line.split()[-1]) for line in ask(proxy, "/metrics", **right)[2].splitlines()
            if line.startswith("millrace_http_auth_failures_total"))
        return require(
            0 < statuses[403] <= 34 and statuses[200] == 0 and counted >= statuses[403] + statuses[429],
            f"{sum(statuses.values())} guesses, {statuses[403]} looked at, {statuses[429]} times 429, {counted:.0f} "
            "counted")


def event_streams(attack):
    """M: one address takes all 128 event streams."""
    with Pool() as pool, attack.service(pool.port) as proxy:
        request = b"GET /1/events HTTP/1.1\r\nHost: x\r\n\r\n"
        streams = [connect(proxy, "127.0.0.2", request) for _ in range(128)]
        taken = [status_of(stream) for stream in streams].count(200)
        other = connect(proxy, "127.0.0.3", request)
        status = status_of(other)
        for stream in [*streams, other]:
            stream.close()
        return require(
            status == 200 and 0 < taken <= 32, f"one address has {taken} of 128, another one is answered {status}")


def history(attack):
    """M: each of many equal questions to the history is answered by the database."""
    with Pool() as pool, attack.service(pool.port) as proxy:
        clients = [connect(proxy, "127.0.0.2", b"") for _ in range(200)]
        began = time.time()
        for client in clients:
            client.sendall(b"GET /1/history?from=-30d&step=1m HTTP/1.1\r\nHost: x\r\n\r\n")
        statuses = [status_of(client) for client in clients]
        took = time.time() - began
        for client in clients:
            client.close()
        # The database accepts 32 queries at a time.
        return require(
            statuses.count(200) == 200, f"{statuses.count(200)} of 200 answered at once, in {took * 1_000:.0f} ms")


def web_pages(attack):
    """M: with no token any web page reads miners' addresses, through CORS or a host name of its own."""
    with Pool() as pool, attack.service(pool.port) as proxy:
        hosts = ["attacker.example", f"rebind.example.com:{proxy.api}", "127.0.0.1.nip.io", "localhost.evil.org"]
        paths = ["/1/workers", "/1/miners", "/1/config", "/workers.json", "/"]
        refused = sum(ask(proxy, path, Host=host)[0] == 403 for host in hosts for path in paths)
        origins = [ask(proxy, path, Origin="http://attacker.example") for path in ("/", "/1/miners", "/1/summary")]
        opened = sum("Access-Control-Allow-Origin" in headers for _, headers, _ in origins)
        served = sum(status == 200 for status, _, _ in origins)
        return require(
            refused == len(hosts) * len(paths) and served == 3 and not opened,
            f"{refused} of {len(hosts) * len(paths)} foreign host names refused, {opened} of 3 answers open to pages")
