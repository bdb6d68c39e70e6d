"""Attacks by many at once, and crowds that are honest: what an address may do, and what all together may cost."""

import contextlib
import json
import math
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.request

import macro
from attack_bench import (
    ATTACKERS_PROCESSOR, LOST, Flood, Miner, Skipped, accepted, p99, require, without_attackers_processor)
from attack_pool import Pool

P99_MS = 5
ATTACKER = "127.0.0.66"


class RefusalEvents(threading.Thread):
    """Counts the events about shares that Millrace refuses, and the shares in them."""

    def __init__(self, proxy):
        super().__init__(daemon=True)
        self.stream = urllib.request.urlopen(f"http://127.0.0.1:{proxy.api}/1/events?types=share", timeout=60)
        self.events = self.shares = 0
        self.start()

    def run(self):
        with contextlib.suppress(*LOST):
            for line in self.stream:
                share = json.loads(line[6:]) if line.startswith(b"data: ") else {}
                if share.get("outcome") == "invalid":
                    self.events += 1
                    self.shares += share["count"]


def refusals(attack):
    """C4: each refused share is an event, which pushes those of accepted ones out."""
    with attack.pool() as pool, attack.service(pool) as proxy:
        miners = [Miner(proxy, f"junk{number}") for number in range(64)]
        seen = RefusalEvents(proxy)
        payloads = [b"".join(json.dumps(m.share(2)).encode() + b"\n" for _ in range(500)) for m in miners]
        with Flood(miners, payloads):
            attack.honest(proxy, 100, 100, 6, strict=False)
            proxy.kill("millrace-worker")
            time.sleep(4)
        for miner in miners:
            miner.close()
        deadline = time.time() + 10
        while (counted := proxy.summary()["results"]["invalid"]) != seen.shares and time.time() < deadline:
            time.sleep(0.2)
        rows = sum(row[5] for row in json.loads(proxy.get("/1/workers"))["workers"])
        return require(
            seen.shares == counted == rows and seen.events <= 64 * 16 and counted > 10 * seen.events,
            f"{counted} refusals ({rows} in rows, {seen.shares} in events) took {seen.events} events over a kill -9")


def half_lines(attack):
    """C5: thousands of miners with a request that does not end; then the shard is killed."""
    with attack.pool() as pool, attack.service(pool) as proxy:
        before, hostile = proxy.memory_mb(), []
        honest = [Miner(proxy, f"honest{number}") for number in range(50)]
        for number in range(5_000):
            with contextlib.suppress(*LOST):
                hostile.append(Miner(proxy, f"half{number}", source=f"127.0.1.{1 + number % 250}"))
                hostile[-1].socket.sendall(b"{" * 16_000)
        time.sleep(2)
        after = proxy.memory_mb()
        proxy.kill("millrace-worker")
        time.sleep(4)
        served = accepted(honest)
        closed = proxy.get("/metrics").count(b'reason="memory"')
        told = proxy.log.count("with the largest buffers")
        return require(
            served == 50 and after - before <= 300 and closed and told,
            f"{len(hostile)} half lines, {before:.0f} -> {after:.0f} MB, {served} of 50 served after kill -9")


# A separate program, because it represents another machine. It starts when it reads a line.
LOGINS = """
import collections, socket, struct, sys, time
address, source, rate, seconds = ("127.0.0.1", int(sys.argv[1])), (sys.argv[2], 0), int(sys.argv[3]), float(sys.argv[4])
login = b'{"id":1,"method":"login","params":{"login":"flood%d","pass":"x","agent":"flood"}}\\n'
sys.stdin.readline()
reset, began, made, open = struct.pack("ii", 1, 0), time.time(), 0, collections.deque()
while time.time() < began + seconds:
    if made > (time.time() - began) * rate:
        time.sleep(0.001)
        continue
    made += 1
    try:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        client.bind(source)
        client.settimeout(1)
        client.connect(address)
        client.send(login % made)
    except OSError:
        pass
    open.append(client)
    if len(open) > 100:
        open.popleft().close()
print(made)
"""


class Logins:
    """Connects, logs in and leaves: at a rate, or as often as this machine can."""

    def __init__(self, proxy, rate, seconds):
        command = [sys.executable, "-c", LOGINS, str(proxy.port), ATTACKER, str(rate), str(seconds)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        os.sched_setaffinity(self.process.pid, {ATTACKERS_PROCESSOR})

    def begin(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def made(self):
        return int(self.process.communicate(timeout=60)[0])


def everything(attack):
    """All of it from one address at once: junk, 10,000 logins a second, half lines, a cheat, deaf miners; then kill -9."""
    with without_attackers_processor(), attack.pool() as pool, attack.service(pool) as proxy:
        honest = ["--source", "127.0.0.20", "--strict"]
        logins = Logins(proxy, 10_000, 18)
        calm = p99(attack.honest(proxy, 1_000, 500, 5, *honest))
        half = []
        for _ in range(1_000):
            half.append(Miner(proxy, login=None, source=ATTACKER))
            half[-1].socket.sendall(b'{"id":1,"method":"lo')
        junk = [Miner(proxy, f"junk{number}", source=ATTACKER) for number in range(64)]
        cheat = Miner(proxy, "cheat+100", source=ATTACKER)
        deaf = [Miner(proxy, f"deaf{number}", source=ATTACKER) for number in range(10)]
        payloads = [b"".join(json.dumps(m.share(2)).encode() + b"\n" for _ in range(500)) for m in junk]
        payloads += [b"".join(json.dumps(cheat.share(200)).encode() + b"\n" for _ in range(500))]
        logins.begin()
        with Flood(junk + [cheat], payloads):
            first = attack.honest(proxy, 1_000, 500, 10, *honest)
            memory = proxy.memory_mb()
            upstreams = proxy.summary()["upstreams"]["total"]
            timer = threading.Timer(4, lambda: proxy.kill("millrace-worker"))
            timer.start()
            second = attack.honest(proxy, 1_000, 500, 8, *honest)
        made = logins.made()
        lost = [report["connections"]["lost"] + report["shares"]["lost"] for report in (first, second)]
        bound = 2 * math.ceil((1_000 + 200) / 256) + 4
        del half, deaf
        return require(
            p99(first) <= P99_MS and lost == [0, 0] and proxy.log.count("was killed by") == 1 and memory <= 150 and upstreams <= bound,
            f"p99 {calm:.2f} -> {p99(first):.2f} ms, {made} logins tried, {memory:.0f} MB, {upstreams} pool connections (at "
            f"most {bound}), {sum(lost)} of 2,000 lost, kill -9 included")


def login_flood(attack):
    """C6 by address: logins beyond the burst wait, then are refused, and another address is let in at once."""
    limits = {"millrace": {"limits": {"logins": 50, "burst": 200}}}
    with Pool() as pool, attack.service(pool.port, **limits) as proxy:
        logins = Logins(proxy, 2_000, 6)
        logins.begin()
        time.sleep(3)
        times = []
        for number in range(50):
            began = time.time()
            Miner(proxy, f"honest{number}", source="127.0.0.20")
            times.append(time.time() - began)
        made = logins.made()
        peers = json.loads(proxy.get("/1/peers?sort=-refused&limit=1"))
        top = peers["peers"][0]
        return require(
            max(times) < 0.5 and "was killed by" not in proxy.log and top["address"] == ATTACKER and top["refused"]["logins"] > 100
            and "more than 50 logins a second" in proxy.log,
            f"{made} tried, {top['refused']['logins']} refused, others in after at most {max(times) * 1000:.0f} ms")


def farm(attack):
    """5,000 miners behind one address come back in one instant: in 0.3 s, or the time that the miners themselves take."""
    return come_back(attack, lambda port: contextlib.nullcontext(port), None)


def balanced_farm(attack):
    """The same behind HAProxy with the PROXY protocol."""
    if not shutil.which("haproxy"):
        raise Skipped("haproxy is not installed")

    @contextlib.contextmanager
    def balancer(port):
        front = macro.free_port()
        path = os.path.join(attack.scratch, "haproxy.cfg")
        with open(path, "w") as file:
            file.write(
                "global\n  maxconn 9000\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1m\n  timeout server 1m\n"
                f"listen one\n  bind 127.0.0.1:{front}\n  server millrace 127.0.0.1:{port} send-proxy-v2\n")
        process = subprocess.Popen(["haproxy", "-db", "-f", path])
        try:
            macro.await_port(front)
            yield front
        finally:
            macro.stop(process)

    return come_back(attack, balancer, ["127.0.0.1"])


def come_back(attack, balancer, senders):
    port = macro.free_port()
    bind = {"host": "127.0.0.1", "port": port, "proxy-protocol": senders}
    # The harness waits for the first address to listen.
    options = {"bind": [f"127.0.0.1:{port}"] if senders is None else [f"127.0.0.1:{macro.free_port()}", bind]}
    with attack.pool() as pool, attack.service(pool, millrace={"shards": 2}, **options) as proxy, balancer(port) as front:
        there = macro.Proxy(proxy.pid, front, proxy.api)
        report = attack.swarm(there, "--miners", "5000", "--seconds", "4", "--source", "127.0.0.20", "--strict")
        last = report["logins"]["millis"]["max"]
        refused = sum(json.loads(proxy.get("/1/peers"))["refused"].values())
        # Miners, service and balancer share these processors, so the service cannot be faster than the miners alone.
        bound = max(300, 1_500 * report["cpu_seconds"])
        return require(
            last <= bound and refused == 0 and "was killed by" not in proxy.log and report["logins"]["ok"] == 5_000,
            f"{report['logins']['ok']} in, the last after {last:.0f} ms (at most {bound:.0f}), {refused} refused")
