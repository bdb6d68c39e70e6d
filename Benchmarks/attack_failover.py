"""Attacks by pools: useless ones, lying ones, and what they say."""

import contextlib
import json
import threading
import time

from attack_admin import connect, status_of
from attack_bench import LOST, Failed, Miner, require, seconds_until
from attack_pool import (
    BadJobPool,
    BannedPool,
    ClosingPool,
    DripPool,
    EndlessLinePool,
    GarbagePool,
    HangingUpPool,
    JoblessPool,
    MutePool,
    OddErrorPool,
    OtherAnswerPool,
    Pool,
    RedirectingPool,
    RejectingPool,
    ShortBlobPool,
    SilentPool,
    TLSPool,
    UselessPool,
    WordyPool,
    ZeroTargetPool,
)


def mine(proxy, pool):
    """One miner comes, hands in a share and leaves. Whether this pool has got any."""
    before = pool.counts["submit"]
    with contextlib.suppress(*LOST):
        miner = Miner(proxy, "honest")
        miner.submit(2_000)
        miner.close()
    time.sleep(0.1)
    return pool.counts["submit"] > before


def fail_over(attack, kinds):
    """For each kind of a first pool: seconds until the backup serves, and, once it is mended, until it serves again."""
    figures, failures = [], 0
    for kind in kinds:
        # These pools are recognised only by their answer to a share, or its absence.
        limit = 24 if kind in (MutePool, RejectingPool, OddErrorPool, ClosingPool) else 10
        with kind() as first, Pool() as backup, attack.service(first.port, backup.port, retries=2) as proxy:
            try:
                there = seconds_until(lambda: mine(proxy, backup), limit, "no share at the backup")
                first.is_mended = True
                back = seconds_until(lambda: mine(proxy, first), 60, "it is mended, but gets no share")
                figures.append(f"{kind.__name__} {there:.0f} s, back {back:.0f} s")
            except Failed as failure:
                failures += 1
                figures.append(f"{kind.__name__} {failure}")
    return require(not failures, "; ".join(figures))


def half_dead_pools(attack):
    """C8: a first pool that is of no use keeps the backup from being used."""
    return fail_over(attack, [HangingUpPool, SilentPool, JoblessPool, BadJobPool, UselessPool, MutePool])


def rejecting_pools(attack):
    """C8: a first pool rejects every share."""
    return fail_over(attack, [RejectingPool, OddErrorPool])


def lying_pools(attack):
    """C8: further kinds of a first pool that is of no use."""
    return fail_over(
        attack, [
            GarbagePool, EndlessLinePool, DripPool, TLSPool, OtherAnswerPool, ShortBlobPool, ZeroTargetPool,
            RedirectingPool, BannedPool, ClosingPool,
        ])


def job_flood(attack):
    """M: a pool sends thousands of jobs a second."""
    with Pool() as pool, attack.service(pool.port) as proxy:
        miner = Miner(proxy, "honest")
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


def masked_words(attack):
    """M: a pool's words that contain our password reach log and API."""
    secret = "hunter2-of-the-farm"

    class Telling(WordyPool):
        def login(self, connection, request):
            if self.counts["login"] == 1:
                return self.refuse(connection, request, f"no such worker: wallet with {request['params']['pass']}")
            super().login(connection, request)

    with Telling(f"not a share of {secret}!") as pool:
        pools = {"url": f"127.0.0.1:{pool.port}", "user": "wallet", "pass": secret}
        with attack.service(pools) as proxy:
            seconds_until(lambda: "use pool" in proxy.log, 10, "the second login is accepted")
            with connect(proxy, "127.0.0.1", b"GET /1/events HTTP/1.1\r\nHost: x\r\n\r\n") as stream:
                status_of(stream)
                words = Miner(proxy, "honest").submit(2_000)
                time.sleep(2)
                events = stream.recv(1 << 16).decode()
            answers = {path: proxy.get(path).decode() for path in ("/", "/1/summary", "/1/upstreams", "/1/workers")}
            texts = {**answers, "/1/events": events, "log": proxy.log, "miner": words}
            for name in ("/", "/1/events", "log", "miner"):
                require("not a share of" in texts[name], f"{name}: the words are not there at all")
            places = [name for name, text in texts.items() if secret in text]
            return require(not places, f"shown in {', '.join(places) or 'none'} of {len(texts)} places")
