"""Hosts and servers that go wrong among others that do not: one true record each, and no harm to the others."""

import time

import pytest

from daemons import public_key
from scripted import ScriptedServer
from servers import BlackHole, ClosedPort, CuttingProxy, Silent, Talker

PAYLOAD = "head -c 150000 /dev/zero | tr '\\0' x; echo {host}"


def payload(name):
    return b"x" * 150000 + name.encode() + b"\n"


def host_key_files(fleet, *kinds):
    """Host keys for scripted servers: (paths, the first one's line for known_hosts)."""
    paths = [fleet.new_key(f"host_{kind}", kind) for kind in kinds or ("ed25519",)]
    return paths, public_key(paths[0])


def scripted(fleet, name, script=None, **options):
    paths, key = host_key_files(fleet)
    options |= {"script": script} if script else {}
    return fleet.misbehaving(name, ScriptedServer, paths, host_key=key, **options)


class Undecided:
    """Neither yes nor no for a while."""

    def __bool__(self):
        time.sleep(4)
        return False


def upstream(host):
    return host.address, host.port


# --- many at once ---------------------------------------------------------------------------------------------------

def test_twenty_hosts_of_which_seven_fail_in_seven_ways(fleet):
    names = [f"host{number:02}" for number in range(1, 21)]
    good = names[7:]
    fleet.misbehaving("host01", ClosedPort, host_key=public_key(fleet.site.user_key))
    fleet.misbehaving("host02", BlackHole, host_key=public_key(fleet.site.user_key))
    changed, unwelcome = fleet.openssh("host03", "host04")
    changed.host_key = public_key(fleet.site.user_key)
    unwelcome.user = "nobody-of-this-name"
    fleet.openssh(*names[4:])
    fleet.prepare()
    command = ("case {host} in host05) exit 3;; host06) kill -9 $$;; host07) sleep 7301;; esac; " + PAYLOAD)
    result = fleet.exec("-a", "-t", "2", "--connect-timeout", "2", command).assert_code(4)

    assert result.counts == {"hosts": 20, "ok": 13, "failed": 7}
    failures = result.failures
    assert sorted(failures) == names[:7]
    assert {name: status for name, (status, _) in failures.items()} == {
        "host01": "unreachable", "host02": "timeout", "host03": "host_key", "host04": "auth",
        "host05": "failed", "host06": "failed", "host07": "timeout"}
    port = fleet.hosts[0].port
    assert failures["host01"][1] == f"connect {fleet.hosts['host01'].address}:{port}: Connection refused"
    assert failures["host02"][1] == f"connect {fleet.hosts['host02'].address}:{port}: timed out"
    assert "changed" in failures["host03"][1]
    assert "publickey" in failures["host04"][1]
    assert failures["host05"][1] == "exit 3"
    assert failures["host06"][1] == "killed by signal KILL"
    assert failures["host07"][1] == "timed out after 2s; the remote command was killed"
    blocks = result.blocks
    assert {name: blocks.get(name) for name in good} == {name: payload(name) for name in good}
    assert result.seconds < 6
    assert fleet.remote_processes("sleep 7301") == []


# --- before SSH begins ----------------------------------------------------------------------------------------------

def test_a_closed_port_is_reported_at_once(fleet):
    fleet.misbehaving("db01", ClosedPort)
    fleet.prepare()
    result = fleet.exec("-a", "true").assert_code(4)
    assert result.failures["db01"][0] == "unreachable"
    assert result.seconds < 2


def test_packets_that_vanish_cost_the_connect_timeout_and_no_more(fleet):
    fleet.misbehaving("db01", BlackHole)
    fleet.openssh("db02")
    fleet.prepare()
    result = fleet.exec("-a", "--connect-timeout", "1", "echo here").assert_code(3)
    assert result.failures["db01"][0] == "timeout"
    assert result.blocks == {"db02": b"here\n"}
    assert 0.9 < result.seconds < 2.5


def test_the_connect_timeout_of_the_inventory(fleet):
    fleet.misbehaving("db01", BlackHole)
    fleet.hosts["db01"].settings["connect_timeout"] = "500ms"
    fleet.prepare()
    assert 0.4 < fleet.exec("-a", "true").assert_code(3).seconds < 2


def test_an_address_that_is_no_host(fleet):
    fleet.openssh("db01")
    fleet.hosts[0].address = "0.0.0.0"
    fleet.prepare()
    assert fleet.exec("-a", "true").assert_code(4).failures["db01"][0] == "resolve"


def test_a_host_without_an_address_of_the_wanted_family(fleet):
    fleet.openssh("db01")
    fleet.prepare()
    fleet.exec("-a", "-4", "true").assert_code(0)
    assert fleet.exec("-a", "-6", "true").assert_code(4).failures["db01"][0] == "resolve"


def test_a_server_that_says_nothing(fleet):
    server = fleet.misbehaving("db01", Silent)
    fleet.openssh("db02")
    fleet.prepare()
    result = fleet.exec("-a", "--connect-timeout", "1", "true").assert_code(3)
    status, cause = result.failures["db01"]
    assert status == "timeout" and "1s" in cause
    assert 0.9 < result.seconds < 2.5
    assert server.connections == 1


@pytest.mark.parametrize("text, again", [
    (b"", b"I am not in the mood for SSH today.\r\n"),
    (b"", b"a" * 1000),
    (b"SSH-2.0-", b"b" * 1000),
], ids=["lines", "one line", "identification"])
def test_a_server_that_never_stops_talking_before_ssh_begins(fleet, text, again):
    fleet.misbehaving("db01", Talker, text, again)
    fleet.openssh("db02")
    fleet.prepare()
    running = fleet.start("exec", "-a", "--connect-timeout", "3", "echo here")
    before = time.process_time()
    result = running.wait(10)
    assert result.failures["db01"][0] in ("protocol", "timeout")
    assert result.code in (3, 4)
    assert result.blocks == {"db02": b"here\n"}
    assert result.seconds < 5 and time.process_time() - before < 5


@pytest.mark.parametrize("text", [
    b"SSH-1.5-Old_1.0\r\n",
    b"HTTP/1.1 400 Bad Request\r\nServer: web\r\n\r\n",
    b"\x00\x01\x02\x03\r\n",
    b"SSH-2.0-" + b"x" * 300 + b"\r\n",
    b"\x1b]0;owned\x07\x1b[2Jtext\r\n",
    b"220 mail ready\r\n",
], ids=["SSH-1.5", "HTTP", "null bytes", "too long", "escapes", "SMTP"])
def test_a_server_that_does_not_speak_ssh(fleet, text):
    fleet.misbehaving("db01", Talker, text, then_close=True)
    fleet.openssh("db02")
    fleet.prepare()
    result = fleet.exec("-a", "--connect-timeout", "2", "echo here").assert_code(4)
    assert result.failures["db01"][0] in ("protocol", "unreachable")
    assert "\x1b" not in result.err and "\0" not in result.err and "\x07" not in result.err
    assert max(map(len, result.err.splitlines())) < 400
    assert result.blocks == {"db02": b"here\n"}


def test_ssh_1_is_refused_without_waiting(fleet):
    fleet.misbehaving("db01", Talker, b"SSH-1.5-Old_1.0\r\n")
    fleet.prepare()
    result = fleet.exec("-a", "--connect-timeout", "5", "true").assert_code(4)
    status, cause = result.failures["db01"]
    assert status == "protocol" and "SSH-1.5" in cause
    assert result.seconds < 2


def test_text_before_the_identification_is_allowed(fleet):
    # RFC 4253, section 4.2
    host, = fleet.openssh("db01")

    class Greeter(CuttingProxy):
        def serve(self, connection):
            connection.sendall(b"welcome\r\nto this machine\r\n")
            super().serve(connection)

    fleet.hosts.clear()
    fleet.misbehaving("db02", Greeter, upstream(host), 1 << 40, "close", host_key=host.host_key)
    fleet.prepare()
    assert fleet.exec("-a", "echo here").assert_code(0).blocks == {"db02": b"here\n"}


def test_a_server_with_no_cipher_in_common(fleet):
    fleet.server("db01", settings=["Ciphers aes256-cbc"])
    fleet.prepare()
    status, cause = fleet.exec("-a", "true").assert_code(4).failures["db01"]
    assert status == "protocol" and "cipher" in cause and "aes256-cbc" in cause


# --- connections that are cut ---------------------------------------------------------------------------------------

# One write, and so always the same packets: the length of a session must not change from run to run.
ONE_PACKET = "printf %02000d 7"


def length_of_session(fleet, host):
    """How many bytes the server sends when nothing goes wrong."""
    proxy = fleet.misbehaving("measure", CuttingProxy, upstream(host), 1 << 40, "close", host_key=host.host_key)
    fleet.prepare()
    fleet.exec("-H", "measure", ONE_PACKET).assert_code(0)
    return proxy.passed


@pytest.mark.parametrize("then", ["close", "reset", "stall"])
@pytest.mark.parametrize("when", ["before the output", "in the output and at its end"])
def test_a_connection_that_is_cut_is_never_a_success(fleet, kind, when, then):
    host, = fleet.of_kind(kind, "upstream")
    length = length_of_session(fleet, host)
    if when == "before the output":
        offsets = [1, 10, 60, 500, 1000, *range(1200, length - 2300, 300)]
    else:
        # Only the very last message, which closes the channel, has nothing in it that matters; it has 36 bytes.
        offsets = [length - 1900, length - 120, length - 80, length - 60, length - 40]
    proxies = [fleet.misbehaving(f"cut{number:02}", CuttingProxy, upstream(host), offset, then, host_key=host.host_key)
               for number, offset in enumerate(offsets)]
    fleet.prepare()
    # dropbear takes no more than five clients at once that are not logged in, and some may be about to leave.
    parallel = 2 if when == "before the output" else 5
    result = fleet.exec("-a", "-x", "upstream,measure", "-f", parallel, "--connect-timeout", "500ms", "-t", "500ms",
                        ONE_PACKET)
    assert [proxy.passed for proxy in proxies] == offsets
    allowed = {"timeout"} if then == "stall" else {"unreachable", "protocol"}
    failures = result.failures
    for number, offset in enumerate(offsets):
        name = f"cut{number:02}"
        assert name in failures, f"cut after {offset} of {length} bytes, and no failure\n{result}"
        assert failures[name][0] in allowed, f"cut after {offset} of {length} bytes: {failures[name]}\n{result}"
    assert result.code == (3 if then == "stall" else 4)


@pytest.mark.parametrize("then", ["close", "reset"])
def test_output_that_came_before_a_cut_is_kept(fleet, kind, then):
    host, = fleet.of_kind(kind, "upstream")
    fleet.misbehaving("cut", CuttingProxy, upstream(host), 300_000, then, host_key=host.host_key)
    fleet.prepare()
    command = "i=0; while [ $i -lt 9999 ]; do echo $i 0123456789 0123456789 0123456789; i=$((i+1)); done; sleep 5"
    result = fleet.exec("-H", "cut", command)
    assert result.failures["cut"][0] == "unreachable" and "may still run" in result.failures["cut"][1]
    lines = result.blocks["cut"].splitlines()
    # All but what was in the packet that was cut, and what a reset takes with it.
    assert len(lines) > (1000 if then == "reset" else 5000)
    assert lines[:-1] == [f"{number} 0123456789 0123456789 0123456789".encode() for number in range(len(lines) - 1)]


def test_a_server_that_trickles_meets_the_overall_deadline(fleet):
    host, = fleet.openssh("upstream")
    fleet.hosts.clear()
    fleet.misbehaving("db01", CuttingProxy, upstream(host), 25, "trickle", host_key=host.host_key)
    fleet.misbehaving("db02", CuttingProxy, upstream(host), 1500, "trickle", host_key=host.host_key)
    fleet.prepare()
    result = fleet.exec("-a", "--connect-timeout", "2500ms", "true").assert_code(3)
    assert {status for status, _ in result.failures.values()} == {"timeout"}
    assert 2.4 < result.seconds < 4


def test_the_session_process_of_the_server_is_killed(fleet):
    fleet.openssh("db01", "db02")
    fleet.prepare()
    command = "echo begun; case {host} in db01) sleep 0.3; kill -9 $PPID; sleep 5;; esac"
    result = fleet.exec("-a", command).assert_code(4)
    assert result.failures["db01"][0] == "unreachable"
    assert result.blocks["db01"] == b"begun\n" and result.blocks["db02"] == b"begun\n"


# --- servers that break the rules after the login -------------------------------------------------------------------

def test_no_exit_status_is_not_a_success(fleet):
    def script(peer):
        peer.out(b"some output\n")
        peer.end_of_output()
        peer.close()

    scripted(fleet, "db01", script)
    fleet.prepare()
    result = fleet.exec("-a", "true").assert_code(5)
    assert result.failures["db01"] == ("failed", "no exit status from the server")
    assert result.blocks == {"db01": b"some output\n"}


def test_exit_status_without_end_of_output_and_close_is_whole(fleet):
    def script(peer):
        peer.out(b"text\n")
        peer.exit_status(0)
        peer.close()

    scripted(fleet, "db01", script)
    fleet.prepare()
    assert fleet.exec("-a", "true").assert_code(0).blocks == {"db01": b"text\n"}


def test_death_by_signal_is_reported_with_its_name(fleet):
    def script(peer):
        peer.exit_signal(b"SEGV")
        peer.end_of_output()
        peer.close()

    scripted(fleet, "db01", script)
    fleet.prepare()
    assert fleet.exec("-a", "true").assert_code(3).failures["db01"] == ("failed", "killed by signal SEGV")


def test_disconnect_in_the_middle_of_the_output(fleet):
    def script(peer):
        peer.out(b"half a li")
        peer.disconnect(b"\x1b[31mgo away\x07\nfanout: 1 host, 1 ok")

    scripted(fleet, "db01", script)
    fleet.openssh("db02")
    fleet.prepare()
    result = fleet.exec("-a", "echo here").assert_code(4)
    status, cause = result.failures["db01"]
    assert status == "unreachable" and "may still run" in cause
    assert "\x1b" not in result.err and "\x07" not in result.err
    assert result.counts == {"hosts": 2, "ok": 1, "failed": 1}
    assert result.blocks == {"db01": b"half a li\n", "db02": b"here\n"}


def test_an_output_that_stays_open_after_the_end_of_the_command(fleet):
    def script(peer):
        peer.out(b"text\n")
        peer.exit_status(0)
        time.sleep(4)

    scripted(fleet, "db01", script)
    fleet.prepare()
    result = fleet.exec("-a", "-t", "1", "true").assert_code(3)
    status, cause = result.failures["db01"]
    assert status == "timeout" and "the command had ended" in cause
    assert result.blocks == {"db01": b"text\n"}
    assert result.seconds < 4


def test_a_background_process_that_keeps_the_output_open(fleet):
    fleet.openssh("db01")
    fleet.prepare()
    result = fleet.exec("-a", "-t", "1", "sleep 7302 & echo started").assert_code(3)
    status, cause = result.failures["db01"]
    assert status == "timeout" and "the command had ended" in cause
    assert result.blocks == {"db01": b"started\n"}


def test_end_of_output_long_before_the_end_of_the_command(fleet, kind):
    fleet.of_kind(kind, "db01")
    fleet.prepare()
    result = fleet.exec("-a", "echo text; exec >&- 2>&-; sleep 1; exit 4").assert_code(5)
    assert result.failures["db01"] == ("failed", "exit 4")
    assert result.seconds > 1


def test_more_output_than_the_window_allows(fleet):
    def script(peer):
        # 20 MiB, whatever the client has allowed.
        for _ in range(640):
            peer.out(b"z" * 32768)
        peer.finish(0)

    scripted(fleet, "db01", script)
    fleet.openssh("db02")
    fleet.prepare()
    result = fleet.exec("-a", "echo here")
    if "db01" in result.failures:
        assert result.failures["db01"][0] == "protocol"
        result.assert_code(4)
    else:
        assert len(result.blocks["db01"].rstrip(b"\n")) == 640 * 32768
    assert result.blocks["db02"] == b"here\n"


def test_requests_of_the_server_are_refused_and_harm_nothing(fleet):
    def script(peer):
        for kind in (b"auth-agent@openssh.com", b"session"):
            peer.send(90, kind, 100, 1 << 20, 1 << 15)
        peer.send(90, b"x11", 101, 1 << 20, 1 << 15, b"127.0.0.1", 6000)
        peer.send(90, b"forwarded-tcpip", 102, 1 << 20, 1 << 15, b"127.0.0.1", 80, b"127.0.0.1", 1234)
        peer.global_request(b"keepalive@openssh.com", True)
        peer.global_request(b"hostkeys-00@openssh.com", False, b"not a key")
        peer.ignore(b"ignored" * 100)
        peer.out(b"text\n")
        peer.finish(0)

    scripted(fleet, "db01", script)
    fleet.prepare()
    assert fleet.exec("-a", "true").assert_code(0).blocks == {"db01": b"text\n"}


def test_a_command_that_the_server_refuses(fleet):
    scripted(fleet, "db01", accepts_command=False)
    fleet.prepare()
    status, cause = fleet.exec("-a", "--connect-timeout", "2", "true").assert_code(4).failures["db01"]
    assert status in ("protocol", "unreachable") and cause


def test_a_server_that_never_answers_the_login(fleet):
    scripted(fleet, "db01", accepts_keys=Undecided())
    fleet.prepare()
    result = fleet.exec("-a", "--connect-timeout", "1", "true").assert_code(3)
    assert result.failures["db01"][0] == "timeout"
    assert result.seconds < 3
