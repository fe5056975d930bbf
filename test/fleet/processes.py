"""Programs under test and what they leave behind.

This process becomes the reaper of every orphan below it (PR_SET_CHILD_SUBREAPER, prctl(2)), so a process that
outlives the program that started it cannot hide: it turns up as a descendant of this one.
"""

import contextlib
import ctypes
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from dataclasses import dataclass, field

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
libc = ctypes.CDLL(None, use_errno=True)

# Children of this process that belong to the harness: servers, agents, the programs under test. Whatever else
# turns up below this process is an orphan.
known_pids = set()


def become_subreaper():
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def die_with_parent():
    """For preexec_fn: the child gets SIGKILL when the thread that started it ends, which should be the main one."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def wait_until(condition, timeout=5.0, interval=0.01):
    """The first true value of condition(), or its last value when the time is over."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(interval)


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    session: int
    state: str
    name: str
    command: str

    def __str__(self):
        return f"{self.pid} {self.state} {self.command or self.name}"


def read_process(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read()
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            command = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return None
    name, rest = text[text.index("(") + 1:text.rindex(")")], text[text.rindex(")") + 2:].split()
    return Process(pid, int(rest[1]), int(rest[3]), rest[0], name, command)


def all_processes():
    found = (read_process(int(entry)) for entry in os.listdir("/proc") if entry.isdigit())
    return {process.pid: process for process in found if process}


def below(root, processes=None):
    """Every process below the pid `root`."""
    processes = processes or all_processes()
    children = {}
    for process in processes.values():
        children.setdefault(process.parent, []).append(process)
    found, waiting = [], [root]
    while waiting:
        for process in children.get(waiting.pop(), []):
            found.append(process)
            waiting.append(process.pid)
    return found


def orphans():
    """Processes that have been left to this one. Those that are dead are reaped and not listed."""
    found = []
    for process in below(os.getpid()):
        if process.parent != os.getpid() or process.pid in known_pids:
            continue
        if process.state == "Z":
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process.pid, os.WNOHANG)
        else:
            found.append(process)
    return found


def kill_orphans():
    for process in orphans():
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: not orphans(), 2)


def spawn(arguments, **options):
    """A helper of the harness that dies with it."""
    child = subprocess.Popen(arguments, preexec_fn=die_with_parent, **options)
    known_pids.add(child.pid)
    return child


def end(child, patience=2.0):
    """Ends one child by its pid, politely first."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    known_pids.discard(child.pid)


def status_kib(pid, name):
    """A size of /proc/PID/status, or 0 when the process is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            found = re.search(rf"^{name}:\s+(\d+) kB", file.read(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def peak_memory_kib(pid):
    """The most memory that a process has had resident, or 0 when it is gone."""
    return status_kib(pid, "VmHWM")


def expand(folded):
    """The names of `web[01-03,07],db`, which is how the program prints them."""
    names = []
    for word in re.findall(r"(?:[^,\[]|\[[^\]]*\])+", folded):
        bracket = re.fullmatch(r"([^\[]*)\[([^\]]*)\](.*)", word)
        if not bracket or ":" in bracket[2]:
            names.append(word)
            continue
        for part in bracket[2].split(","):
            first, _, last = part.partition("-")
            for number in range(int(first), int(last or first) + 1):
                names += expand(f"{bracket[1]}{number:0{len(first)}}{bracket[3]}")
    return names


@dataclass
class Result:
    """How a run ended, and what it printed."""
    code: int
    out: bytes
    err: str
    seconds: float
    peak_kib: int = 0
    leftover: list = field(default_factory=list)

    def __str__(self):
        return (f"exit code {self.code} after {self.seconds:.2f} s\n"
                f"--- stdout\n{self.out[-4000:].decode(errors='backslashreplace')}\n--- stderr\n{self.err[-8000:]}")

    @property
    def text(self):
        return self.out.decode(errors="surrogateescape")

    @property
    def blocks(self):
        """What each host wrote to stdout, from the blocks of --output block."""
        return self._blocks(self.out, rb"")

    @property
    def error_blocks(self):
        return self._blocks(self.err.encode(errors="surrogateescape"), rb" \(stderr\)")

    @staticmethod
    def _blocks(text, which):
        found = {}
        for part in re.split(rb"^(?=== |fanout: )", text, flags=re.MULTILINE):
            header = re.match(rb"== (\S+)" + which + rb"(?:: [^\n]*)? ==\n", part)
            if header:
                name = header[1].decode()
                assert name not in found, f"{name} has two blocks"
                found[name] = part[header.end():]
        return found

    @property
    def counts(self):
        """The first line of the summary: {"hosts": 20, "ok": 18, "failed": 2}."""
        line = re.search(r"^fanout: (\d+ hosts?, .*) in [\d.]+ ?\w+.*$", self.err, re.MULTILINE)
        assert line, f"there is no summary\n{self}"
        counts = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", line[1])}
        return {"hosts" if word == "host" else word: number for word, number in counts.items()}

    @property
    def failures(self):
        """The rows of the summary by host: {"web03": ("unreachable", "connect ...")}."""
        found = {}
        # The last line of ours, not one that a cause only quotes.
        rows = self.err[[line.start() for line in re.finditer(r"^fanout: ", self.err, re.MULTILINE)][-1]:]
        for status, hosts, cause in re.findall(r"^  (\w+) +(\S+) +(.*)$", rows, re.MULTILINE):
            if status in ("truncated", "unknown"):
                continue
            for host in expand(hosts):
                assert host not in found, f"{host} has two records\n{self}"
                found[host] = (status, cause)
        return found

    @property
    def remarks(self):
        """The other rows of the summary: {"unknown": (["db01"], "the remote command may still run")}."""
        rows = re.findall(r"^  (truncated|unknown) +(\S+) +(.*)$", self.err, re.MULTILINE)
        return {word: (expand(hosts), text) for word, hosts, text in rows}

    def assert_code(self, code):
        assert self.code == code, f"expected exit code {code}, but: {self}"
        return self


class Running:
    """A program that has been started, in a session of its own, with no terminal.

    Its output is read by threads all the time, so that it can be looked at while the program runs.
    """

    def __init__(self, arguments, *, env, cwd, stdin=None, stdout=None, stderr=None, preexec=None, own_session=True):
        """`stdin` is bytes to be sent, or a file; `stdout` and `stderr` are files, and otherwise collected.
        Without `own_session` it has only a process group of its own, like a job of a shell."""
        self._own_session = own_session
        self.arguments = arguments
        self._output = {"out": bytearray(), "err": bytearray()}
        self._threads = []
        self._peak_kib = 0
        self._started = time.monotonic()
        self._ended = None
        self._popen(env, cwd, stdin, stdout, stderr, preexec)
        self.pid = self.child.pid
        known_pids.add(self.pid)

    def _popen(self, env, cwd, stdin, stdout, stderr, preexec):
        given = isinstance(stdin, bytes)
        self.child = subprocess.Popen(
            self.arguments, env=env, cwd=cwd, preexec_fn=preexec,
            start_new_session=self._own_session, process_group=None if self._own_session else 0,
            stdin=subprocess.PIPE if given else stdin or subprocess.DEVNULL,
            stdout=stdout or subprocess.PIPE, stderr=stderr or subprocess.PIPE)
        if self.child.stdout:
            self._thread(self._collect, self.child.stdout.fileno(), "out")
        if self.child.stderr:
            self._thread(self._collect, self.child.stderr.fileno(), "err")
        if given:
            self._thread(self._feed, self.child.stdin, stdin)

    def _thread(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _collect(self, descriptor, name):
        # A pty reports EIO when nobody has its other side open any more.
        with contextlib.suppress(OSError):
            while chunk := os.read(descriptor, 1 << 16):
                self._output[name] += chunk

    @staticmethod
    def _feed(file, data):
        with contextlib.suppress(BrokenPipeError), file:
            file.write(data)

    @property
    def out(self):
        return bytes(self._output["out"])

    @property
    def err(self):
        return bytes(self._output["err"]).decode(errors="surrogateescape")

    def expect(self, text, timeout=10.0):
        """Waits until the text has been printed to either stream."""
        def printed():
            return text in self.err or text.encode() in self.out
        # What was printed just before the end may still be in the pipe when the end is seen.
        wait_until(lambda: printed() or self.child.poll() is not None, timeout)
        assert wait_until(printed, 0.5), f"{text!r} was not printed within {timeout} s\n{self._so_far()}"

    def _so_far(self):
        return f"--- stdout\n{self.out[-4000:].decode(errors='backslashreplace')}\n--- stderr\n{self.err[-8000:]}"

    def children(self, name):
        return [process for process in below(self.pid) if process.name.startswith(name) and process.state != "Z"]

    def workers(self, count=None, timeout=5.0):
        """The processes that talk to one host each; waits until there are `count`."""
        wait_until(lambda: count is None or len(self.children("fanout: worker")) >= count, timeout)
        found = self.children("fanout: worker")
        assert count is None or len(found) == count, \
            f"{len(found)} workers instead of {count}: {[str(p) for p in below(self.pid)]}\n{self._so_far()}"
        return found

    def key_holder(self):
        holders = wait_until(lambda: self.children("fanout: key hol"), 5)
        assert len(holders) == 1, f"key holders: {holders}"
        return holders[0]

    def send_signal(self, number):
        self.child.send_signal(number)

    def leftover(self):
        """Processes of this program that run although it has ended."""
        left_to_us = {process.pid for process in orphans()}
        return [process for process in all_processes().values()
                if process.name.startswith("fanout") and process.state != "Z" and process.pid != self.pid
                and (process.session == self.pid or process.pid in left_to_us)]

    def wait(self, timeout=30.0, memory=False):
        """Its Result. A program that does not end in time, or leaves a process behind, is a failure."""
        try:
            if memory:
                while self.child.poll() is None and time.monotonic() < self._started + timeout:
                    self._peak_kib = max(self._peak_kib, peak_memory_kib(self.pid))
                    time.sleep(0.01)
            self.child.wait(max(0.0, self._started + timeout - time.monotonic()))
        except subprocess.TimeoutExpired:
            tree = "\n".join(str(process) for process in below(self.pid))
            self.kill()
            raise AssertionError(f"{' '.join(self.arguments)}\ndid not end within {timeout} s\n"
                                 f"{tree}\n{self._so_far()}") from None
        return self._finish()

    def _finish(self):
        seconds = time.monotonic() - self._started
        # Workers die with their parent, but the kernel may need a moment to deliver the signal.
        wait_until(lambda: not self.leftover(), 2)
        leftover = self.leftover()
        for process in leftover:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        for thread in self._threads:
            thread.join(2)
        self.close()
        orphans()
        result = Result(self.child.returncode, self.out, self.err, seconds, self._peak_kib, leftover)
        assert not leftover, "outlived the program: " + ", ".join(map(str, leftover)) + f"\n{result}"
        return result

    def kill(self):
        for process in below(self.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        self.child.kill()
        self.child.wait()

    def close(self):
        if self.child.poll() is None:
            self.kill()
        known_pids.discard(self.pid)
        for file in (self.child.stdin, self.child.stdout, self.child.stderr):
            if file:
                with contextlib.suppress(OSError):
                    file.close()


class Terminal(Running):
    """A program on a terminal of its own. What it prints to the terminal is `screen`."""

    def _popen(self, env, cwd, stdin, stdout, stderr, preexec):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
        self.modes = termios.tcgetattr(slave)

        def take_terminal():
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            if preexec:
                preexec()

        self.child = subprocess.Popen(
            self.arguments, env={**env, "TERM": "xterm"}, cwd=cwd, start_new_session=True, preexec_fn=take_terminal,
            stdin=slave, stdout=stdout or slave, stderr=stderr or slave)
        self._slave = slave
        self._hung_up = threading.Event()
        self._thread(self._watch)

    def _watch(self):
        # Our own copy of the slave keeps the terminal alive, so its end is the end of the program.
        while not self._hung_up.is_set():
            readable, _, _ = select.select([self.master], [], [], 0.05)
            if readable:
                try:
                    self._output["out"] += os.read(self.master, 1 << 16)
                except OSError:
                    return
            elif self.child.poll() is not None:
                return

    @property
    def screen(self):
        return self.out.decode(errors="backslashreplace")

    def type(self, text):
        os.write(self.master, text.encode())

    def interrupt(self):
        """Ctrl-C."""
        self.type("\x03")

    def echoes(self):
        return bool(termios.tcgetattr(self._slave)[3] & termios.ECHO)

    def modes_are_as_before(self):
        return termios.tcgetattr(self._slave) == self.modes

    def hang_up(self):
        """What happens when the window is closed."""
        self._hung_up.set()
        for thread in self._threads:
            thread.join()
        os.close(self._slave)
        self._slave = -1
        os.close(self.master)
        self.master = -1

    def close(self):
        super().close()
        for descriptor in (self.master, self._slave):
            if descriptor >= 0:
                os.close(descriptor)
        self.master = self._slave = -1
