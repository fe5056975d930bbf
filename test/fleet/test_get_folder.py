"""Where `get` writes, while somebody on this machine swaps folders for links; and which folder a host gets."""

import contextlib
import ctypes
import multiprocessing
import os

import pytest

from processes import libc
from transfers import contents, listing, pattern, temporary_names

RENAME_EXCHANGE = 2
AT_FDCWD = -100


def exchange(one, other):
    """renameat2(2): both paths exist at any moment."""
    if libc.renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")


def flip(path, link, ready, over, flips):
    while not over.is_set():
        # The folder may have to be made first.
        with contextlib.suppress(OSError):
            exchange(path, link)
            flips.value += 1
        ready.set()


@contextlib.contextmanager
def flipping(path, target):
    """Swaps the folder at `path` for a link to `target`, and back, as fast as it can."""
    link = path + "-flipped"
    os.symlink(target, link)
    context = multiprocessing.get_context("fork")
    ready, over, flips = context.Event(), context.Event(), context.Value("Q", 0)
    flipper = context.Process(target=flip, args=(path, link, ready, over, flips), daemon=True)
    flipper.start()
    try:
        assert ready.wait(10)
        yield flips
    finally:
        over.set()
        flipper.join(10)
        if os.path.islink(path):
            exchange(path, link)
        os.remove(link)


@pytest.mark.parametrize("which", ["host/tree/sub", "host/tree", "host"])
def test_a_folder_that_is_swapped_for_a_link_never_lets_a_byte_out(transfers, which):
    place = transfers.place("host")
    for number in range(12):
        transfers.write_there(place, f"tree/sub/deep/{number}", pattern(5000, number))
        transfers.write_there(place, f"tree/sub/{number}", pattern(5000, number))
    for other in transfers.sound_places():
        transfers.write_there(other, "tree/sub/0", b"sound")
    outside = transfers.fleet.path("outside")
    os.makedirs(os.path.join(outside, "sub", "deep"))
    os.makedirs(os.path.join(outside, "tree", "sub", "deep"))
    os.makedirs(os.path.join(outside, "host", "tree", "sub", "deep"))
    os.mkdir(os.path.join(outside, "deep"))
    before = listing(outside)
    download = os.path.join(transfers.download, "into")
    os.makedirs(os.path.join(download, "host", "tree", "sub"))
    with flipping(os.path.join(download, which), outside) as flips:
        statuses = set()
        for _ in range(20):
            # What lies in a folder that has just been taken away cannot be removed there.
            records = transfers.get("-r", "tree", download, expect={"host": ("ok", "internal")},
                                    leftovers=(".fanout-",))
            statuses.add(records["host"]["status"])
            assert listing(outside) == before
        assert flips.value > 1000
    assert "internal" in statuses
    for path in temporary_names(download):
        os.remove(path)
    # Nobody swaps any more.
    transfers.get("-r", "tree", download)
    assert contents(os.path.join(download, "host")) == contents(place.home)


def test_hosts_of_like_names_have_folders_of_their_own(transfers):
    names = ["web", "WEB", "Web", "web.", "web_", "web-", "a.b", "a_b", "a-b"]
    for name in names:
        transfers.write_there(transfers.place(name), "file", name.encode())
    transfers.get("file", transfers.download)
    assert sorted(os.listdir(transfers.download)) == sorted(names)
    for name in names:
        assert contents(os.path.join(transfers.download, name)) == {b"file": name.encode()}


@pytest.mark.parametrize("name", ["..", ".", "-", ".hidden", "a/b", "../x", "a\x01b", "h" * 300, "%2e%2e", "a%b"])
def test_a_host_that_is_called_what_no_folder_may_be_is_refused_or_named_otherwise(transfers, name):
    place = transfers.place("sound")
    transfers.write_there(place, "file", b"x")
    transfers.fleet.prepare()
    os.makedirs(transfers.download, exist_ok=True)
    before = listing(transfers.fleet.folder, transfers.download)
    result = transfers.fleet.run("get", "-H", f"{name},sound", "--connect-timeout", "1", "file", transfers.download)
    assert result.code != 0
    assert listing(transfers.fleet.folder, transfers.download) == before
    assert all(entry == "sound" or "%" in entry for entry in os.listdir(transfers.download))


def test_ipv6_and_ports_in_the_name_of_a_host_make_one_folder(transfers):
    place = transfers.place("host")
    transfers.write_there(place, "file", b"x")
    host = transfers.fleet.hosts[0]
    transfers.fleet.prepare()
    transfers.fleet.run("get", "-H", host.target, "file", transfers.download).assert_code(0)
    folder, = os.listdir(transfers.download)
    assert "/" not in folder and contents(os.path.join(transfers.download, folder)) == {b"file": b"x"}


@pytest.mark.parametrize("remote", ["../x", "/", ".", "a/../../x", "..", "~/..", "x/.."])
def test_a_remote_that_has_no_place_below_the_folder_of_a_host_is_refused_beforehand(transfers, remote):
    transfers.place("host")
    transfers.fleet.prepare()
    result = transfers.fleet.run("get", "-a", "-r", remote, transfers.download).assert_code(2)
    assert result.err


def test_the_place_that_a_remote_gets_is_its_whole_path(transfers):
    place = transfers.place("host")
    transfers.write_there(place, "sub/file", b"x")
    absolute = place.path("sub/file")
    for remote in ("sub/file", "~/sub/file", "sub//./file"):
        transfers.get(remote, transfers.download)
        assert os.listdir(os.path.join(transfers.download, "host")) == ["sub"]
    transfers.get("sub/file", absolute, transfers.download)
    assert set(contents(os.path.join(transfers.download, "host"))) >= {b"sub/file", os.fsencode(absolute[1:])}
