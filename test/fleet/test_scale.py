"""Many hosts and much output: nothing lost, nothing torn, and memory that does not grow with either."""

import os
import resource
import threading

import pytest

from processes import wait_until

PARENT_LIMIT_KIB = 64 * 1024


def test_lines_of_a_hundred_hosts_at_once_are_never_torn(fleet):
    names = [f"host{number:03}" for number in range(100)]
    fleet.openssh(*names)
    fleet.prepare()
    command = "i=0; while [ $i -lt 200 ]; do echo \"{host} line $i of the output of {host}\"; i=$((i+1)); done"
    result = fleet.exec("-a", "-L", "-f", "100", command, timeout=120).assert_code(0)
    lines = result.out.decode().splitlines()
    assert len(lines) == 100 * 200
    found = {name: [] for name in names}
    for line in lines:
        label, _, text = line.partition(": ")
        found[label].append(text)
    for name in names:
        assert found[name] == [f"{name} line {number} of the output of {name}" for number in range(200)]
    assert result.counts == {"hosts": 100, "ok": 100}


def test_five_hundred_hosts_with_sixty_four_at_once(fleet):
    names = [f"host{number:03}" for number in range(500)]
    fleet.openssh(*names)
    fleet.prepare()
    running = fleet.start("exec", "-a", "-f", "64", "echo end of {host}")
    most = 0

    def watch():
        nonlocal most
        while running.child.poll() is None:
            most = max(most, len(running.workers()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    result = running.wait(240, memory=True).assert_code(0)
    watcher.join()
    assert result.counts == {"hosts": 500, "ok": 500}
    assert result.blocks == {name: f"end of {name}\n".encode() for name in names}
    assert 32 < most <= 64
    assert result.peak_kib < PARENT_LIMIT_KIB


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("limit", [[], ["--max-output", "0"]], ids=["default limit", "no limit"])
def test_a_gibibyte_from_one_host_does_not_grow_the_parent(fleet, stream, limit):
    fleet.openssh("flood", "silent", "web01")
    fleet.hosts["silent"].settings["timeout"] = "4s"
    fleet.prepare()
    redirect = ">&2" if stream == "stderr" else ""
    command = (f"case {{host}} in flood) head -c 1073741824 /dev/zero {redirect};; silent) sleep 60;; "
               "*) echo here;; esac")
    # Counted as it comes: collecting it would need the memory that this is about.
    reader, writer = os.pipe()
    count = 0

    def drain():
        nonlocal count
        while chunk := os.read(reader, 1 << 20):
            count += chunk.count(b"\0")

    drainer = threading.Thread(target=drain)
    drainer.start()
    files = {"stdout": writer} if stream == "stdout" else {"stderr": writer}
    running = fleet.start("exec", "-a", *limit, command, **files)
    os.close(writer)
    try:
        result = running.wait(120, memory=True)
    finally:
        drainer.join(5)
        os.close(reader)
    assert result.code == 3
    assert count == (1 << 30 if limit else 64 << 20)
    assert 0 < result.peak_kib < PARENT_LIMIT_KIB
    if stream == "stdout":
        assert result.failures["silent"][0] == "timeout" and len(result.failures) == 1
        assert ("truncated" in result.remarks) == (not limit)
    fleet.assert_no_temporary_files()


def test_many_hosts_with_few_descriptors(fleet):
    fleet.openssh(*(f"web{number:02}" for number in range(1, 41)))
    fleet.prepare()
    result = fleet.exec("-a", "echo end", preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60)))
    assert result.assert_code(0).counts == {"hosts": 40, "ok": 40}


def test_as_many_as_possible_at_once(fleet):
    fleet.openssh(*(f"web{number:02}" for number in range(1, 81)))
    fleet.prepare()
    running = fleet.start("exec", "-a", "-f", "auto", "sleep 1")
    assert wait_until(lambda: len(running.workers()) > 64, 10)
    assert running.wait(60).assert_code(0).counts == {"hosts": 80, "ok": 80}
