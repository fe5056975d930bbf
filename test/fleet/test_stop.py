"""A command that exceeds its time is stopped on the host, and the record says whether it is dead."""

import contextlib
import os
import shutil
import signal
import sys
import time

import paramiko

import pytest

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench"))

from daemons import Dropbear, OpenSsh, public_key  # noqa: E402
from delaying_proxy import DelayingProxy  # noqa: E402
from processes import wait_until  # noqa: E402
from scripted import Peer, ScriptedServer, Session  # noqa: E402

# dropbear signals the shell alone, so there the processes are ended by kill(1), run on the host.
KILLED = {"openssh": "the remote command was killed", "dropbear": "the remote command was killed (by kill on the host)"}


def gone(fleet, text, timeout=2.0):
    """Whether no process with this text is left on any host."""
    return wait_until(lambda: not fleet.remote_processes(text), timeout)


def test_a_command_that_times_out_is_gone_from_the_host(fleet, kind):
    fleet.of_kind(kind, "db01")
    fleet.prepare()
    result = fleet.exec("-a", "-t", "2", "echo begun; exec sleep 7501").assert_code(3)
    assert result.failures == {"db01": ("timeout", f"timed out after 2s; {KILLED[kind]}")}
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


# On host of this name; the number of processes is that of its sleeps.
FORMS = {
    "plain": "exec sleep 7511",
    "shell": "sleep 7512; true",
    "pipeline": "sleep 7513 | sleep 7513 | cat",
    "background": "sleep 7514 & sleep 7514 & wait",
    "silent": "sleep 7515 >/dev/null 2>&1; true",
    "orphan": "(sleep 7516 >/dev/null 2>&1 &); exec sleep 7516",
    "nested": "sh -c 'sh -c \"sleep 7517; true\"; true'; true",
}


def test_every_form_of_a_command_ends_with_all_that_it_has_started(fleet, kind):
    fleet.of_kind(kind, *FORMS)
    fleet.prepare()
    arms = " ".join(f"{name}) {command};;" for name, command in FORMS.items())
    # dropbear drops the sixth connection of an address that has not logged in.
    result = fleet.exec("-a", "-f", "4", "-t", "1", f"case {{host}} in {arms} esac").assert_code(3)
    assert result.failures == {name: ("timeout", f"timed out after 1s; {KILLED[kind]}") for name in FORMS}
    assert result.seconds < 6
    assert gone(fleet, "sleep 751"), fleet.remote_processes("sleep 751")


def test_what_has_left_the_session_is_found_on_dropbear_and_named_on_openssh(fleet, kind):
    fleet.of_kind(kind, "db01")
    fleet.prepare()
    result = fleet.exec("-a", "-t", "1", "setsid sleep 7521 & exec sleep 7522").assert_code(3)
    if kind == "dropbear":
        assert result.failures["db01"] == ("timeout", f"timed out after 1s; {KILLED[kind]}")
        assert gone(fleet, "sleep 7521")
    else:
        assert result.failures["db01"] == (
            "timeout", "timed out after 1s; its shell was killed, but something still keeps its output open")
        assert result.remarks["unknown"][0] == ["db01"]
    assert gone(fleet, "sleep 7522")
    assert result.seconds < 4


def test_a_command_that_ignores_term_is_killed_after_the_grace(fleet, site):
    kinds = ["openssh"] + ([] if Dropbear.why_not(site) else ["dropbear"])
    for kind in kinds:
        fleet.of_kind(kind, kind)
    fleet.prepare()
    result = fleet.exec("-a", "-t", "1", "trap '' TERM; sleep 7503; sleep 7503").assert_code(3)
    assert result.failures == {kind: ("timeout", f"timed out after 1s; {KILLED[kind]}") for kind in kinds}
    assert 5.5 < result.seconds < 9
    assert gone(fleet, "sleep 7503")


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_leaves_nothing_on_the_host(fleet, kind, number, code):
    fleet.of_kind(kind, "db01")
    fleet.prepare()
    running = fleet.start("exec", "-a", "sleep 7531; true")
    assert wait_until(lambda: fleet.remote_processes("sleep 7531"))
    running.send_signal(number)
    if number == signal.SIGINT:
        running.expect("1 running", 2)
        running.send_signal(number)
    result = running.wait(15).assert_code(code)
    status, cause = result.failures["db01"]
    assert status == "interrupted"
    assert cause.startswith("stopped") and cause.endswith(KILLED[kind]), cause
    assert gone(fleet, "sleep 7531")
    assert result.seconds < 6


def test_a_command_that_has_been_asked_for_and_not_begun_is_stopped_too(fleet, site, kind):
    """The request is on its way to a distant host when the run ends."""
    near, = fleet.of_kind(kind, "near")
    address = site.addresses.take()
    with DelayingProxy(address, near.port, (near.address, near.port), 0.3):
        fleet.add("db01", address, near.port, near.host_key, near.server)
        fleet.prepare()
        running = fleet.start("exec", "-vv", "-H", "db01", "sleep 7536; true")
        running.expect("opening a session", 10)
        running.send_signal(signal.SIGTERM)
        result = running.wait(20).assert_code(143)
    status, cause = result.failures["db01"]
    assert status == "interrupted" and cause.endswith(KILLED[kind]), cause
    assert gone(fleet, "sleep 7536")


def test_a_server_with_room_for_one_session_is_enough(fleet):
    fleet.server("db01", OpenSsh, settings=["MaxSessions 1"])
    fleet.prepare()
    result = fleet.exec("-a", "-t", "1", "sleep 7541; true").assert_code(3)
    assert result.failures["db01"] == ("timeout", f"timed out after 1s; {KILLED['openssh']}")
    assert gone(fleet, "sleep 7541")


def test_a_forced_command_starts_a_second_time_and_is_stopped_at_once(fleet, site):
    """Where a second channel is needed and can only run the forced command."""
    if reason := Dropbear.why_not(site):
        pytest.skip(reason)
    host, = fleet.dropbear("db01")
    home = site.account.home if site.account.own else os.path.join(host.server.folder, "home")
    authorized = os.path.join(home, ".ssh", "authorized_keys")
    key = fleet.new_key("forced")
    shutil.copy(authorized, authorized + ".before")
    starts = fleet.target_file("starts")
    try:
        with open(authorized, "a", encoding="ascii") as file:
            file.write(f'command="echo >>{starts}; exec sleep 7551" {public_key(key)}\n')
        fleet.forget_keys()
        fleet.use_key(key)
        fleet.prepare()
        result = fleet.exec("-a", "-t", "1", "true").assert_code(3)
    finally:
        os.replace(authorized + ".before", authorized)
        os.chown(authorized, site.account.uid, site.account.gid)
    # dropbear tells of the shell alone.
    assert result.failures["db01"] == \
        ("timeout", "timed out after 1s; its shell was killed, but what it has started may still run")
    assert result.remarks["unknown"][0] == ["db01"]
    assert result.seconds < 5
    assert os.path.getsize(starts) == 2
    assert gone(fleet, "sleep 7551")


def test_output_that_waits_for_a_stopped_program_is_no_silence(fleet, kind):
    """A pipe that is read slowly, or Ctrl-Z: the clocks of the command stand still while nobody takes its output."""
    fleet.of_kind(kind, "db01")
    fleet.prepare()
    running = fleet.start("exec", "-a", "--stall-timeout", "1", "-t", "20", "--max-output", "1K",
                          "head -c 150000000 /dev/zero | tr '\\0' x")
    assert wait_until(lambda: fleet.remote_processes("head -c 150000000"))
    for _ in range(2):
        running.send_signal(signal.SIGSTOP)
        time.sleep(2)
        running.send_signal(signal.SIGCONT)
        time.sleep(0.05)
    running.wait(30).assert_code(0)


class OldSession(Session):
    """Takes several channels, as one after the other was opened."""

    def check_channel_exec_request(self, channel, command):
        self.server.requests.append((channel, command.decode()))
        if len(self.server.requests) > 1 and self.server.answer is None:
            return False
        self.came.set()
        return True


class OldOpenSsh(ScriptedServer):
    """Says that it is OpenSSH 7.4, which ignores signals; `answer` is what the second command prints, None: it is refused."""

    def __init__(self, address, port, host_keys, answer):
        self.requests, self.answer = [], answer
        super().__init__(address, port, host_keys)

    def serve(self, connection):
        transport = paramiko.Transport(connection)
        transport.local_version = "SSH-2.0-OpenSSH_7.4"
        try:
            for key in self.host_keys:
                transport.add_server_key(key)
            with contextlib.suppress(paramiko.SSHException, EOFError):
                transport.start_server(server=OldSession(self))
            first = self._wait_for_channel(transport)
            second = self._wait_for_channel(transport) if first else None
            wait_until(lambda: len(self.requests) == 2 or not transport.is_active(), 10)
            time.sleep(0.02)    # the reply to the request comes from another thread
            if second and self.answer:
                script = Peer(transport, second, "")
                script.out(self.answer)
                script.finish()
                if b"left=0" in self.answer:
                    command = Peer(transport, first, "")
                    command.exit_signal("TERM")
                    command.end_of_output()
                    command.close()
            Peer(transport, first, "").wait_for_client(15)
        finally:
            transport.close()


SAID = b"Welcome!\nfanout-stop begun\n\nfanout-stop found=3\n\nfanout-stop left=%d\n"


@pytest.mark.parametrize("answer, cause", [
    (SAID % 0, "the remote command was killed (by kill on the host)"),
    (SAID % 1, "the remote command may still run")])
def test_an_old_openssh_is_asked_over_a_second_channel(fleet, answer, cause):
    key = fleet.new_key("host_key")
    server = fleet.misbehaving("db01", OldOpenSsh, [key], answer, host_key=public_key(key))
    fleet.prepare()
    result = fleet.exec("-a", "-t", "1", "sleep 60").assert_code(3)
    assert result.failures["db01"] == ("timeout", f"timed out after 1s; {cause}")
    assert [command[:9] for _, command in server.requests] == ["sleep 60", "exec sh -"]
    assert result.seconds < 4


def test_silence_ends_a_command(fleet, kind):
    fleet.of_kind(kind, "db01", "db02")
    fleet.prepare()
    # Either stream is a sign of life.
    result = fleet.exec("-a", "--stall-timeout", "1", "for i in 1 2 3; do echo $i {host} >&2; sleep 0.6; echo $i; "
                        "sleep 0.6; done; case {host} in db01) sleep 7561;; esac").assert_code(3)
    assert result.failures == {"db01": ("timeout", f"no output for 1s; {KILLED[kind]}")}
    assert result.blocks["db01"] == result.blocks["db02"] == b"1\n2\n3\n"
    assert gone(fleet, "sleep 7561")
    assert 4 <= result.seconds < 8


def test_a_program_that_does_not_read_is_not_taken_for_silence(fleet):
    fleet.openssh("db01")
    fleet.prepare()
    running = fleet.start("exec", "-a", "--stall-timeout", "1", f"touch {fleet.target_file('begun')}; sleep 0.5; "
                          "head -c 8000000 /dev/zero; echo")
    assert wait_until(lambda: os.path.exists(fleet.target_file("begun")))
    running.send_signal(signal.SIGSTOP)
    time.sleep(2.5)
    running.send_signal(signal.SIGCONT)
    result = running.wait().assert_code(0)
    assert len(result.blocks["db01"]) == 8000001


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
