"""MessagePack and MessagePack-RPC, as much as the tests need: written apart from lib/msgpack.c, to check it."""

import socket
import struct


def pack(value):
    if value is None:
        return b"\xc0"
    if value is True:
        return b"\xc3"
    if value is False:
        return b"\xc2"
    if isinstance(value, int):
        if 0 <= value < 128:
            return bytes([value])
        return b"\xd3" + struct.pack(">q", value) if value < 0 else b"\xcf" + struct.pack(">Q", value)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode()
        return b"\xdb" + struct.pack(">I", len(data)) + data
    if isinstance(value, bytes):
        return b"\xc6" + struct.pack(">I", len(value)) + value
    if isinstance(value, (list, tuple)):
        return b"\xdd" + struct.pack(">I", len(value)) + b"".join(pack(v) for v in value)
    if isinstance(value, dict):
        return b"\xdf" + struct.pack(">I", len(value)) + b"".join(pack(k) + pack(v) for k, v in value.items())
    raise TypeError(type(value))


class Short(Exception):
    """The bytes end within the value."""


def _take(data, at, length):
    if at + length > len(data):
        raise Short
    return data[at:at + length], at + length


def _number(data, at, form):
    raw, at = _take(data, at, struct.calcsize(form))
    return struct.unpack(form, raw)[0], at


NUMBERS = {0xca: ">f", 0xcb: ">d", 0xcc: ">B", 0xcd: ">H", 0xce: ">I", 0xcf: ">Q",
           0xd0: ">b", 0xd1: ">h", 0xd2: ">i", 0xd3: ">q"}
TEXTS = {0xd9: ">B", 0xda: ">H", 0xdb: ">I"}
BYTES = {0xc4: ">B", 0xc5: ">H", 0xc6: ">I"}
SINGLE = {0xc0: None, 0xc2: False, 0xc3: True}


def unpack(data, at=0):
    """The value at AT, and where the next begins."""
    (first,), at = _take(data, at, 1)
    if first < 0x80:
        return first, at
    if first >= 0xe0:
        return first - 256, at
    if first in SINGLE:
        return SINGLE[first], at
    if first in NUMBERS:
        return _number(data, at, NUMBERS[first])
    if 0xa0 <= first < 0xc0 or first in TEXTS:
        length = first & 0x1f
        if first in TEXTS:
            length, at = _number(data, at, TEXTS[first])
        raw, at = _take(data, at, length)
        return raw.decode(), at
    if first in BYTES:
        length, at = _number(data, at, BYTES[first])
        return _take(data, at, length)
    if first < 0x90 or first in (0xde, 0xdf):
        count = first & 0x0f
        if first >= 0xde:
            count, at = _number(data, at, ">H" if first == 0xde else ">I")
        result = {}
        for _ in range(count):
            key, at = unpack(data, at)
            result[key], at = unpack(data, at)
        return result, at
    if first < 0xa0 or first in (0xdc, 0xdd):
        count = first & 0x0f
        if first >= 0xdc:
            count, at = _number(data, at, ">H" if first == 0xdc else ">I")
        result = []
        for _ in range(count):
            value, at = unpack(data, at)
            result.append(value)
        return result, at
    raise ValueError(f"byte {first:#x}")


class RpcError(Exception):
    def __init__(self, error):
        super().__init__(error)
        self.code, self.text = error[0], error[1]


class Client:
    """A connection to a service on a Unix socket."""

    def __init__(self, path, major=1, hello=True, timeout=30):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)  # which waits, where there is no room, only as long as it has no time limit
        self.socket.settimeout(timeout)
        self.data = b""
        self.next_id = 0
        if hello:
            try:
                self.call("$/hello", major, "test")
            except (RpcError, EOFError):
                self.close()
                raise

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, *message):
        self.socket.sendall(pack(message))

    def receive(self):
        """The next message, None at the end of the connection."""
        while True:
            try:
                value, used = unpack(self.data)
                self.data = self.data[used:]
                return value
            except Short:
                pass
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            self.data += more

    def call(self, method, *params):
        number = self.next_id
        self.next_id += 1
        try:
            self.send(0, number, method, params)
        except BrokenPipeError:
            pass  # refused: the answer to it is there before the end
        answer = self.receive()
        if answer is None:
            raise EOFError
        assert answer[0] == 1 and answer[1] == number, answer
        if answer[2] is not None:
            raise RpcError(answer[2])
        return answer[3]
