"""A program with ports, in nothing but Python: docs/control-protocol.md by hand, with the transport `stream`. It does what it is told by its
arguments, one after the other, and prints a line for each thing that happens."""

import array
import os
import select
import socket
import struct
import sys

from msgpack_mini import pack, unpack


class Control:
    """The connection to the hold."""

    def __init__(self, features=("stream-1",)):
        self.socket = socket.socket(fileno=int(os.environ["SPORE_FD"]))
        self.data = b""
        self.fds = []
        self.say("hello", 1, list(features), {})

    def say(self, *message):
        body = pack(list(message))
        self.socket.sendall(struct.pack("<I", len(body)) + body)

    def open(self, port, shape="connect", kind="messages", **options):
        self.say("open", port, kind, shape, options)

    def hear(self):
        """The next message; a channel's descriptors stand behind it."""
        while True:
            if len(self.data) >= 4:
                size, = struct.unpack_from("<I", self.data)
                if len(self.data) >= 4 + size:
                    message = unpack(self.data[4:4 + size])[0]
                    self.data = self.data[4 + size:]
                    if message[0] == "channel":
                        count = message[5]
                        message = list(message) + [self.fds[:count]]
                        self.fds = self.fds[count:]
                    return message
            fds = array.array("i")
            data, ancillary, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(64))
            if not data:
                sys.exit(0)
            for _, kind, bytes_ in ancillary:
                if kind == socket.SCM_RIGHTS:
                    fds.frombytes(bytes_)
            self.fds += list(fds)
            self.data += data

    def fileno(self):
        return self.socket.fileno()


class Channel:
    """An end of the transport `stream`."""

    def __init__(self, message):
        _, self.port, self.serial, transport, self.role, count, self.map, fds = message
        assert (transport, count, len(fds)) == ("stream", 1, 1), message
        self.socket = socket.socket(fileno=fds[0])
        self.data = b""

    def fileno(self):
        return self.socket.fileno()

    def send(self, text):
        try:
            self.socket.sendall(struct.pack("<I", len(text)) + text)
        except OSError:
            pass  # its end is seen by reading

    def finish(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def receive(self):
        """The messages that are there; None at the end."""
        try:
            data = self.socket.recv(65536)
        except OSError:
            data = b""
        if not data:
            return None
        self.data += data
        found = []
        while len(self.data) >= 4:
            size, = struct.unpack_from("<I", self.data)
            if len(self.data) < 4 + size:
                break
            found.append(self.data[4:4 + size])
            self.data = self.data[4 + size:]
        return found


def say(*words):
    print(*words, flush=True)


def main():
    """NAME[:SHAPE[:PROTOCOL]]... [ready]: opens the ports. A connecting one greets with its process; every message is said, and those of a
    greeting are answered."""
    control = Control()
    shapes = {}
    for arg in sys.argv[1:]:
        if arg == "ready":
            control.say("ready")
            continue
        name, shape, protocol = (arg.split(":") + ["connect", ""])[:3] if arg.count(":") < 2 else arg.split(":")
        if arg.count(":") == 1:
            name, shape = arg.split(":")
            protocol = ""
        shapes[name] = shape
        control.open(name, shape, **({"protocol": protocol} if protocol else {}))
    channels = []
    me = str(os.getpid()).encode()
    while True:
        ready, _, _ = select.select([control, *channels], [], [])
        for c in ready:
            if c is control:
                message = control.hear()
                while message:
                    if message[0] == "channel":
                        channel = Channel(message)
                        if shapes[channel.port] == "connect":
                            for old in [o for o in channels if o.port == channel.port]:
                                old.finish()  # and is read to its end
                        channels.append(channel)
                        say("channel", channel.port, channel.map.get("peer"))
                        channel.send(b"hello " + me)
                    elif message[0] == "unwired":
                        for old in [o for o in channels if o.serial == message[2]]:
                            channels.remove(old)
                            old.socket.close()
                        say("unwired", message[1])
                    else:
                        say(*message)
                    message = control.hear() if control.data else None
            elif c in channels:
                got = c.receive()
                if got is None:
                    channels.remove(c)
                    c.socket.close()
                    say("end", c.port)
                for text in got or []:
                    if text.startswith(b"hello "):
                        c.send(b"welcome " + text[6:])
                    say("got", c.port, text.decode())


if __name__ == "__main__":
    main()
