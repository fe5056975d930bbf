"""Which hosts --rerun and --shard mean, shown by `hosts`, which contacts nobody; the journals are written by hand."""

import fcntl
import json
import os

import pytest

RUN = "1" * 16


def event(kind, run=RUN, **members):
    return json.dumps({"v": 1, "run": run, "event": kind, "time": "2026-01-31T12:00:00.000Z", **members}) + "\n"


def planned(*names, run=RUN, rerun_of=None):
    hosts = [{"host": name, "address": name.split(":")[0], "port": 2222, "user": "then"} for name in names]
    return event("planned", run, fanout="0.1.0", command="exec", text="uptime", order="fifo", batches=[len(names)],
                 local_user="me", rerun_of=rerun_of, hosts=hosts)


def started(*names, run=RUN):
    return "".join(event("started", run, host=name, attempt=1) for name in names)


def ended(name, status, phase, run=RUN):
    phases = dict.fromkeys(("resolve", "connect", "kex", "auth", "run"), 0.0)
    return event("ended", run, host=name, status=status, exit=None, signal=None, phase=phase, cause="", attempts=1,
                 seconds=0.5, phases=phases, stdout_bytes=0, stderr_bytes=0, remote_end=None, stopped_by=None)


JOURNAL = (planned(*(f"web{number:02}" for number in range(1, 11))) + started(*(f"web{n:02}" for n in range(1, 8)))
           + ended("web01", "ok", "done") + ended("web02", "failed", "done") + ended("web03", "timeout", "run")
           + ended("web04", "unreachable", "connect") + ended("web05", "interrupted", "kex")
           + event("skipped", hosts=["web08"], why="stopped by --max-fail"))


@pytest.fixture
def journal(fleet):
    fleet.write("j", JOURNAL)
    return fleet


def fold(fleet, *arguments, **options):
    return fleet.run("hosts", *arguments, **options).assert_code(0).out.decode().strip()


@pytest.mark.parametrize("what, hosts, doubt", [
    ("failed", "web[02-03]", "not run again"),
    ("unreached", "web04", "not run again"),
    ("unfinished", "web[05,08-10]", "not run again"),
    ("not-ok", "web[02-10]", "may have run already"),
])
def test_each_word_takes_its_hosts_and_names_those_in_doubt(journal, what, hosts, doubt):
    result = journal.run("hosts", "--rerun", f"{what}:j").assert_code(0)
    assert result.out.decode() == hosts + "\n"
    assert result.err == f"fanout: web[06-07]: started, and no end in the journal: {doubt}\n"


def test_another_selection_leaves_what_it_names(journal):
    assert fold(journal, "--rerun", "not-ok:j", "-H", "web[01-05]", "-x", "web03") == "web[02,04-05]"
    result = journal.run("hosts", "--rerun", "failed:j", "-H", "web01").assert_code(2)
    assert "no selected host of 'j' has failed" in result.err


def test_nobody_is_left(fleet):
    fleet.write("j", planned("web01") + started("web01") + ended("web01", "ok", "done"))
    result = fleet.run("hosts", "--rerun", "unreached:j").assert_code(2)
    assert (result.out, result.err) == (b"", "fanout: no host of 'j' is unreached\n")


def test_hosts_without_an_inventory_keep_user_and_port(journal):
    hosts = json.loads(fold(journal, "--json", "--rerun", "unreached:j"))
    text = json.dumps(hosts)
    assert '"then"' in text and "2222" in text
    text = json.dumps(json.loads(fold(journal, "--json", "--rerun", "unreached:j", "-u", "new", "-P", "2200")))
    assert '"new"' in text and '"then"' not in text and "2200" in text and "2222" not in text


def test_a_rerun_stands_on_what_it_goes_back_to(journal):
    second = "2" * 16
    journal.write("j", JOURNAL + planned("web02", "web03", run=second, rerun_of=RUN) + started("web02", run=second)
                  + ended("web02", "ok", "done", run=second))
    assert fold(journal, "--rerun", "not-ok:j") == "web[03-10]"
    assert fold(journal, "--rerun", "unfinished:j") == "web[03,05,08-10]"


def test_a_last_line_that_is_torn_is_told_of(journal):
    journal.write("j", JOURNAL[:-10])
    result = journal.run("hosts", "--rerun", "unreached:j").assert_code(0)
    assert result.out == b"web04\n"
    assert "fanout: journal j: the last" in result.err and "are not a whole line" in result.err


def test_a_line_that_is_torn_within_is_refused(journal):
    journal.write("j", JOURNAL.replace('"event": "skipped"', '"event"') + event("finished", exit=7))
    result = journal.run("hosts", "--rerun", "failed:j").assert_code(2)
    assert result.out == b"" and "journal j:14: is not a line of a journal" in result.err


def test_a_run_that_goes_on_keeps_its_hosts(journal):
    with open(journal.path("j")) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        result = journal.run("hosts", "--rerun", "unfinished:j").assert_code(2)
    assert result.err == "fanout: journal j: is in use by another run\n"


def test_a_fifo_is_not_waited_for(fleet):
    os.mkfifo(fleet.path("j"), 0o600)
    assert "not a regular file" in fleet.run("hosts", "--rerun", "failed:j").assert_code(2).err


def test_shares_are_the_selection(fleet):
    assert [fold(fleet, "-H", "n[1-7]", "--shard", f"{index}/3") for index in (1, 2, 3)] == \
        ["n[1,4,7]", "n[2,5]", "n[3,6]"]
    result = fleet.run("hosts", "-H", "n[1-2]", "--shard", "3/3", "--json").assert_code(0)
    assert (result.out, result.err) == (b"", "")


def test_a_share_by_the_environment(fleet):
    slurm = {"SLURM_ARRAY_TASK_ID": "11", "SLURM_ARRAY_TASK_MIN": "10", "SLURM_ARRAY_TASK_COUNT": "2",
             "SLURM_PROCID": "0", "SLURM_NTASKS": "2"}
    assert fold(fleet, "-H", "n[1-8]", "--shard", "auto", env=slurm) == "n[3,7]"
    job = {"JOB_COMPLETION_INDEX": "1"}
    assert fold(fleet, "-H", "n[1-8]", "--shard", "auto/4", env=job) == "n[2,6]"
    assert "FANOUT_SHARDS" in fleet.run("hosts", "-H", "n1", "--shard", "auto", env=job).assert_code(2).err
    assert "SLURM_ARRAY_TASK_ID" in fleet.run("hosts", "-H", "n1", "--shard", "auto").assert_code(2).err
