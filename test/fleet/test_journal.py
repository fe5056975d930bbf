"""The journal of a run, and what is done again from it."""

import json
import os
import signal
import subprocess
import time

import pytest

from processes import wait_until
from servers import ClosedPort


@pytest.fixture
def four(fleet):
    fleet.openssh("db01", "db02", "db03", "db04")
    return fleet.prepare()


def events(fleet, name="journal"):
    return [json.loads(line) for line in fleet.read(name).splitlines()]


def of_kind(fleet, kind, name="journal"):
    return [event for event in events(fleet, name) if event["event"] == kind]


def whom(fleet, *arguments):
    """The hosts that a selection means."""
    return fleet.run("hosts", "--expand", *arguments).assert_code(0).out.decode().split()


def test_a_run_leaves_a_journal(four):
    four.exec("-a", "--journal", "journal", "case {host} in db02) exit 3;; esac").assert_code(5)
    lines = events(four)
    assert {(line["v"], line["run"]) for line in lines} == {(1, lines[0]["run"])}
    assert lines[0]["event"] == "planned" and [host["host"] for host in lines[0]["hosts"]] == four.hosts.names
    assert lines[0]["text"] == "case {host} in db02) exit 3;; esac" and lines[0]["command"] == "exec"
    assert sorted(line["host"] for line in of_kind(four, "started")) == four.hosts.names
    assert {line["host"]: (line["status"], line["exit"]) for line in of_kind(four, "ended")} == {
        "db01": ("ok", 0), "db02": ("failed", 3), "db03": ("ok", 0), "db04": ("ok", 0)}
    assert (lines[-1]["event"], lines[-1]["exit"]) == ("finished", 5)
    assert os.stat(four.path("journal")).st_mode & 0o777 == 0o600


def test_what_is_done_again(fleet):
    fleet.openssh("db01", "db02", "db03", "db04")
    fleet.misbehaving("db05", ClosedPort)
    fleet.prepare()
    fleet.exec("-a", "-f", "1", "--order", "lifo", "--max-fail", "3", "--journal", "journal",
               "case {host} in db02) exit 3;; db03) kill -9 $$;; esac").assert_code(7)
    assert whom(fleet, "--rerun", "failed:journal") == ["db02", "db03"]
    assert whom(fleet, "--rerun", "unreached:journal") == ["db05"]
    assert whom(fleet, "--rerun", "unfinished:journal") == ["db01"]
    assert whom(fleet, "--rerun", "not-ok:journal") == ["db01", "db02", "db03", "db05"]
    # With another selection it takes of that what it names.
    assert whom(fleet, "-H", "db03,db04", "--rerun", "not-ok:journal") == ["db03"]
    result = fleet.exec("--rerun", "failed:journal", "--journal", "journal", "echo again").assert_code(0)
    assert sorted(result.blocks) == ["db02", "db03"]
    # The journal holds both runs, and the later word counts.
    assert whom(fleet, "--rerun", "not-ok:journal") == ["db01", "db05"]
    assert "no host" in fleet.run("hosts", "--rerun", "failed:journal").assert_code(2).err


def test_a_transfer_has_a_journal_too(four):
    four.write("file", "content\n")
    four.run("put", "-a", "--journal", "journal", "file", f"{four.target}/there").assert_code(0)
    ended = of_kind(four, "ended")
    assert len(ended) == 4 and {(line["status"], line["files"], line["bytes"]) for line in ended} == {("ok", 1, 8)}
    assert of_kind(four, "planned")[0]["command"] == "put"


def test_attempts_are_in_the_journal(fleet):
    fleet.misbehaving("db01", ClosedPort)
    fleet.prepare()
    fleet.exec("-a", "--retries", "1", "--journal", "journal", "true").assert_code(4)
    assert [(line["event"], line.get("attempt")) for line in events(fleet)[1:]] == [
        ("started", 1), ("retrying", None), ("started", 2), ("ended", None), ("finished", None)]
    assert of_kind(fleet, "ended")[0]["attempts"] == 2


def test_a_parent_that_is_killed_loses_no_host_and_runs_none_twice(fleet):
    first = fleet.openssh("first")[0]
    fleet.hosts.clear()
    names = [f"db{number:03}" for number in range(1, 201)]
    for name in names:
        fleet.add(name, first.address, first.port, first.host_key, first.server)
    fleet.prepare()
    command = f"echo {{host}} >>{fleet.target_file('ran')}; sleep 0.05"
    running = fleet.start("exec", "-a", "-f", "16", "--journal", "journal", command)
    assert wait_until(lambda: os.path.exists(fleet.target_file("ran"))
                      and fleet.read_target("ran").count(b"\n") > 60)
    os.kill(running.pid, signal.SIGKILL)
    running.wait().assert_code(-signal.SIGKILL)
    planned, started = of_kind(fleet, "planned")[0], {line["host"] for line in of_kind(fleet, "started")}
    ended = {line["host"] for line in of_kind(fleet, "ended")}
    assert len(planned["hosts"]) == 200 and ended < started
    result = fleet.exec("--rerun", "unfinished:journal", "--journal", "journal", command).assert_code(0)
    ran = fleet.read_target("ran").decode().split()
    unknown = started - ended
    # Whoever is in doubt is named, and not run again.
    line = next(line for line in result.err.splitlines() if "not run again" in line)
    folded = line.split()[1].rstrip(":,")
    assert set(fleet.run("hosts", "--expand", "-H", folded).out.decode().split()) == unknown and 0 < len(unknown) <= 16
    counts = {name: ran.count(name) for name in names}
    assert {name: count for name, count in counts.items() if name not in unknown and count != 1} == {}
    assert all(counts[name] <= 1 for name in unknown)


def test_a_torn_last_line_is_what_a_crash_leaves(four):
    four.exec("-a", "--journal", "journal", "true").assert_code(0)
    whole = four.read("journal")
    four.write("journal", whole[:-20])
    assert "no host" in four.run("hosts", "--rerun", "failed:journal").assert_code(2).err
    four.exec("-a", "--journal", "journal", "true").assert_code(0)
    assert len(of_kind(four, "planned")) == 2


@pytest.mark.parametrize("spoil, why", [
    (lambda path: os.chmod(path, 0o666), "may write"),
    (lambda path: (os.rename(path, path + "2"), os.symlink(path + "2", path)), "symbolic link"),
    (lambda path: (os.remove(path), os.mkfifo(path, 0o600)), "regular file"),
    (lambda path: (os.remove(path), os.mkdir(path)), "regular file"),
    (lambda path: subprocess.run(["sed", "-i", "s/\"v\":1/\"v\":2/", path], check=True), "version 2"),
    (lambda path: subprocess.run(["sed", "-i", "2s/.*/{\"v\":1/", path], check=True), ":2:"),
    (lambda path: subprocess.run(["sed", "-i", "1s/.*/what/", path], check=True), "journal"),
])
def test_a_journal_that_cannot_be_trusted_is_refused(four, spoil, why):
    four.exec("-a", "--journal", "journal", "false").assert_code(5)
    spoil(four.path("journal"))
    result = four.exec("--rerun", "failed:journal", f"touch {four.target}/ran").assert_code(2)
    assert why in result.err and "journal" in result.err
    assert os.listdir(four.target) == []
    if why != ":2:":
        assert why in four.exec("-a", "--journal", "journal", f"touch {four.target}/ran").assert_code(2).err
        assert os.listdir(four.target) == []


def test_a_journal_of_another_user_is_refused(four):
    if os.getuid() != 0:
        pytest.skip("only root can give a file away")
    four.exec("-a", "--journal", "journal", "false").assert_code(5)
    os.chown(four.path("journal"), four.site.account.uid, -1)
    for arguments in (("--rerun", "failed:journal"), ("-a", "--journal", "journal")):
        assert "belongs to" in four.exec(*arguments, "true").assert_code(2).err


def test_one_run_at_a_time_writes_a_journal(four):
    running = four.start("exec", "-a", "--journal", "journal", "sleep 1")
    running.workers(4)
    assert "in use" in four.exec("-a", "--journal", "journal", "true").assert_code(2).err
    running.wait().assert_code(0)


def test_a_run_without_a_journal_that_can_be_written_starts_nothing(four):
    result = four.exec("-a", "--journal", "/dev/full", f"touch {four.target}/ran").assert_code(2)
    assert "/dev/full" in result.err
    assert "No such file" in four.exec("-a", "--journal", "no/folder/journal", "true").assert_code(2).err
    assert os.listdir(four.target) == []


def test_a_full_disk_ends_a_run_before_the_next_host(fleet):
    first = fleet.openssh("first")[0]
    fleet.hosts.clear()
    for number in range(40):
        fleet.add(f"db{number:02}", first.address, first.port, first.host_key, first.server)
    fleet.prepare()
    # The limit is on every file that the program writes; the journal alone is one.
    script = f"ulimit -f 10; exec {fleet.program} exec -a -f 4 --journal journal 'touch {fleet.target}/{{host}}'"
    result = fleet.run("-c", script, program="/bin/sh").assert_code(1)
    assert "journal" in result.err and "File too large" in result.err
    ran = set(os.listdir(fleet.target))
    assert 0 < len(ran) < 40
    assert {name for name, (status, _) in result.failures.items() if status == "skipped"} == \
        {f"db{number:02}" for number in range(40)} - ran


def test_a_run_that_loses_its_key_holder_ends(fleet):
    first = fleet.openssh("first")[0]
    fleet.hosts.clear()
    for number in range(1, 31):
        fleet.add(f"db{number:02}", first.address, first.port, first.host_key, first.server)
    fleet.prepare()
    running = fleet.start("exec", "-a", "--batches", "10", "-f", "7", "--gate", "sleep 1", "--journal", "journal", "true")
    assert wait_until(lambda: running.children("sleep"))
    os.kill(running.key_holder().pid, signal.SIGKILL)
    result = running.wait(15).assert_code(1)
    assert result.counts["ok"] == 10 and result.counts["skipped"] >= 12
    # None of those that were not logged in to has run anything.
    assert len(whom(fleet, "--rerun", "unfinished:journal")) == 20


def test_two_reruns_of_one_journal_do_not_run_a_host_twice(four):
    four.exec("-a", "-f", "1", "--max-fail", "1", "--journal", "journal", "false").assert_code(7)
    rerun = ("--rerun", "unfinished:journal", "--journal", "journal")
    # The first has read the journal, and then waits for more hosts.
    read, write = os.pipe()
    slow = four.start("exec", *rerun, "--hosts-file", "-", f"echo slow >>{four.target}/{{host}}", stdin=os.fdopen(read))
    assert wait_until(lambda: slow.children("fanout: key hol"))
    time.sleep(0.3)
    four.exec(*rerun, f"echo quick >>{four.target}/{{host}}").assert_code(0)
    with os.fdopen(write, "w") as hosts:
        hosts.write("\n".join(four.hosts.names) + "\n")
    result = slow.wait().assert_code(2)
    assert "meanwhile" in result.err
    assert sorted(os.listdir(four.target)) == ["db02", "db03", "db04"]
    assert {four.read_target(name) for name in os.listdir(four.target)} == {b"quick\n"}


def test_a_host_that_is_reached_in_another_way_is_named(four):
    four.exec("-a", "--journal", "journal", "false").assert_code(5)
    result = four.exec("--rerun", "failed:journal", "-u", "nobody-else", "--dry-run", "true").assert_code(0)
    assert "db[01-04]: another user, address or port than in the journal" in result.err
    assert "journal" not in four.exec("--rerun", "failed:journal", "--dry-run", "true").assert_code(0).err


def test_a_host_that_was_waiting_to_be_tried_again_has_its_end_in_the_journal(fleet):
    fleet.openssh("db01")
    fleet.misbehaving("db02", ClosedPort)
    fleet.prepare()
    fleet.exec("-a", "--retries", "20", "--deadline", "1500ms", "--journal", "journal", "exec sleep 7461").assert_code(4)
    assert whom(fleet, "--rerun", "unreached:journal") == ["db02"]
    assert whom(fleet, "--rerun", "failed:journal") == ["db01"]
