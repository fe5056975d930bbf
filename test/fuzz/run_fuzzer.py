#!/usr/bin/env python3
"""Runs one fuzzer as one test case.

    run_fuzzer.py --corpus=FOLDER --work=FOLDER --junitxml=FILE [--seconds=N] PROGRAM

Without --seconds PROGRAM is linked with corpus_main.cpp and is given the corpus. With --seconds it is linked with
libFuzzer and looks for new inputs for that long, beginning with a copy of the corpus in the work folder: the source tree
is never written to. An input that broke something is left in the work folder, and its name is printed.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree


def arguments():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--corpus", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--junitxml", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("program", type=pathlib.Path)
    return parser.parse_args()


def command_of(options):
    if options.seconds is None:
        return [options.program, options.corpus]
    shutil.rmtree(options.work, ignore_errors=True)
    shutil.copytree(options.corpus, options.work / "corpus")
    return [
        options.program,
        f"-max_total_time={options.seconds}",
        "-rss_limit_mb=512",
        "-timeout=5",
        "-print_final_stats=1",
        f"-artifact_prefix={options.work}/",
        options.work / "corpus",
    ]


def main():
    options = arguments()
    case_name = "its corpus" if options.seconds is None else f"{options.seconds} seconds of new inputs"
    start = time.monotonic()
    # Whatever it wrote, it wrote to our own output, which Meson keeps.
    environment = dict(os.environ)
    # Freed memory that waits for a late use counts too, and 256 MiB of it are half of the limit.
    environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=64"
    status = subprocess.run(command_of(options), env=environment, check=False).returncode
    if status and options.seconds is not None:
        for crasher in sorted(path for path in options.work.iterdir() if path.is_file()):
            print(f"the input is kept: {crasher}", flush=True)

    suite = ElementTree.Element("testsuite")
    case = ElementTree.SubElement(
        suite, "testcase", classname=options.program.name, name=case_name, time=f"{time.monotonic() - start:.1f}"
    )
    if status:
        ElementTree.SubElement(case, "failure", message=f"ended with {status}")
    ElementTree.ElementTree(suite).write(options.junitxml, encoding="utf-8", xml_declaration=True)
    return 1 if status else 0


if __name__ == "__main__":
    sys.exit(main())
