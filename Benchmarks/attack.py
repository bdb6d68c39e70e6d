"""Attacks on a running Millrace, each small and bounded in time; PASS or FAIL and the figure that decides: docs/SECURITY.md."""

import argparse
import contextlib
import json
import math
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import macro
from attack_pool import (
    BadJobPool,
    BanningPool,
    HangingUpPool,
    JoblessPool,
    MutePool,
    Pool,
    SilentPool,
    UselessPool,
)

P99_MS = 5


class Failed(Exception):
    pass


def require(condition, text):
    if not condition:
        raise Failed(text)
    return text


class Miner:
    """A connection that does as it is told, over plain sockets."""

    def __init__(self, port, login="attacker", source="127.0.0.1"):
        self.socket = socket.socket()
        self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", port))
        self.socket.settimeout(5)
        self.lines = self.socket.makefile("rb")
        self.number = 1
        if login:
            self.log_in(login)

    def log_in(self, login):
        self.send({"id": 1, "method": "login", "params": {"login": login, "pass": "x", "agent": "attack"}})
        result = json.loads(self.lines.readline())["result"]
        self.session, self.job = result["id"], result["job"]["job_id"]
        self.byte = result["job"]["blob"][84:86]

    def send(self, message):
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def share(self, difficulty, nonce=None):
        self.number += 1
        tail = (2**64 - 1) // difficulty
        return {
            "id": self.number,
            "method": "submit",
            "params": {
                "id": self.session,
                "job_id": self.job,
                "nonce": (nonce or (self.number & 0xFFFFFF).to_bytes(3, "little").hex()) + self.byte,
                "result": "5a" * 24 + tail.to_bytes(8, "little").hex(),
            },
        }

    def submit(self, difficulty, nonce=None):
        self.send(self.share(difficulty, nonce))
        while True:
            answer = json.loads(self.lines.readline())
            if answer.get("id") == self.number:
                return (answer.get("error") or {}).get("message")
            if answer.get("method") == "job":
                self.job = answer["params"]["job_id"]

    def close(self):
        self.socket.close()


class Flood(threading.Thread):
    """Writes the same bytes to some connections for as long as they are taken."""

    def __init__(self, connections, payloads):
        super().__init__(daemon=True)
        self.connections, self.payloads, self.is_over, self.sent = connections, payloads, False, 0
        for connection in connections:
            connection.socket.setblocking(False)

    def run(self):
        while not self.is_over:
            for connection, payload in zip(self.connections, self.payloads):
                with contextlib.suppress(OSError):
                    self.sent += connection.socket.send(payload)
                with contextlib.suppress(OSError):
                    connection.socket.recv(1 << 16)
            time.sleep(0.0005)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.join()


class Attack(macro.Bench):
    def __init__(self, programs, scratch):
        super().__init__(programs, scratch, 1)

    @contextlib.contextmanager
    def service(self, *pools, descriptors=None, **settings):
        """Millrace in front of these pools."""
        self.number += 1
        port, api = macro.free_port(), macro.free_port()
        path = os.path.join(self.scratch, f"config-{self.number}.json")
        configuration = {
            "bind": [f"127.0.0.1:{port}"],
            "http": {"enabled": True, "host": "127.0.0.1", "port": api, "restricted": True},
            "pools": [{"url": f"127.0.0.1:{pool}"} for pool in pools],
            "watch": False,
            "millrace": {"shards": 1, "run-dir": os.path.join(self.scratch, f"run-{self.number}")},
            **settings,
        }
        with open(path, "w") as file:
            json.dump(configuration, file)
        limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))) if descriptors else None
        self.log = os.path.join(self.scratch, f"proxy-{self.number}.log")
        with open(self.log, "wb") as output:
            process = subprocess.Popen(
                [self.program("millrace"), "-c", path], stdout=output, stderr=output, preexec_fn=limit)
        try:
            macro.await_port(port)
            macro.await_port(api)
            time.sleep(1)
            yield macro.Proxy(process.pid, port, api)
        finally:
            macro.stop(process)

    def shard_processes(self, proxy):
        return [
            pid for pid in macro.family(proxy.pid) if macro.read(f"/proc/{pid}/comm").startswith(b"millrace-worker")
            and macro.read(f"/proc/{pid}/stat").split(b") ")[1][:1] != b"Z"
        ]

    def honest(self, proxy, miners, rate, seconds, *more, strict=True):
        return self.swarm(
            proxy, "--miners", str(miners), "--rate", str(rate), "--seconds", str(seconds), *more, strict=strict)


def memory_mb(proxy):
    return macro.pss_bytes(proxy.pid) / 1e6


def p99(report):
    return report["shares"]["millis"]["p99"]


# The attacks. Each returns the figure that it was judged by.


def nonces(attack):
    """C1: shares for a made-up custom difficulty fill the job's table of nonces."""
    with attack.pool("--difficulty", "100000", "--job-interval", "600") as pool, attack.service(pool) as proxy:
        miner = Miner(proxy.port, "x+100")
        payload = b"".join(json.dumps(miner.share(200)).encode() + b"\n" for _ in range(20_000))
        with Flood([miner], [payload]) as flood:
            report = attack.honest(proxy, 200, 400, 5)
        return require(report["shares"]["ok"] > 1_500, f"{flood.sent >> 20} MiB taken, honest refused 0")


def junk(attack):
    """C3, C4: 64 connections send shares that are refused, as fast as they can."""
    with attack.pool() as pool, attack.service(pool) as proxy:
        calm = p99(attack.honest(proxy, 500, 500, 4))
        miners = [Miner(proxy.port, f"junk{number}") for number in range(64)]
        payloads = [b"".join(json.dumps(m.share(2)).encode() + b"\n" for _ in range(500)) for m in miners]
        with Flood(miners, payloads):
            report = attack.honest(proxy, 500, 500, 6)
        deadline = time.time() + 10
        while (lost := proxy.summary()["results"]["accepted"] - attack.pool_accepted()) and time.time() < deadline:
            time.sleep(0.2)
        require(lost == 0, f"the API has {lost} shares more than the pool, which accepted {attack.pool_accepted()}")
        return require(p99(report) <= P99_MS, f"p99 {calm:.2f} -> {p99(report):.2f} ms")


def memory(attack):
    """C5: 16 connections that send what they can; then the shard is killed."""
    with attack.pool() as pool, attack.service(pool) as proxy:
        before = memory_mb(proxy)
        miners = [Miner(proxy.port, f"x{number}+100") for number in range(16)]
        payloads = [b"".join(json.dumps(m.share(200)).encode() + b"\n" for _ in range(2_000)) for m in miners]
        with Flood(miners, payloads):
            timer = threading.Timer(3, lambda: os.kill(attack.shard_processes(proxy)[0], signal.SIGKILL))
            timer.start()
            report = attack.honest(proxy, 200, 200, 8)
            after = memory_mb(proxy)
        require(report["connections"]["lost"] == 0, "honest miners were disconnected")
        return require(after <= 150, f"{before:.0f} -> {after:.0f} MB, kill -9 lost 0 of 200")


class RefusalEvents(threading.Thread):
    """Counts the events about shares that Millrace refuses, and the shares in them."""

    def __init__(self, proxy):
        super().__init__(daemon=True)
        self.stream = urllib.request.urlopen(f"http://127.0.0.1:{proxy.api}/1/events?types=share", timeout=60)
        self.events = self.shares = 0
        self.start()

    def run(self):
        with contextlib.suppress(OSError, ValueError):
            for line in self.stream:
                share = json.loads(line[6:]) if line.startswith(b"data: ") else {}
                if share.get("outcome") == "invalid":
                    self.events += 1
                    self.shares += share["count"]


def refusals(attack):
    """C4: each refused share is an event, which pushes those of accepted ones out."""
    with attack.pool() as pool, attack.service(pool) as proxy:
        miners = [Miner(proxy.port, f"junk{number}") for number in range(64)]
        seen = RefusalEvents(proxy)
        payloads = [b"".join(json.dumps(m.share(2)).encode() + b"\n" for _ in range(500)) for m in miners]
        with Flood(miners, payloads):
            attack.honest(proxy, 100, 100, 6, strict=False)
            os.kill(attack.shard_processes(proxy)[0], signal.SIGKILL)
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
        before, hostile = memory_mb(proxy), []
        honest = [Miner(proxy.port, f"honest{number}") for number in range(50)]
        for number in range(5_000):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                hostile.append(Miner(proxy.port, f"half{number}", source=f"127.0.1.{1 + number % 250}"))
                hostile[-1].socket.sendall(b"{" * 16_000)
        time.sleep(2)
        after = memory_mb(proxy)
        os.kill(attack.shard_processes(proxy)[0], signal.SIGKILL)
        time.sleep(4)
        served = 0
        for miner in honest:
            with contextlib.suppress(OSError, ValueError):
                served += miner.submit(2_000) is None
        closed = proxy.get("/metrics").count(b'reason="memory"')
        told = macro.read(attack.log).count(b"that held the most")
        return require(
            served == 50 and after - before <= 300 and closed and told,
            f"{len(hostile)} half lines, {before:.0f} -> {after:.0f} MB, {served} of 50 served after kill -9")


def logins(attack):
    """C6: logins and nothing else open pool connections."""
    with Pool() as pool, attack.service(pool.port) as proxy:
        began, count = time.time(), 0
        while time.time() < began + 5:
            with contextlib.suppress(OSError, ValueError, KeyError):
                Miner(proxy.port, f"flood{count}").close()
            count += 1
        bound = 2 * math.ceil(64 / 256) + 4
        return require(pool.most_open <= bound, f"{count} logins, {pool.most_open} pool connections, at most {bound}")


def reputation(attack):
    """C7: made-up hashes of many names get the proxy banned."""
    with BanningPool() as pool, attack.service(pool.port) as proxy:
        honest = [Miner(proxy.port, f"honest{number}") for number in range(20)]
        good = sum(miner.submit(2_000) is None for miner in honest)
        for number in range(60):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                miner = Miner(proxy.port, f"cheat{number}")
                miner.submit(2_000, nonce=f"bad{number:03x}")
                miner.close()
        good += sum(miner.submit(2_000) is None for _ in range(10) for miner in honest)
        return require(
            pool.counts["lost"] == 0 and good == 220 and pool.counts["junk"] < 10,
            f"{pool.counts['junk']} of 60 reached the pool, {good} of 220 honest shares accepted")


def half_dead_pools(attack):
    """C8: a first pool that is of no use keeps the backup from being used."""
    times = []
    for kind in (HangingUpPool, SilentPool, JoblessPool, BadJobPool, UselessPool, MutePool):
        # One that never answers a share is known by that share.
        limit = 24 if kind is MutePool else 10
        with kind() as first, Pool() as backup, attack.service(first.port, backup.port, retries=2) as proxy:
            began, is_served = time.time(), False
            while time.time() < began + limit and not is_served:
                with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                    miner = Miner(proxy.port, "honest")
                    miner.submit(2_000)
                    miner.close()
                is_served = backup.counts["submit"] > 0
                time.sleep(0.1)
            require(is_served, f"{kind.__name__}: no share at the backup within {limit} s")
            times.append(f"{kind.__name__} {time.time() - began:.0f} s")
    return ", ".join(times)


def descriptors(attack):
    """C9: strangers take all descriptors and log in at once; then the shard is killed."""
    with Pool() as pool, attack.service(pool.port, descriptors=400) as proxy:
        strangers = []
        for number in range(450):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                strangers.append(Miner(proxy.port, f"stranger{number}"))
        before = attack.shard_processes(proxy)
        os.kill(before[0], signal.SIGKILL)
        time.sleep(3)
        after = attack.shard_processes(proxy)
        served = 0
        for miner in strangers[:50]:
            with contextlib.suppress(OSError, ValueError):
                served += miner.submit(2_000) is None
        deaths = macro.read(attack.log).count(b"ended unexpectedly") + macro.read(attack.log).count(b"was killed")
        return require(
            len(after) == 1 and served == 50, f"{len(strangers)} strangers in, {served} of 50 served after it, {deaths} deaths told")


def silence(attack):
    """H1: one address takes all places with half a line."""
    with Pool() as pool, attack.service(pool.port, descriptors=400) as proxy:
        silent = []

        def hold():
            while not is_over.is_set():
                with contextlib.suppress(OSError):
                    connection = Miner(proxy.port, login=None)
                    connection.socket.sendall(b"{")
                    silent.append(connection)
                time.sleep(0.001)

        is_over = threading.Event()
        thread = threading.Thread(target=hold, daemon=True)
        thread.start()
        time.sleep(3)
        got_in = 0
        for number in range(100):
            for _ in range(30):
                with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                    Miner(proxy.port, f"honest{number}", source="127.0.0.2")
                    got_in += 1
                    break
                time.sleep(0.1)
        is_over.set()
        thread.join()
        return require(got_in == 100, f"{got_in} of 100 honest miners got in beside {len(silent)} silent ones")


def deafness(attack):
    """H2: miners that never read."""
    with Pool() as pool, attack.service(pool.port) as proxy:
        deaf = [Miner(proxy.port, f"deaf{number}") for number in range(100)]
        before = memory_mb(proxy)
        ended = time.time() + 8
        while time.time() < ended:
            pool.new_job()
            time.sleep(0.02)
        grown = memory_mb(proxy) - before
        return require(grown < 20, f"{grown:.1f} MB more with {len(deaf)} of them")


def odd_job(attack):
    """H6: one job with a nonce byte opens a connection for each miner."""
    with Pool() as pool, attack.service(pool.port) as proxy:
        miners = [Miner(proxy.port, f"miner{number}") for number in range(200)]
        first = list(pool.open)[:1]
        pool.new_job(byte=0x42, connections=first)
        time.sleep(2)
        pool.new_job()
        time.sleep(1)
        return require(pool.most_open <= 3, f"{pool.most_open} pool connections for {len(miners)} miners")


def job_flood(attack):
    """A pool sends thousands of jobs a second."""
    with Pool() as pool, attack.service(pool.port) as proxy:
        miner = Miner(proxy.port, "honest")
        is_over = threading.Event()

        def flood():
            while not is_over.is_set():
                pool.new_job()

        thread = threading.Thread(target=flood, daemon=True)
        thread.start()
        began, jobs = time.time(), 0
        while time.time() < began + 4:
            with contextlib.suppress(OSError, ValueError):
                jobs += json.loads(miner.lines.readline()).get("method") == "job"
        is_over.set()
        thread.join()
        rate = jobs / 4
        return require(rate <= 15, f"{pool.number / 4:.0f} jobs/s from the pool, {rate:.0f}/s for miners")


ATTACKS = [
    nonces, junk, refusals, memory, half_lines, logins, reputation, half_dead_pools, descriptors, silence, deafness, odd_job, job_flood,
]
QUICK = [nonces, logins, reputation, silence, odd_job, job_flood]


def main():
    parser = argparse.ArgumentParser(prog="script/attack", description=__doc__)
    names = ", ".join(attack.__name__ for attack in ATTACKS)
    parser.add_argument("attacks", nargs="*", metavar="ATTACK", help=f"of {names}; all when none is named")
    parser.add_argument("--quick", action="store_true", help="those of a few seconds")
    parser.add_argument("--programs", default=os.path.join(macro.ROOT, ".build/release"), metavar="DIR")
    options = parser.parse_args()
    wanted = [attack for attack in (QUICK if options.quick else ATTACKS)
              if not options.attacks or attack.__name__ in options.attacks]
    unknown = set(options.attacks) - {attack.__name__ for attack in ATTACKS}
    if unknown:
        parser.error(f"no such attack: {', '.join(sorted(unknown))} (there are {names})")
    failures = 0
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix="millrace-attack-", dir="/tmp") as scratch:
        bench = Attack(options.programs, scratch)
        for attack in wanted:
            about = (attack.__doc__ or "").strip()
            try:
                print(f"PASS {attack.__name__}: {attack(bench)}", flush=True)
            except (Failed, macro.Inexact) as failure:
                failures += 1
                print(f"FAIL {attack.__name__}: {failure} ({about})", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
