"""--dry-run: the whole plan on standard output, and no packet to anybody."""

import os
import re

import pytest

from servers import Silent


@pytest.fixture
def nobody(fleet):
    """Six hosts that must not be contacted, web01 to web06, in the group web."""
    listeners = [fleet.misbehaving(f"web{n:02}", Silent) for n in range(1, 7)]
    for host, priority in zip(fleet.hosts, (1, 9, 1, 5, 9, 1)):
        host.settings["priority"] = priority
    fleet.prepare(web=[host.name for host in fleet.hosts])
    yield fleet
    assert [listener.connections for listener in listeners] == [0] * 6


def plan(fleet, *arguments, command="exec", words=("uptime",)):
    result = fleet.run(command, "-g", "web", "--dry-run", *arguments, *words).assert_code(0)
    assert result.err == ""
    return result.text


def rows(text, name):
    """What stands behind this name, without the further lines of it."""
    return [line[14:] for line in text.splitlines() if line.startswith(f"  {name} ")]


def test_a_plain_run(nobody):
    assert plan(nobody, "-f", "4") == (
        "plan: 6 hosts, at most 4 at once\n"
        "  command     uptime\n"
        "  order       fifo: that of the selection\n"
        "  hosts       web[01-06]\n"
        "  at most     to log in 10s\n"
        "nobody was contacted\n")


def test_everything_that_can_be_said(nobody):
    text = plan(nobody, "--order", "lifo", "--batches", "1,50%", "--pause-between", "30s", "--gate", "./healthy",
                "--max-fail", "20%", "--on-halt", "kill", "--ok-if", "99.50%", "--start-rate", "5", "--retries", "2",
                "--deadline", "1h", "--connect-timeout", "3s", "-t", "2m", "--stall-timeout", "20s",
                words=("echo {host}",))
    assert text == (
        "plan: 6 hosts, at most 6 at once\n"
        "  command     echo {host}\n"
        "  on web06    echo web06\n"
        "  order       lifo: that of the selection, from its end\n"
        "  batch 1     1 host: web06\n"
        "  batch 2     3 hosts: web[03-05]\n"
        "  batch 3     2 hosts: web[01-02]\n"
        "  pause       30s between two batches\n"
        "  gate        between two batches, here: ./healthy\n"
        "  at most     to log in 3s; for the command 2m; without a byte 20s; for the whole run 1h\n"
        "  max-fail    2 hosts failed: no more are started, what runs is stopped\n"
        "  start-rate  at most 5 hosts a second\n"
        "  retries     at most 2 of a connection that failed\n"
        "  ok-if       99.5% of the hosts succeeded\n"
        "nobody was contacted\n")


def test_the_largest_priority_first(nobody):
    text = plan(nobody, "--order", "priority", "--batches", "2,1,3")
    assert [rows(text, f"batch {n}")[0] for n in (1, 2, 3)] == [
        "2 hosts: web[02,05]", "1 host: web04", "3 hosts: web[01,03,06]"]


def test_a_seed_is_repeated_and_one_that_was_drawn_can_be(nobody):
    drawn = plan(nobody, "--order", "random", "--batches", "1")
    order, = rows(drawn, "order")
    seed = re.search(r"--order (random:\d+)$", order)[1]
    repeated = plan(nobody, "--order", seed, "--batches", "1")
    assert repeated == plan(nobody, "--order", seed, "--batches", "1")
    hosts = [rows(repeated, f"batch {n}")[0] for n in range(1, 7)]
    assert hosts == [rows(drawn, f"batch {n}")[0] for n in range(1, 7)]
    assert sorted(hosts) == [f"1 host: web{n:02}" for n in range(1, 7)]


def test_many_batches_end_in_a_sum(nobody):
    text = nobody.exec("-H", "n[001-101]", "--dry-run", "--batches", "4", "uptime").assert_code(0).text
    assert rows(text, "batch 19") == ["4 hosts: n[073-076]"]
    assert rows(text, "batch 20") == []
    assert "\n              and 7 more batches of 4 hosts each, the last of 1\n" in text
    text = nobody.exec("-H", "n[001-080]", "--dry-run", "--batches", "4", "uptime").assert_code(0).text
    assert rows(text, "batch 20") == ["4 hosts: n[077-080]"]
    assert "more batches" not in text
    sizes = ",".join(map(str, range(1, 31)))
    text = nobody.exec("-H", "n[001-465]", "--dry-run", "--batches", sizes, "uptime").assert_code(0).text
    assert "\n              and 11 more batches of 20 to 30 hosts\n" in text


def test_limits_of_the_inventory_are_those_of_its_hosts(nobody):
    for host, limit in zip(nobody.hosts, ("1m", "0", "5s", "1m", "0", "5s")):
        host.settings["timeout"] = limit
    nobody.write_inventory({"web": [host.name for host in nobody.hosts]})
    assert rows(plan(nobody), "at most") == ["to log in 10s; for the command none, 5s or 1m, by host"]


def test_copies(nobody):
    text = plan(nobody, "--then", "reload {host}", "--chmod", "644", command="put", words=("not here", "/etc/a b"))
    assert "  send        'not here'\n  to          '/etc/a b'\n  then        reload {host}\n" in text
    assert "  on web01    reload web01\n" in text
    assert rows(text, "at most") == ["to log in 10s; without a byte 1m"]
    text = plan(nobody, command="get", words=("/var/log/a*", "logs"))
    assert "  fetch       '/var/log/a*'\n  to          logs\n" in text
    assert not os.path.exists(nobody.path("logs"))


def test_mistakes_are_found_without_it_being_a_run(nobody):
    assert "'bew'" in nobody.exec("-g", "bew", "--dry-run", "uptime").assert_code(2).err
    assert nobody.exec("-g", "web", "--dry-run", "--expect-hosts", "7", "uptime").assert_code(2).text == ""


def test_no_passphrase_is_asked_for(nobody):
    nobody.forget_keys()
    nobody.new_key("locked", passphrase="sesame")
    assert plan(nobody, "-k", "locked").endswith("\nnobody was contacted\n")


def test_a_command_of_several_lines_stays_in_its_column(nobody):
    text = plan(nobody, words=("echo a\necho b",))
    assert "  command     echo a\n              echo b\n  order " in text
