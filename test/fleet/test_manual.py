"""The manual and the program know the same options."""

import os
import re
import shutil
import subprocess

import pytest

MANUAL = os.path.join(os.path.dirname(__file__), "../../packaging/fanout.1")


@pytest.fixture
def manual():
    with open(MANUAL, encoding="ascii") as file:
        return file.read()


def options_of(fleet):
    """Long and short, of all commands, from their help."""
    found = set()
    for command in ("exec", "put", "get", "hosts", "trust", "report"):
        text = fleet.run(command, "--help").assert_code(0).text
        found |= set(re.findall(r"^  (?:(?:-\w)?[, ] +)?(--[a-z-]+)", text, re.MULTILINE))
        found |= set(re.findall(r"^  (-\w)\b", text, re.MULTILINE))
    return found


def described_in(manual):
    """What stands as the item of a list: `.It Fl f , -parallel Ar n`."""
    found = set()
    for line in re.findall(r"^\.It Fl (.*)$", manual, re.MULTILINE):
        words = re.sub(r"\b(?:Ar|Cm|Ns|Op) \S+", "", line).split()
        found |= {"-" + word for word in words if re.fullmatch(r"-[a-z-]+|\w", word)}
    return found


def test_every_option_is_described_and_no_other(fleet, manual):
    known = options_of(fleet)
    assert {"--batches", "--journal", "-f", "-L"} <= known
    described = described_in(manual)
    assert known - {"-h", "--help"} == described - {"--fanout", "-l"}


def test_the_manual_is_well_formed(manual):
    if not shutil.which("mandoc"):
        pytest.skip("there is no mandoc")
    result = subprocess.run(["mandoc", "-T", "lint", "-W", "style", MANUAL], capture_output=True, text=True, check=False)
    # Which pages this machine knows is another matter.
    other_pages = re.compile("outdated mandoc.db|referenced manual not found")
    assert [line for line in result.stdout.splitlines() if not other_pages.search(line)] == []
