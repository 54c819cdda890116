"""A virtual machine that runs a shell script over programs of this one, and says on its serial line what came of it."""

import glob
import os
import re
import shutil
import subprocess

QEMU = "qemu-system-x86_64"
PATHS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")


def kernel():
    """The path of a kernel that can be started: of $SPORE_TEST_KERNEL, or that of a Debian package. None: there is none."""
    given = os.environ.get("SPORE_TEST_KERNEL")
    return next((path for path in [given] if path), None) or next(
        (path for path in sorted(glob.glob("/boot/vmlinuz-*-amd64"), reverse=True) if os.access(path, os.R_OK)), None)


def missing():
    """Why no machine can be started here; None when one can."""
    if shutil.which(QEMU) is None:
        return f"no {QEMU} (Debian: qemu-system-x86)"
    if kernel() is None:
        return "no kernel in /boot that can be read, nor $SPORE_TEST_KERNEL (Debian: linux-image-cloud-amd64)"
    return None


def libraries(program):
    """The shared libraries that a program is linked with, and its loader."""
    out = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return re.findall(r"(?:=> |^\s*)(/\S+)", out, re.M)


class Archive:
    """An initramfs: cpio as of `newc`. https://docs.kernel.org/driver-api/early-userspace/buffer-format.html"""

    def __init__(self):
        self.parts = []
        self.names = {""}

    def add(self, name, mode, data=b"", device=(0, 0)):
        name = name.strip("/")
        if name in self.names:
            return
        if os.path.dirname(name) not in self.names:
            self.add(os.path.dirname(name), 0o40755)
        self.names.add(name)
        number = len(self.names)
        text = name.encode() + b"\0"
        fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(text), 0]
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + text
        for part in (head, data):
            self.parts.append(part + b"\0" * (-len(part) % 4))

    def folder(self, name, mode=0o755):
        self.add(name, 0o40000 | mode)

    def file(self, name, data, mode=0o755):
        self.add(name, 0o100000 | mode, data)

    def program(self, path, name=None):
        """With the libraries that it needs."""
        for each in [path, *libraries(path)]:
            with open(each, "rb") as f:
                self.file(name if name and each == path else each, f.read())

    def write(self, path):
        self.add("TRAILER!!!", 0o100644)
        with open(path, "wb") as f:
            f.write(b"".join(self.parts))


def pack(path, script, programs, tools):
    """PROGRAMS are paths by their names in the machine, TOOLS names of those of this one; SCRIPT is run by sh, as process 1."""
    archive = Archive()
    for name in ("proc", "sys", "tmp", "run", "etc", "dev"):
        archive.folder(name, 0o1777 if name == "tmp" else 0o755)
    archive.add("dev/console", 0o20600, device=(5, 1))
    archive.add("dev/null", 0o20666, device=(1, 3))
    archive.file("etc/passwd", b"root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\n", 0o644)
    archive.folder("root")
    for name, program in programs.items():
        archive.program(program, name)
    for tool in tools:
        found = shutil.which(tool, path=":".join(PATHS))
        archive.program(os.path.realpath(found), "/bin/" + tool)
    archive.file("init", script.encode())
    archive.write(path)


def run(initramfs, log, memory=512, timeout=300):
    """What it said. By emulation: what may use the processor's help is not the same everywhere."""
    argv = [QEMU, "-nodefaults", "-no-reboot", "-display", "none", "-m", str(memory), "-smp", "1",
            "-machine", "pc,accel=tcg",
            "-serial", "file:" + log, "-kernel", kernel(), "-initrd", initramfs,
            "-append", "console=ttyS0 quiet loglevel=0 panic=-1"]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False)
    with open(log, errors="replace") as f:
        return f.read().replace("\r", "") + done.stderr
