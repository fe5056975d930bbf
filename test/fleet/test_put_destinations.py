"""Where a LOCAL goes: each kind of source and destination, with a slash at the end and without, compared with cp.

Without a slash REMOTE is the exact name, as with `cp -T`; with one it is a folder that exists, which LOCAL goes into,
as with plain cp. cp itself is run on a copy of the same arrangement. Where the two differ, DIFFERENCES says how.
"""

import os
import shutil
import subprocess

import pytest

from transfers import describe, listing

SOURCES = ("file", "empty file", "folder", "link to file", "link to folder")
DESTINATIONS = ("missing", "missing parent", "file", "folder", "folder with a file of that name",
                "folder with a folder of that name", "link to file", "link to folder", "dangling link")
NAME = "source"

# (source is a folder, destination, slash): what put does instead of what cp does, and why.
REFUSED = "refused"
DIFFERENCES = {
    # A link is replaced as a whole, and what it leads to stays: cp would write through it.
    (False, "link to file", False): "replaces the link",
    # cp refuses to write through it.
    (False, "dangling link", False): "replaces the link",
    # `cp -rT` makes the folder that a trailing slash says exists; a typing error would become a folder.
    (True, "missing", True): REFUSED,
}


def make_source(folder, kind, subject=NAME):
    path = os.path.join(folder, subject)
    if kind == "file":
        write(path, "new")
    elif kind == "empty file":
        write(path, "")
    elif kind == "folder":
        os.makedirs(os.path.join(path, "sub"))
        write(os.path.join(path, "sub", "inner"), "new inner")
        write(os.path.join(path, "file"), "new file")
    elif kind == "link to file":
        write(os.path.join(folder, "real"), "new")
        os.symlink("real", path)
    else:
        make_source(folder, "folder", "real")
        os.symlink("real", path)
    return path


def make_destination(folder, kind):
    """What stands there before; the path that REMOTE is."""
    write(os.path.join(folder, "neighbour"), "neighbour")
    path = os.path.join(folder, "there")
    if kind == "missing parent":
        return "no/there"
    if kind == "file":
        write(path, "old")
    elif kind.startswith("folder"):
        os.mkdir(path)
        write(os.path.join(path, "kept"), "kept")
        if kind.endswith("a file of that name"):
            write(os.path.join(path, NAME), "old")
        elif kind.endswith("a folder of that name"):
            os.mkdir(os.path.join(path, NAME))
            write(os.path.join(path, NAME, "kept"), "kept")
    elif kind == "link to file":
        write(os.path.join(folder, "led-to"), "old")
        os.symlink("led-to", path)
    elif kind == "link to folder":
        os.mkdir(os.path.join(folder, "led-to"))
        write(os.path.join(folder, "led-to", "kept"), "kept")
        os.symlink("led-to", path)
    elif kind == "dangling link":
        os.symlink("nowhere", path)
    return "there"


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def is_folder(source):
    return source in ("folder", "link to folder")


def what_cp_does(folder, source, destination, slash):
    """(whether it succeeds, the listing afterwards)"""
    there = os.path.join(folder, "cp")
    os.mkdir(there)
    target = make_destination(there, destination)
    options = (["-rL"] if is_folder(source) else []) + ([] if slash else ["-T"])
    done = subprocess.run(["cp", *options, "--", os.path.join(folder, NAME), target + "/" * slash], cwd=there,
                          capture_output=True, text=True, check=False)
    return done.returncode == 0, listing(there)


def differs(source, destination, slash):
    return DIFFERENCES.get((is_folder(source), destination, slash))


def expected(folder, source, destination, slash):
    """(whether put succeeds, the listing afterwards)"""
    before = os.path.join(folder, "before")
    os.mkdir(before)
    make_destination(before, destination)
    works, after = what_cp_does(folder, source, destination, slash)
    difference = differs(source, destination, slash)
    if difference == REFUSED:
        return False, listing(before)
    if difference == "replaces the link":
        return True, {**listing(before), b"there": describe(os.path.join(folder, NAME) if source != "link to file"
                                                            else os.path.join(folder, "real"))}
    # cp may have done a part of what it then refuses; put does all or nothing.
    return (True, after) if works else (False, listing(before))


def give_all(transfers, place):
    for folder, folders, files in os.walk(place.home):
        for name in folders + files:
            transfers.give(os.path.join(folder, name))


@pytest.mark.parametrize("kind", ["openssh", "openssh without sftp", "dropbear"])
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("local_slash", [False, True])
def test_every_destination_becomes_what_cp_would_make_of_it(transfers, kind, source, local_slash):
    """All kinds of destination are hosts of one run without a slash, and of one with it."""
    if local_slash and not is_folder(source):
        pytest.skip("a file has no slash behind it")
    os.umask(0o022)
    for slash in (False, True):
        path = make_source_again(transfers, source)
        outcomes, remote = {}, None
        # One REMOTE for all hosts of a run: those whose destination lies elsewhere have a run of their own.
        for parent in (False, True):
            transfers.fleet.hosts.clear()
            transfers.fleet._taken.clear()
            transfers.places.clear()
            for destination in DESTINATIONS:
                if (destination == "missing parent") != parent:
                    continue
                place = transfers.place(destination.replace(" ", "-"), kind)
                remote = make_destination(place.home, destination)
                give_all(transfers, place)
                folder = os.path.join(transfers.fleet.target, f"{destination}-{slash}")
                os.mkdir(folder)
                make_source(folder, source)
                outcomes[place.name] = expected(folder, source, destination, slash)
            # dropbear has no more than five strangers of one address at a time.
            records = transfers.put("-f", "4", *(["-r"] if is_folder(source) else []), path + "/" * local_slash,
                                    remote + "/" * slash,
                                    expect={name: None for name in transfers.places})
            for name, place in transfers.places.items():
                assert_as_expected(place, source, slash, records[name], outcomes[name])


def make_source_again(transfers, source):
    for entry in os.scandir(transfers.local):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.remove(entry.path)
    return make_source(transfers.local, source)


def assert_as_expected(place, source, slash, record, outcome):
    works, after = outcome
    what = f"{source} to {place.name}{'/' * slash}: {record}"
    assert record["status"] == ("ok" if works else "failed"), what
    assert listing(place.home) == after, what
    # Whatever cp thinks of it: a folder stays one, and a file stays one.
    for path, (kind, *_) in after.items():
        seen = describe(os.path.join(os.fsencode(place.home), path))[0]
        assert seen == kind, what


@pytest.mark.parametrize("kind", ["openssh", "openssh without sftp"])
def test_inside_a_tree_too_no_folder_is_replaced_by_a_file_nor_a_file_by_a_folder(transfers, kind):
    tree = os.path.join(transfers.local, "tree")
    os.makedirs(os.path.join(tree, "folder here"))
    write(os.path.join(tree, "folder here", "inner"), "new")
    write(os.path.join(tree, "file here"), "new")
    write(os.path.join(tree, "a first"), "new")
    file_there, folder_there = transfers.place("file-there", kind), transfers.place("folder-there", kind)
    transfers.write_there(file_there, "tree/folder here", b"old")
    transfers.write_there(folder_there, "tree/file here/kept", b"old")
    before = {place.name: listing(place.home) for place in (file_there, folder_there)}
    records = transfers.put("-r", tree, "tree", expect={"file-there": "failed", "folder-there": "failed"})
    assert "folder here" in records["file-there"]["cause"]
    assert "file here" in records["folder-there"]["cause"]
    for place in (file_there, folder_there):
        after = listing(place.home)
        assert all(after[path] == what for path, what in before[place.name].items()), after


@pytest.mark.parametrize("kind", ["openssh", "openssh without sftp"])
def test_put_into_a_directory_without_a_slash_says_what_to_write_instead(transfers, kind):
    place = transfers.place("host", kind)
    os.mkdir(place.path("there"))
    transfers.give(place.path("there"))
    source = transfers.write_here("file", b"x")
    records = transfers.put(source, "there", expect={"host": "failed"})
    assert "there: is a directory; write there/ to copy into it" in records["host"]["cause"]
    transfers.put(source, "there/")
    assert os.listdir(place.path("there")) == ["file"]


def test_a_remote_may_be_absolute_below_the_home_or_relative_to_it(transfers):
    place = transfers.place("host")
    source = transfers.write_here("file", b"x")
    for remote in (place.path("absolute"), "~/home", "relative", "./dotted", "~/", place.home + "//double"):
        transfers.put(source, remote)
    assert set(os.listdir(place.home)) == {"absolute", "home", "relative", "dotted", "double", "file"}
