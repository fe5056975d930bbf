"""Runs the program and all its processes under callgrind, and reads how many instructions each of them took.

What callgrind counts are instructions of user space; system calls cost it nothing. It simulates a processor of its own,
the same on all that have AVX2, and `ENVIRONMENT` takes away what still differs.
"""

import collections
import contextlib
import os
import re
import socket
import struct
import threading

# Valgrind counts every round of `rep stosb` as an instruction, which makes clearing a kilobyte cost a thousand: without
# ERMS and FSRM the C library uses vectors. Of OpenSSL's code for random numbers from the processor (RDRAND, RDSEED) and for ADX,
# SHA and AVX-512, some versions of valgrind offer some.
ENVIRONMENT = {
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-ERMS,-FSRM",
    "OPENSSL_ia32cap": "~0x4000000000000000:~0x0000fffefc2f0000",
}

# Functions of callgrind_stand_ins.cpp.
CHILD, WORKER, WORKERS = "instructions_of_a_child", "instructions_of_a_worker", "instructions_of_the_workers"
STAND_INS = "callgrind_stand_ins.so"


class Outside:
    """Makes the pidfds that a program under valgrind asks for, over a socket."""

    def __init__(self, path):
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.bind(path)
        self._socket.listen(64)
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # ends accept()
        self._socket.close()

    def _serve(self):
        while True:
            try:
                channel, _ = self._socket.accept()
            except OSError:
                return
            with channel:
                self._answer(channel)

    @staticmethod
    def _answer(channel):
        packet = channel.recv(16)
        if len(packet) != 4:
            return
        (pid,) = struct.unpack("=i", packet)
        try:
            descriptor = os.pidfd_open(pid)
        except OSError as failure:
            channel.send(struct.pack("=i", failure.errno))
            return
        try:
            socket.send_fds(channel, [struct.pack("=i", 0)], [descriptor])
        finally:
            os.close(descriptor)


class Profile:
    """What one process counted; `own` and `inclusive` are instructions by function.

    The stand-ins' own instructions are left out. Frames above the fork that made the process are in `inclusive` too.
    """

    def __init__(self, path):
        self.own, self.inclusive = collections.Counter(), collections.Counter()
        self.seen = set()  # names of functions of the stand-ins
        self._names = {"fn": {}, "ob": {}}
        self._read(path)
        self.total = sum(self.own.values())

    def _name(self, table, text):
        """Callgrind writes a name once, with a number, and then the number alone: `(12) main`, `(12)`."""
        number, name = re.fullmatch(r"\((\d+)\)(?: (.*))?", text).groups()
        if name is not None:
            self._names[table][number] = name
        return self._names[table][number]

    def _function(self, text, library):
        name = self._name("fn", text)
        if os.path.basename(library) == STAND_INS:
            self.seen.add(name)
            return None
        return f"{name} [{os.path.basename(library)}]" if ".so" in library else name

    def _read(self, path):
        library = called_library = ""
        function = called = None
        is_call = False
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                key, equals, value = line.rstrip("\n").partition("=")
                if not equals:
                    words = line.split()
                    if len(words) != 2 or not re.fullmatch(r"[+*-]?\d*", words[0]):
                        continue
                    # Below `calls=` stands what the calls took altogether. A function does not contain itself.
                    if not is_call and function:
                        self.own[function] += int(words[1])
                    if function and (not is_call or called != function):
                        self.inclusive[function] += int(words[1])
                    if is_call:
                        is_call, called_library = False, ""
                elif key == "ob":
                    library = self._name("ob", value)
                elif key == "cob":
                    called_library = self._name("ob", value)
                elif key == "fn":
                    function = self._function(value, library)
                elif key == "cfn":
                    called = self._function(value, called_library or library)
                elif key == "calls":
                    is_call = True


class Run:
    """The profiles of one run: parent, key holder, spawner at its start and while it makes workers, workers."""

    def __init__(self, folder):
        self.workers = []
        self.parent = self.key_holder = self.spawner_start = self.spawner = None
        profiles = {name: Profile(os.path.join(folder, name)) for name in os.listdir(folder)}
        for name, profile in profiles.items():
            pid, _, part = name.removeprefix("profile.").partition(".")
            if WORKER in profile.seen:
                self.workers.append(profile)
            elif WORKERS in profile.seen:
                self.spawner, self.spawner_start = profile, profiles.get(f"profile.{pid}.1")
            elif CHILD in profile.seen and f"profile.{pid}.1" not in profiles:
                self.key_holder = profile
            elif CHILD not in profile.seen and not part:
                self.parent = profile

    @property
    def is_whole(self):
        return all(profile and profile.total for profile in
                   (self.parent, self.key_holder, self.spawner, self.spawner_start, *self.workers))


def run(fleet, command, stand_ins, name, **environment):
    """Runs a command of the program to its end; (its Result, the Run)."""
    folder = fleet.path(f"callgrind-{name}")
    os.mkdir(folder, 0o700)
    with Outside(fleet.path(f"outside-{name}")) as outside:
        result = fleet.run(
            "--tool=callgrind", "--vgdb=no", "-q", f"--log-file={fleet.path(f'log-{name}')}.%p",
            f"--callgrind-out-file={folder}/profile.%p", f"--zero-before={CHILD}", f"--zero-before={WORKER}",
            f"--dump-before={WORKERS}", *command, program="valgrind", timeout=120,
            env={**ENVIRONMENT, "LD_PRELOAD": stand_ins, "FANOUT_PIDFD_SOCKET": outside.path, **environment})
    return result, Run(folder)
