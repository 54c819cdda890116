#!/usr/bin/env python3
"""records.py [--seconds S] [FILE]: prints a line for each package of an index in Debian's format: name, section, installed KiB, and what it
depends on, with tabs between them. Without FILE it takes what apt knows, or else what is installed. S: takes so long, about."""

import argparse
import subprocess
import sys
import time

WANTED = (b"Package", b"Section", b"Installed-Size", b"Depends")


def index(path):
    if path is None:
        try:
            available = subprocess.run(["apt-cache", "dumpavail"], stdout=subprocess.PIPE, check=True).stdout
            if available:
                return available
        except (OSError, subprocess.CalledProcessError):
            pass
        path = "/var/lib/dpkg/status"
    with open(path, "rb") as f:
        return f.read()


def record(stanza):
    fields = dict.fromkeys(WANTED, b"")
    for line in stanza.split(b"\n"):
        key, colon, value = line.partition(b":")
        if colon and key in fields:
            fields[key] = value.strip().replace(b"\t", b" ")
    return b"\t".join(fields.values()) + b"\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("file", nargs="?")
    args = parser.parse_args()
    stanzas = [s for s in index(args.file).split(b"\n\n") if b"Package:" in s]
    print(f"{len(stanzas)} packages", file=sys.stderr, flush=True)
    begin = time.monotonic()
    for i, stanza in enumerate(stanzas):
        if i % 100 == 0:
            sys.stdout.buffer.flush()
            time.sleep(max(0, begin + args.seconds * i / len(stanzas) - time.monotonic()))
        sys.stdout.buffer.write(record(stanza))


if __name__ == "__main__":
    main()
