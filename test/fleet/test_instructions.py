"""How many instructions a host takes must not grow unnoticed; test/bench/instructions says how it is counted."""

import os
import subprocess
import sys

import pytest

BENCH = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench")
sys.path.append(BENCH)

from recorded import Records, compare  # noqa: E402

SKIPPED = 77
HERE = {"openssl": "OpenSSL 3.0.11", "openssh": "OpenSSH 9.2p1", "c library": "glibc 2.36"}


def test_no_process_takes_more_instructions_for_a_host_than_was_recorded(program):
    done = subprocess.run([os.path.join(BENCH, "instructions"), "--check", "--program", program], capture_output=True,
                          stdin=subprocess.DEVNULL, text=True, timeout=500, check=False)
    if done.returncode == SKIPPED:
        pytest.skip(done.stderr.strip().removeprefix("skipped: "))
    print(done.stdout, done.stderr)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_five_percent_more_than_recorded_is_too_much_and_less_is_not():
    recorded = {"worker": 1000, "parent per host": 1000, "spawner per host": 1000}
    comparison = compare(recorded, {"worker": 1051, "parent per host": 1050, "spawner per host": 950})
    assert comparison.grown == {"worker": "worker: 1,051 instead of 1,000, more by 5.1 percent"}
    assert comparison.fallen == {}


def test_five_percent_less_than_recorded_asks_to_be_recorded():
    comparison = compare({"worker": 1000}, {"worker": 940})
    assert comparison.grown == {}
    assert comparison.fallen == {"worker": "worker: 940 instead of 1,000, lower by 6.0 percent: record it"}


def test_a_process_that_is_not_recorded_counts_as_grown():
    assert list(compare({"worker": 1000}, {"worker": 1000, "parent per host": 1}).grown) == ["parent per host"]


def test_a_record_is_for_one_series_of_each_library(tmp_path):
    records = Records(str(tmp_path / "record.json"), ["about"])
    records.record(HERE, {"worker": 1000})
    records = Records(str(tmp_path / "record.json"), ["about"])
    assert records.figures({**HERE, "openssl": "OpenSSL 3.0.22"}) == {"worker": 1000}
    other = {**HERE, "openssl": "OpenSSL 3.5.1"}
    assert records.figures(other) is None
    assert records.why_none(other) == "recorded for OpenSSL 3.0.11, here is OpenSSL 3.5.1"


def test_recording_replaces_the_record_of_this_environment_and_no_other(tmp_path):
    records = Records(str(tmp_path / "record.json"), ["about"])
    other = {**HERE, "c library": "glibc 2.41"}
    for environment, count in ((HERE, 1000), (other, 2000), ({**HERE, "openssl": "OpenSSL 3.0.22"}, 3000)):
        records.record(environment, {"worker": count})
    assert records.figures(HERE) == {"worker": 3000}
    assert records.figures(other) == {"worker": 2000}
    assert len(records.records) == 2
