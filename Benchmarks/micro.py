"""Measures single steps of the path of a share: see docs/PERFORMANCE.md.

Nanoseconds are those of the fastest of many rounds, and differ from machine to machine; allocations are counted, and the
same everywhere.
"""

import argparse
import json
import os
import subprocess
import sys

import macro

# A step that takes so much longer than in the file has become slower, whatever else the machine did.
NOISE = 1.5


def measure(programs, steps):
    program = os.path.join(programs, "MicroBench")
    lines = subprocess.run([program, *steps], capture_output=True, text=True, check=True).stdout.splitlines()
    found = {}
    for line in lines:
        name, nanoseconds, allocations = line.split("\t")
        found[name] = {"ns": float(nanoseconds), "allocations": float(allocations)}
    return found


def regressions(now, before):
    """Allocations are exact; times are not."""
    found = []
    for step, was in before.items():
        measured = now.get(step)
        if measured is None:
            continue
        if measured["allocations"] > was["allocations"]:
            found.append(f"{step}: allocates {measured['allocations']}, was {was['allocations']}")
        if measured["ns"] > was["ns"] * NOISE:
            found.append(f"{step}: takes {measured['ns']:.0f} ns, was {was['ns']:.0f}")
    return found


def main():
    parser = argparse.ArgumentParser(prog="script/bench --micro", description=__doc__.splitlines()[0])
    parser.add_argument("steps", nargs="*", metavar="STEP", help="a part of the names that are wanted; all without")
    parser.add_argument("--programs", default=os.path.join(macro.ROOT, ".build/release"), metavar="DIR")
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    parser.add_argument("--check", metavar="FILE", help="fail when a step allocates more than in that file, or is slow")
    options = parser.parse_args()
    figures = measure(options.programs, options.steps)
    for step, measured in figures.items():
        print(f"  {step:<42} {measured['ns']:10.1f} ns {measured['allocations']:8.3f} allocations")
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"machine": macro.machine(), "figures": figures}, file, indent=2, ensure_ascii=False)
            file.write("\n")
    failures = regressions(figures, json.loads(macro.read(options.check))["figures"]) if options.check else []
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
