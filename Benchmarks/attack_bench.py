"""What the attacks share: a service with its pools, miners that do as they are told, and the verdict."""

import contextlib
import itertools
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time

import macro

# The errors of a miner or client whose service is busy, has ended, or has refused it.
LOST = (OSError, ValueError, KeyError, TypeError)
# From listening until the pool and the statistics are available.
SETTLE_SECONDS = 0.5
# The processor for processes that represent other machines. nice is not enough: the kernel groups processes by session,
# and divides processor time among the groups first.
ATTACKERS_PROCESSOR = max(os.sched_getaffinity(0))


class Failed(Exception):
    pass


class Skipped(Exception):
    """This machine lacks what the attack needs."""


def require(condition, text):
    if not condition:
        raise Failed(text)
    return text


def seconds_until(condition, limit, text):
    """How long it takes until this is true."""
    began = time.time()
    while not condition():
        require(time.time() < began + limit, f"not within {limit} s: {text}")
        time.sleep(0.02)
    return time.time() - began


class Miner:
    """A connection that does as it is told, over plain sockets."""

    def __init__(self, proxy, login="attacker", source=None, **more):
        source = source or next(proxy.sources)
        is_new = ":" in source
        self.socket = socket.socket(socket.AF_INET6 if is_new else socket.AF_INET)
        self.socket.settimeout(5)
        self.socket.bind((source, 0))
        self.socket.connect(("::1" if is_new else "127.0.0.1", proxy.port))
        self.lines = self.socket.makefile("rb")
        self.number = 1
        if login:
            self.log_in(login, **more)

    def log_in(self, login, **more):
        self.send({"id": 1, "method": "login", "params": {"login": login, "pass": "x", "agent": "attack", **more}})
        result = json.loads(self.lines.readline())["result"]
        self.session, self.job = result["id"], result["job"]["job_id"]
        self.byte = result["job"]["blob"][84:86]

    def send(self, message):
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def share(self, difficulty, nonce=None):
        self.number += 1
        tail = (2**64 - 1) // difficulty
        return {
            "id": self.number,
            "method": "submit",
            "params": {
                "id": self.session,
                "job_id": self.job,
                "nonce": (nonce or (self.number & 0xFFFFFF).to_bytes(3, "little").hex()) + self.byte,
                "result": "5a" * 24 + tail.to_bytes(8, "little").hex(),
            },
        }

    def submit(self, difficulty, nonce=None):
        self.send(self.share(difficulty, nonce))
        while True:
            answer = json.loads(self.lines.readline())
            if answer.get("id") == self.number:
                return (answer.get("error") or {}).get("message")
            if answer.get("method") == "job":
                self.job = answer["params"]["job_id"]

    def close(self):
        self.lines.close()
        self.socket.close()


def accepted(miners):
    """How many of them have a share accepted."""
    count = 0
    for miner in miners:
        with contextlib.suppress(*LOST):
            count += miner.submit(2_000) is None
    return count


class Flood(threading.Thread):
    """Writes the same bytes to some connections, again and again, for as long as they are taken."""

    def __init__(self, connections, payloads):
        super().__init__(daemon=True)
        self.connections, self.payloads, self.is_over = connections, [memoryview(payload) for payload in payloads], False
        self.taken = [0] * len(connections)
        for connection in connections:
            connection.socket.setblocking(False)

    def run(self):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        os.sched_setaffinity(threading.get_native_id(), {ATTACKERS_PROCESSOR})
        while not self.is_over:
            for index, (connection, payload) in enumerate(zip(self.connections, self.payloads)):
                with contextlib.suppress(OSError):
                    self.taken[index] += connection.socket.send(payload[self.taken[index] % len(payload):])
                with contextlib.suppress(OSError):
                    connection.socket.recv(1 << 16)
            time.sleep(0.0005)

    @property
    def sent(self):
        return sum(self.taken)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.join()


class Proxy(macro.Proxy):
    """A running service."""

    def __init__(self, process, configuration, log, port, api, sources):
        super().__init__(process.pid, port, api)
        self.process, self.configuration, self.log_path = process, configuration, log
        self.sources = itertools.cycle(sources)
        self.run_dir = json.loads(macro.read(configuration))["millrace"]["run-dir"]

    @property
    def log(self):
        return macro.read(self.log_path).decode(errors="replace")

    def processes(self, title):
        """Its living children whose title begins like this: millrace-worker, millrace-anchor: shard 0, ..."""
        return [
            pid for pid in macro.family(self.pid) if macro.read(f"/proc/{pid}/cmdline").startswith(title.encode())
            and pid != self.pid and macro.read(f"/proc/{pid}/stat").rpartition(b") ")[2][:1] != b"Z"
        ]

    def kill(self, title):
        """Kills one of them, at once and without a word."""
        seconds_until(lambda: self.processes(title), 5, f"no process is called {title}")
        victim = self.processes(title)[0]
        os.kill(victim, signal.SIGKILL)
        return victim

    def await_successor(self, title, *former):
        return seconds_until(lambda: set(self.processes(title)) - set(former), 10, f"another {title}")

    def memory_mb(self):
        return macro.pss_bytes(self.pid) / 1e6


@contextlib.contextmanager
def without_attackers_processor():
    """What is started meanwhile leaves that processor alone: its figures are those of a machine with one less."""
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors - {ATTACKERS_PROCESSOR} or processors)
    try:
        yield
    finally:
        os.sched_setaffinity(0, processors)


def listens(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


class Attack(macro.Bench):
    # The addresses of the attackers, and whether the shard is a successor; variations change these.
    sources = ("127.0.0.1",)
    is_restarted = False

    def __init__(self, programs, scratch):
        super().__init__(programs, scratch, 1)

    def configure(self, pools, settings):
        """Writes a configuration; pools are ports, or objects of the file."""
        self.number += 1
        pools = [pool if isinstance(pool, dict) else {"url": f"127.0.0.1:{pool}"} for pool in pools]
        port = macro.free_port()
        configuration = {
            "bind": [f"127.0.0.1:{port}"] + [f"[::1]:{port}"] * any(":" in source for source in self.sources),
            "http": {"enabled": True, "host": "127.0.0.1", "port": macro.free_port(), "restricted": True},
            "pools": pools,
            "watch": False,
            "millrace": {"shards": 1, "run-dir": os.path.join(self.scratch, f"run-{self.number}")},
        }
        for key, value in settings.items():
            configuration[key] = {**configuration.get(key, {}), **value} if isinstance(value, dict) else value
        path = os.path.join(self.scratch, f"config-{self.number}.json")
        with open(path, "w") as file:
            json.dump(configuration, file)
        return path

    def launch(self, configuration, log, limits=None, options=(), environment=None):
        def restrict():
            for limit, value in (limits or {}).items():
                resource.setrlimit(limit, (value, value))

        with open(log, "ab") as output:
            return subprocess.Popen(
                [self.program("millrace"), "-c", configuration, *options], stdout=output, stderr=output,
                stdin=subprocess.DEVNULL, preexec_fn=restrict, env={**os.environ, **(environment or {})})

    @contextlib.contextmanager
    def service(self, *pools, limits=None, options=(), environment=None, configuration=None, **settings):
        """Millrace in front of these pools, or with a configuration that another one had."""
        configuration = configuration or self.configure(pools, settings)
        keys = json.loads(macro.read(configuration))
        port, api = int(keys["bind"][0].rpartition(":")[2]), keys["http"]["port"]
        self.number += 1
        log = os.path.join(self.scratch, f"proxy-{self.number}.log")
        process = self.launch(configuration, log, limits, options, environment)
        try:
            for there in (port, api):
                seconds_until(
                    lambda: listens(there) or process.poll() is not None, 20, f"nobody listens on port {there}")
            require(process.poll() is None, f"the service has ended: {macro.read(log).decode()[-300:]}")
            proxy = Proxy(process, configuration, log, port, api, self.sources)
            time.sleep(SETTLE_SECONDS)
            if self.is_restarted:
                proxy.await_successor("millrace-worker", proxy.kill("millrace-worker"))
            yield proxy
        finally:
            macro.stop(process)

    def refused_start(self, configuration):
        """Exit code and words of a service that is expected not to start."""
        log = os.path.join(self.scratch, "refused.log")
        with contextlib.suppress(FileNotFoundError):
            os.remove(log)
        process = self.launch(configuration, log)
        try:
            return process.wait(10), macro.read(log).decode(errors="replace")
        except subprocess.TimeoutExpired:
            return None, "it runs"
        finally:
            macro.stop(process)

    def verb(self, proxy, *words):
        command = [self.program("millrace"), words[0], "--config", proxy.configuration, *words[1:]]
        return subprocess.run(command, capture_output=True, text=True, timeout=30)

    def honest(self, proxy, miners, rate, seconds, *more, strict=True):
        return self.swarm(
            proxy, "--miners", str(miners), "--rate", str(rate), "--seconds", str(seconds), *more, strict=strict)

    @contextlib.contextmanager
    def directory(self, name):
        path = os.path.join(self.scratch, name)
        os.mkdir(path, 0o700)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


def p99(report):
    return report["shares"]["millis"]["p99"]
