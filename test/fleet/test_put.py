"""`fanout put` against real servers, OpenSSH and dropbear, with SFTP and without."""

import contextlib
import os
import signal
import socket
import stat
import subprocess
import time

import pytest

from account import is_root
from processes import wait_until
from transfers import (KINDS, content_of, contents, describe, listing, make_tree, pattern, sha256_of, small_disk,
                       temporary_names)

SIZES = (0, 1, 32767, 32768, 32769, 65535, 65536, 65537, 262143, 262144, 262145, 1 << 20, 3_000_001)
MIB = 1 << 20


@pytest.fixture
def places(transfers):
    """A host of each kind."""
    return [transfers.place(kind.replace(" ", "-"), kind) for kind in KINDS]


def has_sftp(place):
    return "without" not in place.name


# --- whole ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("method", ["auto", "sftp", "scp"])
def test_files_of_all_sizes_arrive_as_they_are(transfers, places, method):
    sources = [transfers.write_here(f"of {size}", pattern(size)) for size in SIZES]
    for place in places:
        os.mkdir(place.path("into"))
        transfers.give(place.path("into"))
    without = {place.name: "failed" for place in places if method == "sftp" and not has_sftp(place)}
    records = transfers.put("--method", method, *sources, "into/", expect=without)
    for place in places:
        if place.name in without:
            assert "sftp" in records[place.name]["cause"].lower()
            assert os.listdir(place.path("into")) == []
            continue
        assert contents(place.path("into")) == {f"of {size}".encode(): pattern(size) for size in SIZES}
        record = records[place.name]
        assert (record["files"], record["bytes"]) == (len(SIZES), sum(SIZES))
        assert record["sent"] == sum(SIZES) and record["unchanged"] == 0


@pytest.mark.parametrize("size", [0, 1, 32768, 65537, 3_000_001])
def test_one_file_gets_exactly_the_name_that_is_said(transfers, places, size):
    source = transfers.write_here("source", pattern(size))
    records = transfers.put(source, "another name")
    for place in places:
        assert contents(place.home) == {b"another name": pattern(size)}
        assert records[place.name]["sha256"] == sha256_of(source)


def test_a_file_of_5_gib_with_holes_is_copied_exactly(transfers):
    place = transfers.place("openssh")
    source = os.path.join(transfers.local, "holes")
    pieces = {0: b"begin", (1 << 32) - 3: b"over the border of 4 GiB", (5 << 30) - 4: b"end."}
    with open(source, "wb") as file:
        for offset, data in pieces.items():
            file.seek(offset)
            file.write(data)
    transfers.put(source, "holes", timeout=120)
    target = place.path("holes")
    assert os.path.getsize(target) == 5 << 30
    # Nobody has written what is not there: the file system could keep the holes.
    assert os.stat(target).st_blocks * 512 < 1 << 30
    with open(target, "rb") as file:
        for offset, data in pieces.items():
            file.seek(offset)
            assert file.read(len(data)) == data
        for offset in (100, 1 << 31, (1 << 32) + 100, (5 << 30) - 4096):
            file.seek(offset)
            assert file.read(4092) == bytes(4092)


def test_a_file_with_holes_is_filled_with_zeros_where_scp_knows_no_holes(transfers):
    places = [transfers.place("openssh", "openssh without sftp"), transfers.place("dropbear", "dropbear without sftp")]
    source = os.path.join(transfers.local, "holes")
    with open(source, "wb") as file:
        file.seek(20 * MIB)
        file.write(b"end")
    transfers.put(source, "holes")
    for place in places:
        assert sha256_of(place.path("holes")) == sha256_of(source)


# --- folders, modes, times ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("method", ["auto", "sftp", "scp"])
def test_a_tree_is_copied_with_all_that_is_in_it(transfers, places, method):
    tree = os.path.join(transfers.local, "tree")
    make_tree(tree)
    for number in range(120):
        transfers.write_here(f"tree/many/{number:03}", b"number %d" % number)
    without = {place.name: None for place in places if method == "sftp" and not has_sftp(place)}
    records = transfers.put("--method", method, "-r", tree, "tree", expect=without)
    for place in places:
        if place.name not in without:
            assert contents(place.path("tree")) == contents(tree), place.name
            assert records[place.name]["files"] == 130
    # Again, over what is there, and merged with what is there besides.
    for place in places:
        if place.name not in without:
            transfers.write_there(place, "tree/sub folder/besides", b"besides")
    transfers.write_here("tree/many/007", b"another content")
    transfers.put("--method", method, "-r", tree, "tree", expect=without)
    for place in places:
        if place.name not in without:
            assert contents(place.path("tree")) == {**contents(tree), b"sub folder/besides": b"besides"}


def test_a_folder_without_r_is_refused_before_anybody_is_contacted(transfers, places):
    os.mkdir(os.path.join(transfers.local, "folder"))
    transfers.fleet.prepare()
    result = transfers.fleet.run("put", "-a", os.path.join(transfers.local, "folder"), "there").assert_code(2)
    assert "-r" in result.err
    assert all(os.listdir(place.home) == [] for place in places)


def test_names_of_any_bytes_arrive_as_they_are(transfers, places):
    names = [b"new\nline", b"tab\there", b"escape\x1b[31m", "r\u202eight".encode(), b"-leading", b"\xff\xfe", b"dot. ",
             b"quote'", b'double"', b"back`id`tick", b"$(id)", b"back\\slash", b"a b", b"*", b"!x", b"%s", b"#", b"~",
             b"x" * 255]
    tree = os.path.join(transfers.local, "tree")
    os.mkdir(tree)
    for number, name in enumerate(names):
        with open(os.path.join(os.fsencode(tree), name), "wb") as file:
            # On either side of what is packed.
            file.write(pattern(100_000 if number % 2 else 10, number))
    transfers.put("-r", tree, "tree")
    transfers.put("--method", "scp", "-r", tree, "by scp")
    for place in places:
        assert contents(place.path("tree")) == contents(tree), place.name
        assert contents(place.path("by scp")) == contents(tree), place.name


@pytest.mark.parametrize("method", ["auto", "scp"])
def test_modes_of_new_files_are_those_of_the_source_less_the_umask(transfers, places, method):
    modes = {"plain": 0o644, "open": 0o666, "private": 0o600, "program": 0o777, "setuid": 0o4755, "read only": 0o444}
    tree = os.path.join(transfers.local, "tree")
    for name, mode in modes.items():
        transfers.write_here(f"tree/{name}", name.encode(), mode)
        transfers.write_here(f"tree/large {name}", pattern(80_000), mode)
    transfers.put("--method", method, "-r", tree, "tree")
    for place in places:
        for name, mode in modes.items():
            for which in (name, f"large {name}"):
                seen = stat.S_IMODE(os.stat(place.path(f"tree/{which}")).st_mode)
                assert seen == mode & 0o755, (place.name, which, oct(seen))


@pytest.mark.parametrize("method", ["auto", "scp"])
def test_p_keeps_times_and_modes_without_special_bits(transfers, places, method):
    tree = os.path.join(transfers.local, "tree")
    modes = {"open": 0o666, "setuid": 0o4755, "private": 0o600, "sticky": 0o1777}
    for name, mode in modes.items():
        transfers.write_here(f"tree/sub/{name}", name.encode(), mode, mtime=1_000_000_000)
        transfers.write_here(f"tree/sub/large {name}", pattern(80_000), mode, mtime=1_234_567_890)
    os.chmod(os.path.join(tree, "sub"), 0o750)
    os.utime(os.path.join(tree, "sub"), (1_100_000_000, 1_100_000_000))
    transfers.put("--method", method, "-rp", tree, "tree")
    for place in places:
        for name, mode in modes.items():
            for which, time_of in ((name, 1_000_000_000), (f"large {name}", 1_234_567_890)):
                status = os.stat(place.path(f"tree/sub/{which}"))
                assert stat.S_IMODE(status.st_mode) == mode & 0o777, (place.name, which)
                assert status.st_mtime == time_of, (place.name, which)
        folder = os.stat(place.path("tree/sub"))
        assert stat.S_IMODE(folder.st_mode) == 0o750, place.name
        assert folder.st_mtime == 1_100_000_000, place.name


@pytest.mark.parametrize("mode", ["600", "0777", "4711"])
def test_chmod_gives_files_exactly_that_mode(transfers, places, mode):
    small, large = transfers.write_here("small", b"x"), transfers.write_here("large", pattern(100_000), 0o755)
    for place in places:
        transfers.write_there(place, "small", b"old", 0o640)
    transfers.put("--chmod", mode, small, large, "./")
    for place in places:
        for name in ("small", "large"):
            assert stat.S_IMODE(os.stat(place.path(name)).st_mode) == int(mode, 8), (place.name, name)


def test_a_file_that_is_replaced_keeps_its_mode(transfers, places):
    source = transfers.write_here("file", b"new", 0o755)
    for place in places:
        transfers.write_there(place, "file", b"old", 0o640)
    transfers.put(source, "file")
    for place in places:
        assert content_of(place.path("file")) == b"new"
        assert stat.S_IMODE(os.stat(place.path("file")).st_mode) == 0o640, place.name


def test_several_sources_need_a_folder_to_go_into(transfers, places):
    sources = [transfers.write_here(name, name.encode()) for name in ("one", "two")]
    transfers.fleet.prepare()
    result = transfers.fleet.run("put", "-a", *sources, "there").assert_code(2)
    assert "/" in result.err
    assert all(os.listdir(place.home) == [] for place in places)


# --- less work ------------------------------------------------------------------------------------------------------

def test_update_sends_what_has_another_size_or_time(transfers, places):
    tree = os.path.join(transfers.local, "tree")
    make_tree(tree)
    sftp = [place for place in places if has_sftp(place)]
    without = {place.name: "failed" for place in places if not has_sftp(place)}
    first = transfers.put("--update", "-r", tree, "tree", expect=without)
    for place in places:
        if place.name in without:
            assert "SFTP" in first[place.name]["cause"]
    again = transfers.put("--update", "-r", tree, "tree", expect=without)
    for place in sftp:
        assert first[place.name]["unchanged"] == 0
        assert (again[place.name]["unchanged"], again[place.name]["sent"]) == (10, 0), place.name
    os.utime(os.path.join(tree, "file-700"), (5, 5))
    transfers.write_here("tree/file-1", b"ab")
    third = transfers.put("--update", "-r", tree, "tree", expect=without)
    for place in sftp:
        assert (third[place.name]["unchanged"], third[place.name]["sent"]) == (8, 702), place.name
        assert os.stat(place.path("tree/file-700")).st_mtime == 5
        assert contents(place.path("tree")) == contents(tree)


@pytest.mark.parametrize("method", ["auto", "sftp", "scp"])
def test_a_second_run_with_checksum_sends_no_content_and_says_so(transfers, places, method):
    tree = os.path.join(transfers.local, "tree")
    make_tree(tree)
    without = {place.name: None for place in places if method == "sftp" and not has_sftp(place)}
    transfers.put("--method", method, "-r", tree, "tree", expect=without)
    for place in places:
        if place.name not in without:
            os.utime(place.path("tree/file-700"), (5, 5))
    again = transfers.put("--method", method, "--checksum", "-r", tree, "tree", expect=without)
    for place in places:
        if place.name not in without:
            record = again[place.name]
            assert (record["files"], record["unchanged"], record["sent"]) == (10, 10, 0), place.name
    if not without:
        result = transfers.fleet.run("put", "-a", "--method", method, "--checksum", "-r", tree, "tree").assert_code(0)
        assert "unchanged" in result.err, result.err
    # One byte of one file, at the same size and time.
    changed = os.path.join(tree, "sub folder", "file-300000")
    before = os.stat(changed)
    with open(changed, "r+b") as file:
        file.write(b"!")
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))
    third = transfers.put("--method", method, "--checksum", "-r", tree, "tree", expect=without)
    for place in places:
        if place.name not in without:
            assert (third[place.name]["unchanged"], third[place.name]["sent"]) == (9, 300_000), place.name
            assert contents(place.path("tree")) == contents(tree)


@pytest.mark.parametrize("size", [10, 100_000])
def test_verify_says_by_what(transfers, places, size):
    source = transfers.write_here("file", pattern(size))
    records = transfers.put("--verify", source, "file")
    for place in places:
        assert records[place.name]["sha256"] == sha256_of(place.path("file"))
        assert "sha256sum" in json_text(records[place.name]), records[place.name]
    records = transfers.put("--method", "sftp", "--verify", source, "again",
                            expect={place.name: "failed" for place in places if not has_sftp(place)})
    for place in places:
        if has_sftp(place):
            # By SFTP alone nothing is run there.
            assert "reading back" in json_text(records[place.name]), records[place.name]


def json_text(record):
    return " ".join(map(str, record.values()))


def test_limit_rate_is_kept(transfers):
    places = [transfers.place("openssh"), transfers.place("dropbear", "dropbear"),
              transfers.place("scp", "openssh without sftp")]
    source = transfers.write_here("file", pattern(3 * MIB))
    records = transfers.put("--limit-rate", "1M", source, "file")
    for place in places:
        assert content_of(place.path("file")) == content_of(source)
        assert 2.0 < records[place.name]["phases"]["run"] < 8, records[place.name]


# --- then -----------------------------------------------------------------------------------------------------------

def test_then_runs_where_the_copy_stands(transfers, places):
    source = transfers.write_here("file", b"content")
    records = transfers.put("--then", "cat file; echo on {host} >&2", source, "file")
    for place in places:
        assert records[place.name]["stdout"] == "content"
        assert records[place.name]["stderr"] == f"on {place.name}\n"
    assert records.result.code == 0


def test_then_is_not_run_after_a_failure_and_its_own_failure_counts(transfers, places):
    source = transfers.write_here("file", b"content")
    for place in places[:2]:
        os.mkdir(place.path("file"))
    broken = {place.name: "failed" for place in places}
    records = transfers.put("--then", "touch then-was-here; exit 3", source, "file", expect=broken)
    for place in places[:2]:
        assert not os.path.exists(place.path("then-was-here"))
        assert "directory" in records[place.name]["cause"]
    for place in places[2:]:
        assert os.path.exists(place.path("then-was-here"))
        assert content_of(place.path("file")) == b"content"
        assert records[place.name]["exit"] == 3


# --- sources that are not what they seem ----------------------------------------------------------------------------

def grow(path):
    with open(path, "ab") as file:
        file.write(b"more")


def shrink(path):
    os.truncate(path, os.path.getsize(path) - 1)


def empty(path):
    os.truncate(path, 0)


def rewrite(path):
    with open(path, "r+b") as file:
        file.write(b"!")


def replace(path):
    with open(path + ".new", "wb") as file:
        file.write(pattern(os.path.getsize(path), 2))
    os.rename(path + ".new", path)


@pytest.mark.parametrize("change", [grow, shrink, empty, rewrite, replace])
def test_a_source_that_changes_while_it_is_sent_replaces_nothing(transfers, change):
    places = [transfers.place("openssh"), transfers.place("dropbear", "dropbear"),
              transfers.place("scp", "openssh without sftp")]
    for place in places:
        transfers.write_there(place, "file", b"old")
    # Not where nothing may change during a run.
    source = os.path.join(transfers.fleet.target, "source")
    with open(source, "wb") as file:
        file.write(pattern(900_000))

    def change_it(running):
        assert wait_until(lambda: all(temporary_names(place.home) for place in places), 10), running.err
        change(source)

    records = transfers.put("--limit-rate", "600K", source, "file", during=change_it,
                            expect={place.name: "internal" for place in places})
    for place in places:
        assert "source changed" in records[place.name]["cause"], records[place.name]
        assert contents(place.home) == {b"file": b"old"}, place.name


@pytest.mark.parametrize("what", ["fifo", "socket", "device", "dangling link", "missing", "unreadable", "root"])
def test_what_cannot_be_sent_is_refused_before_anybody_is_contacted(transfers, what):
    place = transfers.place("openssh")
    source = os.path.join(transfers.local, "source")
    if what == "fifo":
        os.mkfifo(source)
    elif what == "socket":
        with socket.socket(socket.AF_UNIX) as made, contextlib.chdir(transfers.local):
            made.bind("source")
    elif what == "device":
        source = "/dev/zero"
    elif what == "dangling link":
        os.symlink("nowhere", source)
    elif what == "unreadable":
        if is_root():
            pytest.skip("root can read every file")
        transfers.write_here("source", b"x", 0)
    elif what == "root":
        source = "/"
    transfers.fleet.prepare()
    # By itself, and in a folder.
    for given in (source, transfers.local):
        if given != source and what in ("device", "missing", "root"):
            continue
        result = transfers.fleet.run("put", "-a", "-r", given, "./", timeout=10)
        assert result.code == 2, f"{given}: {result}"
        assert os.path.basename(source) in result.err
    assert os.listdir(place.home) == []


@pytest.mark.parametrize("command", ["put", "get"])
def test_the_home_of_another_user_is_refused_before_anybody_is_contacted(transfers, command):
    place = transfers.place("openssh")
    source = transfers.write_here("source", b"x")
    transfers.fleet.prepare()
    words = (source, "~root/x") if command == "put" else ("~root/x", transfers.download)
    result = transfers.fleet.run(command, "-a", *words, timeout=10)
    assert result.code == 2 and "~root" in result.err, result
    assert os.listdir(place.home) == []


def test_a_folder_that_is_named_by_dots_is_sent_under_its_own_name(transfers):
    place = transfers.place("openssh")
    transfers.write_here("tree/sub/file", b"x")
    for given in ("sub/..", ".", "./sub/../"):
        transfers.put("-r", os.path.join(transfers.local, "tree", given), "./")
        assert contents(place.home) == {b"tree": None, b"tree/sub": None, b"tree/sub/file": b"x"}


# --- hosts that refuse ----------------------------------------------------------------------------------------------

def many(transfers, count=40, size=3000):
    for number in range(count):
        transfers.write_here(f"tree/{number:03}", pattern(size, number))
    return os.path.join(transfers.local, "tree")


@pytest.mark.skipif(not is_root(), reason="only root can mount a small disk")
@pytest.mark.parametrize("way", ["one file", "many files", "one file by scp", "many files by scp"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(transfers, way):
    place = transfers.place("full", "openssh without sftp" if "scp" in way else "openssh")
    sound = transfers.sound_places()
    os.mkdir(place.path("disk"))
    for other in sound:
        os.mkdir(other.path("disk"))
        transfers.give(other.path("disk"))
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(small_disk(place.path("disk"), 100))
        except subprocess.CalledProcessError:
            pytest.skip("no file system can be mounted here")
        transfers.give(place.path("disk"))
        if "one" in way:
            transfers.write_there(place, "disk/there", b"old")
            source, before = transfers.write_here("file", pattern(MIB)), {b"there": b"old"}
        else:
            transfers.write_there(place, "disk/there/001", b"old")
            source, before = many(transfers, 60, 4000), {b"there": None, b"there/001": b"old"}
        records = transfers.put("-r", source, "disk/there", expect={"full": "failed"})
        there = contents(place.path("disk"))
        if "one" in way:
            assert there == before
        else:
            # Each file is the old or the new one, whole.
            new = {b"there/" + path: content for path, content in contents(source).items()}
            assert all(content in (before.get(path, new.get(path)), new.get(path)) for path, content in there.items())
            assert len(there) < len(new)
        cause = records["full"]["cause"]
        assert "No space" in cause or "Failure" in cause or "full" in cause, cause
        for other in sound:
            assert sha256_or_contents(other.path("disk/there")) == sha256_or_contents(source)


def sha256_or_contents(path):
    return contents(path) if os.path.isdir(path) else sha256_of(path)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_host_refuses_has_its_cause_and_changes_nothing(transfers, kind):
    source = transfers.write_here("file", b"new")
    large = transfers.write_here("large", pattern(100_000))
    place = transfers.place("refuses", kind)
    sound = transfers.sound_places()
    for where in (place, *sound):
        transfers.write_there(where, "locked/file", b"old")
        transfers.write_there(where, "folder/inside", b"inside")
        transfers.write_there(where, "plain", b"plain")
    os.chmod(place.path("locked"), 0o555)
    before = listing(place.home)
    try:
        for path, words in {"locked/file": "Permission denied", "locked/new": "Permission denied",
                            "folder": "is a directory", "missing/file": "missing", "plain/file": "plain",
                            "n" * 256: "", "file/" * 2000: "", "/proc/file": ""}.items():
            for source_now in (source, large):
                records = transfers.put(source_now, path, expect={
                    "refuses": "failed", **({name.name: None for name in sound})})
                assert words in records["refuses"]["cause"], (path, records["refuses"])
                assert listing(place.home) == before, path
        for path, words in {"locked/": "Permission denied", "missing/": "missing", "plain/": "plain"}.items():
            records = transfers.put(source, large, path, expect={
                "refuses": "failed", **({name.name: None for name in sound})})
            assert words in records["refuses"]["cause"], (path, records["refuses"])
            assert listing(place.home) == before, path
    finally:
        os.chmod(place.path("locked"), 0o755)


def test_a_link_as_the_last_component_is_replaced_and_what_it_led_to_stays(transfers, places):
    source = transfers.write_here("file", b"new")
    for place in places:
        transfers.write_there(place, "led-to", b"old")
        os.symlink("led-to", place.path("link"))
        os.symlink("nowhere", place.path("dangling"))
    transfers.put(source, "link")
    transfers.put(source, "dangling")
    for place in places:
        assert {name.decode(): what[0] for name, what in listing(place.home).items()} == {
            "link": "file", "dangling": "file", "led-to": "file"}, place.name
        assert contents(place.home) == {b"link": b"new", b"dangling": b"new", b"led-to": b"old"}, place.name


# --- several at once, and stops -------------------------------------------------------------------------------------

def test_of_two_runs_that_send_the_same_file_one_wins_whole(transfers, places):
    sources = [transfers.write_here(f"version {number}", pattern(2 * MIB, number)) for number in range(2)]
    transfers.fleet.prepare()
    for _ in range(3):
        running = [transfers.fleet.start("put", "-a", source, "file") for source in sources]
        for one in running:
            one.wait(30).assert_code(0)
        for place in places:
            assert content_of(place.path("file")) in [content_of(source) for source in sources]
            assert os.listdir(place.home) == ["file"]
    transfers.assert_nothing_temporary()


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT twice"])
def test_a_run_that_is_stopped_leaves_no_temporary_file(transfers, how):
    places = [transfers.place("openssh"), transfers.place("dropbear", "dropbear"),
              transfers.place("scp", "openssh without sftp")]
    for place in places:
        transfers.write_there(place, "file", b"old")
    source = transfers.write_here("file", pattern(4 * MIB))

    def stop(running):
        assert wait_until(lambda: all(temporary_names(place.home) for place in places), 10)
        running.send_signal(signal.SIGTERM if how == "SIGTERM" else signal.SIGINT)
        if how != "SIGTERM":
            time.sleep(0.2)
            running.send_signal(signal.SIGINT)

    records = transfers.put("--limit-rate", "200K", source, "file", during=stop,
                            expect={place.name: "interrupted" for place in places})
    records.result.assert_code(143 if how == "SIGTERM" else 130)
    for place in places:
        assert describe(place.path("file"))[0] == "file"
        assert contents(place.home) == {b"file": b"old"}


# --- many, and with others about ------------------------------------------------------------------------------------

@pytest.mark.parametrize("method", ["auto", "sftp"])
def test_hundreds_of_files_that_are_not_packed_need_few_descriptors(transfers, method):
    place = transfers.place("host")
    for number in range(150):
        tree = os.path.dirname(transfers.write_here(f"tree/{number}", pattern(70_000, number)))
    record = transfers.put("-r", "--method", method, tree, "tree")["host"]
    assert record["files"] == 150 and contents(place.path("tree")) == contents(tree)


def test_a_file_that_only_looks_the_same_is_not_verified_by_update(transfers):
    place = transfers.place("host")
    transfers.write_there(place, "file", b"other content", mtime=1_700_000_000)
    source = transfers.write_here("file", b"right content", mtime=1_700_000_000)
    assert transfers.put("--update", source, "file")["host"]["sha256"] is None
    record = transfers.put("--update", "--verify", source, "file")["host"]
    assert content_of(place.path("file")) == b"right content"
    assert (record["sent"], record["verified_by"]) == (13, "sha256sum")
    record = transfers.put("--update", "--verify", source, "file")["host"]
    assert (record["sent"], record["unchanged"], record["verified_by"]) == (0, 1, "sha256sum")


def test_resume_gives_new_files_the_mode_that_they_get_without_it(transfers):
    place = transfers.place("host")
    for mode in (0o444, 0o600, 0o640, 0o755):
        source = transfers.write_here(f"{mode:o}", b"content", mode=mode)
        transfers.put("--resume", source, "resumed")
        transfers.put(source, "sent")
        modes = [stat.S_IMODE(os.stat(place.path(name)).st_mode) for name in ("resumed", "sent")]
        assert modes[0] == modes[1], oct(mode)
        for name in ("resumed", "sent"):
            os.unlink(place.path(name))


def test_a_folder_that_somebody_exchanges_for_a_link_gives_nobody_its_mode(transfers):
    """The run is slow enough for that while its last file is under way."""
    place = transfers.place("host")
    secret = place.path("secret")
    transfers.write_there(place, "secret", b"", mode=0o600)
    tree = os.path.dirname(os.path.dirname(transfers.write_here("tree/sub/file", pattern(10))))
    transfers.write_here("tree/zz large", pattern(700_000))
    os.chmod(tree, 0o755)

    def exchange(_):
        folder = place.path("tree/sub")
        assert wait_until(lambda: os.path.exists(folder + "/file"), 10)
        os.rename(folder, place.path("moved"))
        os.symlink(secret, folder)

    transfers.put("-r", "-p", "--method", "sftp", "--limit-rate", "300K", tree, "tree", during=exchange)
    assert stat.S_IMODE(os.stat(secret).st_mode) == 0o600


def test_what_cannot_be_looked_through_after_a_loss_is_named(transfers):
    place = transfers.place("host")
    os.mkdir(place.path("closed"), 0o300)
    transfers.give(place.path("closed"))
    os.chmod(place.path("closed"), 0o300)
    source = transfers.write_here("file", pattern(2 * MIB))

    def kill_worker(running):
        assert wait_until(lambda: os.listdir(place.path("closed")), 10)
        for worker in running.children("fanout: worker"):
            os.kill(worker.pid, signal.SIGKILL)

    record = transfers.put("--limit-rate", "500K", source, "closed/file", expect={"host": "internal"},
                           during=kill_worker, leftovers=("closed",))["host"]
    assert any(".fanout-" in name for name in record["leftovers"])
