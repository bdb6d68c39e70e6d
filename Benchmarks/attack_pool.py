"""A pool whose conduct is the attack, or that shows what reaches it: one thread for each connection."""

import collections
import json
import socket
import threading
import time

import macro


def job(number, byte=0):
    """A job of a difficulty of 1,000; every number has a blob of its own."""
    blob = bytearray(76)
    blob[0:2] = b"\x0e\x0e"
    blob[7:11] = number.to_bytes(4, "little")
    blob[42] = byte
    return {
        "blob": blob.hex(), "job_id": f"j{number}", "target": "74894100", "algo": "rx/0", "height": 3_000_000 + number,
        "seed_hash": "5a" * 32,
    }


class Pool:
    """Accepts logins, gives jobs, accepts shares. Subclasses do worse, until they are mended."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.port = macro.free_port()
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(1024)
        self.lock = threading.Lock()
        self.open = set()
        self.most_open = 0
        self.counts = collections.Counter()
        self.number = 1
        self.is_mended = False
        self.is_over = False
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.listener.close()
        for connection in list(self.open):
            connection.close()

    def accept(self):
        while not self.is_over:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.open.add(connection)
                self.most_open = max(self.most_open, len(self.open))
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            for line in connection.makefile("rb"):
                self.hear(connection, json.loads(line))
        except (OSError, ValueError):
            pass
        with self.lock:
            self.open.discard(connection)
        connection.close()

    def say(self, connection, message):
        connection.sendall(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    def hear(self, connection, request):
        self.counts[request["method"]] += 1
        conduct = Pool if self.is_mended else type(self)
        getattr(conduct, request["method"], Pool.other)(self, connection, request)

    def other(self, connection, request):
        self.say(connection, {"id": request["id"], "error": None, "result": {"status": "OK"}})

    def login(self, connection, request):
        result = {"id": "1", "job": job(self.number), "status": "OK", "extensions": ["algo"]}
        self.say(connection, {"id": request["id"], "error": None, "result": result})

    def submit(self, connection, request):
        self.say(connection, {"id": request["id"], "error": None, "result": {"status": "OK"}})

    def refuse(self, connection, request, text):
        self.say(connection, {"id": request["id"], "result": None, "error": {"code": -1, "message": text}})

    def new_job(self, byte=0, connections=None):
        self.number += 1
        for connection in list(connections or self.open):
            try:
                self.say(connection, {"method": "job", "params": job(self.number, byte)})
            except OSError:
                pass


class BanningPool(Pool):
    """Takes every share with the nonce bytes "bad" for junk, and after 30 of them refuses everything: it has banned us."""

    def submit(self, connection, request):
        if request["params"]["nonce"].startswith("bad"):
            self.counts["junk"] += 1
            return self.refuse(connection, request, "Rejected share: invalid result")
        if self.counts["junk"] >= 30:
            self.counts["lost"] += 1
            return self.refuse(connection, request, "Your IP is banned")
        super().submit(connection, request)


class HangingUpPool(Pool):
    """Logs in, gives a job, and hangs up."""

    def login(self, connection, request):
        super().login(connection, request)
        time.sleep(0.2)
        connection.shutdown(socket.SHUT_RDWR)


class SilentPool(Pool):
    def login(self, connection, request):
        pass


class JoblessPool(Pool):
    def login(self, connection, request):
        result = {"id": "1", "status": "OK", "extensions": ["algo"]}
        self.say(connection, {"id": request["id"], "error": None, "result": result})


class BadJobPool(Pool):
    def login(self, connection, request):
        result = {"id": "1", "job": {**job(self.number), "blob": "xyz"}, "status": "OK"}
        self.say(connection, {"id": request["id"], "error": None, "result": result})


class UselessPool(Pool):
    """Refuses every login."""

    def login(self, connection, request):
        self.refuse(connection, request, "Unauthenticated")


class MutePool(Pool):
    """Never answers a share."""

    def submit(self, connection, request):
        pass


class WordyPool(Pool):
    """Refuses every share with these words."""

    def __init__(self, words):
        self.words = words
        super().__init__()

    def submit(self, connection, request):
        self.refuse(connection, request, self.words)


class RejectingPool(Pool):
    """Refuses every share."""

    def submit(self, connection, request):
        self.refuse(connection, request, "Low difficulty share")


class OddErrorPool(Pool):
    """Answers every share with an error of another type than one expects."""

    ERRORS = [7, True, [], ["no"], "no", {"code": {}}, {"message": ["no"]}, {"code": "x", "message": None}]

    def submit(self, connection, request):
        error = self.ERRORS[self.counts["submit"] % len(self.ERRORS)]
        self.say(connection, {"id": request["id"], "result": None, "error": error})


class ClosingPool(Pool):
    """Hangs up at each share."""

    def submit(self, connection, request):
        connection.shutdown(socket.SHUT_RDWR)


class RawPool(Pool):
    """Answers the login with these bytes, one piece after the other, and without an end."""

    PAUSE = 0.01

    def login(self, connection, request):
        for piece in self.pieces():
            connection.sendall(piece)
            time.sleep(self.PAUSE)


class GarbagePool(RawPool):
    def pieces(self):
        yield b'{"id":1,"jsonrpc":"2.0","error":null,"result":{"id":"1","status":"OK"}}\n'
        while not self.is_over:
            yield b'{"jsonrpc": "2.0", "method": job}\n\x00\xff[]\n'


class EndlessLinePool(RawPool):
    def pieces(self):
        yield b'{"id":1,"jsonrpc":"2.0","result":{"id":"'
        while not self.is_over:
            yield b"x" * 50


class DripPool(RawPool):
    """A good answer, a byte a second."""

    PAUSE = 1

    def pieces(self):
        result = {"id": "1", "job": job(self.number), "status": "OK"}
        for byte in json.dumps({"id": 1, "jsonrpc": "2.0", "error": None, "result": result}).encode():
            yield bytes([byte])


class TLSPool(RawPool):
    """Takes us for a client that ought to speak TLS."""

    def pieces(self):
        while not self.is_over:
            yield b"\x15\x03\x01\x00\x02\x02\x28"


class OtherAnswerPool(Pool):
    """Answers the login under another id than it was asked with."""

    def login(self, connection, request):
        super().login(connection, {"id": request["id"] + 1_000})


class ShortBlobPool(Pool):
    def login(self, connection, request):
        result = {"id": "1", "job": {**job(self.number), "blob": "0e0e"}, "status": "OK"}
        self.say(connection, {"id": request["id"], "error": None, "result": result})


class ZeroTargetPool(Pool):
    def login(self, connection, request):
        result = {"id": "1", "job": {**job(self.number), "target": "00000000"}, "status": "OK"}
        self.say(connection, {"id": request["id"], "error": None, "result": result})


class RedirectingPool(Pool):
    """Sends us to itself, again and again."""

    def login(self, connection, request):
        super().login(connection, request)
        self.say(connection, {"method": "client.reconnect", "params": ["127.0.0.1", self.port, 0]})


class BannedPool(Pool):
    def login(self, connection, request):
        self.refuse(connection, request, "IP Address currently banned")
