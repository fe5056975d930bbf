"""Where keys, passwords, names and output can be found in memory while a run goes on, and where they cannot."""

import os
import resource
import shutil
import signal
import subprocess
import tempfile

import pytest

from memory import holds, may_look, private_seed
from processes import wait_until

pytestmark = pytest.mark.skipif(not may_look(), reason="only root may read the memory of these processes")

NAMES = ["heron", "osprey", "kestrel"]


def password_of(name):
    return f"canary-password-of-{name}".encode()


def output_of(name):
    # The command does not say it in one piece.
    return f"canary-output-{name}-end".encode()


@pytest.fixture
def waiting_run(fleet):
    """Three hosts with passwords in the inventory, and one that is not selected, whose commands have printed and wait."""
    for name in NAMES:
        fleet.openssh(f"{name}.example", password=password_of(name).decode())
    fleet.openssh("unselected.example", password="canary-password-of-nobody")
    fleet.prepare(birds=[f"{name}.example" for name in NAMES])
    running = fleet.start("exec", "-g", "birds", "-L",
                          "printf 'canary-%s-%s-end\\n' output $(echo {host} | sed s/.example//); exec sleep 7801")
    for name in NAMES:
        running.expect(output_of(name).decode())
    workers = running.workers(3)
    yield fleet, running, workers
    running.send_signal(15)
    running.wait()


def host_of(worker):
    return next(name for name in NAMES if f"worker {name}.example" in worker.command)


def test_a_worker_knows_its_own_host_and_nothing_else(waiting_run):
    fleet, _, workers = waiting_run
    seed = private_seed(fleet.site.user_key)
    addresses = {name: fleet.hosts[f"{name}.example"].address.encode() for name in NAMES}
    for worker in workers:
        own = host_of(worker)
        others = [name for name in NAMES if name != own]
        forbidden = [seed, b"canary-password-of-nobody", b"unselected.example", fleet.inventory_path.encode()]
        forbidden += [password_of(name) for name in NAMES]
        forbidden += [f"{name}.example".encode() for name in others]
        forbidden += [output_of(name) for name in others]
        forbidden += [addresses[name] + b"\0" for name in others]
        assert holds(worker.pid, forbidden) == {}
        # That it finds what is there shows that it can see.
        assert f"{own}.example".encode() in holds(worker.pid, [f"{own}.example".encode()])


def test_the_spawner_knows_no_host_at_all(waiting_run):
    fleet, running, _ = waiting_run
    spawner, = running.children("fanout: spawner")
    forbidden = [private_seed(fleet.site.user_key), b"canary-password", b".example", b"canary-output-"]
    assert holds(spawner.pid, forbidden) == {}


def test_the_parent_has_no_key_and_no_password(waiting_run):
    fleet, running, _ = waiting_run
    forbidden = [private_seed(fleet.site.user_key), b"canary-password-of-"]
    assert holds(running.pid, forbidden) == {}
    assert b"heron.example" in holds(running.pid, [b"heron.example"])


def test_the_key_holder_alone_has_the_keys(waiting_run):
    fleet, running, _ = waiting_run
    seed = private_seed(fleet.site.user_key)
    assert seed in holds(running.key_holder().pid, [seed])


def test_a_password_is_gone_from_the_worker_once_it_is_logged_in(fleet, password):
    fleet.forget_keys()
    for name in ("db01", "db02"):
        fleet.server(name, settings=["PasswordAuthentication yes"]).settings["passwd"] = password
    fleet.prepare()
    running = fleet.start("exec", "-a", "-L", "echo logged in; exec sleep 7802")
    workers = running.workers(2)
    assert wait_until(lambda: running.out.count(b"logged in") == 2, 10)
    for worker in workers:
        assert holds(worker.pid, [password.encode()]) == {}
    assert holds(running.pid, [password.encode()]) == {}
    running.send_signal(15)
    running.wait()


def test_no_secret_is_in_a_command_line_or_an_environment(waiting_run):
    _, running, workers = waiting_run
    spawner, = running.children("fanout: spawner")
    for pid in [running.pid, running.key_holder().pid, spawner.pid, *(worker.pid for worker in workers)]:
        for name in ("cmdline", "environ"):
            with open(f"/proc/{pid}/{name}", "rb") as file:
                assert b"canary-password" not in file.read()
    for worker in workers:
        with open(f"/proc/{worker.pid}/environ", "rb") as file:
            assert b"SSH_AUTH_SOCK" not in file.read()


def test_a_crash_leaves_no_core_file(fleet):
    fleet.openssh("db01")
    fleet.prepare()
    running = fleet.start("exec", "-a", "echo begun; exec sleep 7803",
                          preexec=lambda: resource.setrlimit(resource.RLIMIT_CORE, (-1, -1)))
    worker, = running.workers(1)
    holder = running.key_holder()
    for process in (worker, holder):
        with open(f"/proc/{process.pid}/limits", encoding="ascii") as file:
            line, = [line for line in file if line.startswith("Max core file size")]
        assert line.split()[4] == "0"
    assert wait_until(lambda: fleet.remote_processes("sleep 7803"))
    os.kill(worker.pid, signal.SIGABRT)
    result = running.wait().assert_code(1)
    assert result.failures["db01"][0] == "internal"
    assert not [name for name in os.listdir(fleet.home) if name.startswith("core")]


# --- other processes of the user ----------------------------------------------------------------------------------------

NOBODY = 65534

# What somebody with a shell of the user would try on a process: prints what worked.
PROBE = """
import ctypes, os, sys
pid = int(sys.argv[1])
worked = []
for what in ("mem", "environ", "maps", "auxv"):
    try:
        with open(f"/proc/{pid}/{what}", "rb", 0) as file:
            if what == "mem" or file.read(1):
                worked.append(what)
    except OSError:
        pass
try:
    worked += ["fd"] if os.listdir(f"/proc/{pid}/fd") else []
except OSError:
    pass
PTRACE_SEIZE, PTRACE_DETACH = 0x4206, 17
if ctypes.CDLL(None, use_errno=True).ptrace(PTRACE_SEIZE, pid, None, None) == 0:
    worked.append("ptrace")
print(*worked)
"""


def become_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def what_nobody_sees(pid):
    return subprocess.run(["/usr/bin/python3", "-c", PROBE, str(pid)], preexec_fn=become_nobody, capture_output=True,
                          text=True, check=True, cwd="/").stdout.split()


@pytest.fixture
def nobodys_home(fleet):
    """A folder of an ordinary user, with the program, a key, known_hosts and hosts.ini."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        os.mkdir(os.path.join(folder, ".ssh"), 0o700)
        shutil.copy(fleet.program, os.path.join(folder, "fanout"))
        for source, target in ((fleet.site.user_key, ".ssh/id_ed25519"), (fleet.known_hosts_path, ".ssh/known_hosts"),
                               (fleet.inventory_path, "hosts.ini")):
            shutil.copy(source, os.path.join(folder, target))
            os.chmod(os.path.join(folder, target), 0o600)
        for name in ("", ".ssh", ".ssh/id_ed25519", ".ssh/known_hosts", "hosts.ini"):
            os.chown(os.path.join(folder, name), NOBODY, NOBODY)
        yield folder


@pytest.fixture
def one_host(fleet):
    fleet.openssh("db01")
    return fleet.prepare()


def test_other_processes_of_the_user_cannot_look_into_ours(one_host, nobodys_home):
    fleet = one_host
    running = fleet.start("exec", "-a", "-L", "-i", f"{nobodys_home}/hosts.ini", "echo begun; exec sleep 7804",
                          program=os.path.join(nobodys_home, "fanout"), preexec=become_nobody,
                          env={"HOME": nobodys_home, "TMPDIR": nobodys_home})
    running.expect("begun")
    spawner, = running.children("fanout: spawner")
    worker, = running.workers(1)
    for pid in (running.pid, running.key_holder().pid, spawner.pid, worker.pid):
        assert what_nobody_sees(pid) == []
    # That they see what is there shows that they can.
    ordinary = subprocess.Popen(["/bin/sleep", "30"], preexec_fn=become_nobody)
    try:
        assert "environ" in what_nobody_sees(ordinary.pid) and "fd" in what_nobody_sees(ordinary.pid)
    finally:
        ordinary.kill()
        ordinary.wait()
    running.send_signal(15)
    running.wait()
