"""Measures the built proxy as a whole, beside another one if wanted: see docs/PERFORMANCE.md.

Every figure is taken with the practice pool and the swarm of this repository on this machine. These machines are noisy,
so both proxies run with the same configuration, alternately, and what counts is the ratio of their medians.
"""

import argparse
import contextlib
import json
import os
import platform
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    """Below those that the kernel gives to clients, so that no connection takes it before its server does."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def family(pid):
    """A process and all that came from it."""
    children = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        stat = read(f"/proc/{name}/stat").rpartition(b") ")[2].split()
        if len(stat) > 1:
            children.setdefault(int(stat[1]), []).append(int(name))
    found = [pid]
    for parent in found:
        found += children.get(parent, [])
    return found


def cpu_seconds(pid):
    """User and system time of a process and its family, of those that have ended too."""
    total = 0
    for member in family(pid):
        stat = read(f"/proc/{member}/stat").rpartition(b") ")[2].split()
        if len(stat) > 14:
            total += sum(int(field) for field in stat[11:15])
    return total / TICKS


def memory_by_name(pid):
    """Proportional set size of a process and its family in bytes, by the names of their programs."""
    sizes = {}
    for member in family(pid):
        found = re.search(rb"^Pss:\s+(\d+)", read(f"/proc/{member}/smaps_rollup"), re.M)
        name = read(f"/proc/{member}/comm").decode().strip()
        sizes[name] = sizes.get(name, 0) + (int(found[1]) * 1024 if found else 0)
    return sizes


def pss_bytes(pid):
    return sum(memory_by_name(pid).values())


def stop(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Bench:
    """The programs, a directory for what they write, and a pool."""

    def __init__(self, programs, scratch, shards):
        self.programs, self.scratch, self.shards = programs, scratch, shards
        self.number = 0
        # Whether miners use TLS.
        self.tls = False

    def start(self, name, arguments, log):
        with open(os.path.join(self.scratch, log), "ab") as output:
            return subprocess.Popen([name] + arguments, stdout=output, stderr=output, stdin=subprocess.DEVNULL)

    def program(self, name):
        return os.path.join(self.programs, name)

    @contextlib.contextmanager
    def pool(self, *arguments):
        port, report = free_port(), os.path.join(self.scratch, "pool.json")
        arguments = ["--port", str(port), "--difficulty", "1000", "--quiet", "--report-file", report, *arguments]
        process = self.start(self.program("millrace-practice-pool"), arguments, "pool.log")
        try:
            await_port(port)
            yield port
        finally:
            stop(process)

    def pool_accepted(self):
        return json.loads(read(os.path.join(self.scratch, "pool.json")) or b"{}").get("shares", {}).get("accepted")

    @contextlib.contextmanager
    def proxy(self, command, pool):
        """Starts a proxy with a configuration that both sorts read; `command` None = ours."""
        self.number += 1
        port, api = free_port(), free_port()
        path = os.path.join(self.scratch, f"config-{self.number}.json")
        configuration = {
            "bind": [{"host": "127.0.0.1", "port": port, "tls": False}],
            "http": {"enabled": True, "host": "127.0.0.1", "port": api, "access-token": None, "restricted": True},
            "pools": [{"url": f"127.0.0.1:{pool}", "user": "bench", "pass": "x"}],
            "mode": "nicehash",
            "donate-level": 0,
            "tls": self.certificate() if self.tls else {"enabled": False},
            "watch": False,
        }
        if command is None:
            configuration["millrace"] = {
                "shards": self.shards,
                "run-dir": os.path.join(self.scratch, f"run-{self.number}"),
            }
        with open(path, "w") as file:
            json.dump(configuration, file)
        command = [self.program("millrace")] if command is None else command
        process = self.start(command[0], command[1:] + ["-c", path], f"proxy-{self.number}.log")
        try:
            await_port(port)
            await_port(api)
            time.sleep(1)
            yield Proxy(process.pid, port, api)
        finally:
            stop(process)

    def certificate(self):
        """The settings of TLS with a pair that all proxies use."""
        certificate, key = (os.path.join(self.scratch, name) for name in ("cert.pem", "key.pem"))
        if not os.path.exists(key):
            kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost"]
            command = ["openssl", "req", "-x509", *kind, "-keyout", key, "-out", certificate]
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
            os.chmod(key, 0o600)
        return {"enabled": True, "cert": certificate, "cert_key": key}

    def swarm(self, proxy, *arguments, strict=True):
        arguments += ("--tls",) if self.tls else ()
        report = os.path.join(self.scratch, "swarm.json")
        command = [self.program("millrace-swarm"), "--connect", f"127.0.0.1:{proxy.port}", "--quiet"]
        with open(os.path.join(self.scratch, "swarm.log"), "ab") as output:
            subprocess.run(command + ["--report-file", report, *arguments], stdout=output, stderr=output, check=True)
        result = json.loads(read(report))
        if strict:
            wrong = {key: result["shares"][key] for key in ("refused", "lost") if result["shares"][key]}
            wrong |= {"disconnects": result["connections"]["lost"]} if result["connections"]["lost"] else {}
            wrong |= {"conflicts": result["nonce_conflicts"]} if result["nonce_conflicts"] else {}
            if wrong:
                raise Inexact(f"not clean: {wrong}")
        return result

    def check_counts(self, proxy, report):
        """Pool accepted = miners' OK = API accepted, to the unit."""
        deadline = time.time() + 15
        while True:
            counts = (self.pool_accepted(), report["shares"]["ok"], proxy.summary()["results"]["accepted"])
            if len(set(counts)) == 1:
                return
            if time.time() > deadline:
                raise Inexact(f"pool, miners, API: {counts}")
            time.sleep(0.2)


class Inexact(Exception):
    """A figure of a run whose counts do not agree is worth nothing."""


class Proxy:
    def __init__(self, pid, port, api):
        self.pid, self.port, self.api = pid, port, api

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.api}{path}", timeout=20) as answer:
            return answer.read()

    def summary(self):
        return json.loads(self.get("/1/summary"))


def await_port(port):
    deadline = time.time() + 20
    while time.time() < deadline:
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nobody listens on port {port}")


# The rows. Each takes one measurement of one proxy: a fresh pool, a fresh proxy, figures by name (lower is better).


def load(miners, *arguments, seconds):
    def measure(bench, command):
        with bench.pool("--job-interval", "10") as pool, bench.proxy(command, pool) as proxy:
            before = cpu_seconds(proxy.pid)
            report = bench.swarm(proxy, "--miners", str(miners), *arguments, "--seconds", str(seconds))
            spent = cpu_seconds(proxy.pid) - before
            bench.check_counts(proxy, report)
            trip = report["shares"]["millis"]
            return {
                "µs CPU/share": spent * 1e6 / report["shares"]["ok"],
                "p50 ms": trip["p50"],
                "p99 ms": trip["p99"],
            }

    return measure


def jobs(miners):
    def measure(bench, command):
        with bench.pool("--job-interval", "2") as pool, bench.proxy(command, pool) as proxy:
            idle = ["--miners", str(miners), "--rate", "0", "--keepalive", "0", "--connect-rate", "4000"]
            before = cpu_seconds(proxy.pid)
            report = bench.swarm(proxy, *idle, "--seconds", str(miners / 4000 + 10))
            spent = cpu_seconds(proxy.pid) - before
            told = report["jobs"]["at_login"] + report["jobs"]["pushed"]
            return {"ms to the last": report["jobs"]["spread_millis"]["median"], "µs CPU/job": spent * 1e6 / told}

    return measure


def logins(miners):
    seconds = 8

    def measure(bench, command):
        with bench.pool("--job-interval", "60") as pool, bench.proxy(command, pool) as proxy:
            before = cpu_seconds(proxy.pid)
            report = bench.swarm(proxy, "--miners", str(miners), "--seconds", str(seconds), strict=False)
            spent = cpu_seconds(proxy.pid) - before
            return {
                "µs CPU/login": spent * 1e6 / max(report["logins"]["ok"], 1),
                # Missing if some miners had not logged in at the end; the value is then a lower bound.
                "ms to the last": report["logins"].get("all_after_millis") or seconds * 1_000,
            }

    return measure


def reconnects(miners, rate):
    def measure(bench, command):
        with bench.pool("--job-interval", "10") as pool, bench.proxy(command, pool) as proxy:
            arguments = ["--miners", str(miners), "--churn", str(rate), "--seconds", "8"]
            before = cpu_seconds(proxy.pid)
            report = bench.swarm(proxy, *arguments, strict=False)
            spent = cpu_seconds(proxy.pid) - before
            return {"µs CPU/login": spent * 1e6 / max(report["logins"]["ok"], 1)}

    return measure


def memory(miners, rate=4000):
    def measure(bench, command):
        with bench.pool("--job-interval", "60") as pool, bench.proxy(command, pool) as proxy:
            empty = pss_bytes(proxy.pid)
            full = []
            watch = threading.Timer(miners / rate + 4, lambda: full.append(pss_bytes(proxy.pid)))
            watch.start()
            idle = ["--miners", str(miners), "--rate", "0", "--keepalive", "0", "--connect-rate", str(rate)]
            bench.swarm(proxy, *idle, "--seconds", str(miners / rate + 6))
            watch.join()
            return {"MB to begin with": empty / 1e6, "bytes/miner": (full[0] - empty) / miners}

    return measure


def polled(miners, rate):
    """The same load without and with two pages polled twenty times a second."""

    def measure(bench, command):
        with bench.pool("--job-interval", "10") as pool, bench.proxy(command, pool) as proxy:
            arguments = ["--miners", str(miners), "--rate", str(rate), "--connect-rate", "4000", "--seconds", "8"]
            alone = bench.swarm(proxy, *arguments)
            ended = threading.Event()

            def poll():
                while not ended.wait(0.05):
                    proxy.get("/1/workers")
                    proxy.get("/1/summary")

            poller = threading.Thread(target=poll)
            poller.start()
            try:
                watched = bench.swarm(proxy, *arguments)
            finally:
                ended.set()
                poller.join()
            trip = [report["shares"]["millis"]["p99"] for report in (alone, watched)]
            return {"p99 ms": trip[0], "p99 ms polled": trip[1]}

    return measure


def growth(shares):
    """What a million shares leave behind: of four times `shares`, the last two beside the first two."""
    # The nonces of a job are kept until the second job after it.
    interval = 5

    def measure(bench, command):
        with bench.pool("--job-interval", str(interval)) as pool, bench.proxy(command, pool) as proxy:
            sizes, counts = [], [0]
            for _ in range(4):
                while (count := proxy.summary()["results"]["accepted"]) - counts[-1] < shares:
                    bench.swarm(proxy, "--miners", "500", "--in-flight", "--seconds", "5")
                time.sleep(3 * interval)
                counts.append(count)
                sizes.append(pss_bytes(proxy.pid))
            # The contents of tables and rings vary; a leak remains.
            grown = min(sizes[2:]) - min(sizes[:2])
            return {"MB/million shares": grown / ((counts[3] + counts[4] - counts[1] - counts[2]) / 2)}

    return measure


def secured(measure):
    """The same with TLS between miners and proxy."""

    def measure_secured(bench, command):
        bench.tls = True
        try:
            return measure(bench, command)
        finally:
            bench.tls = False

    return measure_secured


ROWS = {
    "saturated": ("1,000 miners, a share in flight each", load(1000, "--in-flight", seconds=6)),
    "20k": ("20,000 shares/s, 5,000 miners", load(5000, "--rate", "20000", "--connect-rate", "4000", seconds=8)),
    "5k": ("5,000 shares/s, 5,000 miners", load(5000, "--rate", "5000", "--connect-rate", "4000", seconds=8)),
    "jobs": ("a new job for 10,000 miners", jobs(10_000)),
    "logins": ("18,000 miners arrive", logins(18_000)),
    "instant": ("5,000 connect in one instant", logins(5_000)),
    "memory": ("10,000 idle miners", memory(10_000)),
    "reconnects": ("500 reconnects/s among 2,000", reconnects(2_000, 500)),
    "polled": ("5,000 shares/s, 10,000 miners, API polled", polled(10_000, 5000)),
    "tls-5k": (
        "TLS: 5,000 shares/s, 2,000 miners",
        secured(load(2000, "--rate", "5000", "--connect-rate", "500", seconds=10)),
    ),
    "tls-instant": ("TLS: 2,000 connect in one instant", secured(logins(2_000))),
    "tls-memory": ("TLS: 4,000 idle miners", secured(memory(4_000, rate=400))),
    "growth": ("twelve million shares of 500 miners", growth(3_000_000)),
}

# With the noise of these machines, a smaller ratio has no meaning.
NOISE = 1.3


def machine():
    cpu = re.search(rb"model name\s*:\s*(.*)", read("/proc/cpuinfo"))
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    swift = subprocess.run(["swift", "--version"], capture_output=True, text=True).stdout.splitlines()
    return {
        "processor": cpu[1].decode() if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "commit": commit.stdout.strip(),
        "compiler": swift[0] if swift else "unknown",
    }


def main():
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all when none is named")
    parser.add_argument("--against", metavar="CMD", help="another proxy, run as `CMD -c FILE` with the same settings")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="measurements of each (default: 3)")
    parser.add_argument("--shards", type=int, default=2, metavar="N", help="shards of ours (default: 2)")
    parser.add_argument("--programs", default=os.path.join(ROOT, ".build/release"), metavar="DIR")
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    parser.add_argument("--check", metavar="FILE", help="fail when a median is clearly worse than in that file")
    options = parser.parse_args()
    unknown = [row for row in options.rows if row not in ROWS]
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)}")

    sides = {"millrace": None}
    if options.against:
        sides["other"] = options.against.split()
    figures, failures = {}, []
    with tempfile.TemporaryDirectory(prefix="millrace-bench-", dir="/tmp") as scratch:
        bench = Bench(options.programs, scratch, options.shards)
        for row in options.rows or ROWS:
            title, measure = ROWS[row]
            taken = {side: [] for side in sides}
            for _ in range(options.rounds):
                for side, command in sides.items():
                    try:
                        taken[side].append(measure(bench, command))
                    except Inexact as wrong:
                        failures.append(f"{row}, {side}: {wrong}")
            figures[row] = {side: medians(values) for side, values in taken.items()}
            show(row, title, figures[row])
    result = {"machine": machine(), "rounds": options.rounds, "figures": figures}
    if options.json:
        with open(options.json, "w") as file:
            json.dump(result, file, indent=2, ensure_ascii=False)
            file.write("\n")
    if options.check:
        failures += regressions(figures, json.loads(read(options.check))["figures"])
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if failures else 0


def medians(values):
    return {name: statistics.median(value[name] for value in values) for name in (values[0] if values else {})}


def show(row, title, sides):
    print(f"\n{row}: {title}")
    ours, other = sides["millrace"], sides.get("other", {})
    for name, value in ours.items():
        line = f"  {name:<20} {value:12.3f}"
        if other.get(name):
            line += f"   other {other[name]:12.3f}   ratio {value / other[name]:.2f}"
        print(line, flush=True)


def regressions(now, before):
    """What is worse than noise explains."""
    found = []
    for row in now:
        for name, value in now[row]["millrace"].items():
            was = before.get(row, {}).get("millrace", {}).get(name)
            if was and value > was * NOISE and value - was > 0.05:
                found.append(f"{row}: {name} was {was:.3f}, is {value:.3f}")
    return found


if __name__ == "__main__":
    sys.exit(main())
