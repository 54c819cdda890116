#!/usr/bin/env python3
"""Writes the numbers from 1 to N, one a line. Nothing in it is about spore: stdout is a pipe to whoever is wired to it."""

import sys

last = int(sys.argv[1])
for number in range(1, last + 1):
    print(number)
# stderr is always logged, whatever stdout is wired to.
print(f"counted to {last}", file=sys.stderr)
