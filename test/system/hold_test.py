"""A spore-hold driven by its own protocol, without a node: what the tests of holds have in common."""

import errno
import os
import re
import socket
import struct
import subprocess
import time

from msgpack_mini import Short, pack, unpack
from spore_test import BUILD, DEADLINE, SporeTest, wait_until

HOLD = os.path.join(BUILD, "spore-hold")
KINDS = {0: "file", 1: "stdout", 2: "stderr", 3: "tty", 4: "records", 5: "event", 6: "lost", 7: "end"}
HEAD = struct.Struct("<4sIQQQQIBBH")


class Block:
    def __init__(self, head, payload):
        _, _, _, self.wall, self.monotonic, self.sequence, self.run, kind, self.flags, _ = head
        self.kind = KINDS[kind]
        self.payload = payload


def read_log(folder):
    """All blocks of a log, oldest first. They have to be whole; their checksums are another test's."""
    blocks = []
    if not os.path.isdir(folder):
        return blocks
    files = sorted((tuple(int(n) for n in name[:-4].split("-")), name) for name in os.listdir(folder)
                   if re.fullmatch(r"\d+-\d+\.log", name))
    for _, name in files:
        try:
            with open(os.path.join(folder, name), "rb") as f:
                data = f.read()
        except FileNotFoundError:
            continue  # a new one took the place of the oldest
        at = 0
        while at + HEAD.size <= len(data):
            head = HEAD.unpack_from(data, at)
            assert head[0] == b"SLB1", (name, at)
            if at + HEAD.size + head[1] > len(data):
                break  # being written
            blocks.append(Block(head, data[at + HEAD.size:at + HEAD.size + head[1]]))
            at += HEAD.size + head[1]
    return blocks


class Peer:
    """One connection to a hold."""

    def __init__(self, connected, features=(), hello=True):
        self.socket = connected
        self.socket.settimeout(DEADLINE)
        self.data = b""
        if hello:
            self.send("hello", 1, list(features), {})

    def send(self, *message):
        self.send_together(message)

    def send_together(self, *messages):
        bodies = [pack(m) for m in messages]
        self.socket.sendall(b"".join(struct.pack("<I", len(b)) + b for b in bodies))

    def receive(self):
        """The next message, None at the end."""
        while True:
            if len(self.data) >= 4:
                size = struct.unpack_from("<I", self.data)[0]
                if len(self.data) >= 4 + size:
                    try:
                        message, used = unpack(self.data[4:4 + size])
                    except Short as e:
                        raise AssertionError(self.data) from e
                    assert used == size
                    self.data = self.data[4 + size:]
                    return message
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            self.data += more

    def close(self):
        self.socket.close()


def is_removed(cgroup):
    """A cgroup is busy until the kernel has done with the last that was in it."""
    try:
        os.rmdir(cgroup)
    except FileNotFoundError:
        pass
    except OSError as e:
        if e.errno != errno.EBUSY:
            raise
        return False
    return True


class Hold:
    """A running spore-hold, with a connection that it inherited as from the node."""

    def __init__(self, test, spec, task="web", generation=1, run=1, features=(), env=None, limits=None,
                 alone=False):
        self.test = test
        self.name = f"_.{task}.{generation}"
        self.state_dir = test.env["SPORE_STATE"]
        self.folder = os.path.join(self.state_dir, "holds", self.name)
        self.log_folder = os.path.join(self.state_dir, "logs", "_", task)
        os.makedirs(self.folder, exist_ok=True)
        spec = {"task": task, "env": ["PATH=" + test.env["PATH"], "SPORE_STORE=" + test.store], **spec}
        with open(os.path.join(self.folder, "spec"), "wb") as f:
            f.write(pack(spec))
        ours, theirs = socket.socketpair()
        with ours, theirs:
            if alone:  # the node was killed in between
                ours.shutdown(socket.SHUT_RDWR)
            # Whatever number the socket has, it becomes 3; spore-hold closes all others.
            self.process = subprocess.Popen(
                ["sh", "-c", f'exec "$@" 3<&{theirs.fileno()}', "sh", HOLD, self.folder, str(run)],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                env={**test.env, **(env or {})}, preexec_fn=limits)
            self.peer = Peer(ours.dup(), features, hello=not alone)
        self.state = {}
        self.states = []
        test.addCleanup(self.end)

    def end(self):
        self.peer.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stderr.close()
        # Of a killed hold the cgroup is left, which a node would remove; its name may be that of somebody else's long ago.
        for base, folders, _ in os.walk("/sys/fs/cgroup"):
            for name in folders:
                path = os.path.join(base, name)
                if name == f"spore-hold-{self.process.pid}" and os.stat(path).st_uid == os.getuid():
                    wait_until(lambda p=path: is_removed(p), f"the end of what is in {path}")

    def connect(self, **options):
        client = socket.socket(socket.AF_UNIX)
        here = os.getcwd()
        os.chdir(self.folder)
        try:
            client.connect("sock")
        finally:
            os.chdir(here)
        return Peer(client, **options)

    def send(self, *message):
        self.peer.send(*message)

    def until(self, condition, what="a state"):
        """Hears states until CONDITION(state) holds; returns that state."""
        end = time.monotonic() + DEADLINE
        while not (self.state and condition(self.state)):
            if time.monotonic() > end:
                raise AssertionError(f"waited in vain for {what}: {self.state}")
            message = self.peer.receive()
            if message is None:
                raise AssertionError(f"the hold ended before {what}: {self.state}")
            if message[0] == "state":
                self.state = {"phase": "starting", "end": "none", "run": 0, **message[1]}
                self.states.append(self.state)
        return self.state

    def phase(self, phase):
        return self.until(lambda s: s["phase"] == phase, phase)

    def finish(self):
        """Until the hold has ended; the last state."""
        state = self.phase("ended")
        self.test.assertEqual(self.process.wait(DEADLINE), 0)
        return state

    def blocks(self, kind=None, run=None):
        return [b for b in read_log(self.log_folder)
                if (kind is None or b.kind == kind) and (run is None or b.run == run)]

    def output(self, kind="stdout", run=None):
        return b"".join(b.payload for b in self.blocks(kind, run))

    def events(self, name=None):
        events = [unpack(b.payload)[0] for b in self.blocks("event")]
        return [e for e in events if name is None or e["event"] == name]

    def status(self):
        """Of the two slots (src/task/slots.h) the one that was written last."""
        with open(os.path.join(self.folder, "status"), "rb") as f:
            both = f.read()
        heads = [struct.unpack_from("<4sIQ", both, at) + (at,) for at in (0, 4096) if len(both) > at + 24]
        _, length, _, at = max((h for h in heads if h[0] == b"SLT1"), key=lambda h: h[2])
        return {"phase": "starting", **unpack(both[at + 24:at + 24 + length])[0]}


class HoldTest(SporeTest):
    @staticmethod
    def gone(pid):
        """Is the process dead? A zombie that somebody else has to reap is."""
        try:
            with open(f"/proc/{pid}/stat") as f:
                return f.read().rpartition(")")[2].split()[0] in "ZX"
        except (FileNotFoundError, ProcessLookupError):
            return True

    def hold(self, spec, **options):
        if isinstance(spec, str):
            spec = {"argv": ["/bin/sh", "-c", spec]}
        elif "sh" in spec:
            spec = dict(spec)
            spec["argv"] = ["/bin/sh", "-c", spec.pop("sh")]
        return Hold(self, spec, **options)
