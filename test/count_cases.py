#!/usr/bin/env python3
"""Adds up the single test cases of several runs of `meson test`.

    count_cases.py LOG...        each LOG is a meson-logs/*.json of one run

A line of such a log is one test of Meson: a Catch2 program or a file of pytest. Its arguments say where its
single cases were written, `xml::out=FILE` (Catch2) or `--junitxml=FILE` (pytest). A test without such a
file is one case.

A case is counted once, also when it ran in several builds: it failed if it failed in any of them, and was
skipped if it ran in none. A program that fails without a failed case (it crashed, hung, or a sanitizer spoke
at its end) is one more failed case, so that nothing can fail silently.

Prints the failed cases, then `N passed, N failed, N skipped`. Exits 1 if a case failed or none passed.
"""

import json
import sys
import xml.etree.ElementTree as ElementTree

PASSED, SKIPPED, FAILED = "passed", "skipped", "failed"
# Later wins when a case ran more than once.
STRENGTH = [SKIPPED, PASSED, FAILED]


def cases_of_catch2(root):
    for case in root.iter("TestCase"):
        result = case.find("OverallResult")
        if result is None or result.get("success") != "true":
            yield case.get("name"), FAILED
        elif int(result.get("skips", "0")) > 0:
            yield case.get("name"), SKIPPED
        else:
            yield case.get("name"), PASSED


def cases_of_pytest(root):
    for case in root.iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            yield name, FAILED
        elif case.find("skipped") is not None:
            yield name, SKIPPED
        else:
            yield name, PASSED


def cases_of(test):
    """The (name, state) of every case of one test of Meson; a broken file of results has none."""
    for argument in test["command"]:
        for marker, reader in (("xml::out=", cases_of_catch2), ("--junitxml=", cases_of_pytest)):
            if argument.startswith(marker):
                try:
                    return list(reader(ElementTree.parse(argument[len(marker):]).getroot()))
                except (OSError, ElementTree.ParseError):
                    return []
    return [("", {"OK": PASSED, "EXPECTEDFAIL": PASSED, "SKIP": SKIPPED}.get(test["result"], FAILED))]


def main(logs):
    states = {}

    def note(key, state):
        states[key] = max(states.get(key, SKIPPED), state, key=STRENGTH.index)

    for log in logs:
        with open(log, encoding="utf-8") as lines:
            for test in map(json.loads, lines):
                cases = cases_of(test)
                for name, state in cases:
                    note((test["name"], name), state)
                failed = any(state == FAILED for _, state in cases)
                if not failed and (not cases or test["result"] not in ("OK", "SKIP", "EXPECTEDFAIL")):
                    note((test["name"], f"the program itself: {test['result'].lower()}"), FAILED)

    for (test, name), state in states.items():
        if state == FAILED:
            print(f"failed: {test}: {name}".rstrip(": "))
    count = {state: list(states.values()).count(state) for state in STRENGTH}
    print(f"{count[PASSED]} passed, {count[FAILED]} failed, {count[SKIPPED]} skipped")
    return 1 if count[FAILED] or not count[PASSED] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
