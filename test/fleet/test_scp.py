"""`fanout put` and `fanout get` where there is no SFTP: scp carries the content, scripts of our own do the rest.

What both ways have in common is in test_put.py and test_get*.py, with hosts of each kind; here is what is scp's own: names
that a shell could take for orders, modes and links, and that nothing is run on a host but the transfer.
"""

import os
import stat

import pytest

from transfers import NO_SFTP, contents, pattern, script, sha256_of, temporary_names

KINDS = ("openssh without sftp", "dropbear without sftp")
NAMES = (b"plain", b" two  blanks ", b"it's", b'"quoted"', b"$(touch pwned)", b"`touch pwned`", b"a;touch pwned",
         b"*", b"[a-z]?", b"back\\slash", b"bang!", b"two\nlines", b"ends\n", b"tab\t", b"\x1b[31m", b"\xc3\xa9",
         b"\xff\xfe", b"%d%s", b"-rf", b"--", b"~", b"#", b"\\041")


@pytest.fixture
def places(transfers):
    return [transfers.place(kind.replace(" ", "-"), kind) for kind in KINDS]


def make_odd_tree(folder):
    os.makedirs(os.path.join(os.fsencode(folder), b"sub $(touch pwned)\n"))
    for index, name in enumerate(NAMES):
        for parent in (b"", b"sub $(touch pwned)\n"):
            with open(os.path.join(os.fsencode(folder), parent, name), "wb") as file:
                file.write(pattern(1000 + index))
    return folder


def assert_nothing_was_run(transfers, place):
    assert not [path for path in contents(place.home) if path.split(b"/")[-1] == b"pwned"]
    assert not os.path.exists("pwned")
    assert temporary_names(place.home) == []


def test_any_name_arrives_and_none_is_run(transfers, places):
    tree = make_odd_tree(os.path.join(transfers.local, "tree"))
    records = transfers.put("-r", tree, "odd 'place'")
    for place in places:
        assert contents(place.path("odd 'place'")) == contents(tree)
        assert records[place.name]["files"] == 2 * len(NAMES)
        assert_nothing_was_run(transfers, place)


def test_any_name_is_fetched_and_none_is_run(transfers, places):
    for place in places:
        make_odd_tree(place.path("tree"))
        os.symlink("..", place.path("tree/up"))
        os.mkfifo(place.path("tree/fifo"))
        transfers.give(place.home)
    transfers.get("-r", "tree", transfers.download)
    for place in places:
        there = contents(place.path("tree"))
        here = contents(os.path.join(transfers.download, place.name, "tree"))
        assert here == {path: content for path, content in there.items() if path not in (b"up", b"fifo")}
        assert_nothing_was_run(transfers, place)


def test_a_file_that_is_replaced_keeps_its_mode_and_a_new_one_gets_that_of_the_source(transfers, places):
    source = transfers.write_here("source", b"new", mode=0o755)
    for place in places:
        transfers.write_there(place, "old", b"old", mode=0o640)
    transfers.put(source, "old")
    transfers.put(source, "fresh")
    for place in places:
        assert contents(place.home) == {b"old": b"new", b"fresh": b"new"}
        assert stat.S_IMODE(os.stat(place.path("old")).st_mode) == 0o640
        assert stat.S_IMODE(os.stat(place.path("fresh")).st_mode) == 0o755


def test_times_and_modes_travel_with_p(transfers, places):
    source = transfers.write_here("source", b"content", mode=0o604, mtime=1_000_000_007)
    transfers.put("-p", source, "there")
    transfers.get("-p", "there", transfers.download)
    for place in places:
        for path in (place.path("there"), os.path.join(transfers.download, place.name, "there")):
            found = os.stat(path)
            assert (stat.S_IMODE(found.st_mode), int(found.st_mtime)) == (0o604, 1_000_000_007)


def test_a_mode_that_is_asked_for_is_set_to_the_bit(transfers, places):
    source = transfers.write_here("source", b"content")
    transfers.put("--chmod", "4711", source, "there")
    for place in places:
        assert stat.S_IMODE(os.stat(place.path("there")).st_mode) == 0o4711


def test_a_directory_is_never_replaced_and_never_moved_into(transfers, places):
    source = transfers.write_here("source", b"content")
    for place in places:
        os.mkdir(place.path("folder"))
        os.symlink("folder", place.path("link"))
        transfers.give(place.path("folder"))
    everywhere = {place.name: "failed" for place in places}
    for target in ("folder", "link"):
        records = transfers.put(source, target, expect=everywhere)
        for place in places:
            assert f"write {target}/ to copy into it" in records[place.name]["cause"]
    for place in places:
        assert os.listdir(place.path("folder")) == [] and os.path.islink(place.path("link"))
    transfers.put(source, "link/")
    for place in places:
        assert contents(place.path("folder")) == {b"source": b"content"}


def test_what_is_the_same_is_not_sent_again(transfers, places):
    tree = make_odd_tree(os.path.join(transfers.local, "tree"))
    transfers.put("-r", "--verify", tree, "there")
    records = transfers.put("-r", "--checksum", tree, "there")
    for place in places:
        record = records[place.name]
        assert (record["sent"], record["unchanged"]) == (0, 2 * len(NAMES))
    with open(os.path.join(tree, "plain"), "wb") as file:
        file.write(pattern(1000, seed=2))
    records = transfers.put("-r", "--checksum", tree, "there")
    for place in places:
        assert records[place.name]["sent"] == 1000
        assert contents(place.path("there")) == contents(tree)


def test_a_pattern_is_expanded_by_what_is_there_and_by_nothing_else(transfers, places):
    for place in places:
        for name in ("a1.log", "a2.log", "b.log", "$(touch pwned).log", ".hidden.log"):
            transfers.write_there(place, name, name.encode())
    transfers.get("a[0-9].log", "$(touch *.log", transfers.download)
    for place in places:
        assert contents(os.path.join(transfers.download, place.name)) == {
            name: name for name in (b"a1.log", b"a2.log", b"$(touch pwned).log")}
        assert_nothing_was_run(transfers, place)


def test_what_needs_sftp_says_so(transfers, places):
    source = transfers.write_here("source", b"content")
    everywhere = {place.name: "failed" for place in places}
    for option in ("--update", "--resume"):
        records = transfers.put(option, source, "there", expect=everywhere)
        for place in places:
            assert f"{option} needs SFTP" in records[place.name]["cause"]
            assert os.listdir(place.home) == []


def test_a_large_file_with_a_hole_is_the_same_on_both_sides(transfers, places):
    source = transfers.write_here("source", pattern(100_000))
    with open(source, "r+b") as file:
        file.truncate(20_000_001)
    transfers.put("--verify", source, "there")
    records = transfers.get("--verify", "there", transfers.download)
    for place in places:
        here = os.path.join(transfers.download, place.name, "there")
        assert sha256_of(here) == sha256_of(place.path("there")) == sha256_of(source)
        assert os.stat(here).st_blocks * 512 < 10_000_000
        assert records[place.name]["sent"] == 20_000_001


def test_trees_that_overlap_are_fetched_once(transfers, places):
    for place in places:
        transfers.write_there(place, "d/sub/f", b"content")
        os.chmod(place.path("d"), 0o700)
    for order in (("d/sub", "d"), ("d", "d/sub"), ("d/sub/f", "d", "d")):
        folder = transfers.download = os.path.join(transfers.fleet.path("download"), str(len(order[0])))
        records = transfers.get("-r", *order, folder)
        for place in places:
            there = os.path.join(folder, place.name)
            assert contents(there) == {b"d": None, b"d/sub": None, b"d/sub/f": b"content"}
            assert stat.S_IMODE(os.stat(os.path.join(there, "d")).st_mode) == 0o700
            assert records[place.name]["files"] == 1


def test_each_file_is_counted_once_when_one_cannot_be_kept_here(transfers, places):
    for place in places:
        for name in "abc":
            transfers.write_there(place, name, b"x" * 1000)
    transfers.get("b", "c", transfers.download)
    for place in places:
        os.mkdir(os.path.join(transfers.download, place.name, "a"))
    manifest = os.path.join(transfers.download, "manifest")
    records = transfers.get("--checksum", "--manifest", manifest, "a", "b", "c", transfers.download,
                            expect={place.name: "internal" for place in places})
    for place in places:
        assert (records[place.name]["files"], records[place.name]["unchanged"]) == (2, 2)
    with open(manifest, encoding="utf-8") as file:
        assert len(file.readlines()) == 2 * len(places)


def test_a_folder_that_is_made_has_the_umask_of_the_host(transfers):
    place = transfers.place("host", "openssh without sftp", serve=script(sftp=NO_SFTP, setup="umask 077"))
    transfers.write_here("tree/closed/file", b"content")
    closed = os.path.join(transfers.local, "tree", "closed")
    os.chmod(closed, 0o555)
    transfers.put("-r", os.path.join(transfers.local, "tree"), "there")
    assert stat.S_IMODE(os.stat(place.path("there")).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(place.path("there/closed")).st_mode) == 0o500


def tools(place, **programs):
    folder = os.path.join(place.folder, "bin")
    os.mkdir(folder)
    for name, text in programs.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{text}\n")
        os.chmod(os.path.join(folder, name), 0o755)
    os.chmod(folder, 0o755)


def test_what_is_read_back_need_not_have_an_end(transfers):
    """Neither when it never ends, nor when nothing comes."""
    setup = script(sftp=NO_SFTP, setup="PATH=$PWD/../bin:$PATH; export PATH")
    for name, cat in (("endless", "exec dd if=/dev/zero bs=64k status=none"), ("silent", "exec sleep 60")):
        tools(transfers.place(name, "openssh without sftp", serve=setup), cat=cat, xargs="exit 1")
    source = transfers.write_here("file", b"content")
    records = transfers.put("--verify", "--stall-timeout", "2", source, "there", timeout=20,
                            expect={"endless": "failed", "silent": "timeout"})
    assert "could not be read to be verified (reading back)" in records["endless"]["cause"]


def test_a_tool_that_takes_longer_than_the_stall_timeout_is_waited_for(transfers):
    place = transfers.place("host", "openssh without sftp", serve=script(
        sftp=NO_SFTP, setup="PATH=$PWD/../bin:$PATH; export PATH"))
    tools(place, sha256sum='sleep 4; exec /usr/bin/sha256sum "$@"')
    source = transfers.write_here("file", b"content")
    records = transfers.put("--verify", "--stall-timeout", "3", source, "there")
    assert records["host"]["verified_by"] == "sha256sum"


def meddling_scp(place, meddle):
    """An scp that is sound; when it has ended, `meddle` is done in the home."""
    tools(place, scp=f'/usr/bin/scp "$@"; e=$?; {meddle}; exit $e')


MEDDLED = script(sftp=NO_SFTP, setup="PATH=$PWD/../bin:$PATH; export PATH")


@pytest.mark.parametrize("stat", ("", "exit 1"), ids=("stat", "no stat"))
@pytest.mark.parametrize("meddle", ("echo more >>file", "rm -f file", "touch file"), ids=("grows", "goes", "touched"))
def test_a_file_that_changes_while_it_is_fetched_is_not_kept(transfers, meddle, stat):
    place = transfers.place("host", "openssh without sftp", serve=MEDDLED)
    meddling_scp(place, meddle)
    if stat:
        with open(os.path.join(place.folder, "bin", "stat"), "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{stat}\n")
        os.chmod(os.path.join(place.folder, "bin", "stat"), 0o755)
    for name in ("file", "other"):
        transfers.write_there(place, name, pattern(1000), mtime=1_000_000_007)
    # Only a stat tells the time.
    unseen = bool(stat) and meddle.startswith("touch")
    records = transfers.get("file", "other", transfers.download, expect={} if unseen else {"host": "failed"})
    if not unseen:
        assert "file: changed while it was fetched" in records["host"]["cause"]
    assert set(contents(os.path.join(transfers.download, "host"))) == ({b"file", b"other"} if unseen else {b"other"})


def test_what_is_verified_is_what_stands_there_in_the_end(transfers):
    """Neither size nor time tell of this change."""
    place = transfers.place("host", "openssh without sftp", serve=MEDDLED)
    meddling_scp(place, "printf X | dd of=file conv=notrunc status=none; touch -d @1000000007 file")
    transfers.write_there(place, "file", pattern(1000), mtime=1_000_000_007)
    records = transfers.get("--verify", "file", transfers.download, expect={"host": "failed"})
    assert "file: what came is not what stands there (sha256sum)" in records["host"]["cause"]
    assert contents(os.path.join(transfers.download, "host")) == {}


def test_a_backslash_quotes_as_it_does_with_sftp(transfers, places):
    names = (b"back\\slash", b"*", b"-dash", b"plain")
    both = [*places, transfers.place("with-sftp")]
    for place in both:
        for name in names:
            transfers.write_there(place, os.fsdecode(name), name)
    transfers.get("back\\\\slash", "\\*", "\\-dash", "pl\\ain", transfers.download)
    for place in both:
        assert contents(os.path.join(transfers.download, place.name)) == {name: name for name in names}
