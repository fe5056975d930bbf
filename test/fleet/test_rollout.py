"""In which order hosts are started, in which batches, and what stops a run before its end."""

import os
import time

import pytest

from daemons import Addresses
from processes import wait_until
from servers import ClosedPort, Silent


def names(count, prefix="web"):
    return [f"{prefix}{number:03}" for number in range(1, count + 1)]


@pytest.fixture
def rollout(fleet):
    """Gives a fleet of so many hosts; all of them are one server, which can tell in which order they came."""
    def of(count, **settings):
        first = fleet.openssh("first")[0]
        fleet.hosts.clear()
        for name in names(count):
            fleet.add(name, first.address, first.port, first.host_key, first.server, **settings)
        return fleet.prepare()
    return of


def log_of(fleet):
    if not os.path.exists(fleet.target_file("log")):
        return []
    return fleet.read_target("log").decode().splitlines()


def started(fleet):
    return [line.split()[1] for line in log_of(fleet) if line.startswith("begin")]


def command(fleet, work="true"):
    """Leaves a line in the log when it begins and one when it ends."""
    log = fleet.target_file("log")
    return f"echo begin {{host}} >>{log}; {work}; status=$?; echo end {{host}} >>{log}; exit $status"


# --- order ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("order, expected", [
    ("fifo", names(6)),
    ("lifo", names(6)[::-1]),
    # The largest first; without one it is 0, and among equals the selection decides.
    ("priority", ["web005", "web002", "web001", "web004", "web006", "web003"]),
])
def test_hosts_are_started_in_order(rollout, order, expected):
    fleet = rollout(6)
    fleet.hosts["web005"].settings["priority"] = "20"
    fleet.hosts["web002"].settings["priority"] = "10"
    fleet.hosts["web003"].settings["priority"] = "-1"
    fleet.prepare()
    fleet.exec("-a", "-f", "1", "--order", order, command(fleet)).assert_code(0)
    assert started(fleet) == expected


def test_a_random_order_can_be_had_again(rollout):
    fleet = rollout(12)
    orders = []
    for seed in ("7", "7", "8"):
        fleet.exec("-a", "-f", "1", "--order", f"random:{seed}", command(fleet)).assert_code(0)
        orders.append(started(fleet))
        os.remove(fleet.target_file("log"))
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == names(12) != orders[0]


# --- batches --------------------------------------------------------------------------------------------------------

def test_a_batch_begins_when_the_one_before_has_ended(rollout):
    fleet = rollout(10)
    fleet.exec("-a", "--batches", "1,30%", command(fleet, "sleep 0.2")).assert_code(0)
    # 1, and then 3 of 10 again and again.
    log = log_of(fleet)
    for batch in (range(0, 1), range(1, 4), range(4, 7), range(7, 10)):
        lines = log[2 * batch.start:2 * batch.stop]
        assert sorted(lines) == sorted(f"{what} {names(10)[i]}" for what in ("begin", "end") for i in batch), log


def test_a_pause_between_batches(rollout):
    fleet = rollout(3)
    result = fleet.exec("-a", "--batches", "1", "--pause-between", "700ms", "true").assert_code(0)
    assert 1.4 < result.seconds < 4


def test_a_gate_decides_whether_the_next_batch_begins(rollout):
    fleet = rollout(4)
    seen = fleet.path("seen")
    gate = (f'echo "$FANOUT_BATCH of $FANOUT_BATCHES: $FANOUT_OK ok, $FANOUT_FAILED failed of $FANOUT_HOSTS" >>{seen}; '
            'echo looked; echo and thought >&2; printf "no newline"; test "$FANOUT_BATCH" -lt 2 || exit 3')
    result = fleet.exec("-a", "--batches", "1", "--gate", gate, "case {host} in web001) exit 4;; esac").assert_code(7)
    assert fleet.read("seen").splitlines() == ["1 of 4: 0 ok, 1 failed of 4", "2 of 4: 1 ok, 1 failed of 4"]
    assert result.err.count("gate: looked\ngate: and thought\ngate: no newline\n") == 2
    assert result.counts == {"hosts": 4, "ok": 1, "failed": 1, "skipped": 2}
    assert result.failures["web003"][0] == "skipped"
    assert "--gate" in result.failures["web003"][1] and "status 3" in result.failures["web003"][1]


def test_there_is_no_gate_after_the_last_batch(rollout):
    fleet = rollout(2)
    fleet.exec("-a", "--batches", "1", "--gate", f"echo {{}} >>{fleet.path('seen')}", "true").assert_code(0)
    assert fleet.read("seen").count("\n") == 1


def test_a_gate_that_hangs_is_ended_with_the_run(rollout):
    fleet = rollout(2)
    result = fleet.exec("-a", "--batches", "1", "--gate", "sleep 7451; :", "--deadline", "1", "true").assert_code(7)
    assert result.seconds < 4
    assert not fleet.remote_processes("sleep 7451")


def test_a_gate_gets_neither_our_input_nor_our_descriptors(rollout):
    fleet = rollout(2)
    result = fleet.exec("-a", "--batches", "1", "--gate", "cat; ls -l /proc/self/fd | wc -l", "true",
                        stdin=b"what the caller reads\n").assert_code(0)
    # Three, the folder that ls reads, and its first line.
    assert "gate: 5\n" in result.err and "what the caller" not in result.err


# --- failures -------------------------------------------------------------------------------------------------------

def test_a_rollout_stops_when_too_many_hosts_have_failed(rollout):
    fleet = rollout(100)
    bad = "web003|web005|web006|web009|web011|web020|web050"
    result = fleet.exec("-a", "--batches", "1,10%,50%", "--max-fail", "5", "-f", "1",
                        command(fleet, f"case {{host}} in {bad}) exit 9;; esac")).assert_code(7)
    assert started(fleet) == names(100)[:11]
    assert result.counts == {"hosts": 100, "ok": 6, "failed": 5, "skipped": 89}
    assert result.failures["web012"] == ("skipped", "stopped by --max-fail 5: 5 of 100 hosts have failed")
    assert "skipped" in result.err and "web[012-100]" in result.err


def test_batches_bound_what_too_many_failures_cost(rollout):
    fleet = rollout(20)
    result = fleet.exec("-a", "--batches", "2,10", "--max-fail", "10%", command(fleet, "exit 1")).assert_code(7)
    # At the end of the first batch two of twenty have failed.
    assert sorted(started(fleet)) == names(20)[:2]
    assert result.counts == {"hosts": 20, "ok": 0, "failed": 2, "skipped": 18}


def test_without_a_limit_every_host_is_started(rollout):
    fleet = rollout(10)
    fleet.exec("-a", command(fleet, "exit 1")).assert_code(5)
    assert len(started(fleet)) == 10


@pytest.mark.parametrize("on_halt, status", [("drain", "ok"), ("kill", "interrupted")])
def test_what_becomes_of_hosts_that_run_when_it_stops(rollout, on_halt, status):
    fleet = rollout(3)
    result = fleet.exec("-a", "-f", "2", "--max-fail", "1", "--on-halt", on_halt,
                        "case {host} in web001) sleep 0.5; exit 1;; web002) sleep 2;; esac").assert_code(7)
    assert result.failures["web003"][0] == "skipped"
    assert result.failures.get("web002", ("ok", ""))[0] == status
    if on_halt == "kill":
        assert "stopped by --max-fail 1" in result.failures["web002"][1]
        assert result.seconds < 2
    assert result.counts["ok"] == (1 if on_halt == "drain" else 0)


def test_enough_hosts_that_are_ok(rollout):
    fleet = rollout(4)
    fails = "case {host} in web004) exit 1;; esac"
    fleet.exec("-a", "--ok-if", "75%", fails).assert_code(0)
    fleet.exec("-a", "--ok-if", "75.01%", fails).assert_code(5)
    assert fleet.exec("-a", "--ok-if", "75%", fails).failures["web004"] == ("failed", "exit 1")
    # What is wrong with the run itself is not made good.
    fleet.exec("-a", "--ok-if", "1%", "--max-fail", "1", "-f", "1", "--order", "lifo", fails).assert_code(7)


# --- time -----------------------------------------------------------------------------------------------------------

def test_so_many_connections_a_second(rollout):
    fleet = rollout(6)
    result = fleet.exec("-a", "--start-rate", "4", "true").assert_code(0)
    assert 1.2 < result.seconds < 4


def test_the_deadline_of_a_run(rollout):
    fleet = rollout(4)
    result = fleet.exec("-a", "-f", "2", "--deadline", "1500ms", "case {host} in web001) sleep 0.5;; *) exec sleep 7452;; esac")
    result.assert_code(7)
    assert result.counts == {"hosts": 4, "ok": 1, "failed": 2, "skipped": 1}
    for name in ("web002", "web003"):
        assert result.failures[name] == ("timeout", "the deadline of 1500ms has passed; the remote command was killed")
    assert result.failures["web004"] == ("skipped", "the deadline of 1500ms has passed")
    assert 1.4 < result.seconds < 4
    assert wait_until(lambda: not fleet.remote_processes("sleep 7452"), 2)


def test_a_deadline_that_finds_every_host_started(rollout):
    fleet = rollout(2)
    fleet.exec("-a", "--deadline", "1", "exec sleep 7453").assert_code(3)
    fleet.exec("-a", "--deadline", "30", "true").assert_code(0)


def test_a_command_that_prints_nothing_for_too_long(rollout):
    fleet = rollout(2)
    result = fleet.exec("-a", "--stall-timeout", "1", "case {host} in web001) for i in 1 2 3 4; do sleep 0.5; echo $i; done;; "
                        "*) echo begun; exec sleep 7454;; esac").assert_code(3)
    assert result.blocks["web001"] == b"1\n2\n3\n4\n"
    assert result.failures == {"web002": ("timeout", "no output for 1s; the remote command was killed")}
    assert wait_until(lambda: not fleet.remote_processes("sleep 7454"), 2)


# --- attempts -------------------------------------------------------------------------------------------------------

def test_a_connection_that_fails_is_tried_again(fleet):
    fleet.openssh("db01")
    fleet.misbehaving("db02", ClosedPort)
    fleet.prepare()
    once = fleet.exec("-a", "true").assert_code(4)
    again = fleet.exec("-a", "--retries", "1", "-v", "true").assert_code(4)
    assert "(2 attempts)" in again.failures["db02"][1] and "attempts" not in once.failures["db02"][1]
    assert again.seconds > once.seconds + 0.4
    assert again.counts == {"hosts": 2, "ok": 1, "failed": 1}
    assert again.err.count("; again in ") == 1


def test_a_host_that_comes_back_in_time_is_ok(fleet):
    late = fleet.server("db01")
    fleet.prepare()
    late.server.stop()
    running = fleet.start("exec", "-a", "--retries", "5", "--json", "echo here")
    time.sleep(0.7)
    address, port = late.server.addresses[0], late.port
    # The same host, with the same key.
    late.server._start(["/usr/sbin/sshd", "-D", "-e", "-f", os.path.join(late.server.folder, "sshd_config")])
    assert (address, port) == (late.address, late.server.port)
    result = running.wait(30).assert_code(0)
    assert b'"attempts":2' in result.out or b'"attempts":3' in result.out


def test_a_command_that_may_have_begun_is_never_tried_again(fleet):
    fleet.server("db01")
    fleet.prepare()
    log = fleet.target_file("log")
    # Ends its own connection: the server process is the parent of the shell.
    result = fleet.exec("-a", "--retries", "3", f"echo begun >>{log}; kill -9 $PPID; sleep 1").assert_code(4)
    assert fleet.read_target("log") == b"begun\n"
    assert result.failures["db01"][0] == "unreachable" and "attempts" not in result.failures["db01"][1]


def test_neither_a_refused_key_nor_an_unknown_host_key_is_tried_again(fleet):
    hosts = fleet.openssh("db01", "db02")
    hosts[1].host_key = None
    fleet.prepare()
    fleet.forget_keys()
    result = fleet.exec("-a", "--retries", "3", "true").assert_code(4)
    assert {name: status for name, (status, _) in result.failures.items()} == {"db01": "auth", "db02": "host_key"}
    assert "attempts" not in result.err
    assert result.seconds < 2


def test_a_host_that_waits_to_be_tried_again_is_given_up_with_the_run(fleet):
    fleet.misbehaving("db01", Silent)
    fleet.misbehaving("db02", ClosedPort)
    fleet.prepare()
    result = fleet.exec("-a", "--retries", "20", "--deadline", "2", "true")
    result.assert_code(4)
    assert result.failures["db02"][0] == "unreachable"
    assert result.failures["db01"][0] == "timeout"
    assert result.seconds < 5


@pytest.mark.parametrize("one_name", [True, False])
def test_a_server_that_drops_connections_is_waited_for(fleet, one_name):
    """Fifty names of one sshd: of one address, or of fifty that it answers on."""
    server = fleet.server("first", settings=("MaxStartups 2:100:3",)) if one_name else \
        fleet.server("first", address="0.0.0.0", port=Addresses().port, settings=("MaxStartups 2:100:3",))
    network = fleet.site.addresses.take().rpartition(".")[0]
    fleet.hosts.clear()
    for number, name in enumerate(names(50)):
        address = server.address if one_name else f"{network}.{100 + number}"
        fleet.add(name, address, server.port, server.host_key, server.server)
    fleet.prepare()
    result = fleet.exec("-a", "echo here", timeout=60).assert_code(0)
    assert len(result.blocks) == 50


def test_a_server_that_always_drops_is_given_up(fleet):
    class Dropping(Silent):
        def serve(self, connection):
            pass

    server = fleet.misbehaving("db01", Dropping)
    fleet.openssh("db02")
    fleet.prepare()
    result = fleet.exec("-a", "true").assert_code(4)
    assert result.failures["db01"][0] == "unreachable"
    assert 2 <= server.connections <= 8
    assert result.seconds < 8
