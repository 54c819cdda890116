#!/usr/bin/env python3
"""Visits the counter once. `every:` in the manifest does it again and again."""

import os
import socket

with socket.create_connection(("127.0.0.1", int(os.environ["PORT"])), timeout=5) as counter:
    counter.sendall(b"hello\n")
    print(counter.makefile().readline().strip())
