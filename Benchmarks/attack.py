"""Attacks on a running Millrace, each bounded in time; PASS or FAIL and the figure that decides: docs/SECURITY.md."""

import argparse
import os
import subprocess
import sys
import tempfile
import time

import attack_admin
import attack_crowds
import attack_failover
import attack_miners
import attack_service
import macro
from attack_bench import LOST, Attack, Failed, Skipped

MINERS = [
    attack_miners.nonces, attack_miners.chosen_nonces, attack_miners.junk, attack_miners.memory, attack_miners.logins,
    attack_miners.reputation, attack_miners.descriptors, attack_miners.silence, attack_miners.deafness,
    attack_miners.odd_job, attack_miners.worker_names, attack_miners.agents, attack_miners.odd_characters,
]
CROWDS = [
    attack_crowds.refusals, attack_crowds.half_lines, attack_crowds.login_flood, attack_crowds.everything,
    attack_crowds.farm, attack_crowds.balanced_farm,
]
POOLS = [
    attack_failover.half_dead_pools, attack_failover.lying_pools, attack_failover.rejecting_pools,
    attack_failover.job_flood, attack_failover.masked_words,
]
SERVICE = [
    attack_service.killed_anchor, attack_service.cleaned_directory, attack_service.second_instance,
    attack_service.fifo_log, attack_service.shared_directory, attack_service.clock_ahead, attack_service.decoys,
    attack_service.quick_deaths, attack_service.address_space, attack_service.core_files,
    attack_service.command_lines, attack_service.killed_supervisor,
]
ADMIN = [
    attack_admin.half_requests, attack_admin.documents, attack_admin.token_guesses, attack_admin.event_streams,
    attack_admin.history, attack_admin.web_pages,
]
ATTACKS = MINERS + CROWDS + POOLS + SERVICE + ADMIN
SLOW = [
    attack_crowds.refusals, attack_crowds.half_lines, attack_crowds.everything, attack_crowds.farm,
    attack_crowds.balanced_farm,
    attack_miners.chosen_nonces, attack_miners.junk, attack_miners.memory, attack_miners.descriptors,
    attack_miners.deafness, attack_miners.worker_names, attack_miners.agents, attack_failover.half_dead_pools,
    attack_failover.lying_pools, attack_failover.rejecting_pools, attack_service.clock_ahead, attack_service.quick_deaths,
]
# Variations of the same attacks, as properties of `Attack`.
VARIATIONS = {
    "from eight addresses": {"sources": [f"127.0.0.{10 + number}" for number in range(8)]},
    "over IPv6": {"sources": ["::1"]},
    "after a restart": {"is_restarted": True},
}
VARIED = [attack_miners.nonces, attack_miners.junk, attack_miners.logins, attack_miners.silence]


def main():
    names = ", ".join(attack.__name__ for attack in ATTACKS)
    parser = argparse.ArgumentParser(
        prog="script/attack", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="attacks:\n" + "\n".join(f"  {attack.__name__:<18} {attack.__doc__}" for attack in ATTACKS))
    parser.add_argument("attacks", nargs="*", metavar="ATTACK", help="one of those below; all when none is named")
    parser.add_argument("--quick", action="store_true", help="those of a few seconds, as script/test runs them")
    parser.add_argument("--variations", action="store_true", help=(
        f"{', '.join(attack.__name__ for attack in VARIED)} {', '.join(VARIATIONS)} instead"))
    parser.add_argument("--programs", default=os.path.join(macro.ROOT, ".build/release"), metavar="DIR")
    options = parser.parse_args()
    unknown = set(options.attacks) - {attack.__name__ for attack in ATTACKS}
    if unknown:
        parser.error(f"no such attack: {', '.join(sorted(unknown))} (there are {names})")
    among = VARIED if options.variations else ATTACKS
    wanted = [
        attack for attack in among
        if (not options.quick or attack not in SLOW) and (not options.attacks or attack.__name__ in options.attacks)
    ]
    failures = 0
    for variation, properties in (VARIATIONS if options.variations else {"": {}}).items():
        with tempfile.TemporaryDirectory(prefix="millrace-attack-", dir="/tmp") as scratch:
            bench = Attack(options.programs, scratch)
            vars(bench).update(properties)
            for attack in wanted:
                failures += not run(attack, bench, variation)
    return 1 if failures else 0


def run(attack, bench, variation):
    """Prints the verdict."""
    name = " ".join(filter(None, [attack.__name__, variation]))
    began = time.time()
    try:
        verdict, text = "PASS", attack(bench)
    except Skipped as reason:
        verdict, text = "SKIP", reason
    except (Failed, macro.Inexact, subprocess.SubprocessError, *LOST) as failure:
        verdict, text = "FAIL", f"{failure or repr(failure)} ({(attack.__doc__ or '').strip()})"
    print(f"{verdict} {name}: {text} [{time.time() - began:.0f} s]", flush=True)
    return verdict != "FAIL"


if __name__ == "__main__":
    sys.exit(main())
