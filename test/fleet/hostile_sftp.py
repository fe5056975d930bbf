"""An SFTP server with one lie: what sshd starts instead of sftp-server for a host of test_hostile_sftp.py.

    hostile_sftp.py CASE [ARGUMENT...]

Everything that CASE does not name is served right, so what a client makes of the lie is due to the lie.
"""

import itertools
import os
import stat
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from sftp_server import (ATTRS, CLOSE, DATA, EOF, EXTENDED, FAILURE, FSTAT, FSYNC, HANDLE, LSTAT, OK, OPEN, OPENDIR,
                         PERMISSION_DENIED, POSIX_RENAME, READ, READDIR, REALPATH, RENAME, STAT, STATUS, WRITE,
                         Attributes, SftpServer, string, uint32, virtual_file, virtual_folder, virtual_link)

KINDS = {"open": OPEN, "close": CLOSE, "read": READ, "write": WRITE, "lstat": LSTAT, "fstat": FSTAT, "stat": STAT,
         "opendir": OPENDIR, "readdir": READDIR, "realpath": REALPATH, "rename": RENAME, "extended": EXTENDED}
CASES = {}


def case(name):
    def register(kind):
        CASES[name] = kind
        return kind
    return register


CASES["honest"] = SftpServer

# --- the beginning --------------------------------------------------------------------------------------------------


@case("version")
class OtherVersion(SftpServer):
    def __init__(self, version):
        super().__init__()
        self.version = int(version)


@case("text-first")
class TextFirst(SftpServer):
    """What a shell's startup file does that prints."""

    def greet(self):
        self.send_raw(b"Welcome to \x1b]0;owned\x07this host!\n")
        super().greet()


@case("no-greeting")
class NoGreeting(SftpServer):
    def greet(self):
        time.sleep(600)


@case("without")
class Without(SftpServer):
    """Does not know these extensions."""

    def __init__(self, *names):
        super().__init__()
        gone = {"posix-rename": POSIX_RENAME, "fsync": FSYNC}
        self.extensions = {name: value for name, value in self.extensions.items()
                           if name not in {gone[word] for word in names}}


# --- answers as such ------------------------------------------------------------------------------------------------

@case("shuffled")
class Shuffled(SftpServer):
    """Answers in another order than that of the questions, which the protocol allows."""

    def __init__(self):
        super().__init__()
        self.held = []

    def send(self, payload):
        if payload[0] not in (STATUS, DATA, ATTRS):
            self.flush()
            super().send(payload)
            return
        self.held.append(payload)
        if len(self.held) >= 16 or not self.another_waits(0.02):
            self.flush()

    def flush(self):
        for payload in reversed(self.held):
            super().send(payload)
        self.held.clear()


class Meddled(SftpServer):
    """Does something else once, at the first request of a kind."""

    def __init__(self, kind):
        super().__init__()
        self.kind, self.done = KINDS[kind], False

    def answer(self, kind, identifier, fields):
        payload = self.result_of(kind, fields)
        payload = payload[:1] + identifier + payload[1:]
        if kind != self.kind or self.done:
            self.send(payload)
        else:
            self.done = True
            self.meddle(payload)


@case("unknown-id")
class UnknownId(Meddled):
    def meddle(self, payload):
        self.send(payload[:1] + b"\xff\xff\xff\xfe" + payload[5:])


@case("answered-twice")
class AnsweredTwice(Meddled):
    def meddle(self, payload):
        self.send(payload)
        self.send(payload)


@case("wrong-type")
class WrongType(Meddled):
    """An answer that the question has not."""

    def meddle(self, payload):
        other = bytes([DATA]) + payload[1:5] + string(b"x") if payload[0] != DATA else \
            bytes([HANDLE]) + payload[1:5] + string(b"x")
        self.send(other)


@case("unknown-type")
class UnknownType(Meddled):
    def meddle(self, payload):
        self.send(b"\x99" + payload[1:])


@case("cut-short")
class CutShort(Meddled):
    """Lengths within the answer that lead beyond it."""

    def meddle(self, payload):
        self.send(payload[:7])


@case("more-behind")
class MoreBehind(Meddled):
    def meddle(self, payload):
        self.send(payload + b"and more")


@case("packet-of-4-gib")
class HugePacket(Meddled):
    def meddle(self, payload):
        self.send_raw(b"\xff\xff\xff\xff" + payload)
        while True:
            self.send_raw(bytes(1 << 16))


@case("packet-of-nothing")
class EmptyPacket(Meddled):
    def meddle(self, payload):
        self.send_raw(bytes(4))
        self.send(payload)


@case("silent")
class Silent(Meddled):
    def meddle(self, payload):
        time.sleep(600)


@case("hangs-up")
class HangsUp(Meddled):
    def meddle(self, payload):
        raise EOFError


@case("kills-connection")
class KillsConnection(SftpServer):
    """Ends the whole connection at this request, by ending the process of sshd that serves it. Later ones are served
    right; or they never come to the end of a listing."""

    def __init__(self, number, then="right"):
        super().__init__()
        self.number = int(number)
        self.is_first = not os.path.exists("../killed")
        self.lists_for_ever = not self.is_first and then == "lists-for-ever"

    def answer(self, kind, identifier, fields):
        if self.count == self.number and self.is_first:
            with open("../killed", "w", encoding="ascii"):
                pass
            # The shells that ForceCommand started were replaced by us.
            os.kill(os.getppid(), 9)
            time.sleep(600)
        super().answer(kind, identifier, fields)

    def readdir(self, fields):
        return self.names([]) if self.lists_for_ever else super().readdir(fields)


# --- put ------------------------------------------------------------------------------------------------------------

@case("refuses")
class Refuses(SftpServer):
    """Answers the n-th request of a kind, and those after it, with a failure and these words."""

    def __init__(self, kind, number="1", text="Failure", code=str(FAILURE)):
        super().__init__()
        self.kind, self.number = KINDS.get(kind, kind), int(number)
        self.text, self.code = os.fsencode(text), int(code)
        self.seen = 0

    def result_of(self, kind, fields):
        if kind == self.kind:
            self.seen += 1
            if self.seen >= self.number:
                return self.status(self.code, self.text)
        return super().result_of(kind, fields)


@case("refuses-fsync")
class RefusesFsync(SftpServer):
    def extended(self, fields):
        before = fields.rest
        if fields.string() == FSYNC:
            return self.status(FAILURE, b"Input/output error")
        fields.rest = before
        return super().extended(fields)


@case("refuses-rename")
class RefusesRename(SftpServer):
    def posix_rename(self, source, target):
        return self.status(PERMISSION_DENIED)


@case("hostile-words")
class HostileWords(SftpServer):
    def do_write(self, descriptor, offset, data):
        return self.status(FAILURE, b"\x1b]0;owned\x07\x1b[31mred\r\nfanout: 9 hosts, 9 ok in 0.1 s\r\n\0\x9b2J"
                           + b"x" * 30000)


@case("writes-half")
class WritesHalf(SftpServer):
    """Acknowledges all of it."""

    def do_write(self, descriptor, offset, data):
        os.pwrite(descriptor, data[:len(data) // 2], offset)
        return self.status(OK)


@case("writes-wrong")
class WritesWrong(SftpServer):
    """One byte of the content, and the size is right."""

    def do_write(self, descriptor, offset, data):
        if offset == 0:
            data = bytes([data[0] ^ 1]) + data[1:]
        return super().do_write(descriptor, offset, data)


@case("says-wrong-size")
class SaysWrongSize(SftpServer):
    def __init__(self, more="1"):
        super().__init__()
        self.more = int(more)

    def fstat(self, fields):
        attributes = Attributes.of(os.fstat(self.handles[fields.string()]))
        attributes.size += self.more
        return self.attrs(attributes)


# --- get: content ---------------------------------------------------------------------------------------------------

@case("reads-wrong")
class ReadsWrong(SftpServer):
    def read(self, fields):
        answer = super().read(fields)
        return answer[:-1] + bytes([answer[-1] ^ 1]) if answer[0] == DATA else answer


@case("announces")
class Announces(SftpServer):
    """Says that files have this size, everywhere."""

    def __init__(self, size):
        super().__init__()
        self.size = int(size)

    def attrs(self, attributes):
        if attributes.mode and stat.S_ISREG(attributes.mode):
            attributes = Attributes(self.size, attributes.owner, attributes.mode, attributes.times)
        return super().attrs(attributes)

    def listing(self, path):
        return [(name, Attributes(self.size, a.owner, a.mode, a.times) if stat.S_ISREG(a.mode) else a)
                for name, a in super().listing(path)]


@case("endless")
class Endless(SftpServer):
    """A file that has no end, whatever it is said to have."""

    def read(self, fields):
        fields.string(), fields.uint64()
        return bytes([DATA]) + string(b"e" * min(fields.uint32(), 1 << 18))


@case("endless-of-nothing")
class EndlessOfNothing(Endless):
    """The same, and it is said to be empty."""

    def attrs(self, attributes):
        if attributes.mode and stat.S_ISREG(attributes.mode):
            attributes = Attributes(0, attributes.owner, attributes.mode, attributes.times)
        return super().attrs(attributes)


@case("more-than-asked")
class MoreThanAsked(SftpServer):
    def read(self, fields):
        answer = super().read(fields)
        return bytes([DATA]) + string(answer[5:] + b"more") if answer[0] == DATA else answer


@case("nothing-read")
class NothingRead(SftpServer):
    """Data of no bytes, again and again."""

    def read(self, fields):
        return bytes([DATA]) + string(b"")


@case("crumbs")
class Crumbs(SftpServer):
    """Fewer bytes than were asked for, as the protocol allows."""

    def read(self, fields):
        handle, offset, size = fields.string(), fields.uint64(), fields.uint32()
        data = os.pread(self.handles[handle], min(size, 777), offset)
        return bytes([DATA]) + string(data) if data else self.status(EOF)


@case("changes")
class Changes(SftpServer):
    """The file is another one at every look."""

    def attrs(self, attributes):
        if attributes.mode and stat.S_ISREG(attributes.mode):
            attributes = Attributes(attributes.size, attributes.owner, attributes.mode,
                                    (attributes.times[0], attributes.times[1] + self.count))
        return super().attrs(attributes)


# --- get: folders. All of them say something of "tree" --------------------------------------------------------------

class Told(SftpServer):
    """A folder of which the server tells."""

    def tell(self, path, virtual):
        self.virtual.setdefault(path, virtual)
        folder, _, name = path.rpartition(b"/")
        self.virtual[folder].entries.append((name, virtual.attributes))


@case("names")
class Names(Told):
    """A listing with these names in the middle, in hexadecimal; each is a file."""

    def __init__(self, *names):
        super().__init__()
        self.virtual[b"tree"] = virtual_folder()
        self.tell(b"tree/0-first", virtual_file(b"first"))
        for name in map(bytes.fromhex, names):
            entry = virtual_file(b"content of " + name)
            self.virtual[b"tree/" + name] = entry
            self.virtual[b"tree"].entries.append((name, entry.attributes))
        self.tell(b"tree/9-last", virtual_file(b"last"))


@case("twice")
class Twice(Told):
    """One name for two things."""

    def __init__(self, first, second):
        super().__init__()
        self.virtual[b"tree"] = virtual_folder()
        for number, kind in enumerate((first, second)):
            made = {"file": lambda n: virtual_file(b"number %d" % n), "folder": lambda n: virtual_folder(),
                    "link": lambda n: virtual_link(b"../../../outside")}[kind](number)
            self.tell(b"tree/same", made)
            if kind == "folder":
                self.tell(b"tree/same/inside", virtual_file(b"inside"))


@case("links")
class Links(Told):
    """Links that lead out, and paths through them."""

    def __init__(self, *targets):
        super().__init__()
        self.virtual[b"tree"] = virtual_folder()
        for number, target in enumerate(targets):
            name = b"tree/link%d" % number
            self.tell(name, virtual_link(os.fsencode(target)))
            for below in (b"/passwd", b"/evil"):
                self.virtual[name + below] = virtual_file(b"evil")
        self.tell(b"tree/plain", virtual_file(b"plain"))


@case("modes")
class Modes(Told):
    def __init__(self, *modes):
        super().__init__()
        self.virtual[b"tree"] = virtual_folder()
        for mode in modes:
            self.tell(b"tree/mode" + os.fsencode(mode), virtual_file(b"x", int(mode, 8)))
            self.tell(b"tree/folder" + os.fsencode(mode), virtual_folder(int(mode, 8)))


@case("times")
class Times(Told):
    def __init__(self, *times):
        super().__init__()
        self.virtual[b"tree"] = virtual_folder()
        for value in map(int, times):
            self.tell(b"tree/time%d" % value, virtual_file(b"x", times=(value, value)))


@case("no-attributes")
class NoAttributes(SftpServer):
    """Tells nothing of files in a listing, which the protocol allows."""

    def listing(self, path):
        return [(name, Attributes()) for name, _ in super().listing(path)]


@case("count")
class Count(SftpServer):
    """More names are announced than come."""

    def __init__(self, number):
        super().__init__()
        self.number = int(number)

    def names(self, entries):
        payload = super().names(entries)
        return payload[:1] + uint32(self.number) + payload[5:] if len(entries) > 1 else payload


@case("endless-listing")
class EndlessListing(SftpServer):
    """`how`: other names every time, the same ones, or none at all."""

    def __init__(self, how):
        super().__init__()
        self.how = how

    def opendir(self, fields):
        path = fields.string()
        return self.new_handle([self.batches()], path)

    def batches(self):
        for number in itertools.count():
            if self.how == "other":
                yield [(b"f%d-%d" % (number, index), Attributes(0, (0, 0), stat.S_IFREG | 0o644, (1, 1)))
                       for index in range(100)]
            else:
                yield [(b"same", Attributes(0, (0, 0), stat.S_IFREG | 0o644, (1, 1)))] if self.how == "same" else []


@case("endless-depth")
class EndlessDepth(SftpServer):
    """Every folder has a folder in it."""

    def attributes_of(self, path, follow):
        return virtual_folder().attributes

    def listing(self, path):
        return [(b"d", virtual_folder().attributes)]


if __name__ == "__main__":
    CASES[sys.argv[1]](*sys.argv[2:]).run()
