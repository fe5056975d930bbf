"""A command that exceeds its time is stopped on the host, and the record says whether it is dead."""

from daemons import public_key
from processes import wait_until
from scripted import ScriptedServer


def test_a_command_that_times_out_is_gone_from_the_host(fleet, kind):
    fleet.of_kind(kind, "db01")
    fleet.prepare()
    result = fleet.exec("-a", "-t", "2", "echo begun; exec sleep 7501").assert_code(3)
    assert result.failures == {"db01": ("timeout", "timed out after 2s; the remote command was killed")}
    assert result.remarks == {}
    assert b"begun\n" in result.out
    assert 2 <= result.seconds < 4
    assert wait_until(lambda: not fleet.remote_processes("sleep 7501"), 2)


def test_the_children_of_a_command_are_stopped_with_it(fleet):
    fleet.openssh("db01")
    fleet.prepare()
    result = fleet.exec("-a", "-t", "1", "sleep 7502 & sleep 7502; true").assert_code(3)
    assert "was killed" in result.failures["db01"][1]
    assert wait_until(lambda: not fleet.remote_processes("sleep 7502"), 2)


def test_the_timeout_of_the_inventory(fleet):
    fleet.openssh("db01", "db02")
    fleet.hosts["db01"].settings["timeout"] = "1s"
    fleet.prepare()
    result = fleet.exec("-a", "sleep 2").assert_code(3)
    assert result.failures == {"db01": ("timeout", "timed out after 1s; the remote command was killed")}
    # The command line is stronger.
    fleet.exec("-a", "-t", "5", "sleep 2").assert_code(0)


def test_a_command_that_ignores_term_is_killed_after_the_grace(fleet):
    fleet.openssh("db01")
    fleet.prepare()
    result = fleet.exec("-a", "-t", "1", "trap '' TERM; sleep 7503; sleep 7503").assert_code(3)
    assert result.failures["db01"] == ("timeout", "timed out after 1s; the remote command was killed")
    assert 5.5 < result.seconds < 9
    assert wait_until(lambda: not fleet.remote_processes("sleep 7503"), 2)


def test_a_server_that_does_not_confirm_leaves_the_end_unknown(fleet):
    key = fleet.new_key("host_key")
    # Knows no signals, as paramiko does not.
    fleet.misbehaving("db01", ScriptedServer, [key], lambda peer: peer.wait_for_client(30), host_key=public_key(key))
    fleet.openssh("db02")
    fleet.prepare()
    result = fleet.exec("-a", "-t", "1", "case {host} in db01) sleep 60;; esac").assert_code(3)
    assert result.failures == {"db01": ("timeout", "timed out after 1s; the remote command may still run")}
    assert result.remarks["unknown"][0] == ["db01"]
    assert result.seconds < 12


def test_a_command_that_ends_in_time_is_not_touched(fleet, kind):
    fleet.of_kind(kind, "db01")
    fleet.prepare()
    assert fleet.exec("-a", "-t", "5", "sleep 0.5; echo end").assert_code(0).blocks == {"db01": b"end\n"}


def test_no_timeout_is_the_default_and_what_zero_means(fleet):
    fleet.openssh("db01")
    fleet.prepare()
    fleet.exec("-a", "-t", "0", "sleep 1.5").assert_code(0)
