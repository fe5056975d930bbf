"""fanout report: what a journal tells is what the run told."""

import json
import os
import re

import pytest

from servers import ClosedPort

SCRIPT = ("case {host} in db01|db02) echo same;; db03) echo other; echo warning >&2; exit 3;; "
          "*) printf '\\377\\376 no text';; esac")


@pytest.fixture
def four(fleet):
    fleet.openssh("db01", "db02", "db03", "db04")
    fleet.misbehaving("db05", ClosedPort)
    return fleet.prepare()


def without_time(summary):
    """The run is timed from other moments than its journal."""
    return re.sub(r" in [0-9.]+ s\n", " in TIME\n", summary)


def records(result):
    return {record["host"]: record for record in map(json.loads, result.out.splitlines())}


def test_the_summary_and_the_exit_status_are_those_of_the_run(four):
    run = four.exec("-a", "-q", "--journal", "j", SCRIPT).assert_code(4)
    report = four.run("report", "j").assert_code(4)
    assert without_time(report.err) == without_time(run.err)
    assert report.out == b""


def test_what_hosts_printed_comes_in_every_form(four):
    four.exec("-a", "-q", "--journal", "j", SCRIPT).assert_code(4)
    blocks = four.run("report", "j", "--output", "block").assert_code(4)
    assert blocks.blocks == {"db01": b"same\n", "db02": b"same\n", "db03": b"other\n", "db04": b"\xff\xfe no text\n"}
    assert blocks.error_blocks["db03"] == b"warning\n"
    merged = four.run("report", "j", "-b").assert_code(4)
    assert b"db[01-02] (2 hosts)" in merged.out and merged.out.count(b"same\n") == 1
    diff = four.run("report", "j", "--output", "diff").assert_code(4)
    assert b"-same\n" in diff.out and b"+other\n" in diff.out
    folder = four.path("there")
    four.run("report", "j", "--outdir", folder).assert_code(4)
    with open(os.path.join(folder, "db03.err"), "rb") as file:
        assert file.read() == b"warning\n"


def test_the_records_are_those_of_the_run(four):
    run = records(four.exec("-a", "--json", "--journal", "j", SCRIPT).assert_code(4))
    report = records(four.run("report", "j", "--json").assert_code(4))
    assert report == run


def test_a_rerun_makes_good_what_it_has_made_good(four):
    four.exec("-H", "db01,db02,db03", "--journal", "j", "case {host} in db02) exit 3;; esac").assert_code(5)
    four.exec("--rerun", "failed:j", "--journal", "j", "echo again").assert_code(0)
    report = four.run("report", "j", "--output", "block").assert_code(0)
    assert report.counts["ok"] == 3 and report.blocks == {"db02": b"again\n"}
    # The same in a file of its own.
    four.exec("-H", "db01,db02,db03", "--journal", "k", "case {host} in db02) exit 3;; esac").assert_code(5)
    four.exec("--rerun", "failed:k", "--journal", "l", "echo again").assert_code(0)
    assert four.run("report", "l", "k").assert_code(0).counts["ok"] == 3
    assert four.run("report", "k").assert_code(5).counts["failed"] == 1


def test_two_shares_are_one_run(four):
    for share in "12":
        four.exec("-H", "db01,db02,db03,db04", "--shard", f"{share}/2", "--journal", f"j{share}", SCRIPT)
    report = four.run("report", "j1", "j2", "-b").assert_code(5)
    assert report.counts["ok"] == 3 and report.counts["failed"] == 1
    assert b"db[01-02] (2 hosts)" in report.out


def test_outputs_that_differ(four):
    four.exec("-H", "db01,db02", "--journal", "same", "echo text").assert_code(0)
    four.exec("-H", "db01,db02", "--journal", "different", "echo {host}").assert_code(0)
    four.run("report", "same", "--expect-same").assert_code(0)
    four.run("report", "different", "--expect-same").assert_code(6)
    four.run("report", "different", "--expect-same", "--mask", "host").assert_code(0)


def test_a_torn_last_line_leaves_a_host_in_doubt(four):
    four.exec("-H", "db01", "--journal", "j", "true").assert_code(0)
    lines = four.read("j").splitlines(keepends=True)
    ended = next(i for i, line in enumerate(lines) if '"ended"' in line)
    four.write("j", "".join(lines[:ended]) + lines[ended][:30])
    report = four.run("report", "j").assert_code(1)
    assert "are not a whole line" in report.err
    assert report.failures["db01"] == ("internal", "its end is not in the journal")
    assert "may still run" in report.err


def test_long_output_is_there_with_its_beginning(four):
    four.exec("-H", "db01,db02", "-q", "--journal", "j", "head -c 100000 /dev/zero | tr '\\0' x").assert_code(0)
    record = records(four.run("report", "j", "--json").assert_code(0))["db01"]
    assert record["stdout"] == "x" * 65536 and record["stdout_bytes"] == 100000 and record["truncated"]
    assert len(four.read("j")) < 2 * 65536   # once, and not for each host
    # It is known to be the same all the same.
    four.run("report", "j", "--expect-same").assert_code(0)


def test_a_transfer_is_told_again(four):
    four.write("file", "content\n")
    run = four.run("put", "-H", "db01,db02", "--journal", "j", "file", f"{four.target}/there").assert_code(0)
    report = four.run("report", "j").assert_code(0)
    strip = re.compile(r" at [0-9.]+ \S+/s")
    assert strip.sub("", without_time(report.err)) == strip.sub("", without_time(run.err))


@pytest.mark.parametrize("text, why", [
    ("", "no run is in it"),
    ("{}\n", '1: "v" is missing'),
    ('{"v":2}\n', "1: version 2; this program reads version 1"),
])
def test_what_is_no_journal_is_a_wrong_usage(four, text, why):
    four.write("j", text)
    assert why in four.run("report", "j").assert_code(2).err


def test_a_page_is_written_whole_or_not_at_all(four):
    four.exec("-H", "db01", "--journal", "j", "true").assert_code(0)
    four.run("report", "j", "--html", "page.html").assert_code(0)
    page = four.read("page.html")
    assert page.startswith("<!DOCTYPE html>") and page.endswith("</html>\n")
    four.run("report", "j", "--html", "page.html").assert_code(0)
    assert four.run("report", "j", "--html", "-").assert_code(0).out.endswith(b"</html>\n")
    assert "--output" in four.run("report", "j", "--html", "-", "-b").assert_code(2).err
    os.symlink("page.html", four.path("link.html"))
    os.mkdir(four.path("folder.html"))
    for name in "link.html", "folder.html", "missing/page.html":
        assert "--html" in four.run("report", "j", "--html", name).assert_code(2).err
    assert four.read("page.html") == page
    assert not [name for name in os.listdir(four.path(".")) if name.startswith(".fanout")]
