#!/usr/bin/env python3
"""A program that speaks spore's control protocol with Python's standard library alone (docs/control-protocol.md).

    spore run --control program.py

It says that it is ready, writes a log record a second and ends when it is asked to. Started without a hold it says the same on
standard error and ends with Ctrl-C.
"""

import os
import select
import signal
import socket
import struct
import sys
import time


def pack(value):
    """Encodes strings, bytes, whole numbers, true, false, None, floats, lists and dicts as MessagePack."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return b"\xd3" + struct.pack(">q", value)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode("utf-8", "replace")
        return b"\xdb" + struct.pack(">I", len(data)) + data
    if isinstance(value, bytes):
        return b"\xc6" + struct.pack(">I", len(value)) + value
    if isinstance(value, list):
        return b"\xdd" + struct.pack(">I", len(value)) + b"".join(map(pack, value))
    if isinstance(value, dict):
        items = b"".join(pack(k) + pack(v) for k, v in value.items())
        return b"\xdf" + struct.pack(">I", len(value)) + items
    raise TypeError(f"cannot encode {type(value).__name__}")


def name_of(body):
    """The name of a message: an array's first item, a string of less than 256 bytes."""
    at = 1 if body[0] & 0xF0 == 0x90 else 3 if body[0] == 0xDC else 5
    if body[at] == 0xD9:
        return body[at + 2 : at + 2 + body[at + 1]].decode()
    return body[at + 1 : at + 1 + (body[at] & 0x1F)].decode()


class Hold:
    """The connection to the hold, or standard error in its place."""

    INFO, WARN, ERROR = 2, 3, 4

    def __init__(self):
        number = os.environ.pop("SPORE_FD", None)
        self.socket = None
        self.received = b""
        self.stop_requested = False
        # A signal asks for the same; the wake-up descriptor makes select return.
        self.wake, wake = socket.socketpair()
        wake.setblocking(False)
        self.keep = wake
        signal.set_wakeup_fd(wake.fileno())
        for sig in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sig, self.on_signal)
        if number is not None:
            self.socket = socket.socket(fileno=int(number))
            self.socket.set_inheritable(False)
            self.say("hello", 1, [], {})
            self.say("listens")

    def on_signal(self, _sig, _frame):
        self.stop_requested = True

    def say(self, *message):
        body = pack(list(message))
        try:
            if self.socket:
                self.socket.sendall(struct.pack("<I", len(body)) + body)
        except OSError:  # the hold is gone
            self.socket = None
            self.stop_requested = True

    def log(self, level, text, **fields):
        self.say("log", level, time.time_ns(), text, fields)
        if not self.socket:
            print(text, *(f"{k}={v}" for k, v in fields.items()), file=sys.stderr)

    def wait(self, seconds):
        """Waits for a stop request; true when there is one."""
        deadline = time.monotonic() + seconds
        while not self.stop_requested:
            left = deadline - time.monotonic()
            descriptors = [self.wake] + ([self.socket] if self.socket else [])
            if left <= 0 or not (ready := select.select(descriptors, [], [], left)[0]):
                return False
            if self.socket in ready:
                self.hear(self.socket.recv(4096))
        return True

    def hear(self, data):
        self.received += data
        self.stop_requested |= not data  # end of file: the hold is gone
        while len(self.received) >= 4:
            end = 4 + struct.unpack("<I", self.received[:4])[0]
            if len(self.received) < end:
                break
            self.stop_requested |= name_of(self.received[4:end]) in ("stop", "refuse")
            self.received = self.received[end:]


def main():
    hold = Hold()
    hold.say("ready")
    rounds = 0
    while not hold.wait(1):
        rounds += 1
        hold.say("status", f"{rounds} rounds")
        hold.log(Hold.INFO, "working", round=rounds, load=os.getloadavg()[0])
    hold.say("stopping")
    hold.log(Hold.INFO, "asked to stop", rounds=rounds)


if __name__ == "__main__":
    main()
