"""Figures that were recorded, each set for the machine that it is for, and what has become of them since.

A file holds one record for each environment: what the same program costs depends on the compiler and the libraries that it
was built with and runs on. Only the first two numbers of a version count, since what comes after them mends mistakes and
moves no figures; the record names all of it.
"""

import json
import os
import re
from dataclasses import dataclass

TOLERANCE = 0.05


def series(versions):
    """{"openssl": "OpenSSL 3.0.11", "openssh": "OpenSSH 9.2p1"} without what a correction changes."""
    return {name: re.sub(r"(\d+\.\d+)(\.\d+|p\d+)+", r"\1", text) for name, text in versions.items()}


@dataclass(frozen=True)
class Comparison:
    grown: dict   # name: a sentence
    fallen: dict


def compare(recorded, measured):
    grown, fallen = {}, {}
    for name in sorted(recorded.keys() | measured.keys()):
        if name not in recorded or name not in measured:
            grown[name] = f"{name}: only {'recorded' if name in recorded else 'measured'}"
            continue
        before, after = recorded[name], measured[name]
        percent = 100 * abs(after - before) / before
        if after > before * (1 + TOLERANCE):
            grown[name] = f"{name}: {after:,} instead of {before:,}, more by {percent:.1f} percent"
        elif after < before * (1 - TOLERANCE):
            fallen[name] = f"{name}: {after:,} instead of {before:,}, lower by {percent:.1f} percent: record it"
    return Comparison(grown, fallen)


class Records:
    """The file. `about` is for whoever reads it."""

    def __init__(self, path, about):
        self.path, self.about = path, about
        self.records = []
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.records = json.load(file)["records"]

    def _find(self, environment):
        return next((record for record in self.records if series(record["for"]) == series(environment)), None)

    def figures(self, environment):
        record = self._find(environment)
        return record["instructions"] if record else None

    def why_none(self, environment):
        """What is different here from the record that is nearest."""
        if not self.records:
            return f"nothing is recorded in {self.path}"
        here = series(environment)

        def differences(record):
            there = series(record["for"])
            return [name for name in here if there.get(name) != here[name]]
        nearest = min(self.records, key=lambda record: len(differences(record)))
        return "; ".join(f"recorded for {nearest['for'].get(name)}, here is {environment[name]}"
                         for name in differences(nearest))

    def record(self, environment, figures):
        self.records = [record for record in self.records if record is not self._find(environment)]
        self.records.append({"for": environment, "instructions": figures})
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump({"about": self.about, "records": self.records}, file, indent=2)
            file.write("\n")
