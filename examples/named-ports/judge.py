#!/usr/bin/env python3
"""Reads values from a FIFO; asks for the root of each over a socket, and adds up the answers."""
import os
import socket

ports = os.environ["SPORE_PORTS"]
ask = socket.socket(socket.AF_UNIX)
ask.connect(os.path.join(ports, "ask"))
oracle = ask.makefile("rw")
total = 0
with open(os.path.join(ports, "values")) as values:
    for value in values:
        oracle.write(value)
        oracle.flush()
        total += int(oracle.readline())
print(f"the roots are {total} together", flush=True)
