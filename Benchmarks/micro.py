"""Measures single steps of the path of a share: see docs/PERFORMANCE.md.

Nanoseconds are those of the fastest of many rounds, and differ from machine to machine and from hour to hour;
allocations are counted, and the same everywhere. `--check` compares with a file, and scales its times by a step that
uses nothing of ours. `--against` compares with another build, in pairs.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

import macro

# A step that is slower by this factor than in the file, or than in the other build, is reported as a regression.
NOISE = 1.5
NOISE_SIDE_BY_SIDE = 1.15
PAIRS = 15
# A step that no change of the sources affects; it measures the speed of the machine.
YARDSTICK = "the machine itself"


def measure(programs, steps):
    program = os.path.join(programs, "MicroBench")
    lines = subprocess.run([program, *steps], capture_output=True, text=True, check=True).stdout.splitlines()
    found = {}
    for line in lines:
        name, nanoseconds, allocations = line.split("\t")
        found[name] = {"ns": float(nanoseconds), "allocations": float(allocations)}
    return found


def side_by_side(ours, other, steps):
    """Our figures, and the median of the ratios of many pairs of measurements: a machine that is slower for a second is so
    for both of a pair."""
    figures = measure(ours, steps)
    known = measure(other, steps)
    ratios = {}
    for step in figures.keys() & known.keys():
        pairs = [measure(ours, [step])[step]["ns"] / measure(other, [step])[step]["ns"] for _ in range(PAIRS)]
        ratios[step] = statistics.median(pairs)
    return figures, ratios


def regressions(now, before):
    """Allocations are exact; times are not."""
    found = []
    scale = 1.0
    if YARDSTICK in now and YARDSTICK in before:
        scale = now[YARDSTICK]["ns"] / before[YARDSTICK]["ns"]
        print(f"  this machine takes {scale:.2f} times as long as then; times are compared accordingly")
    for step, was in before.items():
        measured = now.get(step)
        if measured is None:
            continue
        if measured["allocations"] > was["allocations"]:
            found.append(f"{step}: allocates {measured['allocations']}, was {was['allocations']}")
        if measured["ns"] > was["ns"] * scale * NOISE:
            found.append(f"{step}: takes {measured['ns']:.0f} ns, was {was['ns'] * scale:.0f}")
    return found


def main():
    parser = argparse.ArgumentParser(prog="script/bench --micro", description=__doc__.splitlines()[0])
    parser.add_argument("steps", nargs="*", metavar="STEP", help="a part of the names that are wanted; all without")
    parser.add_argument("--programs", default=os.path.join(macro.ROOT, ".build/release"), metavar="DIR")
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    parser.add_argument("--check", metavar="FILE", help="fail when a step allocates more than in that file, or is slow")
    parser.add_argument("--against", metavar="DIR", help="another build's programs: ratios, and fail when ours is slower")
    options = parser.parse_args()
    ratios = {}
    if options.against:
        figures, ratios = side_by_side(options.programs, options.against, options.steps)
    else:
        figures = measure(options.programs, options.steps)
    for step, measured in figures.items():
        line = f"  {step:<42} {measured['ns']:10.1f} ns {measured['allocations']:8.3f} allocations"
        print(line + (f" {ratios[step]:6.2f} x the other's" if step in ratios else ""))
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"machine": macro.machine(), "figures": figures}, file, indent=2, ensure_ascii=False)
            file.write("\n")
    failures = [
        f"{step}: {ratio:.2f} times the other's" for step, ratio in ratios.items() if ratio > NOISE_SIDE_BY_SIDE
    ]
    if options.check:
        failures += regressions(figures, json.loads(macro.read(options.check))["figures"])
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
