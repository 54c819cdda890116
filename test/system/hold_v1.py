#!/usr/bin/env python3
"""A hold of version 1 of the protocol, written from docs/hold-protocol.md alone: however old a hold is, the node has to get on with it.

It runs its program without any of the finer points (no log, no readiness but being started, no restarts)."""

import fcntl
import os
import selectors
import signal
import socket
import struct
import sys
import time

sys.path.insert(0, os.environ["SPORE_TEST_DIR"])
from msgpack_mini import Short, pack, unpack  # noqa: E402


class Hold:
    def __init__(self, folder, run):
        self.folder = folder
        os.chdir(folder)
        self.lock = os.open("lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.lockf(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.exists("status"):
            sys.exit(0)  # the node gave it up before it began
        with open("spec", "rb") as f:
            self.spec, _ = unpack(f.read())
        self.run = run
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind("sock")
        self.listener.listen(8)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.buffers = {}
        self.state = {"phase": "starting", "wanted": True, "hold": os.getpid(), "run": run, "tree": "group"}
        self.killed_at = None
        self.again = False

    def send(self, peer, *message):
        data = pack(message)
        try:
            peer.sendall(struct.pack("<I", len(data)) + data)
        except OSError:
            self.drop(peer)

    def drop(self, peer):
        if self.buffers.pop(peer, None) is not None:
            self.selector.unregister(peer)
            peer.close()

    def add(self, peer):
        self.buffers[peer] = b""
        self.selector.register(peer, selectors.EVENT_READ)
        self.send(peer, "hello", 1, [], {})
        self.send(peer, "state", self.state)

    def tell(self, **state):
        self.state.update(state)
        with open("status.new", "wb") as f:
            f.write(pack(self.state))
        os.rename("status.new", "status")
        for peer in list(self.buffers):
            self.send(peer, "state", self.state)

    def begin(self):
        env = dict(item.split("=", 1) for item in self.spec.get("env", []))
        env["SPORE_INSTANCE"] = f"{self.folder}#{self.run}"
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            os.chdir(self.spec.get("cwd", "/"))
            os.execve(self.spec["argv"][0], self.spec["argv"], env)
        now = time.time_ns()
        self.tell(phase="running", run=self.run, pid=self.pid, started_at=now, ready_at=now, healthy=True)

    def signal(self, number):
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass

    def stop(self, grace):
        self.tell(phase="stopping", wanted=False, healthy=False)
        self.signal(self.spec.get("stop.signal", signal.SIGTERM))
        self.killed_at = time.monotonic() + (grace if grace >= 0 else self.spec.get("stop.grace_ms", 5000)) / 1000

    def take(self, message):
        name = message[0]
        if name == "stop":
            self.stop(message[1])
        elif name == "kill":
            self.tell(phase="stopping", wanted=False, healthy=False)
            self.signal(signal.SIGKILL)
        elif name == "restart":
            self.again = True
            self.stop(-1)
            self.state["wanted"] = True
        elif name == "signal":
            self.signal(message[1])
        elif name == "update":
            self.spec = message[1]

    def read(self, peer):
        try:
            data = peer.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.drop(peer)
            return
        data = self.buffers[peer] + data
        while len(data) >= 4:
            (length,) = struct.unpack("<I", data[:4])
            length += 4
            if len(data) < length:
                break
            try:
                message, _ = unpack(data[4:length])
            except Short:
                message = ["?"]
            data = data[length:]
            self.buffers[peer] = data
            self.take(message)
        if peer in self.buffers:
            self.buffers[peer] = data

    def look(self):
        """Has the program ended? True: so has the hold."""
        if self.killed_at is not None and time.monotonic() > self.killed_at:
            self.signal(signal.SIGKILL)
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return False
        self.killed_at = None
        ended = {"pid": 0, "ended_at": time.time_ns(), "healthy": False}
        if os.WIFSIGNALED(status):
            ended.update(end="signalled", signal=os.WTERMSIG(status))
        else:
            ended.update(end="exited", code=os.WEXITSTATUS(status))
        if self.again:
            self.again = False
            self.tell(phase="waiting", **ended)
            self.run += 1
            self.begin()
            return False
        self.tell(phase="ended", failed=self.state["wanted"] and status != 0, **ended)
        return True

    def serve(self):
        first = socket.socket(fileno=3)
        self.add(first)
        self.begin()
        while not self.look():
            for key, _ in self.selector.select(0.02):
                if key.fileobj is self.listener:
                    self.add(self.listener.accept()[0])
                elif key.fileobj in self.buffers:
                    self.read(key.fileobj)


if __name__ == "__main__":
    Hold(sys.argv[1], int(sys.argv[2])).serve()
