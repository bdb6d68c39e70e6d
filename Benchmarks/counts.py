"""Counts the system calls of a share: see docs/PERFORMANCE.md.

Every thread of every process is traced by strace while the load goes on. That slows them down, so that more happens in one
turn of a loop than otherwise: with a share in flight for each of many miners it is what a busy proxy does, with one miner
alone it is what a share costs that comes by itself.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

import macro

SECONDS = 6
# Each load with the limit of reads and writes per share. It is a little above the expected value, for calls not caused
# by shares.
LOADS = {
    # One at a time: a read and a write for the miner, a read and a write for the pool.
    "one miner, a share in flight": (["--miners", "1", "--in-flight"], 4.2),
    # Hundreds of shares in one turn of the loop: they share the calls for the pool.
    "200 miners, a share in flight each": (["--miners", "200", "--in-flight"], 2.3),
}
# The calls that count. Calls that only wait depend on the machine, and do not count.
MOVING = ("read", "write", "recvfrom", "sendto", "recvmsg", "sendmsg", "readv", "writev")


class Trace:
    """Counts the calls of some processes, all their threads together, until it is ended."""

    def __init__(self, pids, scratch):
        self.tracers = []
        for number, pid in enumerate(pids):
            table = os.path.join(scratch, f"calls-{number}")
            command = ["strace", "-c", "-f", "-qq", "-p", str(pid), "-o", table]
            self.tracers.append((subprocess.Popen(command, stderr=subprocess.DEVNULL), table))
        time.sleep(1)

    def end(self):
        """Calls by their names."""
        found = {}
        for process, table in self.tracers:
            process.send_signal(signal.SIGINT)
            process.wait()
            for line in macro.read(table).decode().splitlines():
                fields = line.split()
                if len(fields) >= 5 and re.fullmatch(r"[\d.]+", fields[0]) and fields[-1] != "total":
                    found[fields[-1]] = found.get(fields[-1], 0) + int(fields[3])
        return found


def workers(pid):
    return [member for member in macro.family(pid) if macro.read(f"/proc/{member}/comm").startswith(b"millrace-worker")]


def measure(bench, load, everything):
    """Calls for each share, the arrival of the miners included."""
    with bench.pool("--job-interval", "60") as pool, bench.proxy(None, pool) as proxy:
        trace = Trace(macro.family(proxy.pid) if everything else workers(proxy.pid), bench.scratch)
        report = bench.swarm(proxy, *load, "--seconds", str(SECONDS))
        counted = trace.end()
        bench.check_counts(proxy, report)
        return {name: number / report["shares"]["ok"] for name, number in counted.items()}


def main():
    parser = argparse.ArgumentParser(prog="script/bench --counts", description=__doc__.splitlines()[0])
    parser.add_argument("--everything", action="store_true", help="the statistics and the API too, not only shards")
    parser.add_argument("--programs", default=os.path.join(macro.ROOT, ".build/release"), metavar="DIR")
    options = parser.parse_args()
    is_met = True
    with tempfile.TemporaryDirectory(prefix="millrace-bench-", dir="/tmp") as scratch:
        bench = macro.Bench(options.programs, scratch, 1)
        for name, (load, limit) in LOADS.items():
            counted = measure(bench, load, options.everything)
            moving = sum(counted.get(call, 0) for call in MOVING)
            print(f"{name}: {moving:.2f} reads and writes for each share, at most {limit} wanted")
            is_met = is_met and (moving <= limit or options.everything)
            for call, number in sorted(counted.items(), key=lambda item: -item[1]):
                if number >= 0.005:
                    print(f"  {call:<16} {number:8.3f}")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
