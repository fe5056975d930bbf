"""fanout exec, as it is used every day: the forms of the command line and what reaches the hosts."""

import re
import socket

import pytest

from servers import Silent


def test_a_command_runs_on_every_host_of_a_group(fleet, kind):
    hosts = fleet.of_kind(kind, "db01", "db02", "db03")
    fleet.prepare(db=["db01", "db02"])
    result = fleet.exec("-g", "db", "echo $SSH_CONNECTION").assert_code(0)
    # The third field is the address of the server, which proves where it ran.
    assert {name: text.split()[2].decode() for name, text in result.blocks.items()} == \
        {host.name: host.address for host in hosts[:2]}
    assert result.counts == {"hosts": 2, "ok": 2}
    assert result.failures == {}


def test_a_command_line_in_one_word_is_for_the_remote_shell(fleet, kind):
    fleet.of_kind(kind, "db01")
    fleet.prepare(db=["db01"])
    result = fleet.exec("-g", "db", "echo one; echo two | tr a-z A-Z").assert_code(0)
    assert result.blocks == {"db01": b"one\nTWO\n"}


def test_hosts_by_range_less_one_after_a_double_dash(fleet):
    fleet.openssh(*(f"web{number:02}" for number in range(1, 21)))
    fleet.prepare()
    result = fleet.exec("-H", "web[01-20]", "-x", "web07", "--", "uptime").assert_code(0)
    assert sorted(result.blocks) == [f"web{number:02}" for number in range(1, 21) if number != 7]
    assert all(b"load average" in text for text in result.blocks.values())
    assert result.counts == {"hosts": 19, "ok": 19}


def test_cmd_is_another_way_to_give_the_command(fleet):
    fleet.openssh("db01", "web01", "web02")
    fleet.prepare(web=["web01", "web02"])
    result = fleet.exec("-H", "db01", "-g", "web", "--cmd", "echo here").assert_code(0)
    assert result.blocks == {"db01": b"here\n", "web01": b"here\n", "web02": b"here\n"}


def test_cmd_and_a_command_together_are_refused(fleet):
    fleet.openssh("db01")
    fleet.prepare()
    result = fleet.exec("-H", "db01", "--cmd", "uptime", "uptime").assert_code(2)
    assert "--cmd" in result.err


def test_words_are_joined_by_single_spaces_like_ssh(fleet):
    fleet.openssh("db01")
    fleet.prepare()
    result = fleet.exec("-H", "db01", "echo", "a  b", "'c  d'", "$((1+1))").assert_code(0)
    assert result.blocks == {"db01": b"a b c  d 2\n"}


def test_options_after_the_command_belong_to_the_command(fleet):
    fleet.openssh("db01")
    fleet.prepare()
    result = fleet.exec("-H", "db01", "printf", "%s.", "-L", "-t", "1", "--", "-H", "db02").assert_code(0)
    assert result.blocks == {"db01": b"-L.-t.1.--.-H.db02.\n"}


def test_the_words_of_a_command_reach_the_host_byte_for_byte(fleet, kind):
    fleet.of_kind(kind, "db01")
    fleet.prepare()
    text = "ä \u2028 \\ \" ` \x01\x7f *? [a-z] ~ # !"
    quoted = "'" + text.replace("'", "'\\''") + "'"
    result = fleet.exec("-H", "db01", "--no-header", "printf", "%s", quoted).assert_code(0)
    assert result.out == text.encode()


@pytest.mark.parametrize("arguments", [
    ["-g", "web", "web01", "uptime"],
    ["-H", "web01", "web01", "web02", "uptime"],
    ["-H", "web01,web02", "web02"],
])
def test_a_command_that_begins_with_a_selected_host_is_refused(fleet, arguments):
    listeners = [fleet.misbehaving(name, Silent) for name in ("web01", "web02")]
    fleet.prepare(web=["web01", "web02"])
    result = fleet.exec(*arguments).assert_code(2)
    assert "web0" in result.err
    assert [listener.connections for listener in listeners] == [0, 0]


def test_after_a_double_dash_a_command_may_be_called_like_a_host(fleet):
    fleet.openssh("true")
    fleet.prepare()
    fleet.exec("-H", "true", "--", "true").assert_code(0)


def test_without_a_command_nobody_is_contacted(fleet):
    listener = fleet.misbehaving("db01", Silent)
    fleet.prepare()
    result = fleet.exec("-H", "db01").assert_code(2)
    assert "COMMAND" in result.err
    assert listener.connections == 0


def test_placeholders_are_replaced_for_each_host(fleet):
    hosts = fleet.openssh("web01", "web02", "web03")
    fleet.prepare()
    result = fleet.exec("-H", "web[01-03]", "echo {host} {address} {port} {user} {index} {count} {{host} {other}")
    result.assert_code(0)
    assert result.blocks == {
        host.name: f"{host.name} {host.address} {host.port} {host.user} {index} 3 {{host}} {{other}}\n".encode()
        for index, host in enumerate(hosts)}


def test_the_standard_input_of_the_command_is_empty(fleet, kind):
    fleet.of_kind(kind, "db01", "db02")
    fleet.prepare()
    result = fleet.exec("-H", "db01,db02", "cat; echo end", stdin=b"not for them\n", timeout=10)
    result.assert_code(0)
    assert result.blocks == {"db01": b"end\n", "db02": b"end\n"}


def test_the_environment_of_the_caller_is_not_sent(fleet):
    fleet.openssh("db01")
    fleet.prepare()
    result = fleet.exec("-H", "db01", "env", env={"LANG": "xx_YY", "FLEET_CANARY": "1"}).assert_code(0)
    assert b"CANARY" not in result.out and b"xx_YY" not in result.out


def test_only_so_many_hosts_are_worked_on_at_once(fleet):
    names = fleet.openssh(*(f"web{number}" for number in range(1, 7))).names
    fleet.prepare(web=names)
    result = fleet.exec("-g", "web", "-f", "2", "date +%s.%N; sleep 0.3; date +%s.%N").assert_code(0)
    times = [[float(word) for word in text.split()] for text in result.blocks.values()]
    assert len(times) == 6
    assert max(sum(start <= moment < end for start, end in times) for moment, _ in times) == 2


def test_by_default_many_hosts_are_worked_on_at_once(fleet):
    names = fleet.openssh(*(f"web{number:02}" for number in range(1, 25))).names
    fleet.prepare(web=names)
    result = fleet.exec("-g", "web", "date +%s.%N; sleep 2; date +%s.%N").assert_code(0)
    times = [[float(word) for word in text.split()] for text in result.blocks.values()]
    assert max(start for start, _ in times) < min(end for _, end in times)


def test_a_long_command_is_sent_whole(fleet, kind):
    fleet.of_kind(kind, "db01")
    fleet.prepare()
    # dropbear takes commands up to 9000 bytes (MAX_CMD_LEN), the program up to 32,768.
    size = 8000 if kind == "dropbear" else 32000
    result = fleet.exec("-H", "db01", "--no-header", "printf %s " + "x" * size).assert_code(0)
    assert result.out == b"x" * size


def test_hosts_of_the_command_line_need_no_inventory(fleet, kind):
    host, = fleet.of_kind(kind, "db01")
    fleet.write_known_hosts()
    result = fleet.exec("-H", host.target, "echo $SSH_CONNECTION").assert_code(0)
    assert host.address.encode() in result.out


def test_user_and_port_of_the_command_line(fleet):
    host, = fleet.openssh("db01")
    fleet.write_known_hosts()
    for user, port in (("-u", "-P"), ("-l", "-P"), ("--user", "--port")):
        fleet.exec("-H", host.address, user, host.user, port, host.port, "true").assert_code(0)


def test_an_ipv6_host_in_brackets(fleet):
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError as error:
            pytest.skip(f"no IPv6 on this machine: {error}")
    host = fleet.server("six", address="::1")
    fleet.write_known_hosts()
    # As OpenSSH would have named it.
    assert fleet.known_hosts[0].startswith(f"[::1]:{host.port} ")
    result = fleet.exec("-H", host.target, "echo $SSH_CONNECTION").assert_code(0)
    assert b"::1" in result.out


def test_help_of_each_command(fleet):
    for arguments in (["--help"], ["exec", "--help"], ["hosts", "--help"], ["help", "exec"]):
        result = fleet.run(*arguments).assert_code(0)
        assert result.out and not result.err
    assert len(fleet.run("--help").out.splitlines()) <= 40


def test_version_names_the_libraries(fleet):
    result = fleet.run("--version").assert_code(0)
    assert re.search(r"fanout \d+\.\d+.*libssh2.*OpenSSL", result.text, re.DOTALL)
