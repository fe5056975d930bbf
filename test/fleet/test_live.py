"""The live view, as it looks on a terminal (tmux), and what its keys do to a run."""

import os
import re
import shutil
import signal
import time

import pytest

from processes import below, wait_until
from windows import ShellWindow

pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="tmux is not installed")


@pytest.fixture
def six(fleet):
    fleet.openssh(*(f"db{number:02}" for number in range(1, 7)))
    return fleet.prepare()


def until(fleet, name="go"):
    return f"until test -e {fleet.target}/{name}; do sleep 0.05; done"


def let(fleet, name="go"):
    with open(fleet.target_file(name), "w", encoding="ascii"):
        pass


def row(lines, host):
    return next((line for line in lines if line.startswith(host + " ")), "")


def state(lines, host):
    words = row(lines, host).split()
    return words[1] if len(words) > 1 else ""


def live(screen, fleet, *arguments, command, after="; echo code=$?"):
    screen.run(fleet.program, "exec", "--live", "-a", *arguments, command, after=after)


def ended(screen, code):
    """Waits for the summary and the shell; what the screen shows then."""
    text = "\n".join(screen.expect(f"code={code}", 15))
    assert "fanout: 6 hosts" in text, text
    assert "HOST " not in text, text
    return text


def test_a_run_at_80_by_24(six):
    screen = ShellWindow(six)
    screen.run("stty", "-g")
    modes = screen.expect(lambda lines: len(lines) > 2)[1]
    live(screen, six, "-f", "4", command=f"echo hello from {{host}}; {until(six)}; test {{host}} != db03",
         after="; echo code=$?; stty -g")
    lines = screen.expect(lambda lines: all("hello from" in row(lines, f"db0{n}") for n in range(1, 5)))
    assert lines[0].startswith("0 of 6 hosts, 4 running  0:0"), lines
    assert "parallel 4" in lines[0]
    assert re.match(r"HOST +STATE +PHASE +TIME +LAST LINE$", lines[1]), lines
    assert re.match(r"db01 +running +run +0:0\d  hello from db01$", row(lines, "db01")), lines
    assert [state(lines, f"db0{n}") for n in range(1, 7)] == ["running"] * 4 + ["waiting"] * 2
    assert "? help" in lines[-1] and len(lines) == 24
    let(six)
    text = ended(screen, 5)
    assert "5 ok, 1 failed" in text
    # Nothing of the hosts is printed, unless it was asked for.
    assert "hello from" not in text.split("fanout: 6 hosts")[1]
    assert screen.expect(lambda lines: lines.count(modes) == 2), "the terminal is not as it was"


def test_it_fits_every_size_and_follows_a_resize(six):
    screen = ShellWindow(six, 20, 5)
    live(screen, six, command=f"echo 日本語のテキスト of {{host}}; {until(six)}")
    lines = screen.expect(lambda lines: state(lines, "db01") == "running")
    assert len(lines) == 5 and max(map(len, lines)) <= 20, lines
    assert lines[0].startswith("0/6, 6 run"), lines
    assert [line.split()[0] for line in lines[1:4]] == ["db01", "db02", "db03"]
    screen.resize(200, 60)
    lines = screen.expect(lambda lines: "日本語のテキスト of db06" in row(lines, "db06"), 3)
    assert "running the command" in row(lines, "db06")
    assert lines[0].startswith("0 of 6 hosts, 6 running")
    # As wide as it gets before the text does not fit: no character is cut in two.
    for columns in range(60, 71):
        screen.resize(columns, 24)
        assert wait_until(lambda: "日" in row(screen.lines(), "db02"), 3), screen.text()
    screen.resize(10, 3)
    screen.expect(lambda lines: len(lines) == 3 and lines[1].startswith("db01"), 3)
    screen.resize(80, 24)
    screen.expect(lambda lines: re.match(r"HOST +STATE", lines[1]) and state(lines, "db06") == "running", 3)
    let(six)
    assert "6 ok" in ended(screen, 0)


def test_the_pane_shows_what_a_host_prints(six):
    screen = ShellWindow(six)
    live(screen, six, command=f"seq 100; printf 'a\\033[2Jb\\n日本語\\n' >&2; {until(six)}; echo last; {until(six, 'end')}")
    screen.expect(lambda lines: "日本語" in row(lines, "db03"))
    screen.press("Down", "j", "Enter")
    lines = screen.expect("a\\x1b[2Jb")
    assert lines[1].startswith("db03  running"), lines
    assert lines[-2] == "日本語" and lines[-4] == "100", lines
    let(six)
    screen.expect(lambda lines: lines[-2] == "last", 3)
    screen.press("Home")
    lines = screen.expect(lambda lines: lines[2] == "1", 3)
    assert "more below" in lines[1]
    screen.press("PPage", "NPage", "Up")
    screen.expect(lambda lines: lines[2] == "21", 3)
    screen.press("End")
    screen.expect(lambda lines: lines[-2] == "last", 3)
    screen.press("Escape")
    screen.expect(lambda lines: lines[1].startswith("HOST"), 3)
    let(six, "end")
    ended(screen, 0)


def test_hosts_are_sorted_and_the_selected_one_stays(six):
    screen = ShellWindow(six)
    live(screen, six, "-f", "2", "--order", "lifo", command=f"{until(six)}; sleep 0.2")
    screen.expect(lambda lines: state(lines, "db06") == "running" and state(lines, "db05") == "running")

    def order(lines):
        return [line.split()[0] for line in lines[2:8]]

    assert order(screen.lines()) == [f"db0{n}" for n in range(1, 7)]
    screen.press("s")
    screen.expect("sort: state", 3)
    screen.expect(lambda lines: order(lines) == ["db05", "db06", "db01", "db02", "db03", "db04"], 5)
    screen.press("End", "s", "s", "s", "Enter")
    screen.expect(lambda lines: lines[1].startswith("db04  waiting"), 3)
    screen.press("q")
    screen.expect("sort: selection", 3)
    let(six)
    ended(screen, 0)


def test_pause_and_the_number_of_hosts_at_once(six):
    screen = ShellWindow(six)
    live(screen, six, "-f", "2", command=f"touch {six.target}/{{host}}; {until(six)}")

    def begun():
        return len([name for name in os.listdir(six.target) if name.startswith("db")])

    assert wait_until(lambda: begun() == 2)
    screen.press("+")
    screen.expect("parallel 3", 3)
    assert wait_until(lambda: begun() == 3)
    screen.press("p")
    screen.expect("PAUSED", 3)
    screen.press("+", "+")
    screen.expect("parallel 5", 3)
    screen.press("-")
    screen.expect(lambda lines: "parallel 4" in lines[0] and "3 running" in lines[0], 3)
    assert begun() == 3
    screen.press("p")
    assert wait_until(lambda: begun() == 4)
    screen.expect(lambda lines: "PAUSED" not in lines[0] and "4 running" in lines[0], 3)
    let(six)
    assert "6 ok" in ended(screen, 0)


def test_one_host_is_stopped(six):
    screen = ShellWindow(six)
    live(screen, six, command=f"{until(six)}; sleep 0.1")
    screen.expect("6 running")
    screen.press("Down", "x")
    assert "stop db02? y/n" in screen.expect("y/n", 3)[-1]
    screen.press("n")
    screen.expect("? help", 3)
    assert state(screen.lines(), "db02") == "running"
    screen.press("x", "y")
    screen.expect(lambda lines: state(lines, "db02") == "interrupted")
    assert state(screen.lines(), "db03") == "running"
    let(six)
    text = "\n".join(screen.expect("code="))
    assert "5 ok, 1 interrupted" in text, text


def test_the_run_is_stopped_as_by_ctrl_c(six):
    screen = ShellWindow(six)
    live(screen, six, "-f", "2", command="echo begins; sleep 7301")
    screen.expect(lambda lines: sum("begins" in line for line in lines[2:]) == 2)
    screen.press("q")
    assert "y/n" in screen.expect("stop the run", 3)[-1]
    screen.press("y")
    screen.expect(lambda lines: "STARTS NO MORE" in lines[0] and "2 running" in lines[0], 3)
    screen.press("q")
    text = ended(screen, 130)
    assert "2 interrupted" in text, text
    assert wait_until(lambda: not six.remote_processes("sleep 7301")), six.remote_processes("sleep 7301")


def test_ctrl_c_still_is_a_signal(six):
    screen = ShellWindow(six)
    live(screen, six, command="sleep 7302")
    screen.expect("6 running")
    screen.press("C-c")
    screen.expect("STARTS NO MORE", 3)
    screen.press("C-c")
    ended(screen, 130)


def test_ctrl_z_gives_the_terminal_back_and_fg_draws_it_again(six):
    screen = ShellWindow(six)
    live(screen, six, command=f"{until(six)}; echo end of {{host}}")
    screen.expect("6 running")
    screen.press("C-z")
    lines = screen.expect("Stopped", 3)
    assert not any(line.startswith("HOST") for line in lines), lines
    screen.run("echo", "typed")
    screen.expect(lambda lines: "typed" in lines, 3)
    screen.run("fg")
    screen.expect(lambda lines: len(lines) == 24 and lines[1].startswith("HOST") and "6 running" in lines[0], 5)
    # In the background it draws nothing and takes no key.
    screen.press("C-z")
    screen.expect("Stopped", 3)
    screen.run("bg")
    screen.run("echo", "again", "typed")
    screen.expect(lambda lines: "again typed" in lines, 3)
    let(six)
    assert wait_until(lambda: not six.remote_processes(f"until test -e {six.target}"))
    screen.run("wait; clear; echo all over")
    screen.press("Enter")
    screen.expect("all over", 10)


def test_a_transfer_says_how_far_it_is(six):
    six.write("file", "x" * 3_000_000)
    screen = ShellWindow(six)
    screen.run(six.program, "put", "--live", "-a", "--limit-rate", "1M", "file", six.target + "/{host}", after="; echo code=$?")
    screen.expect(lambda lines: re.search(r"copy +[1-9]\d?%", row(lines, "db06")))
    ended(screen, 0)


def test_help(six):
    screen = ShellWindow(six)
    live(screen, six, command=until(six))
    screen.expect("6 running")
    screen.press("?")
    screen.expect("stop this host", 3)
    screen.press("Space")
    screen.expect(lambda lines: state(lines, "db01") == "running", 3)
    let(six)
    ended(screen, 0)


def test_what_is_printed_for_the_terminal_comes_out_afterwards(six):
    screen = ShellWindow(six, 80, 60)
    live(screen, six, "-f", "1", "--output", "block", command=f"echo text of {{host}}; {until(six)}")
    screen.expect("1 running")
    let(six)
    text = ended(screen, 0)
    for number in range(1, 7):
        assert f"== db0{number} ==\ntext of db0{number}\n" in text, text


def test_what_goes_elsewhere_is_not_held_back(six):
    screen = ShellWindow(six)
    live(screen, six, "-f", "1", "-L", command=f"echo text of {{host}}; {until(six)}", after=" > out; echo code=$?")
    screen.expect("text of db01")
    assert wait_until(lambda: six.read("out") == "db01: text of db01\n")
    let(six)
    ended(screen, 0)
    assert len(six.read("out").splitlines()) == 6


def test_a_terminal_that_was_stopped_holds_up_nothing(six):
    """Ctrl-S, which a terminal program like tmux may keep for itself."""
    terminal = six.start("exec", "--live", "-a", "-f", "1", f"touch {six.target}/{{host}}; {until(six)}", terminal=True)
    terminal.expect("1 running")
    terminal.type("\x13")
    assert wait_until(lambda: os.path.exists(six.target_file("db01")))
    let(six)
    assert wait_until(lambda: len(os.listdir(six.target)) == 7, 10)
    assert wait_until(lambda: not terminal.workers())
    time.sleep(2.5)   # It is waited for, for as long as nobody signals.
    assert "6 ok" not in terminal.screen
    terminal.type("\x11")
    terminal.expect("6 ok")
    assert wait_until(terminal.modes_are_as_before)
    terminal.wait(20).assert_code(0)
    assert "6 ok" in terminal.screen.split("\x1b[?1049l")[1]


def test_a_stopped_terminal_does_not_keep_a_terminated_program(six):
    terminal = six.start("exec", "--live", "-a", "sleep 7303", terminal=True)
    terminal.expect("6 running")
    terminal.type("\x13")
    terminal.send_signal(signal.SIGTERM)

    def terminated():
        # As without the view: its summary waits for the terminal until there is another signal.
        terminal.send_signal(signal.SIGTERM)
        return terminal.child.poll() is not None

    assert wait_until(terminated, 15, 0.3)
    terminal.wait(20)
    assert not six.remote_processes("sleep 7303")


def test_a_terminal_that_hangs_up(six):
    terminal = six.start("exec", "--live", "-a", "sleep 7304", terminal=True)
    terminal.expect("6 running")
    terminal.hang_up()
    assert terminal.child.wait(15) in (1, 129)
    assert wait_until(lambda: not below(terminal.pid))
    assert wait_until(lambda: not six.remote_processes("sleep 7304"))


def test_without_a_terminal_that_can_show_it_nothing_is_done(six):
    result = six.exec("--live", "-a", f"touch {six.target}/{{host}}").assert_code(2)
    assert "--live: /dev/tty: " in result.err
    for term, words in (("dumb", "TERM is 'dumb'"), ("no-such", "TERM is 'no-such'"), ("", "TERM is not set")):
        screen = ShellWindow(six)
        screen.run("env", f"TERM={term}", six.program, "exec", "--live", "-a", f"touch {six.target}/{{host}}", after="; echo code=$?")
        screen.expect(f"--live: {words}")
        screen.expect("code=2")
    assert os.listdir(six.target) == []


def test_a_view_that_cannot_be_opened_leaves_the_journal_as_it_was(fleet):
    fleet.openssh("web01")
    fleet.prepare()
    fleet.run("exec", "-a", "--journal", "run.jsonl", "exit 3").assert_code(5)
    before = fleet.read("run.jsonl")
    fleet.run("exec", "-a", "--live", "--journal", "run.jsonl", "true", env={"TERM": "dumb"}).assert_code(2)
    assert fleet.read("run.jsonl") == before


def test_after_ctrl_c_the_key_for_the_end_stops_what_runs(six):
    screen = ShellWindow(six)
    live(screen, six, command="sleep 7621; true")
    screen.expect("6 running")
    assert wait_until(lambda: six.remote_processes("sleep 7621"))
    screen.press("C-c")
    screen.expect("STARTS NO MORE", 3)
    screen.press("q")
    assert "6 interrupted" in ended(screen, 130)
    assert wait_until(lambda: not six.remote_processes("sleep 7621"))


def test_a_journal_that_cannot_be_begun_gives_the_terminal_back(six):
    screen = ShellWindow(six)
    screen.press("ulimit -f 0", "Enter")
    screen.run(six.program, "exec", "--live", "--journal", "run.jsonl", "-a", "true", after="; echo code=$?")
    lines = screen.expect("code=1")
    assert any("journal run.jsonl: File too large" in line for line in lines), lines
    screen.press("echo typed", "Enter")
    screen.expect(lambda lines: "typed" in lines)
