"""Where keys, passwords, names and output can be found in memory while a run goes on, and where they cannot."""

import os
import resource
import signal

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
