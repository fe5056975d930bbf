"""The line that says how far a run is: what is on the screen of a terminal while it goes on, and what is left of it."""

import fcntl
import os
import re
import struct
import subprocess
import termios

import pytest

from processes import wait_until
from windows import Window

HOSTS = [f"db{number:02}" for number in range(1, 7)]
# Any form of it, at the beginning of a line.
PROGRESS = re.compile(r"^\d+(?: of |/)\d+")


@pytest.fixture
def six(fleet):
    fleet.openssh(*HOSTS)
    return fleet.prepare()


def wait_for_go(fleet, code="exit 0"):
    """A command that prints a line, and ends when the test lets it; or, if the test does not, soon."""
    return (f"echo begin {{host}} > {fleet.target}/{{host}}; n=0; until [ -e {fleet.target}/go-{{host}} ]; do sleep 0.02; "
            f"n=$((n + 1)); [ $n -lt 2000 ] || exit 9; done; echo end of {{host}}; case {{host}} in db03) exit 3;; esac; {code}")


def go(fleet, *names):
    for name in names:
        with open(f"{fleet.target}/go-{name}", "wb"):
            pass


def all_begun(fleet):
    assert wait_until(lambda: all(os.path.exists(f"{fleet.target}/{name}") for name in HOSTS), 10)


def drawn(lines):
    return [line for line in lines if PROGRESS.match(line)]


FULL = r"3 of 6 hosts, 3 running, 1 failed; \d+(?:\.\d)?/(?:s|min), \d+ s left; slowest db0[456] \d+ s"


@pytest.mark.parametrize("columns, rows, expected", [
    (80, 24, FULL), (20, 5, "3/6 3 run 1 fail"), (200, 60, FULL),
], ids=["80x24", "20x5", "200x60"])
def test_the_line_fits_the_screen_and_is_gone_at_the_end(six, columns, rows, expected):
    with Window(six, "exec", "-a", wait_for_go(six), columns=columns, rows=rows) as window:
        all_begun(six)
        window.wait_for(lambda lines: drawn(lines))
        for name in HOSTS[:3]:
            go(six, name)
            window.wait_for(lambda lines, name=name: f"end of {name}" in lines, history=True)
        lines = window.wait_for(lambda lines: lines and re.fullmatch(expected, lines[-1]))
        # One of it, below the output, which is whole.
        assert len(drawn(lines)) == 1
        assert lines[:-1] == ["== db01 ==", "end of db01", "== db02 ==", "end of db02", "== db03: failed, exit 3 ==",
                              "end of db03"][-len(lines[:-1]):]
        for name in HOSTS[3:]:
            go(six, name)
            window.wait_for(lambda lines, name=name: f"end of {name}" in lines, history=True)
        window.wait_for(lambda lines: lines and lines[-1] == "code 5")
        lines = window.lines(history=True)
    assert drawn(lines) == []
    blocks = [line for name in HOSTS for line in (f"== {name}{': failed, exit 3' if name == 'db03' else ''} ==",
                                                  f"end of {name}")]
    assert lines[:12] == blocks and len(lines) == 15
    assert re.fullmatch(r"fanout: 6 hosts, 5 ok, 1 failed in [\d.]+ s", lines[12])
    assert lines[13:] == ["  failed  db03  exit 3", "code 5"]


def test_after_a_resize_the_line_fits_and_nothing_of_the_old_one_is_left(six):
    # Below a window full of output, so that what a terminal wraps anew moves it all.
    command = wait_for_go(six).replace("echo end", "[ {host} = db02 ] || seq 100 140; echo end")
    with Window(six, "exec", "-a", command, columns=120, rows=24) as window:
        all_begun(six)
        for name in HOSTS[:2]:
            go(six, name)
            window.wait_for(lambda lines, name=name: f"end of {name}" in lines)
        above = ["== db01 ==", *map(str, range(100, 141)), "end of db01", "== db02 ==", "end of db02"]
        window.wait_for(lambda lines: "slowest db03" in lines[-1])
        running = r"2(?:/6,| of 6 hosts,) 4 running; slowest db03 \d+ s"
        for columns, expected in ((40, running), (20, r"2/6, 4 running"), (9, "2/6"), (5, "2/6"), (4, "2/6"), (100, running),
                                  (15, "2/6, 4 running"), (60, running), (3, None), (60, running)):
            window.resize(columns, 24)
            # Whatever the terminal has made of the old line: there is one, and what is above it is what was there.
            if expected:
                lines = window.wait_for(lambda lines, columns=columns, expected=expected: len(lines[-1]) < columns
                                        and re.fullmatch(expected, lines[-1]), history=True)
                assert lines[:-1] == above
            else:
                window.wait_for(lambda lines: lines == above, history=True)
        for name in HOSTS[2:]:
            go(six, name)
        window.wait_for(lambda lines: lines and lines[-1] == "code 5")
        lines = window.lines(history=True)
    assert lines[:len(above)] == above and drawn(lines) == []


@pytest.mark.parametrize("form", ["-L", "--output=block"])
def test_it_is_never_mixed_with_output(six, form):
    # Now and then they are silent for a while, in which it can be seen.
    command = ("i=0; while [ $i -lt 150 ]; do echo line $i of {host}; echo to stderr $i of {host} >&2; sleep 0.005; i=$((i+1)); "
               "[ $((i % 50)) -ne 0 ] || sleep 0.6; done")
    with Window(six, "exec", "-a", form, command, columns=60, rows=30) as window:
        window.wait_for(drawn)
        window.wait_for(lambda lines: lines and lines[-1] == "code 0", 30)
        lines = window.lines(history=True)
    prefix = r"db0\d: +" if form == "-L" else ""
    text = [line for line in lines if re.fullmatch(prefix + r"(?:line|to stderr) \d+ of db0\d", line)]
    assert len(text) == len(set(text)) == 6 * 300
    others = [line for line in lines if line not in set(text) and not re.fullmatch(r"== db0\d(?: \(stderr\))? ==", line)]
    assert len(others) == 2 and others[1] == "code 0" and others[0].startswith("fanout: 6 hosts, 6 ok in "), others


def test_copies_show_how_much_has_been_copied(six):
    six.write("file", "x" * 3_000_000)
    with Window(six, "put", "-a", "-f", "3", "--limit-rate", "1M", "file", six.target + "/{host}-copy", columns=120) as window:
        window.wait_for(lambda lines: drawn(lines) and re.fullmatch(
            r"\d of 6 hosts, \d running; [\d.]+ [kM]?B(?:ytes)? of 18.0 MB, [\d.]+ [kM]B/s, \d+ s left; slowest db0\d \d+%",
            lines[-1]))
        window.resize(20, 5)
        window.wait_for(lambda lines: lines and re.fullmatch(r"\d/6,? \d run(?:ning)?(?:; \d s left)?", lines[-1]))
        window.resize(120, 24)
        window.wait_for(lambda lines: lines and lines[-1] == "code 0", 30)
        assert drawn(window.lines(history=True)) == []


def test_what_is_over_in_a_moment_shows_none(six):
    terminal = six.start("exec", "-H", "db01", "true", terminal=True)
    terminal.wait().assert_code(0)
    assert "\x1b[?7l" not in terminal.screen and "running" not in terminal.screen


def test_a_file_gets_nothing_of_it(six):
    """Each stream by itself: the line is on the terminal or nowhere."""
    slow = "sleep 0.7; echo end"
    path = os.path.join(six.folder, "stderr")
    with open(path, "wb") as file:
        terminal = six.start("exec", "-a", slow, terminal=True, stderr=file)
        terminal.wait().assert_code(0)
    with open(path, encoding="utf-8") as file:
        assert re.fullmatch(r"fanout: 6 hosts, 6 ok in [\d.]+ s\n", file.read())
    assert "\x1b[?7l" not in terminal.screen and "running" not in terminal.screen
    with open(path, "wb") as file:
        terminal = six.start("exec", "-a", slow, terminal=True, stdout=file)
        terminal.wait().assert_code(0)
    assert re.search(r"0 of 6 hosts, 6 running", terminal.screen)
    with open(path, "rb") as file:
        assert file.read().count(b"\x1b") == 0


@pytest.mark.parametrize("how", ["--progress=never", "TERM=dumb", "TERM="])
def test_where_it_is_not_wanted_or_cannot_be_erased_there_is_none(six, how):
    name, _, value = how.partition("=")
    arguments = ["--progress", value] if name == "--progress" else []
    terminal = six.start(f"TERM={'xterm' if arguments else value}", six.program, "exec", "-a", *arguments, "sleep 0.7; echo end",
                         program="/usr/bin/env", terminal=True)
    terminal.wait().assert_code(0)
    assert terminal.screen.count("end\r\n") == 6
    assert "running" not in terminal.screen and "\r\x1b" not in terminal.screen


def test_always_is_a_line_a_second_in_a_file(six):
    result = six.exec("-a", "--progress", "always", "sleep 2.6; echo end").assert_code(0)
    lines = [line for line in result.err.splitlines() if PROGRESS.match(line)]
    assert 2 <= len(lines) <= 4 and lines[0].startswith("0 of 6 hosts, 6 running")
    assert "\x1b" not in result.err and "\r" not in result.err
    assert result.out.count(b"end\n") == 6


def test_a_job_in_the_background_draws_nothing_until_it_is_in_the_foreground(six):
    six.write("script", f"exec '{six.program}' exec -a '{wait_for_go(six)}'\n")
    with Window(six, "--norc", "--noprofile", "--noediting", "-i", program="/bin/bash", columns=100) as window:
        window.press("PS1='ready> '", "Enter")
        window.wait_for(lambda lines: lines and lines[-1] == "ready>")
        window.press("sh ./script &", "Enter")
        all_begun(six)
        # Longer than it would take to be drawn twice; what is not there cannot be waited for.
        assert not wait_until(lambda: drawn(window.lines()), 1.5)
        window.press("fg", "Enter")
        window.wait_for(lambda lines: lines and PROGRESS.match(lines[-1]))
        window.press("C-z")
        window.wait_for(lambda lines: lines and lines[-1] == "ready>" and any("Stopped" in line for line in lines))
        window.press("fg", "Enter")
        lines = window.wait_for(lambda lines: lines and PROGRESS.match(lines[-1]))
        go(six, *HOSTS)
        window.wait_for(lambda lines: lines and lines[-1] == "ready>" and any("5 ok" in line for line in lines))
        # What stood there when the job was stopped is the shell's to scroll away; behind it there is none.
        after = window.lines()
        assert drawn(after[after.index(next(line for line in reversed(after) if line.startswith("ready> fg"))):]) == []


def test_ten_times_a_second_at_most(six):
    """However much hosts print: what draws the line is counted on the way to the terminal."""
    path = os.path.join(six.folder, "stdout")
    with open(path, "wb") as file:
        terminal = six.start("exec", "-a", "-L", "i=0; while [ $i -lt 300 ]; do echo $i; sleep 0.002; i=$((i+1)); done",
                             terminal=True, stdout=file)
        result = terminal.wait(60).assert_code(0)
    count = terminal.screen.count("\x1b[?7l")
    assert 2 <= count <= 10 * result.seconds + 2


def test_a_window_of_one_column_has_no_room_for_it(six):
    terminal = six.start("exec", "-a", f"until [ -e {six.target}/go ]; do sleep 0.02; done", terminal=True)
    terminal.expect("6 running", 10)
    fcntl.ioctl(terminal.master, termios.TIOCSWINSZ, struct.pack("HHHH", 3, 1, 0, 0))
    before = len(terminal.screen)
    assert not wait_until(lambda: "0/6" in terminal.screen[before:], 1.5)
    subprocess.run(["touch", six.target + "/go"], check=True)
    terminal.wait().assert_code(0)
