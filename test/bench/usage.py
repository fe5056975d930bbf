"""What a command costs: CPU, wall time and peak memory of it and of every process below it.

A process that only starts the command and waits is the reaper of every orphan below it (PR_SET_CHILD_SUBREAPER,
prctl(2)). So a descendant is waited for by its parent, or, if that has gone away (daemons, masters of connections), by
this process, and in the end RUSAGE_CHILDREN of getrusage(2) holds the whole tree, by the exact clock of the scheduler.
What is still there when the command has ended is told to end, and counts up to then.

One thing hides from that: the kernel reaps the children of a process that ignores SIGCHLD itself, and drops their
time. `watched=True` finds it: a counter of perf_event_open(2) that all descendants inherit stands beside, however they
end. It also samples memory. Both disturb the command, so that is for a round that does not count.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import struct
import subprocess
import tempfile
import time

from processes import become_subreaper, die_with_parent, libc

SYS_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}.get(os.uname().machine)
SAMPLE_INTERVAL = 0.02


class Usage:
    """Runs a command to its end in the home folder of the fleet's client.

    code is its exit code, or None when it took longer than `limit` seconds and was ended; output and errors are what it
    printed. cpu and wall are seconds; left_behind is how many processes outlived it. With `watched` also: counted is
    the CPU according to the kernel's own counter, None where that is not permitted; peak_bytes is the largest sum of
    proportional set sizes, None when one of the processes may not be looked at or all were too quick; peak_connections
    is how many TCP connections to `port` were established at once.
    """

    def __init__(self, command, fleet, env=None, watched=False, port=None, limit=600.0):
        self.peak_bytes, self.peak_connections, self.counted = (0, 0, None) if watched else (None, None, None)
        self.code, self.cpu, self.wall, self.left_behind = None, 0.0, limit, 0
        # Files, not pipes: nobody has to read while the command runs, and what outlives it does not hold them open.
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            reader, writer = os.pipe()
            supervisor = os.fork()
            if supervisor == 0:
                os.close(reader)
                _supervise(command, {"cwd": fleet.home, "env": env or fleet.environment(),
                                     "stdin": subprocess.DEVNULL, "stdout": output, "stderr": errors}, watched, writer)
            os.close(writer)
            try:
                report = self._await(reader, supervisor, watched, port, time.monotonic() + limit)
            finally:
                _end_tree(supervisor)
                os.close(reader)
            if report:
                vars(self).update(json.loads(report))
            self.peak_bytes = self.peak_bytes or None
            output.seek(0)
            errors.seek(0)
            self.output, self.errors = output.read(), errors.read()

    def _await(self, reader, supervisor, watched, port, end):
        while time.monotonic() < end:
            ready, _, _ = select.select([reader], [], [], SAMPLE_INTERVAL if watched else 1.0)
            if ready:
                with open(reader, "rb", closefd=False) as file:
                    return file.read()
            if watched:
                self._sample(supervisor, port)
        return b""

    def _sample(self, supervisor, port):
        self.peak_connections = max(self.peak_connections, _connections_to(port))
        total = 0
        for pid in _below(supervisor):
            size = _proportional_size(pid)
            if size is None:
                self.peak_bytes = None
            total += size or 0
        if self.peak_bytes is not None:
            self.peak_bytes = max(self.peak_bytes, total)


def _supervise(command, options, watched, writer):
    """The process between; does not return."""
    try:
        die_with_parent()
        become_subreaper()
        counter = TaskClock() if watched else None
        begin = time.monotonic()
        child = subprocess.Popen(command, **options)
        code = child.wait()
        wall = time.monotonic() - begin
        left_behind = _end_children()
        resources = resource.getrusage(resource.RUSAGE_CHILDREN)
        report = {"code": code, "wall": wall, "cpu": resources.ru_utime + resources.ru_stime,
                  "left_behind": left_behind, "counted": counter.seconds() if counter else None}
        os.write(writer, json.dumps(report).encode())
    except BaseException as error:  # for instance a program that is not there
        options["stderr"].write(f"{command[0]}: {error}\n".encode())
        options["stderr"].flush()
    finally:
        os._exit(0)


def _end_tree(supervisor):
    """After a run that took too long or was interrupted, ends all of it; the supervisor reaps, and ends by itself."""
    end = time.monotonic() + 10
    while os.waitpid(supervisor, os.WNOHANG) == (0, 0):
        for pid in _below(supervisor) or ([supervisor] if time.monotonic() > end else []):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)


def _end_children():
    """Ends and reaps all that is left; how many processes were running still."""
    left, patience = set(), time.monotonic() + 5
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return len(left)
        if pid:
            continue
        for pid in _below(os.getpid()):  # zombies as well, which does no harm
            if time.monotonic() > patience or pid not in left:
                left.add(pid)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL if time.monotonic() > patience else signal.SIGTERM)
        time.sleep(0.005)


class TaskClock:
    """The time that this process and all that it will start have run, less its own."""

    def __init__(self):
        # struct perf_event_attr: PERF_TYPE_SOFTWARE, size, PERF_COUNT_SW_TASK_CLOCK; flags: inherit, and
        # exclude_kernel, which those need who may not look at the kernel, and which a clock does not heed.
        attributes = struct.pack("=IIQQQQQIIQ", 1, 64, 1, 0, 0, 0, 1 << 1 | 1 << 5, 0, 0, 0)
        self._descriptor = -1
        if SYS_PERF_EVENT_OPEN:
            buffer = ctypes.create_string_buffer(attributes, 64)
            self._descriptor = libc.syscall(SYS_PERF_EVENT_OPEN, buffer, 0, -1, -1, 0)
        self._begin = time.process_time()

    def seconds(self):
        if self._descriptor < 0:
            return None
        (nanoseconds,) = struct.unpack("=Q", os.read(self._descriptor, 8))
        return nanoseconds / 1e9 - (time.process_time() - self._begin)


def _below(root):
    """The pids below `root`. A list of children skips one now and then while its neighbours end (proc_pid_children(5));
    but only these processes are looked at, however many there are on the machine."""
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                    below = [int(child) for child in file.read().split()]
                found += below
                waiting += below
    return found


def _proportional_size(pid):
    """Bytes: what it has alone, and its share of what it shares. 0 when it has gone away, None when nobody may look."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return 1024 * int(line.split()[1])
    except PermissionError:
        return None
    except OSError:
        pass
    return 0


def _connections_to(port):
    """Established connections, as clients see them: the remote port, state 1 of proc_net_tcp."""
    remote = b":%04X" % port if port else b""
    with open("/proc/net/tcp", "rb") as file:
        return sum(1 for line in file if (fields := line.split())[3] == b"01" and fields[2].endswith(remote))
