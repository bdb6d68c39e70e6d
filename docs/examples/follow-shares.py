#!/usr/bin/python3
# Prints each share as its fate is known: follow-shares.py RUN-DIR [SHARD…]   (Debian: apt install python3-zmq)
import struct, sys, time, zmq

outcomes, names = {1: "accepted", 2: "rejected", 3: "invalid", 4: "local"}, {}
feed = zmq.Context().socket(zmq.SUB)
feed.subscribe(b"")
for number in sys.argv[2:] or ["0"]:
    feed.connect(f"ipc://{sys.argv[1]}/shard-{number}.events")
while True:
    message = feed.recv()
    magic, kind, version, shard, epoch, first, count = struct.unpack_from("<2sBBH2x16sQI", message)
    offset = 40
    for _ in range(count if (magic, kind, version) == (b"MR", 1, 2) else 0):
        record, own, size = struct.unpack_from("<BBH", message, offset)
        if record == 1:  # joined
            length, key = struct.unpack_from("<H2xQ", message, offset + 4)
            names[epoch, key] = message[offset + 24 : offset + 24 + length].decode()
        elif record == 3:  # share
            key, ms, difficulty, further = struct.unpack_from("<QQQ22xH", message, offset + 8)
            clock = time.strftime("%H:%M:%S", time.gmtime(ms / 1000))
            for _ in range(1 + further):
                print(clock, shard, names.get((epoch, key)) or key, outcomes[own], difficulty, flush=True)
        offset += size
