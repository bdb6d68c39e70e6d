"""Measures the least that any proxy costs: a relay that understands nothing (relay.c), under the loads of script/bench."""

import argparse
import os
import statistics
import subprocess
import tempfile

import macro

SOURCE = os.path.join(macro.ROOT, "Benchmarks", "relay.c")
LOADS = {
    "saturated": ["--miners", "1000", "--in-flight"],
    "20k": ["--miners", "5000", "--rate", "20000", "--connect-rate", "4000"],
    "5k": ["--miners", "5000", "--rate", "5000", "--connect-rate", "4000"],
}


def measure(bench, relay, processes, load):
    """As `macro.load`: the logins' time is counted too."""
    port = macro.free_port()
    with bench.pool("--job-interval", "10") as pool:
        process = bench.start(relay, [str(port), str(pool), str(processes)], "relay.log")
        try:
            macro.await_port(port)
            before = macro.cpu_seconds(process.pid)
            report = bench.swarm(macro.Proxy(process.pid, port, 0), *load, "--seconds", "8", strict=False)
            spent = macro.cpu_seconds(process.pid) - before
        finally:
            for member in reversed(macro.family(process.pid)):
                os.kill(member, 15)
            process.wait()
    trip = report["shares"]["millis"]
    return {"µs CPU/share": spent * 1e6 / report["shares"]["ok"], "p50 ms": trip["p50"], "p99 ms": trip["p99"]}


def main():
    parser = argparse.ArgumentParser(prog="script/bench --floor", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="measurements of each (default: 3)")
    parser.add_argument("--programs", default=os.path.join(macro.ROOT, ".build/release"), metavar="DIR")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="millrace-bench-", dir="/tmp") as scratch:
        relay = os.path.join(scratch, "relay")
        subprocess.run(["cc", "-O2", "-o", relay, SOURCE], check=True)
        bench = macro.Bench(options.programs, scratch, 1)
        for name, load in LOADS.items():
            for processes in (1, 2):
                taken = [measure(bench, relay, processes, load) for _ in range(options.rounds)]
                figures = {key: statistics.median(one[key] for one in taken) for key in taken[0]}
                text = ", ".join(f"{value:.3g} {key}" for key, value in figures.items())
                print(f"{name}, {processes} process{'es' if processes > 1 else ''}: {text}", flush=True)


if __name__ == "__main__":
    main()
