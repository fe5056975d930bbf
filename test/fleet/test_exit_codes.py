"""What the exit code says: one case for each code, and which one is taken when several apply."""

import signal

import pytest

from processes import wait_until
from servers import ClosedPort, Silent


@pytest.fixture
def mixed(fleet):
    """Hosts that answer, one that refuses, and one whose worker stays until it is told to go."""
    fleet.openssh("ok", "fails", "dies", "slow")
    fleet.misbehaving("refuses", ClosedPort)
    fleet.misbehaving("silent", Silent)
    return fleet.prepare()


COMMAND = "case {host} in fails) exit 9;; dies) kill -9 $$;; slow) sleep 7701;; esac"


def run(fleet, hosts, *options):
    return fleet.exec("-H", hosts, "-t", "1", "--connect-timeout", "1", *options, COMMAND)


def test_0_every_host_succeeded(mixed):
    run(mixed, "ok").assert_code(0)


def test_1_output_that_cannot_be_written(mixed):
    with open("/dev/full", "wb") as full:
        mixed.exec("-H", "ok", "echo text", stdout=full).assert_code(1)


def test_2_a_mistake_in_the_command_line(mixed):
    result = mixed.exec("-H", "ok", "--no-such-option", "true").assert_code(2)
    assert "--no-such-option" in result.err and result.out == b""


def test_2_without_a_command_of_fanout(mixed):
    mixed.run().assert_code(2)
    mixed.run("no-such-command").assert_code(2)


def test_3_a_timeout(mixed):
    run(mixed, "slow").assert_code(3)


def test_3_a_death_by_signal(mixed):
    run(mixed, "dies").assert_code(3)


def test_4_a_host_that_was_not_reached(mixed):
    run(mixed, "refuses").assert_code(4)


def test_5_a_command_that_failed(mixed):
    run(mixed, "fails").assert_code(5)


@pytest.mark.parametrize("hosts, code", [
    ("ok,fails", 5),
    ("fails,dies", 3),
    ("fails,slow,ok", 3),
    ("silent,fails", 3),
    ("slow,refuses", 4),
    ("fails,refuses,ok", 4),
    ("dies,slow,fails,refuses,silent,ok", 4),
])
def test_the_precedence_among_failures_of_hosts(mixed, hosts, code):
    run(mixed, hosts).assert_code(code)


def test_1_comes_before_the_failures_of_hosts(mixed):
    with open("/dev/full", "wb") as full:
        mixed.exec("-H", "refuses,ok", "echo text", stdout=full).assert_code(1)


def test_an_interrupt_comes_before_everything(mixed):
    running = mixed.start("exec", "-H", "refuses,fails,silent", "--connect-timeout", "20", "exit 3")
    assert wait_until(lambda: "fails" in running.err)
    running.send_signal(signal.SIGTERM)
    running.wait().assert_code(143)


@pytest.mark.parametrize("hosts, code", [
    ("ok", 0), ("fails", 9), ("fails,ok", 9), ("fails,dies", 3), ("fails,refuses", 4)])
def test_exit_max_gives_the_largest_remote_status_instead_of_5(mixed, hosts, code):
    run(mixed, hosts, "--exit", "max").assert_code(code)


def test_exit_max_of_several(fleet):
    fleet.openssh("web01", "web02", "web03")
    fleet.prepare()
    fleet.exec("-a", "--exit", "max", "case {index} in 0) exit 3;; 1) exit 200;; esac").assert_code(200)
    fleet.exec("-a", "--exit", "class", "case {index} in 0) exit 3;; 1) exit 200;; esac").assert_code(5)
