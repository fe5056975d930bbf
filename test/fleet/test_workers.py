"""The processes of a run, when one of them dies or stops: one true record for its host, and no harm to the others."""

import contextlib
import os
import resource
import signal
import time

import pytest

from daemons import public_key
from processes import all_processes, read_process, wait_until
from scripted import ScriptedServer
from servers import BlackHole, Silent, Talker


class Undecided:
    """Neither yes nor no for a while."""

    def __bool__(self):
        time.sleep(6)
        return False


def add_held(fleet, phase):
    """A host at which a worker stays in this phase."""
    if phase == "connecting":
        fleet.misbehaving("held", BlackHole)
    elif phase == "banner":
        fleet.misbehaving("held", Silent)
    elif phase == "key exchange":
        fleet.misbehaving("held", Talker, b"SSH-2.0-Held_1.0\r\n")
    elif phase == "login":
        key = fleet.new_key("host_key")
        fleet.misbehaving("held", ScriptedServer, [key], accepts_keys=Undecided(), host_key=public_key(key))
    elif phase == "running":
        fleet.openssh("held")


# What the record calls the phase.
PHASES = {"connecting": "connect", "banner": "key", "key exchange": "key", "login": "log", "running": "run"}


@pytest.fixture(params=PHASES)
def held(request, fleet):
    """Five healthy hosts, one that is held in a phase, and its worker when the others have ended."""
    add_held(fleet, request.param)
    fleet.openssh(*(f"web{number}" for number in range(1, 6)))
    fleet.prepare()
    running = fleet.start("exec", "-a", "--connect-timeout", "4", "-t", "4",
                          "case {host} in held) echo begun; exec sleep 7601;; esac; echo end of {host}")
    assert wait_until(lambda: all(f"end of web{n}".encode() in running.out for n in range(1, 6)), 8)
    worker, = wait_until(lambda: (found := running.workers()) and len(found) == 1 and found, 3)
    if request.param == "running":
        assert wait_until(lambda: fleet.remote_processes("sleep 7601"))
    else:
        time.sleep(0.3)
    return fleet, running, worker, request.param


def others_are_ok(result):
    assert result.counts == {"hosts": 6, "ok": 5, "failed": 1}
    for number in range(1, 6):
        assert result.blocks[f"web{number}"] == f"end of web{number}\n".encode()


def test_a_worker_that_is_killed(held):
    fleet, running, worker, phase = held
    os.kill(worker.pid, signal.SIGKILL)
    start = time.monotonic()
    result = running.wait().assert_code(1)
    assert time.monotonic() - start < 2
    status, cause = result.failures["held"]
    assert status == "internal" and "KILL" in cause and PHASES[phase] in cause
    others_are_ok(result)
    if phase == "running":
        assert "may still run" in cause
        assert result.blocks["held"] == b"begun\n"
        assert result.remarks["unknown"][0] == ["held"]


def test_a_worker_that_is_stopped_for_ever(fleet):
    add_held(fleet, "banner")
    fleet.openssh(*(f"web{number}" for number in range(1, 6)))
    fleet.prepare()
    running = fleet.start("exec", "-a", "--connect-timeout", "2", "echo end of {host}")
    worker, = wait_until(lambda: (found := running.workers()) and len(found) == 1 and found, 5)
    os.kill(worker.pid, signal.SIGSTOP)
    result = running.wait().assert_code(3)
    assert result.failures["held"][0] == "timeout"
    others_are_ok(result)
    assert result.seconds < 6


def test_a_worker_that_is_stopped_while_its_command_runs(fleet):
    fleet.openssh("held", *(f"web{number}" for number in range(1, 6)))
    fleet.prepare()
    running = fleet.start("exec", "-a", "-t", "1", "case {host} in held) exec sleep 7602;; esac; echo end of {host}")
    assert wait_until(lambda: fleet.remote_processes("sleep 7602"))
    worker, = wait_until(lambda: (found := running.workers()) and len(found) == 1 and found, 5)
    os.kill(worker.pid, signal.SIGSTOP)
    result = running.wait().assert_code(3)
    status, cause = result.failures["held"]
    assert status == "timeout" and "may still run" in cause
    others_are_ok(result)


def test_a_worker_that_is_killed_keeps_the_output_that_has_come(fleet):
    fleet.openssh("db01")
    fleet.prepare()
    running = fleet.start("exec", "-a", "--no-header",
                          "head -c 200000 /dev/zero | tr '\\0' k; touch %s; sleep 7603" % fleet.target_file("printed"))
    assert wait_until(lambda: os.path.exists(fleet.target_file("printed")))
    time.sleep(0.5)
    os.kill(running.workers(1)[0].pid, signal.SIGKILL)
    result = running.wait().assert_code(1)
    assert result.out.rstrip(b"\n") == b"k" * 200000


def test_nothing_outlives_the_parent(fleet):
    names = [f"host{number:02}" for number in range(1, 51)]
    fleet.openssh(*names[:20])
    for name in names[20:]:
        fleet.misbehaving(name, Silent)
    fleet.prepare()
    running = fleet.start("exec", "-a", "-f", "50", "--connect-timeout", "60", "exec sleep 7604")
    workers = running.workers(50, 10)
    assert wait_until(lambda: len(fleet.remote_processes("sleep 7604")) == 20, 10), \
        [str(process) for process in fleet.remote_processes("sleep 7604")]
    pids = {process.pid for process in workers} | {running.key_holder().pid}
    os.kill(running.pid, signal.SIGKILL)

    def alive():
        return {pid: process for pid, process in all_processes().items() if pid in pids and process.state != "Z"}

    wait_until(lambda: not alive(), 2)
    assert not alive()
    running.wait().assert_code(-signal.SIGKILL)
    fleet.assert_no_temporary_files()


def test_nothing_outlives_a_parent_that_dies_while_it_starts(fleet):
    for number in range(1, 31):
        fleet.misbehaving(f"host{number:02}", Silent)
    fleet.prepare()
    for delay in (0.005, 0.01, 0.02, 0.03, 0.05, 0.08):
        running = fleet.start("exec", "-a", "true")
        time.sleep(delay)
        with contextlib.suppress(ProcessLookupError):
            os.kill(running.pid, signal.SIGKILL)
        running.wait()


def test_the_key_holder_dies_while_commands_run(fleet):
    fleet.openssh("db01", "db02", "db03", "db04")
    fleet.prepare()
    running = fleet.start("exec", "-a", "-f", "2",
                          f"touch {fleet.target}/{{host}}; sleep 1.5; echo end of {{host}}")
    assert wait_until(lambda: len(os.listdir(fleet.target)) == 2)
    os.kill(running.key_holder().pid, signal.SIGKILL)
    result = running.wait(20).assert_code(1)
    # Those that are logged in need it no more; the others cannot do without, and the next is not even tried.
    assert result.blocks["db01"] == b"end of db01\n" and result.blocks["db02"] == b"end of db02\n"
    assert {name: status for name, (status, _) in result.failures.items()} == {"db03": "internal", "db04": "skipped"}
    assert "key holder" in result.failures["db03"][1]


def test_the_key_holder_dies_before_the_login(fleet):
    fleet.misbehaving("db01", Silent)
    fleet.openssh("db02")
    fleet.prepare()
    running = fleet.start("exec", "-a", "--connect-timeout", "3", "echo end")
    running.expect("end", 5)
    os.kill(running.key_holder().pid, signal.SIGKILL)
    result = running.wait(15)
    assert sorted(result.failures) == ["db01"]
    assert result.failures["db01"][0] in ("internal", "timeout")
    assert result.seconds < 8


def test_the_key_holder_is_stopped_for_a_while(fleet):
    fleet.openssh("db01", "db02")
    fleet.prepare()
    running = fleet.start("exec", "-a", "-f", "1", "sleep 1; echo end")
    holder = running.key_holder()
    assert wait_until(lambda: fleet.remote_processes("sleep 1"))
    os.kill(holder.pid, signal.SIGSTOP)
    time.sleep(2.5)
    os.kill(holder.pid, signal.SIGCONT)
    assert len(running.wait(20).assert_code(0).blocks) == 2


def spawner_of(running):
    spawner, = wait_until(lambda: running.children("fanout: spawner"), 5)
    return spawner


def let_end(fleet, host):
    with open(fleet.target_file(f"end-{host}"), "w", encoding="ascii"):
        pass


def start_until_let_end(fleet, parallel, *hosts):
    """Runs a command on these hosts that ends when let_end() says so; returns when it runs on the first of them."""
    fleet.openssh(*hosts)
    fleet.prepare()
    running = fleet.start("exec", "-v", "-a", "-f", parallel,
                          f"cd {fleet.target}; touch {{host}}; until test -e end-{{host}}; do sleep 0.02; done; "
                          "echo end of {host}")
    assert wait_until(lambda: set(os.listdir(fleet.target)) == set(hosts[:parallel]))
    return running


def stop_spawner_and_want_another_worker(fleet):
    running = start_until_let_end(fleet, 1, "db01", "db02")
    spawner = spawner_of(running)
    os.kill(spawner.pid, signal.SIGSTOP)
    let_end(fleet, "db01")
    running.expect("end of db01")
    return running, spawner


def test_the_spawner_dies_while_commands_run(fleet):
    running = start_until_let_end(fleet, 2, "db01", "db02", "db03", "db04")
    os.kill(spawner_of(running).pid, signal.SIGKILL)
    let_end(fleet, "db01")
    running.expect("end of db01")
    let_end(fleet, "db02")
    result = running.wait().assert_code(1)
    # Workers are not its children: those that run go on.
    assert result.blocks == {"db01": b"end of db01\n", "db02": b"end of db02\n"}
    assert {name: status for name, (status, _) in result.failures.items()} == {"db03": "internal", "db04": "internal"}
    assert all(cause.startswith("spawner lost") for _, cause in result.failures.values())
    assert not {"db03", "db04"} & set(os.listdir(fleet.target))
    fleet.assert_no_temporary_files()


def test_the_spawner_is_stopped_for_a_while(fleet):
    running, spawner = stop_spawner_and_want_another_worker(fleet)
    time.sleep(2)
    os.kill(spawner.pid, signal.SIGCONT)
    let_end(fleet, "db02")
    result = running.wait().assert_code(0)
    assert result.blocks == {"db01": b"end of db01\n", "db02": b"end of db02\n"}


def test_the_spawner_is_stopped_for_ever(fleet):
    running, _ = stop_spawner_and_want_another_worker(fleet)
    result = running.wait().assert_code(1)
    assert result.blocks == {"db01": b"end of db01\n"}
    assert result.failures == {"db02": ("internal", "spawner lost: it does not answer")}
    assert "db02" not in os.listdir(fleet.target)
    assert result.seconds < 15


def test_a_signal_is_heeded_while_the_spawner_does_not_answer(fleet):
    running, _ = stop_spawner_and_want_another_worker(fleet)
    time.sleep(0.5)
    begin = time.monotonic()
    running.send_signal(signal.SIGTERM)
    result = running.wait()
    assert time.monotonic() - begin < 5
    assert result.code != 0 and set(result.failures) == {"db02"}


def test_a_worker_that_could_not_be_made_at_first(fleet):
    running = start_until_let_end(fleet, 2, "db01", "db02", "db03")
    spawner = spawner_of(running)
    before = resource.prlimit(spawner.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(spawner.pid, resource.RLIMIT_NOFILE, (3, before[1]))
    let_end(fleet, "db02")
    running.expect("waiting, with at most 1 at once")
    resource.prlimit(spawner.pid, resource.RLIMIT_NOFILE, before)
    let_end(fleet, "db03")
    # It logs in with the key slot that was opened for it.
    running.expect("end of db03")
    let_end(fleet, "db01")
    result = running.wait().assert_code(0)
    assert result.counts == {"hosts": 3, "ok": 3}


def test_every_process_says_what_it_is(fleet):
    fleet.misbehaving("db01", Silent)
    fleet.prepare()
    running = fleet.start("exec", "-a", "--connect-timeout", "1", "true")
    worker, = running.workers(1)
    assert worker.command.startswith("fanout: worker db01")
    assert running.key_holder().command.startswith("fanout: key holder")
    running.wait()


@pytest.mark.parametrize("command", [("exec", "-H", "db01", "true"), ("hosts", "-H", "db01")])
def test_no_process_leaves_an_image_of_its_memory(fleet, command):
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        pytest.skip("there are no core files here")
    inventory = fleet.write("inventory", "#!/bin/sh\nexec sleep 2\n", 0o755)
    running = fleet.start(command[0], "-i", inventory, *command[1:], preexec=lambda: resource.setrlimit(
        resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)))
    # It is asked before hosts.ini or another source is read.
    assert wait_until(lambda: running.children("sleep"), 5)
    for process in [read_process(running.pid), *running.children("fanout")]:
        assert resource.prlimit(process.pid, resource.RLIMIT_CORE) == (0, 0), str(process)
    running.wait()


def test_a_worker_has_no_terminal_and_no_descriptor_but_its_own(fleet):
    fleet.misbehaving("db01", Silent)
    fleet.misbehaving("db02", Silent)
    fleet.prepare()
    terminal = fleet.start("exec", "-a", "--connect-timeout", "2", "true", terminal=True)
    workers = terminal.workers(2)
    time.sleep(0.3)
    try:
        for worker in workers:
            links = {int(number): os.readlink(f"/proc/{worker.pid}/fd/{number}")
                     for number in os.listdir(f"/proc/{worker.pid}/fd")}
            assert [links[number] for number in (0, 1, 2)] == ["/dev/null"] * 3
            others = sorted(link.split(":")[0] for number, link in links.items() if number > 2)
            # To the parent and back, to the key holder, to the server.
            assert others.count("socket") <= 4 and len(others) <= 5, links
            assert not any("tty" in link or "pts" in link for link in links.values())
    except PermissionError:
        pytest.skip("only root may look at the descriptors of these processes")
    finally:
        terminal.wait()


def test_the_parent_keeps_no_zombie_and_no_descriptor(fleet):
    fleet.openssh(*(f"web{number:02}" for number in range(1, 33)))
    fleet.misbehaving("held", Silent)
    fleet.prepare()
    running = fleet.start("exec", "-a", "--connect-timeout", "3", "true")
    assert wait_until(lambda: [worker.command for worker in running.workers()] == ["fanout: worker held"], 2.5)
    time.sleep(0.2)
    assert [str(process) for process in all_processes().values() if process.parent == running.pid
            and process.state == "Z"] == []
    try:
        assert len(os.listdir(f"/proc/{running.pid}/fd")) < 25
    except PermissionError:
        pass
    running.wait().assert_code(3)
