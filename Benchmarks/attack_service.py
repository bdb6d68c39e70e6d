"""Attacks on the machine around the service: its processes, its directory, its log, its clock."""

import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import time

import macro
from attack_bench import LOST, SETTLE_SECONDS, Miner, Skipped, accepted, require, seconds_until
from attack_pool import Pool

WORKER, ANCHOR = "millrace-worker", "millrace-anchor: shard 0"


def killed_anchor(attack):
    """H3: the anchor is killed, and then the shard whose connections it keeps."""
    with Pool() as pool, attack.service(pool.port) as proxy:
        miners = [Miner(proxy, f"honest{number}") for number in range(50)]
        took = proxy.await_successor(ANCHOR, proxy.kill(ANCHOR))
        proxy.await_successor(WORKER, proxy.kill(WORKER))
        kept = accepted(miners)
        return require(
            kept == 50 and took < 2, f"another anchor after {took * 1_000:.0f} ms, kill -9 keeps {kept} of 50")


def cleaned_directory(attack):
    """H4: the run directory is removed while the service runs, and the shard is killed."""
    names = ["control", "lock", "snapshots", "shard-0.events", "shard-0.replay", "collector.events"]
    with attack.directory("state") as state, Pool() as pool:
        database = {"database": os.path.join(state, "statistics.sqlite")}
        with attack.service(pool.port, millrace=database) as proxy:
            miners = [Miner(proxy, f"honest{number}") for number in range(20)]
            shutil.rmtree(proxy.run_dir)
            proxy.await_successor(WORKER, proxy.kill(WORKER))
            kept = accepted(miners)
            took = seconds_until(
                lambda: all(os.path.exists(os.path.join(proxy.run_dir, name)) for name in names), 10,
                "the sockets are made again")
            require(attack.verb(proxy, "status").returncode == 0, "status finds no service")
            seconds_until(lambda: proxy.summary()["results"]["accepted"] == 20, 10, "20 shares in the statistics")
            return require(kept == 20, f"{kept} of 20 miners kept, directory whole after {took:.1f} s")


def second_instance(attack):
    """H4: the lock file is removed, and another instance starts there."""
    with Pool() as pool, attack.service(pool.port) as proxy:
        miners = [Miner(proxy, f"honest{number}") for number in range(20)]
        processes = macro.family(proxy.pid)
        codes = []
        for names in (["lock"], ["lock", "supervisor.pid"]):
            for name in names:
                os.remove(os.path.join(proxy.run_dir, name))
            # With other ports: only the directory is the same.
            other = attack.configure([pool.port], {"millrace": {"run-dir": proxy.run_dir}})
            code, words = attack.refused_start(other)
            require(code == 4, f"without {' and '.join(names)} the other one ends with {code}: {words[-200:]}")
            codes.append(code)
            time.sleep(1.2)
        kept = accepted(miners)
        return require(
            macro.family(proxy.pid) == processes and kept == 20,
            f"{len(codes)} starts refused, the same {len(processes)} processes, {kept} of 20 miners kept")


def fifo_log(attack):
    """H5: the log file is a FIFO that nobody reads."""
    with attack.directory("log") as directory, Pool() as pool:
        path = os.path.join(directory, "millrace.log")
        os.mkfifo(path)
        with attack.service(pool.port, **{"log-file": path}) as proxy:
            miner = Miner(proxy, "honest")
            require(path in proxy.log and "ERROR" in proxy.log, "the log does not name it")
            took = proxy.await_successor(WORKER, proxy.kill(WORKER))
            kept = accepted([miner])
            return require(
                kept == 1 and took < 3, f"refused and named, a killed shard is replaced in {took * 1_000:.0f} ms")


def listen(path):
    stranger = socket.socket(socket.AF_UNIX)
    stranger.bind(path)
    stranger.listen(4)
    return stranger


def reaches(path):
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(path) == 0


def shared_directory(attack):
    """H8: the run directory has sockets of others in it, or is a symbolic link to such a one."""
    with attack.directory("shared") as shared, attack.directory("own") as own, Pool() as pool:
        paths = [os.path.join(shared, name) for name in ("docker.sock", "control", "shard-0.events", "snapshots")]
        strangers = [listen(path) for path in paths]
        link = os.path.join(own, "link")
        os.symlink(shared, link)
        for place in (shared, link):
            configuration = attack.configure([pool.port], {"millrace": {"run-dir": place}})
            code, words = attack.refused_start(configuration)
            require(code == 4, f"{os.path.basename(place)}: exit code {code}: {words[-200:]}")
        # A file that appeared later.
        with attack.service(pool.port) as proxy:
            late = os.path.join(proxy.run_dir, "agent.sock")
            strangers.append(listen(late))
        with attack.service(configuration=proxy.configuration):
            pass
        there = sum(reaches(path) for path in [*paths, late])
        for stranger in strangers:
            stranger.close()
        return require(there == 5, f"2 of 2 starts refused, {there} of 5 foreign sockets left alone")


CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

/* The time of day, and as many seconds more as the file says. */
int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*original)(clockid_t, struct timespec *);
    static volatile long *ahead;
    if (!original) original = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    if (!ahead) ahead = mmap(0, sizeof *ahead, PROT_READ, MAP_SHARED, open(AHEAD, O_RDONLY | O_CLOEXEC), 0);
    int result = original(clock, now);
    if (clock == CLOCK_REALTIME) now->tv_sec += *ahead;
    return result;
}
"""


def clock_ahead(attack):
    """H9: the time of day is 40 days ahead for some seconds, and the collector is restarted meanwhile."""
    if not shutil.which("cc"):
        raise Skipped("no C compiler for a clock that can be set")
    with attack.directory("clock") as directory, Pool() as pool:
        source, library, ahead = (os.path.join(directory, name) for name in ("clock.c", "clock.so", "ahead"))
        with open(source, "w") as file:
            file.write(CLOCK)
        subprocess.run(
            ["cc", "-O2", "-shared", "-fPIC", f'-DAHEAD="{ahead}"', "-o", library, source, "-ldl"], check=True)

        def set_clock(seconds):
            # Written in place, because it is mapped.
            with open(ahead, "r+b" if os.path.exists(ahead) else "wb") as file:
                file.write(seconds.to_bytes(8, "little"))

        def known():
            rows = json.loads(proxy.get("/1/workers"))["workers"]
            points = json.loads(proxy.get("/1/history?from=-1d"))["points"]
            return sum(row[0] != "busy" for row in rows), sum(point[1] for point in points)

        set_clock(0)
        with attack.service(pool.port, environment={"LD_PRELOAD": library}) as proxy:
            require(accepted([Miner(proxy, f"honest{number}") for number in range(20)]) == 20, "no shares")
            busy = Miner(proxy, "busy")
            seconds_until(lambda: known() == (20, 20), 10, "20 workers and 20 shares in the history")
            set_clock(40 * 86_400)
            day = time.strftime("%Y-%m-%d", time.localtime(time.time() + 40 * 86_400))
            # Shares counted meanwhile are stored with that time.
            for _ in range(6):
                require(accepted([busy]) == 1, "no share while the clock is ahead")
                time.sleep(0.5)
            proxy.await_successor("millrace-collector", proxy.kill("millrace-collector"))
            time.sleep(4)
            require(f"\n{day}" in proxy.log, "the clock is not ahead")
            set_clock(0)
            proxy.await_successor("millrace-collector", proxy.kill("millrace-collector"))
            time.sleep(3)
            rows, shares = known()
            return require((rows, shares) == (20, 20), f"{rows} of 20 workers and {shares} of 20 shares are kept")


def decoys(attack):
    """M: processes of others with our variable in their environment delay a start and are killed."""
    with Pool() as pool, attack.service(pool.port) as proxy:
        environment = {**os.environ, "MILLRACE_CHILD_OF": proxy.run_dir}
        sleepers = [subprocess.Popen(["sleep", "60"], env=environment) for _ in range(5)]
        try:
            proxy.process.kill()
            proxy.process.wait()
            began = time.time()
            with attack.service(pool.port, configuration=proxy.configuration) as successor:
                took = time.time() - began - SETTLE_SECONDS
                served = accepted([Miner(successor, "honest")])
            alive = sum(sleeper.poll() is None for sleeper in sleepers)
        finally:
            for sleeper in sleepers:
                sleeper.kill()
                sleeper.wait()
        return require(
            served == 1 and alive == 5 and took < 4, f"{alive} of 5 left alone, served again after {took:.1f} s")


def quick_deaths(attack):
    """M: ten quick deaths of a shard in a row, and it is given up for good."""
    with Pool() as pool, attack.service(pool.port, millrace={"shards": 2}) as proxy:
        title, former = "millrace-worker: shard 0", set()

        def kill_next():
            for pid in set(proxy.processes(title)) - former:
                former.add(pid)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return "has failed" in proxy.log

        seconds_until(kill_next, 60, "the shard is marked failed")
        others = accepted([Miner(proxy, f"honest{number}") for number in range(20)])
        took = seconds_until(lambda: set(proxy.processes(title)) - former, 70, "the shard is tried again")
        seconds_until(lambda: "shard 0" in proxy.log.rpartition("is ready after")[0].splitlines()[-1], 5, "it is ready")
        return require(
            others == 20, f"failed after {len(former)} deaths, tried again after {took:.0f} s, {others} of 20 served")


def address_space(attack):
    """M: with ulimit -v 512 MB shards cannot have the memory for their state, and end."""
    with Pool() as pool, attack.service(pool.port, limits={resource.RLIMIT_AS: 512 << 20}) as proxy:
        served = accepted([Miner(proxy, f"honest{number}") for number in range(20)])
        told, deaths = proxy.log.count("no memory for saved state"), proxy.log.count("restarting in")
        return require(
            served == 20 and told and not deaths, f"{served} of 20 served, told {told} times, {deaths} deaths")


def core_files(attack):
    """M: core files hold passwords."""
    with Pool() as pool:
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        with attack.service(pool.port, limits={resource.RLIMIT_CORE: hard}) as proxy:
            processes = macro.family(proxy.pid)
            limits = {
                name: line.split()[4] for name in processes
                for line in macro.read(f"/proc/{name}/limits").decode().splitlines() if line.startswith("Max core file")
            }
            # 1 also keeps the kernel from starting the program in core_pattern.
            wide = [limit for limit in limits.values() if limit not in ("0", "1")]
            return require(
                len(limits) == len(processes) and not wide, f"{len(wide)} of {len(processes)} processes may write one")


def command_lines(attack):
    """M: secrets that are given as options stay in the command line."""
    secrets = ["pool-hunter2", "door-hunter3", "token-hunter4"]
    options = [
        "-o", "127.0.0.1:1", "-p", secrets[0], f"--access-password={secrets[1]}", "--http-access-token", secrets[2],
    ]
    with attack.service(1, options=options) as proxy:
        processes = macro.family(proxy.pid)
        shown = [secret for pid in processes for secret in secrets
                 if secret.encode() in macro.read(f"/proc/{pid}/cmdline") or secret in proxy.log]
        return require(not shown, f"{len(shown)} secrets in {len(processes)} command lines and the log")


def killed_supervisor(attack):
    """M: kill -9 of the supervisor: what it leaves behind, and how long until all miners are served again."""
    with Pool() as pool, attack.service(pool.port, millrace={"shards": 2}) as proxy:
        miners = [Miner(proxy, f"honest{number}") for number in range(100)]
        require(accepted(miners) == 100, "no shares")
        orphans = macro.family(proxy.pid)[1:]
        began = time.time()
        proxy.process.kill()
        proxy.process.wait()
        log = os.path.join(attack.scratch, "successor.log")
        successor = attack.launch(proxy.configuration, log)
        try:
            waiting, back = list(range(100)), []
            while waiting and time.time() < began + 15:
                try:
                    back.append(Miner(proxy, f"honest{waiting[-1]}"))
                    waiting.pop()
                except LOST:
                    time.sleep(0.02)
            served, took = accepted(back), time.time() - began
            left = [pid for pid in orphans if proxy.run_dir.encode() in macro.read(f"/proc/{pid}/environ")]
            return require(
                served == 100 and not left and took < 5,
                f"{served} of 100 served after {took:.1f} s, {len(left)} of {len(orphans)} processes left over")
        finally:
            macro.stop(successor)
