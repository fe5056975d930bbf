"""Signals that steer a run without ending it, and what a terminal does to it."""

import fcntl
import os
import re
import signal
import struct
import termios
import time

import pytest

from processes import below, read_process, wait_until


@pytest.fixture
def six(fleet):
    fleet.openssh(*(f"db{number:02}" for number in range(1, 7)))
    return fleet.prepare()


def begun(fleet):
    return len(os.listdir(fleet.target))


def slow(fleet, seconds=1):
    return f"touch {fleet.target}/{{host}}; sleep {seconds}"


def test_usr1_prints_the_state(six):
    terminal = six.start("exec", "-a", "-f", "2", "--batches", "2", slow(six), terminal=True)
    assert wait_until(lambda: begun(six) == 2)
    terminal.send_signal(signal.SIGUSR1)
    terminal.expect("2 running, 0 ended, 4 not started", 2)
    terminal.expect("batch 1 of 3", 2)
    assert "db[01-02]" in terminal.screen
    terminal.wait(20).assert_code(0)
    assert begun(six) == 6


def test_usr2_stops_the_starts_and_lets_them_go_on(six):
    terminal = six.start("exec", "-a", "-f", "2", slow(six, 0.5), terminal=True)
    assert wait_until(lambda: begun(six) == 2)
    terminal.send_signal(signal.SIGUSR2)
    terminal.expect("paused by SIGUSR2", 2)
    time.sleep(1.5)
    assert begun(six) == 2
    terminal.send_signal(signal.SIGUSR1)
    terminal.expect("0 running, 2 ended, 4 not started", 2)
    terminal.send_signal(signal.SIGUSR2)
    terminal.wait(20).assert_code(0)
    assert begun(six) == 6


def test_a_paused_run_can_be_ended(six):
    terminal = six.start("exec", "-a", "-f", "1", slow(six, 0.2), terminal=True)
    assert wait_until(lambda: begun(six) >= 1)
    terminal.send_signal(signal.SIGUSR2)
    terminal.expect("paused by SIGUSR2", 2)
    time.sleep(0.5)
    terminal.interrupt()
    terminal.wait(5).assert_code(130)
    assert begun(six) < 6


def test_signals_to_every_process_of_ours_end_none_of_them(six):
    """As pkill -USR1 sends them."""
    running = six.start("exec", "-a", slow(six))
    assert wait_until(lambda: begun(six) == 6)
    running.workers(6)
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        for process in (*below(running.pid), read_process(running.pid)):
            os.kill(process.pid, number)
    result = running.wait().assert_code(0)
    assert "6 running" in result.err and "paused by SIGUSR2" in result.err
    assert result.counts == {"hosts": 6, "ok": 6}


def test_signals_while_the_run_is_prepared(six):
    for delay in (0, 0.002, 0.004, 0.008):
        running = six.start("exec", "-H", "db01", "true")
        # Its first child: earlier it has done nothing at all.
        assert wait_until(lambda: running.children("fanout"), interval=0.0005)
        time.sleep(delay)
        running.send_signal(signal.SIGUSR1)
        running.send_signal(signal.SIGUSR2)
        running.expect("paused by SIGUSR2")
        running.send_signal(signal.SIGUSR2)
        running.wait().assert_code(0)


def test_ctrl_z_in_a_shell_and_fg(six):
    """A shell with job control on a terminal: Ctrl-Z stops the run, fg goes on with it."""
    terminal = six.start("--norc", "--noprofile", "--noediting", "-i", program="/bin/bash", env={"PS1": "prompt> "}, terminal=True)
    terminal.expect("prompt> ")
    terminal.type(f"{six.program} exec -a -f 2 -t 5 '{slow(six)}; echo end of {{host}}'; echo code=$?\n")
    assert wait_until(lambda: begun(six) == 2)
    terminal.type("\x1a")
    terminal.expect("Stopped", 3)
    time.sleep(1.5)
    assert begun(six) == 2
    terminal.type("fg\n")
    assert wait_until(lambda: terminal.screen.count("end of db") >= 6, 15)
    assert begun(six) == 6
    terminal.type("exit\n")
    terminal.wait(10)


def resize(terminal, rows, columns):
    fcntl.ioctl(terminal._slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def test_a_resize_of_the_terminal(six):
    six.write("file", "x" * 3_000_000)
    terminal = six.start("put", "-a", "-f", "2", "--limit-rate", "1M", "file", six.target + "/copy", terminal=True)
    terminal.expect("running", 5)
    resize(terminal, 24, 30)
    time.sleep(0.5)
    before = len(terminal.screen)
    time.sleep(1)
    drawn = terminal.screen[before:]
    lines = [line for line in re.sub(r"\x1b\[[0-9?;]*[A-Za-z]", "", drawn).split("\r") if " run" in line]
    assert lines and max(map(len, lines)) <= 30
    resize(terminal, 40, 160)
    terminal.wait(20).assert_code(0)
    assert "6 ok" in terminal.screen
