"""put and get against SFTP servers that lie (hostile_sftp.py), each a host beside sound ones in one run.

What the program owes for every lie is one true record in time, the old file where there was one, no temporary name
anywhere, and not one byte outside of the download folder; transfers.py checks that in every run.
"""

import os
import stat
import time

import pytest

from processes import peak_memory_kib
from transfers import SOUND, content_of, contents, describe, listing, pattern, sha256_of

SIZE = 600_000
REFUSED = ("failed", "protocol")
BROKEN_OFF = ("failed", "protocol", "unreachable")
HOSTILE_TEXT = "\x1b]0;owned\x07\x1b[31mred"

# name: (case, status, a word of the cause). The status of what works is ok.
PUT = {
    "honest": (("honest",), "ok", ""),
    "shuffled": (("shuffled",), "ok", ""),
    "without-fsync": (("without", "fsync"), "ok", ""),
    "version-2": (("version", 2), "protocol", "version 2"),
    "version-6": (("version", 6), ("ok", "protocol"), ""),
    "text-first": (("text-first",), "protocol", "Welcome"),
    "no-greeting": (("no-greeting",), "timeout", ""),
    "no-replacing": (("without", "posix-rename"), "failed", "posix-rename"),
    **{f"{case}-{kind}": ((case, kind), "protocol", "")
       for case in ("unknown-id", "wrong-type", "unknown-type", "cut-short", "packet-of-4-gib")
       for kind in ("lstat", "open", "write", "fstat")},
    **{f"answered-twice-{kind}": (("answered-twice", kind), "protocol", "") for kind in ("lstat", "open", "write")},
    "packet-of-nothing": (("packet-of-nothing", "write"), "protocol", ""),
    **{f"silent-{kind}": (("silent", kind), "timeout", "")
       for kind in ("lstat", "open", "write", "fstat", "close", "extended")},
    **{f"hangs-up-{kind}": (("hangs-up", kind), BROKEN_OFF, "")
       for kind in ("lstat", "open", "write", "fstat", "close", "extended")},
    "full-at-once": (("refuses", "write", 1, "Failure"), "failed", "Failure"),
    "full-later": (("refuses", "write", 2, "No space left on device"), "failed", "No space left on device"),
    "quota": (("refuses", "write", 2, "Disk quota exceeded"), "failed", "Disk quota exceeded"),
    "quota-at-close": (("refuses", "close", 1, "Disk quota exceeded"), "failed", "Disk quota exceeded"),
    "denied": (("refuses", "open", 1, "Permission denied", 3), "failed", "Permission denied"),
    "denied-look": (("refuses", "lstat", 1, "Permission denied", 3), "failed", "Permission denied"),
    "denied-size": (("refuses", "fstat", 1, "Failure"), "failed", "Failure"),
    "no-words": (("refuses", "write", 1, ""), "failed", ""),
    "odd-code": (("refuses", "write", 1, "who knows", 77), "failed", "who knows"),
    "ok-that-is-none": (("refuses", "open", 1, "Success", 0), REFUSED, ""),
    "bad-disk": (("refuses-fsync",), "failed", "Input/output error"),
    "bad-rename": (("refuses-rename",), "failed", "Permission denied"),
    "hostile-words": (("hostile-words",), "failed", ""),
    "writes-half": (("writes-half",), "failed", "bytes"),
    "one-more": (("says-wrong-size", 1), "failed", "bytes"),
    "one-less": (("says-wrong-size", -1), "failed", "bytes"),
}


def assert_cause(name, record, word):
    cause = record["cause"]
    assert word in cause, f"{name}: {cause}"
    assert len(cause) < 700, f"{name}: {len(cause)} bytes"


def test_no_lie_of_a_server_gets_a_half_file_called_sent(transfers):
    places = {name: transfers.liar(name, *case) for name, (case, _, _) in PUT.items()}
    sound = transfers.sound_places()
    for place in (*places.values(), *sound):
        transfers.write_there(place, "file", b"old")
    source = transfers.write_here("file", pattern(SIZE))
    records = transfers.put("--method", "sftp", "--stall-timeout", "2", source, "file", timeout=60,
                            expect={name: status for name, (_, status, _) in PUT.items()})
    for name, (_, _, word) in PUT.items():
        is_ok = records[name]["status"] == "ok"
        if not is_ok:
            assert_cause(name, records[name], word)
        assert contents(places[name].home) == {b"file": pattern(SIZE) if is_ok else b"old"}, name
    for place in sound:
        assert contents(place.home) == {b"file": pattern(SIZE)}
    assert records.result.seconds < 25


def test_many_small_files_fare_no_worse_with_a_server_that_lies(transfers):
    count = 60
    for number in range(count):
        transfers.write_here(f"tree/{number:03}", pattern(500, number))
    cases = {"honest": (("honest",), "ok"), "shuffled": (("shuffled",), "ok"),
             "no-replacing": (("without", "posix-rename"), "failed"),
             "unknown-id": (("unknown-id", "write"), "protocol"), "wrong-type": (("wrong-type", "open"), "protocol"),
             "silent": (("silent", "extended"), "timeout"), "hangs-up": (("hangs-up", "fstat"), BROKEN_OFF),
             "full": (("refuses", "write", 20, "No space left on device"), "failed"),
             "denied": (("refuses", "open", 30, "Permission denied", 3), "failed"),
             "bad-rename": (("refuses-rename",), "failed"), "writes-half": (("writes-half",), "failed")}
    places = {name: transfers.liar(name, *case) for name, (case, _) in cases.items()}
    sound = transfers.sound_places()
    for place in (*places.values(), *sound):
        transfers.write_there(place, "tree/007", b"old")
    tree = contents(os.path.join(transfers.local, "tree"))
    for method in ("sftp", "auto"):
        transfers.put("--method", method, "--stall-timeout", "2", "-r", os.path.join(transfers.local, "tree"), "tree",
                      expect={name: status if method == "sftp" else None for name, (_, status) in cases.items()})
        for name, place in places.items():
            there = contents(place.path("tree"))
            assert all(content in (tree[path], b"old" if path == b"007" else tree[path])
                       for path, content in there.items()), name
        for place in (*sound, places["honest"], places["shuffled"]):
            assert contents(place.path("tree")) == tree


def test_verify_finds_what_a_server_has_written_wrong(transfers):
    """By the host's sha256sum, and by reading back where nothing may be run."""
    wrong, reads_wrong = transfers.liar("wrong", "writes-wrong"), transfers.liar("reads-wrong", "reads-wrong")
    sound = transfers.sound_places()
    for place in (wrong, reads_wrong, *sound):
        transfers.write_there(place, "file", b"old")
    source = transfers.write_here("file", pattern(SIZE))
    records = transfers.put("--verify", source, "file", expect={"wrong": "failed"})
    assert content_of(wrong.path("file")) == b"old"
    assert "not what was sent" in records["wrong"]["cause"]
    transfers.write_there(reads_wrong, "file", b"old")
    records = transfers.put("--method", "sftp", "--verify", source, "file",
                            expect={"wrong": "failed", "reads-wrong": "failed"})
    for place in (wrong, reads_wrong):
        assert contents(place.home) == {b"file": b"old"}
    for place in sound:
        assert sha256_of(place.path("file")) == sha256_of(source)


def test_a_server_that_cannot_replace_can_still_make(transfers):
    place = transfers.liar("makes", "without", "posix-rename")
    source = transfers.write_here("file", pattern(SIZE))
    transfers.put("--method", "sftp", source, "new")
    assert contents(place.home) == {b"new": pattern(SIZE)}


def test_a_connection_that_dies_at_any_request_leaves_nothing(transfers):
    places = {f"dies{number:02}": transfers.liar(f"dies{number:02}", "kills-connection", number)
              for number in range(1, 15)}
    for place in (*places.values(), *transfers.sound_places()):
        transfers.write_there(place, "file", b"old")
    source = transfers.write_here("file", pattern(SIZE))
    records = transfers.put("--method", "sftp", source, "file", expect={name: None for name in places})
    assert sum(record["status"] != "ok" for record in records.values()) >= 6
    for name, place in places.items():
        there = contents(place.home)[b"file"]
        assert there in (b"old", pattern(SIZE)), name
        if records[name]["status"] == "ok":
            assert there == pattern(SIZE), name


def test_a_host_that_never_lists_to_the_end_does_not_keep_us_from_ending(transfers):
    """The connection is lost, so somebody looks for what is to be removed."""
    place = transfers.liar("endless", "kills-connection", 7, "lists-for-ever")
    source = transfers.write_here("file", pattern(SIZE))
    transfers.put("--method", "sftp", source, "file", expect={"endless": BROKEN_OFF},
                  leftovers=(".fanout-",), timeout=40)
    assert os.path.exists(os.path.join(place.folder, "killed"))


# --- get: content ---------------------------------------------------------------------------------------------------

GET = {
    "honest": (("honest",), "ok", ""),
    "shuffled": (("shuffled",), "ok", ""),
    "crumbs": (("crumbs",), "ok", ""),
    "version-2": (("version", 2), "protocol", "version 2"),
    "text-first": (("text-first",), "protocol", "Welcome"),
    "no-greeting": (("no-greeting",), "timeout", ""),
    "announces-more": (("announces", SIZE + 1), "failed", ""),
    "announces-2-62": (("announces", 1 << 62), ("failed", "protocol", "internal"), ""),
    "announces-2-63": (("announces", 1 << 63), ("failed", "protocol", "internal"), ""),
    "announces-2-64": (("announces", (1 << 64) - 1), ("failed", "protocol", "internal"), ""),
    "changes": (("changes",), "failed", "changed"),
    "more-than-asked": (("more-than-asked",), "protocol", ""),
    "nothing-read": (("nothing-read",), REFUSED, ""),
    "denied": (("refuses", "open", 1, "Permission denied", 3), "failed", "Permission denied"),
    "bad-disk": (("refuses", "read", 2, "Input/output error"), "failed", "Input/output error"),
    "end-too-early": (("refuses", "read", 2, "End of file", 1), "failed", ""),
    **{f"{case}-{kind}": ((case, kind), "protocol", "")
       for case in ("unknown-id", "wrong-type", "unknown-type", "cut-short", "packet-of-4-gib")
       for kind in ("open", "read")},
    "answered-twice": (("answered-twice", "read"), "protocol", ""),
    **{f"silent-{kind}": (("silent", kind), "timeout", "") for kind in ("open", "read")},
    **{f"hangs-up-{kind}": (("hangs-up", kind), BROKEN_OFF, "") for kind in ("open", "read")},
    "hostile-words": (("refuses", "read", 1, HOSTILE_TEXT), "failed", ""),
}


def seed(transfers, places):
    for place in places:
        transfers.write_there(place, "file", pattern(SIZE))
        transfers.write_there(place, "tree/one", b"one")
        transfers.write_there(place, "tree/sub/two", pattern(100_000))


def fetched(transfers, name):
    folder = os.path.join(transfers.download, name)
    return contents(folder) if os.path.isdir(folder) else {}


def test_no_lie_of_a_server_gets_a_wrong_file_called_fetched(transfers):
    places = [transfers.liar(name, *case) for name, (case, _, _) in GET.items()]
    seed(transfers, [*places, *transfers.sound_places()])
    records = transfers.get("--stall-timeout", "2", "file", transfers.download, timeout=60,
                            expect={name: status for name, (_, status, _) in GET.items()})
    for name, (_, status, word) in GET.items():
        if status == "ok":
            assert fetched(transfers, name) == {b"file": pattern(SIZE)}, name
        else:
            assert_cause(name, records[name], word)
            assert fetched(transfers, name) == {}, name
    for name in SOUND:
        assert fetched(transfers, name) == {b"file": pattern(SIZE)}


def test_a_file_that_is_longer_than_it_says_or_has_no_end_is_cut_off_or_refused(transfers):
    cases = {"longer": ("announces", 10), "said-to-be-empty": ("announces", 0), "endless": ("endless",),
             "endless-of-nothing": ("endless-of-nothing",)}
    places = {name: transfers.liar(name, *case) for name, case in cases.items()}
    seed(transfers, [*places.values(), *transfers.sound_places()])
    records = transfers.get("file", transfers.download, expect={name: ("ok", "failed") for name in cases}, timeout=15)
    # What is said to be empty may be made as it is read (proc(5)), and is read to its end, if that comes soon.
    sizes = {"longer": 10, "said-to-be-empty": SIZE, "endless": SIZE}
    assert records["endless-of-nothing"]["status"] == "failed"
    assert fetched(transfers, "endless-of-nothing") == {}
    for name, size in sizes.items():
        if records[name]["status"] == "ok":
            assert len(fetched(transfers, name)[b"file"]) == size, name
        else:
            assert fetched(transfers, name) == {}, name


def test_verify_finds_what_a_server_has_read_out_wrong(transfers):
    place = transfers.liar("wrong", "reads-wrong")
    seed(transfers, [place, *transfers.sound_places()])
    transfers.get("--verify", "file", transfers.download, expect={"wrong": "failed"})
    assert fetched(transfers, "wrong") == {}
    for name in SOUND:
        assert fetched(transfers, name) == {b"file": pattern(SIZE)}


def test_the_file_that_was_there_stays_when_a_get_fails(transfers):
    places = [transfers.liar("read", "refuses", "read", 2, "Input/output error"),
              transfers.liar("gone", "hangs-up", "read"), transfers.liar("changes", "changes"),
              transfers.liar("announces", "announces", SIZE + 5)]
    seed(transfers, places)
    for place in places:
        os.makedirs(os.path.join(transfers.download, place.name))
        with open(os.path.join(transfers.download, place.name, "file"), "wb") as file:
            file.write(b"old")
    transfers.get("file", transfers.download, expect={place.name: BROKEN_OFF for place in places})
    for place in places:
        assert fetched(transfers, place.name) == {b"file": b"old"}


# --- get: folders ---------------------------------------------------------------------------------------------------

BAD_NAMES = {"up": b"../x", "far-up": b"../../../../x", "absolute": b"/etc/x", "in-another": b"a/b", "slash": b"/",
             "trailing-slash": b"a/", "nul": b"n\0ul", "nul-first": b"\0", "300": b"n" * 300, "5000": b"n" * 5000,
             "empty": b"", "escape-and-slash": b"\x1b]0;owned\x07/x"}
ODD_NAMES = [b"new\nline", b"tab\there", b"escape\x1b]0;owned\x07", "r\u202eight".encode(), b"-leading",
             b"\xff\xfe\x80", b"dot.", b"space ", b" ", b"...", b"..x", b"C:\\x", b"a\rb", b"n" * 255,
             b"*", b"~", b"%s%n", b".hidden"]


def test_names_that_lead_elsewhere_are_refused_and_never_used(transfers):
    for name, bad in BAD_NAMES.items():
        transfers.liar(name, "names", bad.hex())
    seed(transfers, transfers.sound_places())
    records = transfers.get("-r", "tree", transfers.download, expect=dict.fromkeys(BAD_NAMES, "protocol"))
    for name in BAD_NAMES:
        assert_cause(name, records[name], "tree")
        # What was listed beside it is whole, or was not fetched at all.
        there = fetched(transfers, name)
        rest = {b"tree": None, b"tree/0-first": b"first", b"tree/9-last": b"last"}
        assert all(rest.get(path, 0) == content for path, content in there.items()), (name, there)
    for name in SOUND:
        assert fetched(transfers, name)[b"tree/one"] == b"one"


def test_the_folder_itself_and_the_one_above_may_be_listed(transfers):
    transfers.liar("dots", "names", b".".hex(), b"..".hex())
    transfers.get("-r", "tree", transfers.download)
    assert fetched(transfers, "dots") == {b"tree": None, b"tree/0-first": b"first", b"tree/9-last": b"last"}


def test_odd_names_are_kept_byte_for_byte(transfers):
    transfers.liar("odd", "names", *(name.hex() for name in ODD_NAMES))
    records = transfers.get("-r", "tree", transfers.download)
    there = fetched(transfers, "odd")
    assert {path.removeprefix(b"tree/") for path in there} == {b"tree", b"0-first", b"9-last", *ODD_NAMES}
    for name in ODD_NAMES:
        assert there[b"tree/" + name] == b"content of " + name
    assert records["odd"]["files"] == len(ODD_NAMES) + 2


@pytest.mark.parametrize("pair", [("file", "file"), ("file", "folder"), ("folder", "file"), ("folder", "folder")])
def test_a_name_that_is_listed_twice_is_fetched_once(transfers, pair):
    transfers.liar("twice", "twice", *pair)
    transfers.get("-r", "tree", transfers.download, expect={"twice": REFUSED})
    there = fetched(transfers, "twice")
    same = there.get(b"tree/same", b"number 0")
    assert same == (b"number 0" if pair[0] == "file" else None)


def test_links_in_a_tree_are_skipped_and_what_is_behind_them_too(transfers):
    outside = transfers.fleet.path("outside")
    os.mkdir(outside)
    place = transfers.liar("links", "links", outside, "../../../outside", "/etc", "tree", ".")
    transfers.liar("then-folder", "twice", "link", "folder")
    transfers.liar("then-file", "twice", "link", "file")
    transfers.get("-r", "tree", transfers.download,
                  expect={"then-folder": ("ok", *REFUSED), "then-file": ("ok", *REFUSED)})
    assert fetched(transfers, place.name) == {b"tree": None, b"tree/plain": b"plain"}
    assert not any(what[0] == "link" for what in listing(transfers.download).values())
    assert os.listdir(outside) == []


def test_a_path_through_a_link_of_the_server_is_written_below_the_host(transfers):
    """What the server calls a link, we never have: the path is made of folders here."""
    transfers.liar("links", "links", "/etc")
    transfers.get("tree/link0/passwd", transfers.download, expect={"links": ("ok", "failed")})
    assert set(fetched(transfers, "links")) <= {b"tree", b"tree/link0", b"tree/link0/passwd"}


@pytest.mark.parametrize("option", ["-r", "-rp"])
def test_special_bits_never_come_along(transfers, option):
    modes = ("4755", "2755", "1777", "7777", "0", "666", "600")
    transfers.liar("modes", "modes", *modes)
    transfers.get(option, "tree", transfers.download)
    for mode in modes:
        for kind in ("mode", "folder"):
            path = os.path.join(transfers.download, "modes", "tree", kind + mode)
            wanted = int(mode, 8) & (0o777 if option == "-rp" else 0o755)
            assert stat.S_IMODE(os.lstat(path).st_mode) == wanted, (kind, mode)


def test_times_at_the_ends_of_their_range_are_set_as_they_are(transfers):
    times = (0, 1, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)
    transfers.liar("times", "times", *times)
    transfers.get("-rp", "tree", transfers.download)
    for value in times:
        path = os.path.join(transfers.download, "times", "tree", f"time{value}")
        assert int(os.lstat(path).st_mtime) == value


def test_listings_that_lie_about_their_length_end_in_time_and_little_memory(transfers):
    cases = {
        "count-2-31": (("count", 1 << 31), "protocol"), "count-2-32": (("count", (1 << 32) - 1), "protocol"),
        "count-more": (("count", 100), "protocol"), "count-less": (("count", 1), "protocol"),
        "packet-of-4-gib": (("packet-of-4-gib", "readdir"), "protocol"),
        "cut-short": (("cut-short", "readdir"), "protocol"),
        "wrong-type": (("wrong-type", "readdir"), "protocol"),
        "same-for-ever": (("endless-listing", "same"), (*REFUSED, "timeout")),
        "nothing-for-ever": (("endless-listing", "nothing"), (*REFUSED, "timeout")),
        "other-for-ever": (("endless-listing", "other"), (*REFUSED, "timeout")),
        "depth": (("endless-depth",), (*REFUSED, "internal")),
        "silent": (("silent", "readdir"), "timeout"), "hangs-up": (("hangs-up", "readdir"), BROKEN_OFF),
        "denied": (("refuses", "opendir", 1, "Permission denied", 3), "failed"),
        "denied-later": (("refuses", "opendir", 2, "Permission denied", 3), "failed"),
        "no-attributes": (("no-attributes",), "ok"), "shuffled": (("shuffled",), "ok"),
    }
    places = {name: transfers.liar(name, *case) for name, (case, _) in cases.items()}
    seed(transfers, [*places.values(), *transfers.sound_places()])
    peaks = {}

    def watch(running):
        while running.child.poll() is None:
            for process in (*running.children("fanout: worker"), *running.children("fanout")):
                peaks[process.command] = max(peaks.get(process.command, 0), peak_memory_kib(process.pid))
            time.sleep(0.1)

    records = transfers.get("--stall-timeout", "2", "--timeout", "6", "-r", "tree", transfers.download, timeout=30,
                            expect={name: status for name, (_, status) in cases.items()}, during=watch)
    assert peaks and max(peaks.values()) < 96 << 10, peaks
    for name in (*SOUND, "no-attributes", "shuffled"):
        assert fetched(transfers, name) == {b"tree": None, b"tree/one": b"one", b"tree/sub": None,
                                            b"tree/sub/two": pattern(100_000)}, name
    for name, (_, status) in cases.items():
        if status != "ok":
            assert_cause(name, records[name], "")
    for name in ("cut-short", "silent", "denied"):
        assert fetched(transfers, name) in ({}, {b"tree": None}), name


def test_what_stands_in_the_way_here_is_not_written_through(transfers):
    """Links, a FIFO and a folder, planted where a file or a folder of the host is to go."""
    outside = transfers.fleet.path("outside")
    os.mkdir(outside)
    with open(os.path.join(outside, "file"), "wb") as file:
        file.write(b"precious")
    seed(transfers, [transfers.place(name) for name in ("link", "folder-link", "fifo", "folder", "host-link", "file")])
    for name in ("link", "folder-link", "fifo", "folder", "file"):
        os.makedirs(os.path.join(transfers.download, name))
    os.symlink(os.path.join(outside, "file"), os.path.join(transfers.download, "link", "file"))
    os.symlink(outside, os.path.join(transfers.download, "folder-link", "tree"))
    os.mkfifo(os.path.join(transfers.download, "fifo", "file"))
    os.mkdir(os.path.join(transfers.download, "folder", "file"))
    os.symlink(outside, os.path.join(transfers.download, "host-link"))
    with open(os.path.join(transfers.download, "file", "tree"), "wb") as file:
        file.write(b"in the way")
    names = ("link", "folder-link", "fifo", "folder", "host-link", "file")
    before = {name: describe(os.path.join(transfers.download, name)) for name in names}
    transfers.get("-r", "file", "tree", transfers.download, expect=dict.fromkeys(names, "internal"), timeout=15)
    assert listing(outside) == {b"file": ("file", 0o644, sha256_of(os.path.join(outside, "file")))}
    for name in names:
        assert describe(os.path.join(transfers.download, name)) == before[name]
    assert os.path.islink(os.path.join(transfers.download, "link", "file"))
    assert os.path.islink(os.path.join(transfers.download, "folder-link", "tree"))
    assert stat.S_ISFIFO(os.stat(os.path.join(transfers.download, "fifo", "file")).st_mode)
    assert os.path.isdir(os.path.join(transfers.download, "folder", "file"))
