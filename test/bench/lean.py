"""Thousands of hosts for a benchmark: one lean_server (test/fleet) on loopback, and a client's home that knows them all.

The server takes little CPU and holds commands until so many are in flight at one time, so a benchmark can say "all at
once" and be right. Every address 127.x.y.z is a host; they share one host key, but each has its line in known_hosts.
"""

import contextlib
import json
import os
import random
import re
import resource
import select
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

BENCH = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(BENCH))
sys.path.insert(0, os.path.join(ROOT, "test", "fleet"))

from daemons import make_key, public_key  # noqa: E402
from processes import end, peak_memory_kib, spawn  # noqa: E402

USER = "bench"
MANY_DESCRIPTORS = 200_000
PATIENCE_SECONDS = 600
ROLES = ("parent", "spawner", "key holder", "worker")
DEFAULT_PROGRAM = os.path.join(ROOT, "build", "src", "fanout")
DEFAULT_SERVER = os.path.join(ROOT, "build", "test", "fleet", "lean_server")


def raise_descriptor_limit():
    """For this process and its children: to the hard limit, and beyond it where the system lets root (CAP_SYS_RESOURCE)."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(hard, MANY_DESCRIPTORS), max(hard, MANY_DESCRIPTORS)))
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def executable(path, name):
    path = os.path.abspath(path)
    if not os.access(path, os.X_OK):
        sys.exit(f"{name}: {path} is not there; build it or name another one")
    return path


@dataclass
class Held:
    """A run whose hosts the server holds."""
    client: subprocess.Popen
    peak_rss_kib: int = 0  # of the parent, known when the run has ended


class LeanFleet:
    """Use it with `with`: it ends the server and removes the files."""

    def __init__(self, server, hosts):
        self.folder = tempfile.mkdtemp(prefix="fanout-bench-")
        self.server = None
        try:
            self.home = os.path.join(self.folder, "home")
            os.makedirs(os.path.join(self.home, ".ssh"), 0o700)
            self.key = os.path.join(self.home, ".ssh", "id_ed25519")
            make_key(self.key, "ed25519")
            host_key = os.path.join(self.folder, "host_key")
            make_key(host_key, "ed25519")
            self.errors_path = os.path.join(self.folder, "server.log")
            with open(self.errors_path, "wb") as log:
                self.server = spawn([server, "--host-key", host_key, "--authorized-keys", self.key + ".pub"],
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
            self.port = int(self._answer(10))
            network = f"127.{random.randint(16, 254)}"
            self.addresses = [f"{network}.{number // 250}.{number % 250 + 1}" for number in range(hosts)]
            with open(os.path.join(self.home, ".ssh", "known_hosts"), "w", encoding="ascii") as file:
                file.writelines(f"[{address}]:{self.port} {public_key(host_key)}\n" for address in self.addresses)
        except BaseException:
            self.close()
            raise

    # --- the server -------------------------------------------------------------------------------------------------

    def order(self, text):
        self.server.stdin.write(text.encode() + b"\n")
        self.server.stdin.flush()

    def _answer(self, timeout):
        """The next line that the server prints. Nothing else of ours reads this pipe, and it is read by whole lines."""
        line = b""
        until = time.monotonic() + timeout
        while not line.endswith(b"\n"):
            ready = select.select([self.server.stdout], [], [], max(0.0, until - time.monotonic()))[0]
            byte = os.read(self.server.stdout.fileno(), 1) if ready else b""
            if not byte:
                with open(self.errors_path, encoding="utf-8", errors="replace") as file:
                    raise RuntimeError(f"the server says nothing: {file.read()[-500:]}")
            line += byte
        return line.decode()

    def statistics(self):
        """What the server has seen since the last call."""
        self.order("statistics")
        return json.loads(self._answer(30))

    # --- the client -------------------------------------------------------------------------------------------------

    def command(self, program, hosts, command, *options):
        """The program's command line for the first so many hosts, all of them at once."""
        with open(os.path.join(self.home, "hosts"), "w", encoding="ascii") as file:
            file.writelines(address + "\n" for address in self.addresses[:hosts])
        return [program, "exec", "--hosts-file", "hosts", "-f", str(hosts), "-u", USER, "-P", str(self.port),
                "-k", self.key, "--agent", "no", "--sandbox", "require", "-L", *options, command]

    def environment(self):
        return {"HOME": self.home, "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TMPDIR": self.folder}

    @contextlib.contextmanager
    def held(self, command, at_once):
        """Runs it, and while the block runs, so many of its hosts are in flight and wait. Afterwards it runs to its end."""
        self.order(f"keep {at_once}")
        with open(os.path.join(self.folder, "client.log"), "wb") as log:
            run = Held(spawn(command, cwd=self.home, env=self.environment(), stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=log))
        try:
            if self._answer(PATIENCE_SECONDS) != "held\n":
                raise RuntimeError("the server says something else than `held`")
            yield run
            self.order("release")
            while run.client.poll() is None:
                run.peak_rss_kib = max(run.peak_rss_kib, peak_memory_kib(run.client.pid))
                time.sleep(0.02)
            self.statistics()
        finally:
            end(run.client)

    def close(self):
        if self.server:
            self.server.stdin.close()
            end(self.server)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def lost_of(output, errors, hosts, text):
    """How many of the hosts have no output, or no record that says ok."""
    found = re.search(rf"(\d+) hosts?, (\d+) ok".encode(), errors)
    ok = int(found[2]) if found and int(found[1]) == hosts else 0
    printed = {line.partition(b": ")[0] for line in output.splitlines() if line.endswith(b": " + text)}
    return hosts - min(ok, len(printed))


# --- memory ---------------------------------------------------------------------------------------------------------


def tree_of(parent):
    """pid to role ("parent", "spawner", "key holder", "worker") of a run. All are children of the parent; which is
    which, their titles say."""
    roles = {parent: "parent"}
    with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as file:
        for pid in map(int, file.read().split()):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file_of_one:
                    title = file_of_one.read().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            roles[pid] = next(role for role in ROLES[1:] if f"fanout: {role}" in title)
    return roles


def memory_of(pid):
    """The sums of smaps_rollup (proc(5)) in KiB, or None when the process has gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            rows = [line.split() for line in file if line.endswith("kB\n")]
    except OSError:
        return None
    return {row[0].rstrip(":"): int(row[1]) for row in rows} if rows else None
