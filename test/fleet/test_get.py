"""`fanout get` against real servers: every host's files come whole into the folder of that host."""

import hashlib
import json
import os
import signal
import socket
import stat
import time

import pytest

from account import is_root
from processes import wait_until
from test_put_atomic import CutsOnce
from transfers import KINDS, content_of, contents, describe, listing, make_tree, pattern, sha256_of, small_disk

MIB = 1 << 20
KIB = 1 << 10
SIZES = (0, 1, 4095, 4096, 4097, 32767, 32768, 32769, 65535, 65536, 65537, 98304, 255 * KIB, 255 * KIB + 1, MIB, 2 * MIB - 1,
         2 * MIB, 2 * MIB + 1, 3_000_001)


@pytest.fixture
def host(transfers):
    return transfers.place("host")


def here(transfers, path="", name="host"):
    return os.path.join(transfers.download, name, path)


def get_one(transfers, *arguments, status="ok", **options):
    """The record of `host`."""
    return transfers.get(*arguments, transfers.download, expect={"host": status}, **options)["host"]


def give_all(transfers, folder):
    transfers.give(folder)
    for where, folders, files in os.walk(os.fsencode(folder)):
        for name in folders + files:
            transfers.give(os.path.join(where, name))


# --- whole ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("method", ["auto", "sftp", "scp"])
def test_files_of_all_sizes_come_as_they_are(transfers, method):
    places = [transfers.place(kind.replace(" ", "-"), kind) for kind in KINDS]
    for place in places:
        for size in SIZES:
            transfers.write_there(place, f"of {size}", pattern(size))
    without = {place.name: "failed" for place in places if method == "sftp" and "without" in place.name}
    records = transfers.get("--method", method, *[f"of {size}" for size in SIZES], transfers.download, expect=without)
    for place in places:
        folder = here(transfers, name=place.name)
        record = records[place.name]
        if place.name in without:
            assert "no SFTP" in record["cause"]
            assert not contents(folder)
            continue
        assert contents(folder) == {f"of {size}".encode(): pattern(size) for size in SIZES}
        assert (record["files"], record["bytes"], record["sent"]) == (len(SIZES), sum(SIZES), sum(SIZES))
        by_scp = method == "scp" or "without" in place.name
        assert record["used"] == ("scp" if by_scp else "sftp")


@pytest.mark.parametrize("path", ["a/b/file", "./a//b/file", "~/a/b/file", "a/b/file/"])
def test_a_file_stands_under_the_whole_of_its_path(transfers, host, path):
    transfers.write_there(host, "a/b/file", b"content")
    record = get_one(transfers, path)
    assert contents(here(transfers)) == {b"a": None, b"a/b": None, b"a/b/file": b"content"}
    assert record["sha256"] == hashlib.sha256(b"content").hexdigest()


def test_an_absolute_path_is_below_the_folder_of_the_host(transfers, host):
    path = transfers.write_there(host, "file", b"content")
    get_one(transfers, path)
    assert content_of(here(transfers, path.lstrip("/"))) == b"content"


def test_a_tree_with_odd_names_is_byte_exact(transfers, host):
    names = [b"-rf", b"a b", b"new\nline", b"\x1b[31mred", b"tab\t", b"\xff\xfe", "äöü".encode(), b"quote'\"`$(id)", b"*",
             b"back\\slash", b".hidden", b"...", b"x" * 255, b"trailing ", b"%41"]
    tree = os.fsencode(host.path("tree"))
    for name in names:
        os.makedirs(os.path.join(tree, b"folder " + name[:200], name[:200]))
        for folder in (tree, os.path.join(tree, b"folder " + name[:200])):
            with open(os.path.join(folder, b"file" + name[:250] if folder == tree else name + b"_"[:255 - len(name)]),
                      "wb") as file:
                file.write(name)
    os.chmod(tree, 0o755)
    give_all(transfers, host.path("tree"))
    get_one(transfers, "-r", "tree")
    assert contents(here(transfers, "tree")) == contents(tree)


def test_a_directory_needs_r_and_the_rest_is_fetched_without(transfers, host):
    make_tree(host.path("tree"))
    give_all(transfers, host.path("tree"))
    transfers.write_there(host, "file", b"content")
    record = get_one(transfers, "tree", "file", status="failed")
    assert "1 of 2 files failed" in record["cause"] and "tree: is a directory (use -r)" in record["cause"]
    assert contents(here(transfers)) == {b"file": b"content"}


def test_links_and_specials_in_a_tree_are_skipped_and_counted(transfers, host):
    transfers.write_there(host, "tree/file", b"content")
    transfers.write_there(host, "real", b"real")
    os.symlink("/etc", host.path("tree/out"))
    os.symlink("nowhere", host.path("tree/dangling"))
    os.mkfifo(host.path("tree/fifo"), 0o644)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(host.path("tree/socket"))
        records = transfers.get("-v", "-r", "tree", transfers.download)
    assert contents(here(transfers, "tree")) == {b"file": b"content"}
    assert "2 symbolic links, 2 devices, FIFOs and sockets" in records.result.err


def test_what_is_named_may_be_a_link(transfers, host):
    transfers.write_there(host, "tree/file", b"content")
    os.symlink("tree", host.path("to tree"))
    os.symlink("tree/file", host.path("to file"))
    get_one(transfers, "-r", "to tree", "to file")
    assert contents(here(transfers)) == {b"to tree": None, b"to tree/file": b"content", b"to file": b"content"}


def test_files_that_are_made_when_they_are_read_come_whole(transfers, host):
    get_one(transfers, "/proc/version", "/proc/filesystems")
    for name in ("version", "filesystems"):
        assert content_of(here(transfers, f"proc/{name}")) == content_of(f"/proc/{name}")


def test_many_small_files(transfers, host):
    for number in range(3000):
        transfers.write_there(host, f"tree/{number % 40}/{number}", pattern(number % 1500, number))
    record = get_one(transfers, "-r", "tree", timeout=60)
    assert contents(here(transfers, "tree")) == contents(host.path("tree"))
    assert record["files"] == 3000


def test_a_huge_sparse_file_is_exact_and_stays_sparse(transfers, host):
    size = 5 << 30
    path = transfers.write_there(host, "sparse", b"begin")
    with open(path, "r+b") as file:
        for offset in (4 << 30, (4 << 30) + 5000, size - 3):
            file.seek(offset)
            file.write(b"end")
    get_one(transfers, "sparse", timeout=300)
    copy = here(transfers, "sparse")
    assert os.path.getsize(copy) == size
    assert os.stat(copy).st_blocks * 512 < MIB
    with open(copy, "rb") as file, open(path, "rb") as source:
        for offset in (0, 4 << 30, size - 4096):
            file.seek(offset)
            source.seek(offset)
            assert file.read(8192) == source.read(8192)


# --- patterns ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("wanted, found", [
    ("logs/*.log", ["logs/a.log", "logs/b.log"]),
    ("logs/[!a].log", ["logs/b.log"]),
    ("*/a.log", ["logs/a.log", "old/a.log"]),
    ("*/.*", ["logs/.hidden"]),
    ("l?gs/a*", ["logs/a.log"]),
    (r"logs/\*", ["logs/*"]),
    (r"logs/[*]", ["logs/*"]),
    ("old/*/deep", ["old/sub/deep"]),
])
def test_patterns_mean_what_they_mean_to_a_shell(transfers, host, wanted, found):
    for name in ("logs/a.log", "logs/b.log", "logs/.hidden", "logs/*", "old/a.log", "old/sub/deep"):
        transfers.write_there(host, name, name.encode())
    get_one(transfers, wanted)
    files = {path for path, content in contents(here(transfers)).items() if content is not None}
    assert files == set(map(os.fsencode, found))


def test_a_pattern_without_match_fails_and_the_rest_is_fetched(transfers, host):
    transfers.write_there(host, "file", b"content")
    record = get_one(transfers, "no*", "file", status="failed")
    assert "no such file: no*" in record["cause"]
    assert contents(here(transfers)) == {b"file": b"content"}


def test_a_match_that_is_named_twice_is_fetched_once(transfers, host):
    transfers.write_there(host, "file", b"content")
    assert get_one(transfers, "file", "f*", "*e")["files"] == 1


# --- modes and times --------------------------------------------------------------------------------------------------

def test_with_p_modes_and_times_are_those_of_the_host(transfers, host):
    for number, mode in enumerate((0o400, 0o644, 0o777, 0o4755, 0o2711, 0o600)):
        transfers.write_there(host, f"tree/sub/{mode:o}", b"x", mode, mtime=1_000_000_000 + number)
    os.chmod(host.path("tree/sub"), 0o2550)
    os.utime(host.path("tree/sub"), (900_000_000, 900_000_000))
    get_one(transfers, "-rp", "tree")
    for number, mode in enumerate((0o400, 0o644, 0o777, 0o4755, 0o2711, 0o600)):
        status = os.stat(here(transfers, f"tree/sub/{mode:o}"))
        assert stat.S_IMODE(status.st_mode) == mode & 0o777
        assert int(status.st_mtime) == 1_000_000_000 + number
    status = os.stat(here(transfers, "tree/sub"))
    assert stat.S_IMODE(status.st_mode) == 0o550 and int(status.st_mtime) == 900_000_000
    get_one(transfers, "-rp", "tree")


def test_without_p_modes_are_less_the_umask_and_times_are_ours(transfers, host):
    transfers.write_there(host, "tree/file", b"x", 0o4777, mtime=1_000_000_000)
    transfers.write_there(host, "kept", b"x", 0o666)
    os.makedirs(here(transfers))
    with open(here(transfers, "kept"), "w", encoding="utf-8") as file:
        file.write("old")
    os.chmod(here(transfers, "kept"), 0o640)
    before = os.umask(0o027)
    try:
        started = time.time()
        get_one(transfers, "-r", "tree", "kept")
    finally:
        os.umask(before)
    status = os.stat(here(transfers, "tree/file"))
    assert stat.S_IMODE(status.st_mode) == 0o750 and status.st_mtime > started - 5
    assert describe(here(transfers, "tree"))[1] == 0o750
    assert describe(here(transfers, "kept"))[1] == 0o640 and content_of(here(transfers, "kept")) == b"x"


# --- what is there already --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("how", ["--update", "--checksum"])
def test_what_has_not_changed_is_not_sent_again(transfers, host, how):
    make_tree(host.path("tree"))
    give_all(transfers, host.path("tree"))
    first = get_one(transfers, "-r", how, "tree")
    assert first["unchanged"] == 0 and first["sent"] == first["bytes"] > 0
    second = get_one(transfers, "-r", how, "tree")
    assert (second["files"], second["bytes"]) == (first["files"], first["bytes"])
    assert second["sent"] == 0 and second["unchanged"] == second["files"]
    assert contents(here(transfers, "tree")) == contents(host.path("tree"))


def test_checksum_finds_what_has_the_same_size_and_time(transfers, host):
    for content in (b"one", b"two"):
        transfers.write_there(host, "file", content, mtime=1_000_000_000)
        transfers.write_there(host, "other", b"same", mtime=1_000_000_000)
        record = get_one(transfers, "-p", "--checksum", "file", "other")
    assert (record["sent"], record["unchanged"]) == (3, 1)
    assert content_of(here(transfers, "file")) == b"two"


@pytest.mark.parametrize("change", ["size", "time"])
def test_update_finds_another_size_or_time(transfers, host, change):
    transfers.write_there(host, "file", b"one", mtime=1_000_000_000)
    get_one(transfers, "--update", "file")
    transfers.write_there(host, "file", b"other" if change == "size" else b"two",
                          mtime=1_000_000_000 + (change == "time"))
    assert get_one(transfers, "--update", "file")["unchanged"] == 0
    assert content_of(here(transfers, "file")) == content_of(host.path("file"))


def test_resume_goes_on_where_the_connection_was_lost(transfers):
    size = 4 * MIB
    proxies, names = {}, [f"cut{number}" for number in range(6)]
    for number, name in enumerate(names):
        proxies[name] = transfers.behind(name, CutsOnce, 300_000 + number * 600_000)
        transfers.write_there(transfers.places[name], "file", pattern(size), mtime=1_000_000_000)
    first = transfers.get("--resume", "file", transfers.download, expect={name: None for name in names},
                          leftovers=(".part",), timeout=60)
    parts = {}
    for name in names:
        assert proxies[name].was_cut and first[name]["status"] != "ok"
        kept = [content_of(here(transfers, part, name=name)) for part in os.listdir(here(transfers, name=name))]
        assert len(kept) <= 1 and all(pattern(size).startswith(part) for part in kept)
        parts[name] = sum(map(len, kept))
    assert sum(part > 0 for part in parts.values()) >= 4
    second = transfers.get("--resume", "file", transfers.download, timeout=60)
    for name in names:
        assert contents(here(transfers, name=name)) == {b"file": pattern(size)}
        assert second[name]["sent"] == size - parts[name]


def test_a_part_with_other_content_is_not_built_upon(transfers):
    proxy = transfers.behind("cut", CutsOnce, 1_500_000)
    transfers.write_there(transfers.places["cut"], "file", pattern(3 * MIB), mtime=1_000_000_000)
    transfers.get("--resume", "file", transfers.download, expect={"cut": None}, leftovers=(".part",))
    (part,) = os.listdir(here(transfers, name="cut"))
    with open(here(transfers, part, name="cut"), "r+b") as file:
        file.write(b"something else")
    transfers.get("--resume", "file", transfers.download)
    assert proxy.was_cut
    assert contents(here(transfers, name="cut")) == {b"file": pattern(3 * MIB)}


# --- lists and checks -------------------------------------------------------------------------------------------------

def test_the_manifest_lists_every_file(transfers, host):
    make_tree(host.path("tree"))
    give_all(transfers, host.path("tree"))
    manifest = os.path.join(transfers.download, "manifest")
    get_one(transfers, "-r", "--manifest", manifest, "tree")
    with open(manifest, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    found = {line["path"]: line for line in lines}
    assert len(found) == len(lines)
    expected = {f"tree/{os.fsdecode(path)}" for path, content in contents(host.path("tree")).items()
                if content is not None}
    assert set(found) == expected
    for path, line in found.items():
        assert line["host"] == "host"
        assert line["sha256"] == sha256_of(host.path(path)) and line["size"] == os.path.getsize(host.path(path))
        assert int(line["mode"], 8) == stat.S_IMODE(os.stat(host.path(path)).st_mode)


@pytest.mark.parametrize("method, by", [("auto", "sha256sum"), ("sftp", "reading again")])
def test_verify_says_by_what(transfers, host, method, by):
    for size in (0, 5, 40_000, MIB + 1):
        transfers.write_there(host, f"of {size}", pattern(size))
    record = get_one(transfers, "--verify", "--method", method, "of *")
    assert record["verified_by"] == by and record["files"] == 4
    assert contents(here(transfers)) == contents(host.home)


def test_verify_says_so_of_what_is_there_already_only_when_it_was_compared(transfers, host):
    transfers.write_there(host, "file", b"there", mtime=1_000_000_000)
    get_one(transfers, "--update", "file")
    with open(here(transfers, "file"), "wb") as file:
        file.write(b"other")
    os.utime(here(transfers, "file"), (1_000_000_000, 1_000_000_000))
    for unchanged in (0, 1):
        record = get_one(transfers, "--update", "--verify", "file")
        assert (record["unchanged"], record["verified_by"]) == (unchanged, "sha256sum")
        assert content_of(here(transfers, "file")) == b"there"


# --- failures ---------------------------------------------------------------------------------------------------------

@pytest.mark.skipif(not is_root(), reason="the account on the hosts must be another one")
def test_what_cannot_be_read_is_named_and_the_rest_is_fetched(transfers, host):
    for name in ("a", "secret", "z"):
        transfers.write_there(host, f"tree/{name}", b"content")
    os.chown(host.path("tree/secret"), 0, 0)
    os.chmod(host.path("tree/secret"), 0o600)
    os.mkdir(host.path("tree/closed"), 0o700)
    record = get_one(transfers, "-r", "tree", status="failed")
    assert record["cause"].startswith("2 of 4 files failed; first: ")
    assert "Permission denied" in record["cause"] and "tree/" in record["cause"]
    assert contents(here(transfers, "tree")) == {b"a": b"content", b"z": b"content"}


def test_a_file_that_is_missing(transfers, host):
    record = get_one(transfers, "missing", status="failed")
    assert "missing" in record["cause"] and "No such file" in record["cause"]
    assert contents(here(transfers)) == {}


@pytest.mark.parametrize("stands", ["folder", "link", "fifo"])
def test_only_a_regular_file_is_replaced(transfers, host, stands):
    transfers.write_there(host, "file", b"content")
    os.makedirs(here(transfers))
    if stands == "folder":
        os.mkdir(here(transfers, "file"))
    elif stands == "link":
        os.symlink("/etc/passwd", here(transfers, "file"))
    else:
        os.mkfifo(here(transfers, "file"))
    before = listing(here(transfers))
    get_one(transfers, "file", status="internal")
    assert listing(here(transfers)) == before


def test_a_folder_does_not_replace_a_file(transfers, host):
    transfers.write_there(host, "tree/file", b"content")
    os.makedirs(here(transfers))
    with open(here(transfers, "tree"), "wb") as file:
        file.write(b"mine")
    get_one(transfers, "-r", "tree", status="internal")
    assert contents(here(transfers)) == {b"tree": b"mine"}


@pytest.mark.skipif(not is_root(), reason="only root can mount a small disk")
def test_a_disk_that_is_full_here(transfers, host):
    transfers.write_there(host, "tree/small", b"content")
    transfers.write_there(host, "tree/large", pattern(2 * MIB))
    os.makedirs(transfers.download, exist_ok=True)
    with small_disk(transfers.download, 600):
        record = get_one(transfers, "-r", "tree", status="internal")
        assert "No space left on device" in record["cause"]
        assert contents(here(transfers, "tree")) == {b"small": b"content"}


@pytest.mark.parametrize("change", ["grows", "shrinks", "is replaced in place"])
def test_a_file_that_changes_meanwhile_is_no_file(transfers, host, change):
    path = transfers.write_there(host, "file", pattern(200_000), mtime=1_000_000_000)

    def meddle(running):
        folder = here(transfers)
        wait_until(lambda: os.path.isdir(folder) and any(
            os.path.getsize(os.path.join(folder, name)) > 0 for name in os.listdir(folder)), 10)
        with open(path, "r+b") as file:
            if change == "grows":
                file.seek(0, os.SEEK_END)
                file.write(b"more")
            elif change == "shrinks":
                file.truncate(199_999)
            else:
                file.write(b"other")

    record = get_one(transfers, "--limit-rate", "100k", "file", status="failed", during=meddle)
    assert "file: changed while it was fetched" in record["cause"]
    assert contents(here(transfers)) == {}


def test_a_run_that_is_stopped_leaves_nothing_behind(transfers, host):
    transfers.write_there(host, "file", pattern(MIB))

    def stop(running):
        assert wait_until(lambda: os.path.isdir(here(transfers)) and os.listdir(here(transfers)), 10)
        running.send_signal(signal.SIGTERM)

    record = get_one(transfers, "--limit-rate", "50k", "file", status="interrupted", during=stop)
    assert record["sent"] < MIB
    assert contents(here(transfers)) == {}


def test_a_worker_that_is_killed_leaves_nothing_behind(transfers, host):
    transfers.write_there(host, "tree/sub/file", pattern(MIB))

    def kill(running):
        assert wait_until(lambda: [name for _, _, names in os.walk(here(transfers)) for name in names], 10)
        (worker,) = running.workers(1)
        os.kill(worker.pid, signal.SIGKILL)

    get_one(transfers, "-r", "--limit-rate", "50k", "tree", status="internal", during=kill)
    assert contents(here(transfers)) == {b"tree": None, b"tree/sub": None}


def test_the_time_of_a_transfer_is_limited(transfers, host):
    transfers.write_there(host, "file", pattern(MIB))
    started = time.monotonic()
    get_one(transfers, "--limit-rate", "50k", "--timeout", "2s", "file", status="timeout")
    assert time.monotonic() - started < 10
    assert contents(here(transfers)) == {}


def test_the_rate_is_limited(transfers, host):
    transfers.write_there(host, "tree/large", pattern(200_000))
    for number in range(50):
        transfers.write_there(host, f"tree/{number}", pattern(2_000, number))
    started = time.monotonic()
    get_one(transfers, "-r", "--limit-rate", "100k", "tree")
    assert time.monotonic() - started > 2.2
    assert contents(here(transfers, "tree")) == contents(host.path("tree"))


# --- --then -----------------------------------------------------------------------------------------------------------

def test_then_is_run_where_everything_was_fetched(transfers, host):
    transfers.write_there(host, "file", b"content")
    bad = transfers.place("bad")
    records = transfers.get("--then", "echo done > after", "file", transfers.download, expect={"bad": "failed"})
    assert content_of(host.path("after")) == b"done\n"
    assert not os.path.exists(bad.path("after"))
    assert "file" in records["bad"]["cause"]
