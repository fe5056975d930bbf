"""A reader on the host sees the old file or the new one; and a lost connection leaves nothing behind."""

import hashlib
import multiprocessing
import os
import select
import socket
import struct

import pytest

from transfers import PassingProxy, content_of, contents, pattern, sha256_of, temporary_names

MIB = 1 << 20


def poll(paths, allowed, ready, over, found):
    """Reads the files again and again until it is `over`. What is neither of the versions goes to `found`."""
    seen = {path: set() for path in paths}
    reads = 0
    while not over.is_set():
        for path in paths:
            try:
                with open(path, "rb") as file:
                    digest = hashlib.sha256(file.read()).hexdigest()
            except FileNotFoundError:
                digest = "missing"
            seen[path].add(digest)
            reads += 1
        ready.set()
    wrong = [(path, digest) for path, digests in seen.items() for digest in digests - allowed]
    found.put((reads, wrong, min(len(digests) for digests in seen.values())))


def test_a_poller_sees_the_old_or_the_new_content_throughout_200_uploads(transfers):
    kinds = ("openssh", "openssh without sftp", "dropbear", "dropbear without sftp")
    places = [transfers.place(f"host{number}", kinds[number % 4]) for number in range(8)]
    versions = [transfers.write_here(f"version {number}", pattern(MIB if number % 2 else 60_000, number))
                for number in range(3)]
    for place in places:
        transfers.write_there(place, "file", content_of(versions[0]))
    context = multiprocessing.get_context("fork")
    ready, over, found = context.Event(), context.Event(), context.Queue()
    allowed = {sha256_of(path) for path in versions}
    pollers = [context.Process(target=poll, args=([place.path("file") for place in places[half::2]], allowed, ready,
                                                  over, found), daemon=True) for half in range(2)]
    for poller in pollers:
        poller.start()
    transfers.fleet.prepare()
    try:
        assert ready.wait(10)
        # Eight hosts each time: 200 uploads.
        for number in range(25):
            source = versions[(number + 1) % 3]
            transfers.fleet.run("put", "-a", source, "file").assert_code(0)
            for place in places:
                assert sha256_of(place.path("file")) == sha256_of(source)
    finally:
        over.set()
        reports = [found.get(timeout=20) for _ in pollers]
        for poller in pollers:
            poller.join(10)
    for reads, wrong, versions_seen in reports:
        assert not wrong, wrong
        assert reads > 200 and versions_seen == 3
    transfers.assert_nothing_temporary()


class CutsOnce(PassingProxy):
    """Passes `after` bytes of both directions together, and then resets the connection; later ones pass whole."""

    def __init__(self, address, port, upstream, after):
        self.after, self.was_cut = after, False
        super().__init__(address, port, upstream)

    def serve(self, connection):
        with self.connect() as server:
            left = self.after if self.connections == 1 else 1 << 62
            while True:
                for readable in select.select([connection, server], [], [])[0]:
                    chunk = readable.recv(min(left, 1 << 16))
                    if not chunk:
                        return
                    (server if readable is connection else connection).sendall(chunk)
                    left -= len(chunk)
                    if left == 0:
                        self.was_cut = True
                        for end in (connection, server):
                            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        return


SIZE = 300_000
# The identification, the key exchange, the login, the beginning, the content, the end. All of it is some 310,000 bytes.
# (A server that ends the connection before its first word is asked again.)
OFFSETS = [61 + number * 60 for number in range(100)] + [6_100 + number * 3_100 for number in range(100)]


@pytest.mark.parametrize("way", ["sftp", "scp", "tar"])
def test_a_connection_that_is_cut_at_any_byte_is_never_ok_and_leaves_nothing(transfers, way):
    offsets = OFFSETS if way == "sftp" else OFFSETS[::8]
    if way == "tar":
        for number in range(100):
            transfers.write_here(f"tree/{number:03}", pattern(3000, number))
        arguments = ("-r", os.path.join(transfers.local, "tree"), "there")
        before = {b"there": None, b"there/001": b"old"}
    else:
        source = transfers.write_here("file", pattern(SIZE))
        arguments, before = ("--method", way, source, "there"), {b"there": b"old"}
    proxies = {}
    for number, offset in enumerate(offsets):
        name = f"cut{number:03}"
        proxies[name] = transfers.behind(name, CutsOnce, offset)
        transfers.write_there(transfers.places[name], "there/001" if way == "tar" else "there", b"old")
    sound = transfers.sound_places()
    for place in sound:
        transfers.write_there(place, "there/001" if way == "tar" else "there", b"old")
    records = transfers.put(*arguments, expect={name: None for name in proxies}, timeout=120)
    after = contents(sound[0].home)
    assert after != before
    for name, proxy in proxies.items():
        there = contents(transfers.places[name].home)
        if records[name]["status"] == "ok":
            # Only where all was said before the cut, or without it.
            assert there == after, (name, proxy.after)
            assert not proxy.was_cut or proxy.after > SIZE, (name, proxy.after)
        elif way == "tar":
            # File by file the old or the new.
            assert all(there[path] in (before.get(path, after[path]), after[path]) for path in there), name
            assert b"there/001" in there
        else:
            assert there in (before, after), (name, proxy.after)
    assert sum(record["status"] != "ok" for record in records.values()) > len(offsets) * 0.9


def test_resume_completes_to_the_exact_hash_what_a_cut_has_left(transfers):
    """At forty offsets; the second run sends what is missing, and no more than a little besides."""
    size = 2 * MIB
    source = transfers.write_here("file", pattern(size))
    proxies = {}
    for number in range(40):
        name = f"cut{number:03}"
        proxies[name] = transfers.behind(name, CutsOnce, 5_000 + number * 53_000)
        transfers.write_there(transfers.places[name], "there", b"old")
    first = transfers.put("--resume", source, "there", expect={name: None for name in proxies},
                          leftovers=(".fanout-resume-",), timeout=60)
    resumable = {}
    for name in proxies:
        place = transfers.places[name]
        if first[name]["status"] == "ok":
            continue
        assert content_of(place.path("there")) == b"old"
        left = temporary_names(place.home)
        assert len(left) <= 1
        if left:
            resumable[name] = os.path.getsize(left[0])
    assert len(resumable) > 25, first
    second = transfers.put("--resume", source, "there", timeout=60)
    for name, had in resumable.items():
        assert second[name]["sent"] <= size - had + (64 << 10), (name, had, second[name])
    for name in proxies:
        assert sha256_of(transfers.places[name].path("there")) == sha256_of(source)
        assert contents(transfers.places[name].home).keys() == {b"there"}


def test_a_leftover_with_other_content_is_not_built_upon(transfers):
    """Somebody else's bytes, or those of a disk that failed, under the name of what is to be resumed."""
    source = transfers.write_here("file", pattern(MIB))
    proxy = transfers.behind("cut", CutsOnce, 500_000)
    place = transfers.places["cut"]
    transfers.put("--resume", source, "there", expect={"cut": None}, leftovers=(".fanout-resume-",))
    left, = temporary_names(place.home)
    assert proxy.was_cut
    with open(left, "r+b") as file:
        file.seek(1000)
        file.write(b"other bytes")
    transfers.put("--resume", source, "there")
    assert sha256_of(place.path("there")) == sha256_of(source)
    assert os.listdir(place.home) == ["there"]


class CutsForGood(CutsOnce):
    """And takes no connection after that."""

    def serve(self, connection):
        if self.connections == 1:
            super().serve(connection)


@pytest.mark.parametrize("way", ["sftp", "scp"])
def test_what_could_not_be_removed_is_named_in_the_record(transfers, way):
    source = transfers.write_here("file", pattern(MIB))
    transfers.behind("gone", CutsForGood, 500_000)
    transfers.sound_places()
    records = transfers.put("--method", way, "--connect-timeout", "2", source, "there",
                            expect={"gone": ("unreachable", "protocol")}, leftovers=(".fanout-",))
    left = temporary_names(transfers.places["gone"].home)
    assert left
    text = str(records["gone"])
    assert all(os.path.basename(os.fsdecode(path)) in text for path in left[:1]), (left, text)
    for place in transfers.sound_places():
        assert not temporary_names(place.home)
