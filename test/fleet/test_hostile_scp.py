"""put and get against hosts whose scp lies (hostile_scp.py), each beside sound ones in one run."""

import os

from transfers import SOUND, contents, describe, pattern, sha256_of

REFUSED = ("failed", "protocol")
LATE = ("timeout", "failed", "protocol")

GET = {
    "right": (("header", "C0644 7 file"), "ok"),
    "right-with-times": (("lines", "T1000000000 0 1000000000 0", "C0644 7 file"), "ok"),
    "size-minus-1": (("header", "C0644 -1 file"), REFUSED),
    "size-2-63": (("header", f"C0644 {1 << 63} file"), REFUSED),
    "size-2-64": (("header", f"C0644 {1 << 64} file"), REFUSED),
    "size-2-64-and-7": (("header", f"C0644 {(1 << 64) + 7} file"), REFUSED),
    "size-long": (("header", "C0644 " + "9" * 60 + " file"), REFUSED),
    "size-plus": (("header", "C0644 +7 file"), REFUSED),
    "size-hex": (("header", "C0644 0x7 file"), REFUSED),
    "size-none": (("header", "C0644  file"), REFUSED),
    "size-letters": (("header", "C0644 seven file"), REFUSED),
    "mode-04777": (("header", "C04777 7 file"), (*REFUSED, "ok")),
    "mode-99999": (("header", "C99999 7 file"), REFUSED),
    "mode-8": (("header", "C0888 7 file"), REFUSED),
    "mode-none": (("header", "C 7 file"), REFUSED),
    "name-other": (("header", "C0644 7 other"), REFUSED),
    "name-up": (("header", "C0644 7 ../evil"), REFUSED),
    "name-dots": (("header", "C0644 7 .."), REFUSED),
    "name-dot": (("header", "C0644 7 ."), REFUSED),
    "name-absolute": (("header", "C0644 7 /tmp/evil"), REFUSED),
    "name-slash": (("header", "C0644 7 a/b"), REFUSED),
    "name-empty": (("header", "C0644 7 "), REFUSED),
    "name-nul": (("header", "C0644 7 file\\x00evil"), REFUSED),
    "name-long": (("header", "C0644 7 " + "n" * 5000), REFUSED),
    "name-newline": (("header", "C0644 7 fi\\nle"), REFUSED),
    "one-more": (("lines", "C0644 7 file", "C0644 7 authorized_keys"), (*REFUSED, "ok")),
    "the-same-again": (("lines", "C0644 7 file", "C0644 7 file"), (*REFUSED, "ok")),
    "folder-unasked": (("lines", "D0755 0 file", "C0644 7 inside", "E"), REFUSED),
    "end-of-nothing": (("lines", "E", "C0644 7 file"), REFUSED),
    "times-bad": (("lines", "T1 2 3", "C0644 7 file"), REFUSED),
    "times-negative": (("lines", "T-1 0 -1 0", "C0644 7 file"), (*REFUSED, "ok")),
    "times-huge": (("lines", f"T{1 << 70} 0 {1 << 70} 0", "C0644 7 file"), REFUSED),
    "times-alone": (("lines", "T1000000000 0 1000000000 0"), REFUSED),
    "unknown-line": (("lines", "X0644 7 file"), REFUSED),
    "endless-line": (("endless-line",), REFUSED),
    "short": (("short-content",), (*REFUSED, "unreachable")),
    "more": (("more-content",), REFUSED),
    "endless": (("endless-content",), REFUSED),
    "stalls": (("stalls-in-content",), LATE),
    "no-end-byte": (("missing-end-byte",), LATE),
    "fails-at-the-end": (("failed-at-the-end",), "failed"),
    "says-why": (("message", "scp: file: Permission denied"), "failed"),
    "says-why-fatally": (("message", "scp: file: Permission denied", "2"), "failed"),
    "hostile-words": (("message", "\\x1b]0;owned\\x07\\x1b[31mred\\r"), "failed"),
    "many-words": (("message", "x" * 60000), REFUSED),
    "text-first": (("text-first",), REFUSED),
    "silent": (("silent",), LATE),
    "exits-1": (("exits", "1"), (*REFUSED, "ok")),
}


def fetched(transfers, name):
    folder = os.path.join(transfers.download, name)
    return contents(folder) if os.path.isdir(folder) else {}


def test_no_lie_of_scp_gets_a_wrong_file_called_fetched(transfers):
    for name, (case, _) in GET.items():
        # It is there for whoever looks, of the time that an honest one tells.
        transfers.write_there(transfers.scp_liar(name, *case), "file", b"content",
                              mtime=1_000_000_000 if name == "right-with-times" else None)
    for place in transfers.sound_places():
        transfers.write_there(place, "file", pattern(300_000))
    records = transfers.get("--method", "scp", "--stall-timeout", "2", "file", transfers.download, timeout=60,
                            expect={name: status for name, (_, status) in GET.items()})
    for name in GET:
        if records[name]["status"] == "ok":
            assert fetched(transfers, name) == {b"file": b"content"}, name
            assert describe(os.path.join(transfers.download, name, "file"))[1] & 0o7000 == 0, name
        else:
            assert len(records[name]["cause"]) < 700
            there = fetched(transfers, name)
            # What was asked for and had come before the lie may stand.
            assert there in ({}, {b"file": b"content"}), (name, there)
            assert there == {} or name in ("one-more", "the-same-again", "end-of-nothing", "exits-1"), name
    for name in SOUND:
        assert fetched(transfers, name) == {b"file": pattern(300_000)}


LISTS = {
    "right": ((b"dtree", b"ftree/a", b"dtree/sub", b"ftree/sub/b"), "ok"),
    "other": ((b"dother", b"fother/a"), "protocol"),
    "one-besides": ((b"dtree", b"ftree/a", b"fother"), "protocol"),
    "longer-name": ((b"dtree", b"ftree/a", b"ftreehouse"), "protocol"),
    "up": ((b"dtree", b"ftree/../../evil"), "protocol"),
    "up-alone": ((b"d..", b"f../evil"), "protocol"),
    "up-folder": ((b"dtree", b"dtree/..", b"ftree/../x"), "protocol"),
    "dot": ((b"dtree", b"ftree/./a"), "protocol"),
    "absolute": ((b"d/etc", b"f/etc/passwd"), "protocol"),
    "absolute-inside": ((b"dtree", b"f/etc/passwd"), "protocol"),
    "empty": ((b"dtree", b"f"), "protocol"),
    "nothing": ((b"",), "protocol"),
    "long-name": ((b"dtree", b"ftree/" + b"n" * 300), "protocol"),
    "long-path": ((b"dtree", b"ftree" + b"/nnnn" * 2000), "protocol"),
    "deep": ((b"dtree", *(b"dtree" + b"/d" * depth for depth in range(1, 400))), ("protocol", "failed")),
    "twice": ((b"dtree", b"ftree/a", b"ftree/a"), "protocol"),
    "folder-twice": ((b"dtree", b"dtree/sub", b"dtree/sub"), "protocol"),
    "file-and-folder": ((b"dtree", b"ftree/a", b"dtree/a", b"ftree/a/b"), REFUSED),
    "unknown-kind": ((b"dtree", b"qtree/a"), "protocol"),
    "links": ((b"dtree", b"ltree/link", b"ftree/a"), "ok"),
    "through-a-link": ((b"dtree", b"ltree/link", b"ftree/link/a"), ("ok", *REFUSED, "internal")),
    "no-folder": ((b"ftree",), ("ok", *REFUSED)),
    "none": ((), (*REFUSED, "ok")),
}


def test_a_listing_that_lies_leads_nowhere_else(transfers):
    """What is listed and is there is served right, by the scp of the host."""
    places = [transfers.list_liar(name, *(item.hex() for item in items)) for name, (items, _) in LISTS.items()]
    for place in (*places, *transfers.sound_places()):
        for name in ("tree/a", "tree/sub/b", "other", "treehouse", "tree/link/a"):
            if name != "other" or place.name != "other":
                transfers.write_there(place, name, b"content")
    transfers.get("--method", "scp", "--stall-timeout", "3", "-r", "tree", transfers.download, timeout=40,
                  expect={name: status for name, (_, status) in LISTS.items()})
    assert fetched(transfers, "right") == {b"tree": None, b"tree/a": b"content", b"tree/sub": None,
                                           b"tree/sub/b": b"content"}
    for name in LISTS:
        for path, content in fetched(transfers, name).items():
            assert path.split(b"/")[0] == b"tree" and content in (None, b"content"), (name, path)


PUT = {
    "right": (("takes",), "ok"),
    "refuses": (("refuses",), "failed"),
    "disk-full": (("refuses-at-the-end",), "failed"),
    "quota": (("refuses-at-the-end", "scp: there: Disk quota exceeded"), "failed"),
    "hostile-words": (("refuses", "\x1b]0;owned\x07\x1b[31mred\r"), "failed"),
    "endless-refusal": (("endless-refusal",), (*REFUSED, "timeout")),
    "never-acknowledges": (("never-acknowledges",), "timeout"),
    "noise": (("acknowledges-with-noise",), REFUSED),
    "stores-nothing": (("stores-nothing",), "failed"),
    "stores-half": (("stores-half",), "failed"),
    "leaves": (("leaves-in-the-middle",), (*REFUSED, "unreachable")),
    "silent": (("silent",), "timeout"),
}


def test_no_lie_of_scp_gets_a_half_file_called_sent(transfers):
    places = {name: transfers.scp_liar(name, *case) for name, (case, _) in PUT.items()}
    sound = transfers.sound_places()
    for place in (*places.values(), *sound):
        transfers.write_there(place, "there", b"old")
    for size in (100, 300_000):
        source = transfers.write_here("file", pattern(size))
        records = transfers.put("--stall-timeout", "2", source, "there", timeout=40,
                                expect={name: status for name, (_, status) in PUT.items()})
        for name, place in places.items():
            new = records[name]["status"] == "ok"
            assert contents(place.home) == {b"there": pattern(size) if new else b"old"}, name
            assert new or len(records[name]["cause"]) < 700
        for place in sound:
            assert sha256_of(place.path("there")) == sha256_of(source)
        assert "quota" in records["quota"]["cause"]


def test_verify_finds_what_scp_has_stored_wrong(transfers):
    place = transfers.scp_liar("wrong", "stores-wrong")
    transfers.write_there(place, "there", b"old")
    source = transfers.write_here("file", pattern(300_000))
    transfers.put("--verify", source, "there", expect={"wrong": "failed"})
    assert contents(place.home) == {b"there": b"old"}
    transfers.put(source, "unverified")
    assert os.path.getsize(place.path("unverified")) == 300_000


def test_no_name_of_a_file_makes_a_host_run_anything(transfers):
    """Quotes, backticks, newlines, dashes: in REMOTE, in names below LOCAL, and in what get asks for."""
    names = ["$(touch marker)", "`touch marker`", "; touch marker;", "'; touch marker; '", '"; touch marker; "',
             "new\ntouch marker\n", "-oProxyCommand=touch marker", "* & touch marker", "|touch marker", "a b  c",
             "\\", "!x", "~root", "%n", "#"]
    place = transfers.place("host", "openssh without sftp")
    dropbear = transfers.place("dropbear", "dropbear without sftp")
    source = transfers.write_here("file", b"content")
    for number, name in enumerate(names):
        transfers.write_here(f"tree/{name}", b"%d" % number)
    for name in names:
        transfers.put(source, "./" + name)
    transfers.put("-r", os.path.join(transfers.local, "tree"), "tree of 'quotes' $(touch marker)")
    for where in (place, dropbear):
        there = contents(where.home)
        assert {path: content for path, content in there.items() if content == b"content"} == {
            name.encode(): b"content" for name in names}
        assert not any(path.endswith(b"marker") and b"touch" not in path for path in there), there
    for name in names:
        if not set(name) & set("*?[]\\"):
            transfers.get("--method", "scp", "./" + name, transfers.download)
            assert fetched(transfers, "host")[name.encode()] == b"content", name
    for where in (place, dropbear):
        assert "marker" not in os.listdir(where.home)
