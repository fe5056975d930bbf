"""What hosts print, and where it ends up: byte by byte, in blocks or lines, on files, pipes and terminals."""

import os
import re
import time

import pytest

from daemons import public_key
from processes import wait_until
from scripted import ScriptedServer

EVERY_BYTE = bytes(range(256)) * 40
# printf of every byte, in octal.
PRINT_EVERY_BYTE = "i=0; while [ $i -lt 40 ]; do printf '%s'; i=$((i+1)); done" % "".join(
    f"\\{byte:03o}" if byte != 0x25 else "%%" for byte in range(256))


@pytest.fixture
def three(fleet):
    fleet.openssh("db01", "db02", "db03")
    return fleet.prepare()


def test_every_byte_arrives_unchanged_in_a_file(fleet, kind):
    fleet.of_kind(kind, "db01")
    fleet.prepare()
    result = fleet.exec("-a", "--no-header", PRINT_EVERY_BYTE).assert_code(0)
    assert result.out == EVERY_BYTE


def test_the_same_command_through_ssh_and_through_fanout(fleet):
    host, = fleet.openssh("db01")
    fleet.prepare()
    command = "printf 'out\\n'; printf 'err' >&2; printf 'more'; exit 7"
    theirs = fleet.run("-F", "none", "-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={fleet.known_hosts_path}",
                       "-i", fleet.path(".ssh/id_ed25519"), "-p", host.port, f"{host.user}@{host.address}", command,
                       program="/usr/bin/ssh")
    ours = fleet.exec("-a", "--no-header", "--exit", "max", command)
    assert ours.code == theirs.code == 7
    assert ours.out == theirs.out
    assert ours.err.startswith(theirs.err)


def test_each_stream_goes_where_it_belongs(three):
    result = three.exec("-a", "echo to-out; echo to-err >&2").assert_code(0)
    assert result.blocks == {name: b"to-out\n" for name in three.hosts.names}
    assert result.error_blocks == {name: b"to-err\n" for name in three.hosts.names}
    assert "to-out" not in result.err and b"to-err" not in result.out


def test_blocks_come_as_hosts_end(three):
    result = three.exec("-a", "case {host} in db01) sleep 1;; db02) sleep 0.5;; esac; echo {host}").assert_code(0)
    assert list(result.blocks) == ["db03", "db02", "db01"]


def test_a_block_is_complete_while_others_still_run(three):
    running = three.start("exec", "-a", "echo {host}; case {host} in db03) sleep 3;; esac")
    running.expect("== db01 ==\ndb01\n", 2.5)
    running.expect("== db02 ==\ndb02\n", 2.5)
    assert b"db03" not in running.out
    running.wait().assert_code(0)


def test_lines_come_as_they_are_printed(three):
    running = three.start("exec", "-a", "-L", "echo first; sleep 2; echo second")
    for name in three.hosts.names:
        running.expect(f"{name}: first\n", 1.8)
    assert b"second" not in running.out
    result = running.wait().assert_code(0)
    assert sorted(result.text.splitlines()) == sorted(
        f"{name}: {word}" for name in three.hosts.names for word in ("first", "second"))


def test_a_line_that_does_not_end_is_ended(three):
    result = three.exec("-a", "-L", "printf 'no newline'").assert_code(0)
    assert sorted(result.text.splitlines()) == [f"{name}: no newline" for name in three.hosts.names]
    assert result.text.endswith("\n")


def test_a_long_line_is_whole(three):
    result = three.exec("-a", "-L", "head -c 3000000 /dev/zero | tr '\\0' {index}; echo").assert_code(0)
    assert sorted(result.out.splitlines()) == [f"db0{number + 1}: ".encode() + str(number).encode() * 3000000
                                               for number in range(3)]


def test_no_output_at_all(three):
    result = three.exec("-a", "-q", "echo text; echo error >&2").assert_code(0)
    assert result.out == b"" and "error" not in result.err
    assert result.counts == {"hosts": 3, "ok": 3}
    assert three.exec("-a", "--output", "none", "exit 1").assert_code(5).out == b""


def test_blocks_without_headers(three):
    result = three.exec("-a", "--no-header", "echo text").assert_code(0)
    assert result.text == "text\n" * 3


def test_a_host_that_fails_is_named_with_its_end(three):
    result = three.exec("-H", "db01", "echo text; echo error >&2; exit 3").assert_code(5)
    assert re.search(r"^== db01 \(stderr\): failed, exit 3 ==\nerror$", result.err, re.MULTILINE)


def test_a_host_that_succeeds_in_silence_has_no_block(three):
    result = three.exec("-a", "true").assert_code(0)
    assert result.out == b""
    assert result.err.count("\n") == 1 and result.counts == {"hosts": 3, "ok": 3}


def test_output_over_the_limit_is_counted_and_said(three):
    result = three.exec("-H", "db01", "--max-output", "10K", "--no-header", "head -c 30000 /dev/zero | tr '\\0' a")
    result.assert_code(0)
    kept = re.match(rb"a*", result.out)[0]
    assert len(kept) == 10240
    assert result.remarks["truncated"][0] == ["db01"]
    assert "10K" in result.remarks["truncated"][1] and "19.8 kB" in result.remarks["truncated"][1]


def test_the_limit_is_for_both_streams_together(three):
    result = three.exec("-H", "db01", "--max-output", "1000", "--no-header",
                        "head -c 800 /dev/zero | tr '\\0' a; sleep 0.3; head -c 800 /dev/zero | tr '\\0' b >&2")
    assert result.out.count(b"a") == 800
    assert len(re.search(r"b*(?=\n|$)", result.err)[0]) <= 200
    assert "truncated" in result.remarks


def test_a_host_over_the_limit_does_not_touch_the_others(three):
    result = three.exec("-a", "--max-output", "1K",
                        "case {host} in db01) head -c 99999 /dev/zero;; *) echo here;; esac")
    assert result.blocks["db02"] == result.blocks["db03"] == b"here\n"
    assert result.remarks["truncated"][0] == ["db01"]


def test_stderr_after_the_end_of_stdout(fleet):
    def script(peer):
        peer.out(b"out\n")
        peer.err(b"err\n")
        peer.end_of_output()
        peer.exit_status(0)
        peer.close()

    key = fleet.new_key("host_key")
    fleet.misbehaving("db01", ScriptedServer, [key], script, host_key=public_key(key))
    fleet.prepare()
    result = fleet.exec("-a", "true").assert_code(0)
    assert result.blocks == {"db01": b"out\n"} and result.error_blocks == {"db01": b"err\n"}


def test_the_order_within_each_stream_is_kept(three):
    command = "i=0; while [ $i -lt 300 ]; do echo o$i; echo e$i >&2; i=$((i+1)); done"
    result = three.exec("-a", command).assert_code(0)
    for name in three.hosts.names:
        assert result.blocks[name].split() == [f"o{number}".encode() for number in range(300)]
        assert result.error_blocks[name].split() == [f"e{number}".encode() for number in range(300)]


# --- terminals ------------------------------------------------------------------------------------------------------

HOSTILE = "printf '\\033]0;owned\\007\\033[2J\\033[31mred\\rover\\tTAB\\n\\302\\233evil\\n'"


def test_control_characters_are_shown_escaped_on_a_terminal(three):
    terminal = three.start("exec", "-H", "db01", HOSTILE, terminal=True)
    screen = terminal.wait().assert_code(0).out
    assert b"\x1b]0;" not in screen and b"\x1b[2J" not in screen and b"\x07" not in screen
    assert b"\xc2\x9b" not in screen
    assert b"red" in screen and b"over" in screen and b"owned" in screen and b"\tTAB" in screen
    # A carriage return would let a host overwrite what stands before it; those of the terminal come before newlines.
    assert not re.search(rb"\r(?!\n)", screen)


def test_raw_lets_control_characters_reach_the_terminal(three):
    terminal = three.start("exec", "-H", "db01", "--raw", HOSTILE, terminal=True)
    assert b"\x1b]0;owned\x07\x1b[2J" in terminal.wait().assert_code(0).out


def test_control_characters_reach_a_file_unchanged(three):
    result = three.exec("-H", "db01", "--no-header", HOSTILE).assert_code(0)
    assert result.out == b"\x1b]0;owned\x07\x1b[2J\x1b[31mred\rover\tTAB\n\xc2\x9bevil\n"


def test_no_host_can_print_the_line_of_another(three):
    result = three.exec("-a", "-L", "printf 'x\\ndb99: forged\\nfanout: 3 hosts, 3 ok\\n'").assert_code(0)
    for line in result.text.splitlines():
        assert re.match(r"db0[1-3]: ", line)


# --- when the output cannot be written ------------------------------------------------------------------------------

@pytest.mark.parametrize("form", ["-L", "--output=block"])
def test_stdout_that_is_closed_early(three, form):
    reader, writer = os.pipe()
    running = three.start("exec", "-a", form, "i=0; while [ $i -lt 3000 ]; do echo line $i of {host}; i=$((i+1)); done",
                          stdout=writer)
    os.close(writer)
    assert os.read(reader, 10)
    os.close(reader)
    result = running.wait(20).assert_code(1)
    assert "Broken pipe" in result.err
    assert len(result.err.splitlines()) < 20


@pytest.mark.parametrize("form", ["-L", "--output=block"])
def test_a_full_disk(three, form):
    with open("/dev/full", "wb") as full:
        result = three.exec("-a", form, "echo text", stdout=full).assert_code(1)
    assert "No space left on device" in result.err
    assert len(result.err.splitlines()) < 20


def test_stdout_and_stderr_closed_from_the_start(three):
    # Whatever is opened first must not take their place.
    def close_both():
        os.close(1)
        os.close(2)

    result = three.exec("-a", "echo text", preexec=close_both)
    assert result.code in (0, 1)
    assert result.out == b"" and result.err == ""


def test_a_standard_input_that_is_closed_from_the_start(three):
    result = three.exec("-a", "cat; echo end", preexec=lambda: os.close(0), timeout=10).assert_code(0)
    assert result.blocks["db01"] == b"end\n"


def test_a_slow_reader_loses_nothing(three):
    reader, writer = os.pipe()
    command = "i=0; while [ $i -lt 20000 ]; do echo $i {host} 0123456789; i=$((i+1)); done"
    running = three.start("exec", "-a", "-L", command, stdout=writer)
    os.close(writer)
    time.sleep(2)
    text = bytearray()
    while chunk := os.read(reader, 1 << 16):
        text += chunk
    os.close(reader)
    running.wait(30).assert_code(0)
    assert sorted(text.splitlines()) == sorted(
        f"{name}: {number} {name} 0123456789".encode() for name in three.hosts.names for number in range(20000))


def test_verbose_tells_of_the_connections(three):
    quiet, verbose, very = (three.exec("-H", "db01", *more, "true").assert_code(0).err
                            for more in ([], ["-v"], ["-v", "-v"]))
    assert len(quiet.splitlines()) < len(verbose.splitlines()) < len(very.splitlines())
    assert "db01" in verbose
    assert three.exec("-H", "db01", "-vv", "true").assert_code(0)


def test_what_waits_to_be_printed_leaves_no_file(three):
    running = three.start("exec", "-a", "head -c 9000000 /dev/zero; sleep 2")
    # Files that are open and have no name are fine; a name would outlive a crash.
    assert not wait_until(lambda: os.listdir(three.temporary), 1.5)
    running.wait().assert_code(0)
