"""What a worker may still do when it reads the first byte of its server, seen from outside: /proc and strace(1)."""

import os
import re
import shutil

import pytest

from memory import may_look
from processes import wait_until
from servers import Silent

# The calls by which bytes of a server can come in.
READING = {"read", "readv", "recvfrom", "recvmsg", "recvmmsg", "recv", "pread64", "preadv", "splice"}
OPENING = {"open", "openat", "openat2", "creat"}
PROFILES = os.path.join(os.path.dirname(__file__), "..", "..", "src", "sandbox", "profiles.cpp")


# --- /proc ------------------------------------------------------------------------------------------------------------

def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def limits_of(pid):
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        return {line[:26].strip(): line[26:47].strip() for line in file}


@pytest.fixture
def confined(fleet):
    """A worker that waits for the first byte of a silent server, and one whose command runs."""
    fleet.misbehaving("silent", Silent)
    fleet.openssh("web01")
    fleet.prepare()
    running = fleet.start("exec", "-a", "-L", "--connect-timeout", "60", "echo begun; exec sleep 7901")
    running.expect("begun")
    workers = running.workers(2)
    assert wait_until(lambda: all(status_of(worker.pid)["Seccomp"].strip() == "2" for worker in workers), 5)
    yield fleet, running, workers
    running.send_signal(15)
    running.wait()


def test_workers_are_filtered_before_the_server_says_a_word(confined):
    _, _, workers = confined
    for worker in workers:
        status = status_of(worker.pid)
        assert status["NoNewPrivs"].strip() == "1"
        assert status["Seccomp"].strip() == "2"
        assert int(status["CapEff"], 16) == 0
        limits = limits_of(worker.pid)
        assert limits["Max core file size"] == "0"
        assert limits["Max processes"] == "0"
        assert limits["Max file size"] == "0"
        assert limits["Max open files"] not in ("0", "unlimited") and int(limits["Max open files"]) < 16
        assert limits["Max address space"] != "unlimited"


def test_workers_hold_three_descriptors_and_the_null_device(confined):
    _, _, workers = confined
    try:
        for worker in workers:
            links = {int(number): os.readlink(f"/proc/{worker.pid}/fd/{number}")
                     for number in os.listdir(f"/proc/{worker.pid}/fd")}
            assert [links.pop(number) for number in (0, 1, 2)] == ["/dev/null"] * 3
            assert sorted(link.split(":")[0] for link in links.values()) == ["socket", "socket", "socket"]
    except PermissionError:
        pytest.skip("only root may look at the descriptors of these processes")


def test_workers_share_no_memory_and_can_run_none_that_they_wrote(confined):
    _, _, workers = confined
    try:
        for worker in workers:
            with open(f"/proc/{worker.pid}/maps", encoding="ascii", errors="replace") as file:
                rights = [line.split()[1] for line in file]
            assert not [each for each in rights if "w" in each and "s" in each]
            assert not [each for each in rights if "w" in each and "x" in each]
    except PermissionError:
        pytest.skip("only root may look at the memory of these processes")


def test_the_key_holder_is_filtered_once_it_has_the_keys(confined):
    _, running, _ = confined
    status = status_of(running.key_holder().pid)
    assert status["Seccomp"].strip() == "2" and status["NoNewPrivs"].strip() == "1"


# --- the modes --------------------------------------------------------------------------------------------------------

def test_without_a_sandbox_every_run_says_so(fleet):
    fleet.misbehaving("silent", Silent)
    fleet.openssh("web01")
    fleet.prepare()
    running = fleet.start("exec", "-a", "--sandbox", "off", "--connect-timeout", "60", "echo here")
    running.expect("here")
    worker, = running.workers(1)
    assert status_of(worker.pid)["Seccomp"].strip() == "0"
    running.send_signal(15)
    result = running.wait()
    assert re.search(r"^  sandbox  off", result.err, re.MULTILINE)


def test_with_everything_in_place_nothing_is_said(fleet):
    fleet.openssh("web01")
    fleet.prepare()
    result = fleet.exec("-a", "--sandbox", "require", "true").assert_code(0)
    assert "sandbox" not in result.err


def refusing(fleet, call, error, *arguments):
    """Runs the program with a kernel that answers this call with this error."""
    return fleet.run("-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}",
                     fleet.program, *arguments, program=shutil.which("strace"), timeout=60)


needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")


REFUSALS = {
    "no Landlock (needs Linux 5.13)": ("landlock_create_ruleset", "ENOSYS"),
    "Landlock is switched off": ("landlock_create_ruleset", "EOPNOTSUPP"),
    "seccomp is denied here": ("seccomp", "EPERM"),
}


@needs_strace
@pytest.mark.parametrize("remark", REFUSALS)
def test_what_cannot_be_had_is_said_and_the_run_goes_on(fleet, remark):
    fleet.openssh("web01")
    fleet.prepare()
    result = refusing(fleet, *REFUSALS[remark], "exec", "-a", "echo here").assert_code(0)
    assert result.blocks["web01"] == b"here\n"
    assert f"\n  sandbox  reduced: {remark}\n" in result.err


@needs_strace
@pytest.mark.parametrize("remark", REFUSALS)
def test_what_is_required_and_lacking_keeps_every_host_from_being_contacted(fleet, remark):
    server = fleet.misbehaving("web01", Silent)
    fleet.prepare()
    result = refusing(fleet, *REFUSALS[remark], "exec", "-a", "--sandbox", "require", "echo here").assert_code(4)
    assert f"--sandbox require: {remark}\n" in result.err
    assert server.connections == 0


# --- the first step ---------------------------------------------------------------------------------------------------

def test_a_host_that_only_a_file_names_is_found(fleet):
    # By /etc/hosts, which a confined worker must be able to read.
    host = fleet.server("web01", address="127.0.0.1")
    host.address = "localhost"
    fleet.prepare()
    result = fleet.exec("-a", "--sandbox", "require", "echo here").assert_code(0)
    assert result.blocks["web01"] == b"here\n"


# --- strace -----------------------------------------------------------------------------------------------------------

class Trace:
    """The system calls of a run by process."""

    def __init__(self, folder):
        self.calls = {}
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                lines = [re.match(r"(\w+)\((.*)", line) for line in file]
            self.calls[int(name.rsplit(".", 1)[1])] = [(line[1], line[2]) for line in lines if line]

    def having(self, wanted):
        return {pid: calls for pid, calls in self.calls.items() if any(wanted(*call) for call in calls)}

    def workers(self):
        """Those that make a TCP connection."""
        return self.having(lambda name, rest: name == "connect" and "sin_port" in rest)


def traced(fleet, *arguments):
    folder = fleet.path("trace")
    os.mkdir(folder)
    result = fleet.run("-ff", "-qq", "-s", "200", "-o", os.path.join(folder, "call"), fleet.program, *arguments,
                       program=shutil.which("strace"), timeout=60)
    return result, Trace(folder)


def profile_calls():
    with open(PROFILES, encoding="utf-8") as file:
        return set(re.findall(r'\{"(\w+)"', file.read()))


needs_to_look = pytest.mark.skipif(not may_look(), reason="only root's strace may read the arguments of calls")

JOBS = {
    "exec": ("exec", "-a", "head -c 300000 /dev/zero | tr '\\0' x; echo done"),
    "trust": ("trust", "-a", "--yes"),
}


@needs_strace
@needs_to_look
@pytest.mark.parametrize("job", JOBS)
def test_nothing_is_read_from_the_server_before_the_filter(fleet, kind, job):
    fleet.of_kind(kind, "web01", "web02")
    fleet.prepare()
    if job == "trust":
        os.remove(fleet.known_hosts_path)
    result, trace = traced(fleet, *JOBS[job])
    result.assert_code(0)
    workers = trace.workers()
    assert len(workers) == 2
    allowed = profile_calls()
    for calls in workers.values():
        names = [name for name, _ in calls]
        sockets = {re.match(r"(\d+)", rest)[1] for name, rest in calls if name == "connect" and "sin_port" in rest}
        filtered = max(at for at, (name, rest) in enumerate(calls)
                       if name == "seccomp" and "SECCOMP_SET_MODE_FILTER" in rest)
        # The number may have been that of another file before.
        connected = min(at for at, (name, rest) in enumerate(calls) if name == "connect" and "sin_port" in rest)
        reads = [at for at, (name, rest) in enumerate(calls)
                 if at > connected and name in READING and re.match(r"(\d+)", rest)
                 and re.match(r"(\d+)", rest)[1] in sockets]
        assert reads and min(reads) > filtered
        # What libc and the libraries do has not grown beyond what they are allowed.
        after = set(names[filtered + 1:])
        assert after <= allowed, after - allowed
        # And nothing that is allowed is answered with a refusal.
        assert not [call for call in calls[filtered + 1:] if "EACCES" in call[1] or "ENOSYS" in call[1]]


@needs_strace
@needs_to_look
def test_only_the_key_holder_opens_a_key_file(fleet):
    fleet.openssh("web01")
    fleet.prepare()
    result, trace = traced(fleet, "exec", "-a", "true")
    result.assert_code(0)
    openers = trace.having(lambda name, rest: name in OPENING and "/.ssh/id_" in rest)
    assert len(openers) == 1
    (_, calls), = openers.items()
    assert any("fanout: key hol" in rest for _, rest in calls)
    # And once it is filtered it opens nothing more.
    filtered = max(at for at, (name, rest) in enumerate(calls)
                   if name == "seccomp" and "SECCOMP_SET_MODE_FILTER" in rest)
    assert not [call for call in calls[filtered + 1:] if call[0] in OPENING]
