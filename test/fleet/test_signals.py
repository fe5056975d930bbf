"""Interrupting a run: what still happens, what does not, and what is left on the hosts."""

import os
import signal
import time

import pytest

from processes import read_process, wait_until
from servers import Silent


@pytest.fixture
def four(fleet):
    fleet.openssh("db01", "db02", "db03", "db04")
    return fleet.prepare()


def gone(fleet, text, timeout=3.0):
    """Whether no process with this text is left on any host."""
    return wait_until(lambda: not fleet.remote_processes(text), timeout)


def test_ctrl_c_once_lists_what_runs_and_starts_nothing_new(four):
    terminal = four.start("exec", "-a", "-f", "2", f"touch {four.target}/{{host}}; sleep 2; echo end of {{host}}",
                          terminal=True)
    assert wait_until(lambda: len(os.listdir(four.target)) == 2)
    before = len(terminal.screen)
    terminal.interrupt()
    terminal.expect("2 not started", 2)
    listed = terminal.screen[before:]
    assert "2 running" in listed and "db[01-02]" in listed
    result = terminal.wait(10).assert_code(130)
    assert "end of db01" in terminal.screen and "end of db02" in terminal.screen
    assert sorted(os.listdir(four.target)) == ["db01", "db02"]
    assert "skipped" in terminal.screen and "db[03-04]" in terminal.screen
    assert result.seconds < 6


def test_ctrl_c_twice_stops_the_commands_on_the_hosts(four):
    terminal = four.start("exec", "-a", "-f", "2", "exec sleep 7401", terminal=True)
    assert wait_until(lambda: len(four.remote_processes("sleep 7401")) >= 2)
    terminal.interrupt()
    terminal.expect("2 not started", 2)
    start = time.monotonic()
    terminal.interrupt()
    terminal.wait(15).assert_code(130)
    assert time.monotonic() - start < 3
    assert gone(four, "sleep 7401")
    assert "interrupted" in terminal.screen and "skipped" in terminal.screen
    assert "killed" in terminal.screen


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_stops_the_commands_on_the_hosts(four, number, code):
    running = four.start("exec", "-a", "exec sleep 7402")
    assert wait_until(lambda: len(four.remote_processes("sleep 7402")) >= 4)
    running.send_signal(number)
    result = running.wait(15).assert_code(code)
    assert gone(four, "sleep 7402")
    assert {status for status, _ in result.failures.values()} == {"interrupted"}
    assert result.counts == {"hosts": 4, "ok": 0, "interrupted": 4}
    assert result.seconds < 6


def test_the_window_is_closed(four):
    terminal = four.start("exec", "-a", "exec sleep 7403", terminal=True)
    assert wait_until(lambda: len(four.remote_processes("sleep 7403")) >= 4)
    terminal.hang_up()
    terminal.wait(15).assert_code(129)
    assert gone(four, "sleep 7403")


def test_a_hangup_that_was_ignored_from_the_start_stays_ignored(four):
    # As nohup(1) does.
    running = four.start("exec", "-a", "sleep 1; echo end",
                         preexec=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    running.workers(4)
    running.send_signal(signal.SIGHUP)
    assert len(running.wait().assert_code(0).blocks) == 4


def test_signals_that_the_caller_has_blocked_or_ignored_do_not_matter(four):
    def odd():
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGTERM, signal.SIGPIPE})
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    assert len(four.exec("-a", "echo end", preexec=odd).assert_code(0).blocks) == 4


def test_ctrl_c_twice_while_connecting_ends_at_once(fleet):
    for name in ("db01", "db02"):
        fleet.misbehaving(name, Silent)
    fleet.prepare()
    terminal = fleet.start("exec", "-a", "--connect-timeout", "30", "true", terminal=True)
    terminal.workers(2)
    time.sleep(0.3)
    terminal.interrupt()
    terminal.expect("2 running, 0 ended", 2)
    start = time.monotonic()
    terminal.interrupt()
    terminal.wait(10).assert_code(130)
    assert time.monotonic() - start < 2


def test_a_third_interrupt_does_not_wait_for_the_hosts(fleet):
    fleet.openssh("db01")
    fleet.prepare()
    terminal = fleet.start("exec", "-a", "trap '' TERM INT HUP; touch %s; while :; do sleep 0.2; done"
                           % fleet.target_file("begun"), terminal=True)
    assert wait_until(lambda: os.path.exists(fleet.target_file("begun")))
    for count in range(3):
        terminal.interrupt()
        time.sleep(0.3)
    start = time.monotonic()
    result = terminal.wait(10).assert_code(130)
    assert time.monotonic() - start < 4
    assert "unknown" in result.text and "may still run" in result.text


def test_output_that_has_come_is_printed_when_a_run_is_stopped(four):
    running = four.start("exec", "-H", "db01", "echo begun; sleep 7404")
    assert wait_until(lambda: four.remote_processes("sleep 7404"))
    running.send_signal(signal.SIGTERM)
    result = running.wait(15).assert_code(143)
    assert result.out.startswith(b"== db01: interrupted")
    assert b"begun\n" in result.out


def test_ctrl_z_and_fg(four):
    # As a shell starts a job: a process group that is alone in its session ignores SIGTSTP (POSIX, "orphaned").
    running = four.start("exec", "-a", "-t", "2", f"touch {four.target}/{{host}}; sleep 1; echo end", own_session=False)
    assert wait_until(lambda: len(os.listdir(four.target)) == 4)
    running.send_signal(signal.SIGTSTP)
    assert wait_until(lambda: read_process(running.pid).state == "T")
    # Longer than the timeout: the time in which the program itself does not run is nobody's fault.
    time.sleep(4)
    running.send_signal(signal.SIGCONT)
    assert len(running.wait().assert_code(0).blocks) == 4


def test_a_long_stop_of_the_program_is_not_counted_as_a_timeout(four):
    running = four.start("exec", "-a", "-t", "2", "--connect-timeout", "1",
                         f"touch {four.target}/{{host}}; sleep 1; echo end")
    assert wait_until(lambda: len(os.listdir(four.target)) == 4)
    running.send_signal(signal.SIGSTOP)
    time.sleep(12)
    running.send_signal(signal.SIGCONT)
    assert len(running.wait().assert_code(0).blocks) == 4
