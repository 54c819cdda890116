"""Programs that speak one protocol each, and know of no other: bridge_programs.py WHAT."""

import json
import os
import struct
import sys
import time

IN, OUT = sys.stdin.buffer, sys.stdout.buffer


def note(*words):
    print(*words, file=sys.stderr, flush=True)


def read_lsp():
    length = 0
    while True:
        line = IN.readline()
        if not line:
            return None
        if not line.strip():
            return json.loads(IN.read(length))
        key, value = line.split(b":")
        if key.lower() == b"content-length":
            length = int(value)


def write_lsp(message):
    body = json.dumps(message).encode()
    OUT.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    OUT.flush()


def lsp_server():
    """Answers `echo` and `pid`; `hang` has no answer; `die` ends it; `fail` has an error; `tell` notifies the client."""
    note("begins", os.getpid())
    while (m := read_lsp()) is not None:
        note("got", m.get("method"))
        answer = {"jsonrpc": "2.0", "id": m.get("id")}
        if m["method"] == "$/cancelRequest":
            write_lsp(answer | {"id": m["params"]["id"], "error": {"code": -32800, "message": "cancelled"}})
        elif m["method"] == "die":
            os._exit(3)
        elif m["method"] == "fail":
            write_lsp(answer | {"error": {"code": -32001, "message": "no", "data": [1, 2]}})
        elif m["method"] == "tell":
            write_lsp({"jsonrpc": "2.0", "method": "told", "params": m["params"]})
        elif "id" in m and m["method"] != "hang":
            write_lsp(answer | {"result": os.getpid() if m["method"] == "pid" else m.get("params")})
    note("ends")


def commands():
    """The lines of the file that FILE names, as they are written."""
    with open(os.environ["COMMANDS"], "rb") as f:
        while True:
            line = f.readline()
            if line.endswith(b"\n"):
                yield line
            else:
                f.seek(-len(line), 1)
                time.sleep(0.01)


def lines_client():
    """Sends each line of COMMANDS, and notes what comes."""
    note("begins", os.getpid())
    if os.fork() == 0:
        for line in commands():
            OUT.write(line)
            OUT.flush()
    for line in IN:
        note("heard", line.decode().rstrip("\n"))
    note("end")


def filter_of_lines():
    """One line of JSON for each, in order: {"n": N} becomes {"n": N, "twice": 2 N}."""
    note("begins", os.getpid())
    for line in IN:
        value = json.loads(line)
        note("got", line.decode().rstrip("\n"))
        if value.get("hang"):
            continue
        value["twice"] = 2 * value["n"]
        OUT.write(json.dumps(value).encode() + b"\n")
        OUT.flush()
    note("ends")


def take_u32be():
    """Notes each message of the framing u32be."""
    while len(head := IN.read(4)) == 4:
        note("took", IN.read(struct.unpack(">I", head)[0]))
    note("ends")


if __name__ == "__main__":
    globals()[sys.argv[1]]()
