"""Attacks at the miners' port: strangers, and miners that are hostile or broken."""

import contextlib
import itertools
import json
import math
import os
import resource
import signal
import threading
import time

import macro
from attack_bench import LOST, Flood, Miner, accepted, p99, require
from attack_pool import BanningPool, Pool, WordyPool

P99_MS = 5


def nonces(attack):
    """C1: shares for a made-up custom difficulty fill the job's table of nonces."""
    with attack.pool("--difficulty", "100000", "--job-interval", "600") as pool, attack.service(pool) as proxy:
        miner = Miner(proxy, "x+100")
        payload = b"".join(json.dumps(miner.share(200)).encode() + b"\n" for _ in range(20_000))
        with Flood([miner], [payload]) as flood:
            report = attack.honest(proxy, 200, 400, 5)
        return require(report["shares"]["ok"] > 1_500, f"{flood.sent >> 20} MiB taken, honest refused 0")


GAMMA = 0x9E37_79B9_7F4A_7C15
WORD = (1 << 64) - 1


def state_behind(number):
    """The state of a SplitMix64 generator that gave this number."""
    number ^= number >> 31 ^ number >> 62
    number = number * pow(0x94D0_49BB_1331_11EB, -1, 1 << 64) & WORD
    number ^= number >> 27 ^ number >> 54
    number = number * pow(0xBF58_476D_1CE4_E5B9, -1, 1 << 64) & WORD
    return number ^ number >> 30 ^ number >> 60


def number_of(state):
    number = (state ^ state >> 30) * 0xBF58_476D_1CE4_E5B9 & WORD
    number = (number ^ number >> 27) * 0x94D0_49BB_1331_11EB & WORD
    return number ^ number >> 31


def chosen_nonces(attack):
    """C2: the salt of the job's nonces follows from a session id, and nonces are chosen that all meet in one place."""
    with attack.pool("--difficulty", "100000", "--job-interval", "600") as pool, attack.service(pool) as proxy:
        first = Miner(proxy, "first+100")
        state = state_behind(int(first.session, 16))
        require(number_of(state) == int(first.session, 16), "the generator is not undone")
        miners, payloads = [first] + [Miner(proxy, f"x{number}+100") for number in range(2)], []
        for back, miner in enumerate(miners, 1):
            multiplier, slot = number_of((state - back * GAMMA) & WORD) | 1, int(miner.byte, 16) << 24
            meeting = (n for n in range(slot, slot + (1 << 24)) if (n * multiplier >> 32) & 0xFFFFF < 1 << 14)
            payloads.append(b"".join(
                json.dumps(miner.share(200, n.to_bytes(4, "little").hex()[:6])).encode() + b"\n"
                for n in itertools.islice(meeting, 100_000)))
        with Flood(miners, payloads) as flood:
            report = attack.honest(proxy, 200, 400, 8)
        return require(
            p99(report) <= P99_MS and report["shares"]["ok"] > 3_000,
            f"{flood.sent >> 20} MiB of chosen nonces taken, p99 {p99(report):.2f} ms")


def junk(attack):
    """C3, C4: 64 connections send shares that are refused, as fast as they can."""
    with attack.pool() as pool, attack.service(pool) as proxy:
        calm = p99(attack.honest(proxy, 500, 500, 4))
        miners = [Miner(proxy, f"junk{number}") for number in range(64)]
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
        before = proxy.memory_mb()
        miners = [Miner(proxy, f"x{number}+100") for number in range(16)]
        payloads = [b"".join(json.dumps(m.share(200)).encode() + b"\n" for _ in range(2_000)) for m in miners]
        with Flood(miners, payloads):
            timer = threading.Timer(3, lambda: os.kill(proxy.processes("millrace-worker")[0], signal.SIGKILL))
            timer.start()
            report = attack.honest(proxy, 200, 200, 8)
            after = proxy.memory_mb()
        require(report["connections"]["lost"] == 0, "honest miners were disconnected")
        return require(after <= 150, f"{before:.0f} -> {after:.0f} MB, kill -9 lost 0 of 200")


def logins(attack):
    """C6: logins and nothing else open pool connections."""
    with Pool() as pool, attack.service(pool.port) as proxy:
        began, count = time.time(), 0
        while time.time() < began + 5:
            with contextlib.suppress(OSError, ValueError, KeyError):
                Miner(proxy, f"flood{count}").close()
            count += 1
        bound = 2 * math.ceil(64 / 256) + 4
        return require(pool.most_open <= bound, f"{count} logins, {pool.most_open} pool connections, at most {bound}")


def reputation(attack):
    """C7: made-up hashes of many names get the proxy banned."""
    with BanningPool() as pool, attack.service(pool.port) as proxy:
        honest = [Miner(proxy, f"honest{number}") for number in range(20)]
        good = sum(miner.submit(2_000) is None for miner in honest)
        for number in range(60):
            with contextlib.suppress(*LOST):
                miner = Miner(proxy, f"cheat{number}")
                miner.submit(2_000, nonce=f"bad{number:03x}")
                miner.close()
        good += sum(miner.submit(2_000) is None for _ in range(10) for miner in honest)
        return require(
            pool.counts["lost"] == 0 and good == 220 and pool.counts["junk"] < 10,
            f"{pool.counts['junk']} of 60 reached the pool, {good} of 220 honest shares accepted")


def descriptors(attack):
    """C9: strangers take all descriptors and log in at once; then the shard is killed."""
    with Pool() as pool, attack.service(pool.port, limits={resource.RLIMIT_NOFILE: 400}) as proxy:
        strangers = []
        for number in range(450):
            with contextlib.suppress(*LOST):
                strangers.append(Miner(proxy, f"stranger{number}"))
        before = proxy.processes("millrace-worker")
        os.kill(before[0], signal.SIGKILL)
        time.sleep(3)
        after = proxy.processes("millrace-worker")
        served = 0
        for miner in strangers[:50]:
            with contextlib.suppress(OSError, ValueError):
                served += miner.submit(2_000) is None
        deaths = proxy.log.count("was killed")
        return require(
            len(after) == 1 and served == 50,
            f"{len(strangers)} strangers in, {served} of 50 served after it, {deaths} deaths told")


def silence(attack):
    """H1: one address takes all places with half a line."""
    with Pool() as pool, attack.service(pool.port, limits={resource.RLIMIT_NOFILE: 400}) as proxy:
        silent = []

        def hold():
            while not is_over.is_set():
                with contextlib.suppress(OSError):
                    connection = Miner(proxy, login=None)
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
                with contextlib.suppress(*LOST):
                    Miner(proxy, f"honest{number}", source="127.0.0.2")
                    got_in += 1
                    break
                time.sleep(0.1)
        is_over.set()
        thread.join()
        return require(got_in == 100, f"{got_in} of 100 honest miners got in beside {len(silent)} silent ones")


def deafness(attack):
    """H2: miners that never read."""
    with Pool() as pool, attack.service(pool.port) as proxy:
        deaf = [Miner(proxy, f"deaf{number}") for number in range(100)]
        before = proxy.memory_mb()
        ended = time.time() + 8
        while time.time() < ended:
            pool.new_job()
            time.sleep(0.02)
        grown = proxy.memory_mb() - before
        return require(grown < 20, f"{grown:.1f} MB more with {len(deaf)} of them")


def odd_job(attack):
    """H6: one job with a nonce byte opens a connection for each miner."""
    with Pool() as pool, attack.service(pool.port) as proxy:
        miners = [Miner(proxy, f"miner{number}") for number in range(200)]
        first = list(pool.open)[:1]
        pool.new_job(byte=0x42, connections=first)
        time.sleep(2)
        pool.new_job()
        time.sleep(1)
        return require(pool.most_open <= 3, f"{pool.most_open} pool connections for {len(miners)} miners")


def worker_names(attack):
    """H7: invented names get rows in the table of workers."""
    with Pool() as pool, attack.service(pool.port) as proxy:
        honest = [Miner(proxy, f"honest{number}") for number in range(20)]
        require(accepted(honest) == 20, "no shares of honest miners")
        # A few more than the table has room for, from one address.
        for number in range(5_500):
            with contextlib.suppress(*LOST):
                Miner(proxy, f"invented{number}", rigid=f"rig{number}").close()
        for number in range(20):
            with contextlib.suppress(*LOST):
                miner = Miner(proxy, f"refused{number}", rigid=f"rig-refused{number}")
                miner.submit(2)
                miner.close()
        accepted([Miner(proxy, f"late{number}") for number in range(20)])
        time.sleep(2.5)
        body = proxy.get("/1/workers")
        rows = [row[0] for row in json.loads(body)["workers"]]
        kept = sum(row.startswith("honest") for row in rows)
        honest_late = sum(row.startswith("late") for row in rows)
        require(kept == 20 and accepted(honest) == 20, f"{kept} of 20 honest workers have their rows")
        invented = sum(row.startswith("rig") for row in rows)
        require(honest_late == 20, f"{honest_late} of 20 honest workers that came later have rows")
        return require(invented <= 5_000, f"5520 names, {invented} rows for them, {len(body) >> 10} KiB")


def agents(attack):
    """M: 256 long agents with one prefix make logins dear."""

    def cost(proxy, texts):
        shard = proxy.processes("millrace-worker")[0]
        before = macro.cpu_seconds(shard)
        for number in range(1_500):
            Miner(proxy, f"miner{number}", agent=texts[number % len(texts)]).close()
        return (macro.cpu_seconds(shard) - before) * 1e6 / 1_500

    with Pool() as pool, attack.service(pool.port) as proxy:
        plain = cost(proxy, ["XMRig/6.21.0"])
        hostile = cost(proxy, ["x" * 200 + f"{number:03}" for number in range(256)])
        return require(hostile <= 2 * plain, f"{plain:.0f} -> {hostile:.0f} µs of the shard for a login")


def odd_characters(attack):
    """M: U+202E and its like in names, agents and a pool's words reach the log as they are."""
    with WordyPool("bad \u202eshare\u2066") as pool, attack.service(pool.port, verbose=True) as proxy:
        texts = [f"{mark}gnp.exe" for mark in "\u202e\u2066\u200f\u061c\ufeff\u200b\u0085\x1b"]
        for text in texts:
            with contextlib.suppress(*LOST):
                Miner(proxy, text, agent=text, rigid=text).submit(2_000)
            with contextlib.suppress(*LOST):
                Miner(proxy, login=None).send({"id": 1, "method": text})
        time.sleep(1)
        raw = [character for text in texts for character in text[0] if character in proxy.log]
        shown = proxy.log.count("\\u{202e}")
        return require(not raw and shown > 0, f"{shown} marks shown by number, {len(raw)} kinds raw")
