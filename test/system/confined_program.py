"""A task that tries to reach what it was not wired to, and says of each attempt how it ended: `attempt WHAT REACHED` or the error's name. First it
opens its ports, and greets whoever is behind them. Its argument is JSON: what there is to be reached (test_confined)."""

import ctypes
import errno
import json
import os
import signal
import socket
import sys

from ports_program import Channel, Control, say

SYS_PIDFD_SEND_SIGNAL, SYS_PIDFD_OPEN, SYS_PIDFD_GETFD, SYS_IO_URING_SETUP = 424, 434, 438, 425
PTRACE_ATTACH, PTRACE_DETACH = 16, 17
libc = ctypes.CDLL(None, use_errno=True)


def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result


def attempt(what, how, *args):
    try:
        how(*args)
        say("attempt", what, "REACHED")
    except OSError as e:
        say("attempt", what, errno.errorcode.get(e.errno, str(e)))


def connect(path, kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_UNIX, kind) as s:
        s.settimeout(10)
        s.connect(path)


def send_from_a_pair(path, kind=socket.SOCK_DGRAM):
    """Each end of a pair of these is a socket that can send to any address."""
    a, b = socket.socketpair(socket.AF_UNIX, kind)
    with a, b:
        if kind == socket.SOCK_STREAM:
            a.connect(path)
        else:
            a.sendto(b"READY=1", path)


def open_and_close(path, flags):
    os.close(os.open(path, flags | os.O_NONBLOCK))


class Piece(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def copy_memory(call, pid, address):
    here = ctypes.create_string_buffer(8)
    ours = Piece(ctypes.cast(here, ctypes.c_void_p), 8)
    theirs = Piece(address, 8)
    checked(call(pid, ctypes.byref(ours), ctypes.c_ulong(1), ctypes.byref(theirs), ctypes.c_ulong(1), ctypes.c_ulong(0)))


def trace(pid):
    checked(libc.ptrace(PTRACE_ATTACH, pid, None, None))
    os.waitpid(pid, 0)
    libc.ptrace(PTRACE_DETACH, pid, None, None)


def take_descriptor(pid, fd):
    pidfd = checked(libc.syscall(SYS_PIDFD_OPEN, pid, 0))
    try:
        os.close(checked(libc.syscall(SYS_PIDFD_GETFD, pidfd, fd, 0)))
    finally:
        os.close(pidfd)


def signal_by_descriptor(pid):
    pidfd = checked(libc.syscall(SYS_PIDFD_OPEN, pid, 0))
    try:
        checked(libc.syscall(SYS_PIDFD_SEND_SIGNAL, pidfd, signal.SIGCONT, None, 0))
    finally:
        os.close(pidfd)


def limit(pid):
    """Sets what it finds: a limit that is lower would end the other."""
    had = (ctypes.c_ulong * 2)()
    checked(libc.prlimit(pid, 7, None, ctypes.byref(had)))
    checked(libc.prlimit(pid, 7, ctypes.byref(had), None))


def ring_io():
    params = ctypes.create_string_buffer(120)
    os.close(checked(libc.syscall(SYS_IO_URING_SETUP, 1, params)))


def try_all(there):
    for what, path in there["sockets"].items():
        attempt("connect " + what, connect, path)
        attempt("pair " + what, send_from_a_pair, path, socket.SOCK_STREAM)
    for what, path in there["datagrams"].items():
        attempt("connect " + what, connect, path.replace("@", "\0"), socket.SOCK_DGRAM)
        attempt("pair " + what, send_from_a_pair, path.replace("@", "\0"))
        attempt("raw pair " + what, send_from_a_pair, path.replace("@", "\0"), socket.SOCK_RAW)
    attempt("connect abstract", connect, there["abstract"].replace("@", "\0"))
    for what, path in there["fifos"].items():
        attempt("read " + what, open_and_close, path, os.O_RDONLY)
        attempt("write " + what, open_and_close, path, os.O_RDWR)
        attempt("link " + what, os.link, path, os.path.join(there.get("own", os.environ.get("SPORE_PORTS")), "linked"))
        attempt("move " + what, os.rename, path, os.path.join(there.get("own", os.environ.get("SPORE_PORTS")), "moved"))
    for what, path in there["folders"].items():
        attempt("list " + what, os.listdir, path)
    for what, p in there["processes"].items():
        pid = p["pid"]
        attempt(f"list descriptors of {what}", os.listdir, f"/proc/{pid}/fd")
        attempt(f"environment of {what}", open_and_close, f"/proc/{pid}/environ", os.O_RDONLY)
        attempt(f"memory of {what}", open_and_close, f"/proc/{pid}/mem", os.O_RDWR)
        attempt(f"map of {what}", open_and_close, f"/proc/{pid}/maps", os.O_RDONLY)
        attempt(f"read memory of {what}", copy_memory, libc.process_vm_readv, pid, p["address"])
        attempt(f"write memory of {what}", copy_memory, libc.process_vm_writev, pid, p["address"])
        attempt(f"trace {what}", trace, pid)
        attempt(f"limit {what}", limit, pid)
        attempt(f"signal {what}", os.kill, pid, signal.SIGCONT)
        attempt(f"signal by descriptor {what}", signal_by_descriptor, pid)
        for fd in p["channels"]:
            attempt(f"open channel of {what}", open_and_close, f"/proc/{pid}/fd/{fd}", os.O_RDWR)
            attempt(f"take channel of {what}", take_descriptor, pid, fd)
    attempt("make io_uring", ring_io)


def main():
    there = json.loads(sys.argv[1])
    control = Control()
    for port in there["ports"]:
        control.open(port)
    control.say("ready")
    try_all(there)
    a, b = socket.socketpair()  # what is no way out stays
    a.sendall(b"x")
    assert b.recv(1) == b"x"
    say("tried all")
    while True:
        message = control.hear()
        if message[0] != "channel":
            say(*message)
            continue
        channel = Channel(message)
        say("channel", channel.port, channel.map.get("peer"))
        channel.send(b"hello " + str(os.getpid()).encode())
        while (got := channel.receive()) == []:
            pass
        say("got", channel.port, got)


if __name__ == "__main__":
    main()
