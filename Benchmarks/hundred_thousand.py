"""Holds 100,000 miners for a minute: see docs/PERFORMANCE.md.

One process may hold 20,000 descriptors on the machines that this was made for, so the miners are spread over as many shards
and as many swarms as that asks for; each swarm connects from addresses of its own (127.0.0.x), for their ports.
"""

import argparse
import json
import os
import signal
import statistics
import sys
import tempfile
import time

import macro

MINERS = 100_000
SHARES_PER_SECOND = 2_000
JOB_SECONDS = 10
HOLD_SECONDS = 60
# Logins a second of all swarms together. The limit keeps the work of the swarms from counting as delay of the proxy.
LOGINS_PER_SECOND = 5_000
# The time limit for all logins, on a machine with other load.
ARRIVAL_SECONDS_MAX = 240
# The number of addresses of each swarm: the kernel's search for a free port is slower when many ports are in use.
SOURCES = 4
# Descriptors of a shard or a swarm besides those of its miners.
SPARE_DESCRIPTORS = 1_000

MEMORY_MAX_MB = 300
SPREAD_MAX_MS = 1_000


def processes_for(miners):
    """How many processes hold so many connections. The kernel's spread over shards is uneven by some percent."""
    limit = int(macro.read("/proc/self/limits").partition(b"Max open files")[2].split()[1])
    return -(-miners * 105 // 100 // (limit - SPARE_DESCRIPTORS))


class Swarms:
    """Several processes of miners, seen as one."""

    def __init__(self, bench, proxy, miners):
        count = processes_for(miners)
        self.reports = [os.path.join(bench.scratch, f"swarm-{number}.json") for number in range(count)]
        self.processes = []
        for number, report in enumerate(self.reports):
            share = miners // count + (1 if number < miners % count else 0)
            options = {
                "--connect": f"127.0.0.1:{proxy.port}",
                "--source": f"127.0.0.{2 + number * SOURCES}",
                "--source-addresses": SOURCES,
                "--seed": number + 1,
                "--miners": share,
                "--login": f"swarm{number}-{{n}}",
                "--connect-rate": LOGINS_PER_SECOND / count,
                "--rate": SHARES_PER_SECOND / count,
                "--report-file": report,
            }
            arguments = [str(word) for pair in options.items() for word in pair] + ["--quiet"]
            name = bench.program("millrace-swarm")
            self.processes.append(bench.start(name, arguments, f"swarm-{number}.log"))

    def read(self):
        return [json.loads(macro.read(report) or b"{}") for report in self.reports]

    def live(self):
        return sum(report.get("logins", {}).get("now", 0) for report in self.read())

    def finish(self):
        """Sends no more, and waits for what is outstanding."""
        for process in self.processes:
            process.send_signal(signal.SIGINT)
        for process in self.processes:
            process.wait()
        return self.read()

    def stop(self):
        for process in self.processes:
            macro.stop(process)


def spreads(reports, miners):
    """Milliseconds from the first miner of all to the last, of each job that came when all were there."""
    jobs = {}
    for report in reports:
        for told in report["jobs"]["recent"]:
            job = jobs.setdefault(told["key"], {"first": told["first_nanos"], "last": 0, "miners": 0})
            job["first"] = min(job["first"], told["first_nanos"])
            job["last"] = max(job["last"], told["last_nanos"])
            job["miners"] += told["miners"]
    return [(job["last"] - job["first"]) / 1e6 for job in jobs.values() if job["miners"] == miners]


def check(reports, bench, proxy):
    """The counts to the unit, and that nothing happened to any miner."""
    total = {"shares": {"ok": sum(report["shares"]["ok"] for report in reports)}}
    bench.check_counts(proxy, total)
    for number, report in enumerate(reports):
        places = [("shares", "refused"), ("shares", "lost"), ("shares", "unexpected_replies")]
        places += [("connections", "lost"), ("connections", "failed"), ("logins", "refused")]
        wrong = {f"{group} {name}": report[group][name] for group, name in places if report[group].get(name)}
        wrong |= {name: report[name] for name in ("nonce_conflicts", "nonce_reuses", "protocol_faults") if report[name]}
        if wrong:
            raise macro.Inexact(f"swarm {number}: {wrong}")
    return total["shares"]["ok"]


def measure(bench, miners, hold):
    with bench.pool("--job-interval", str(JOB_SECONDS)) as pool, bench.proxy(None, pool) as proxy:
        empty = macro.pss_bytes(proxy.pid)
        swarms = Swarms(bench, proxy, miners)
        began = time.time()
        try:
            while (live := swarms.live()) < miners:
                if time.time() - began > ARRIVAL_SECONDS_MAX:
                    raise macro.Inexact(f"only {live} miners came in within {ARRIVAL_SECONDS_MAX} s")
                time.sleep(0.5)
            arrived = time.time() - began
            before = macro.cpu_seconds(proxy.pid), swarms.read()
            time.sleep(hold * 0.75)
            memory = macro.memory_by_name(proxy.pid)
            time.sleep(hold * 0.25)
            spent = macro.cpu_seconds(proxy.pid) - before[0]
            reports = swarms.finish()
        finally:
            swarms.stop()
        accepted = check(reports, bench, proxy)
        held = accepted - sum(report["shares"]["ok"] for report in before[1])
        told = spreads(reports, miners)
        if len(told) < hold // JOB_SECONDS - 1:
            raise macro.Inexact(f"only {len(told)} jobs reached every miner")
        return {
            "shares": accepted,
            "shares/s": held / hold,
            "jobs to all": len(told),
            "s until all are in": arrived,
            "MB to begin with": empty / 1e6,
            "MB in all": sum(memory.values()) / 1e6,
            "MB by process": {name: size / 1e6 for name, size in memory.items()},
            "ms to the last, median": statistics.median(told),
            "ms to the last, max": max(told),
            "round trip p99 ms": max(report["shares"]["millis"]["p99"] for report in reports),
            "cores busy": spent / hold,
        }


def main():
    parser = argparse.ArgumentParser(prog="script/bench --hundred-thousand", description=__doc__.splitlines()[0])
    parser.add_argument("--miners", type=int, default=MINERS, metavar="N", help=f"default: {MINERS:,}")
    parser.add_argument("--hold", type=int, default=HOLD_SECONDS, metavar="S", help="seconds (default: 60)")
    parser.add_argument("--programs", default=os.path.join(macro.ROOT, ".build/release"), metavar="DIR")
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    options = parser.parse_args()
    shards = max(2, processes_for(options.miners))
    with tempfile.TemporaryDirectory(prefix="millrace-bench-", dir="/tmp") as scratch:
        try:
            figures = measure(macro.Bench(options.programs, scratch, shards), options.miners, options.hold)
        except macro.Inexact as wrong:
            print(f"FAILED {wrong}", file=sys.stderr)
            print(macro.read(os.path.join(scratch, "proxy-1.log")).decode()[-1500:], file=sys.stderr)
            return 1
    print(f"{options.miners:,} miners on {shards} shards for {options.hold} s")
    for name, value in figures.items():
        for line, number in value.items() if isinstance(value, dict) else [(name, value)]:
            print(f"  {line:<24} {number:12,.1f}")
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"machine": macro.machine(), "shards": shards, "figures": figures}, file, indent=2)
            file.write("\n")
    missed = figures["MB in all"] > MEMORY_MAX_MB or figures["ms to the last, median"] > SPREAD_MAX_MS
    print(f"wanted: at most {MEMORY_MAX_MB} MB in all, {SPREAD_MAX_MS} ms to the last: {'missed' if missed else 'met'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
