"""A small SFTP server, version 3 (draft-ietf-secsh-filexfer-02), on standard input and output: what hostile_sftp.py
lies with. It serves the folder that it is started in, one request after the other, and what `virtual` says besides.
"""

import errno
import os
import select
import stat
import struct
from dataclasses import dataclass, field
from typing import Optional

INIT, VERSION, OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT, SETSTAT, FSETSTAT = range(1, 11)
OPENDIR, READDIR, REMOVE, MKDIR, RMDIR, REALPATH, STAT, RENAME, READLINK, SYMLINK = range(11, 21)
STATUS, HANDLE, DATA, NAME, ATTRS = range(101, 106)
EXTENDED, EXTENDED_REPLY = 200, 201
OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, BAD_MESSAGE, NO_CONNECTION, CONNECTION_LOST, UNSUPPORTED = range(9)
ATTR_SIZE, ATTR_OWNER, ATTR_MODE, ATTR_TIMES = 1, 2, 4, 8
WORDS = {OK: b"Success", EOF: b"End of file", NO_SUCH_FILE: b"No such file", PERMISSION_DENIED: b"Permission denied",
         FAILURE: b"Failure", BAD_MESSAGE: b"Bad message", UNSUPPORTED: b"Operation unsupported"}

POSIX_RENAME, FSYNC, LIMITS = b"posix-rename@openssh.com", b"fsync@openssh.com", b"limits@openssh.com"


def uint32(number):
    return struct.pack(">I", number & 0xFFFFFFFF)


def string(data):
    return uint32(len(data)) + data


@dataclass
class Attributes:
    size: Optional[int] = None
    owner: Optional[tuple] = None
    mode: Optional[int] = None
    times: Optional[tuple] = None

    @staticmethod
    def of(status):
        return Attributes(status.st_size, (status.st_uid, status.st_gid), status.st_mode,
                          (int(status.st_atime), int(status.st_mtime)))

    def pack(self):
        flags, body = 0, b""
        for flag, form, value in ((ATTR_SIZE, ">Q", (self.size,)), (ATTR_OWNER, ">II", self.owner),
                                  (ATTR_MODE, ">I", (self.mode,)), (ATTR_TIMES, ">II", self.times)):
            if value is not None and value != (None,):
                flags |= flag
                body += struct.pack(form, *value)
        return uint32(flags) + body


@dataclass
class Virtual:
    """A file, folder or link that is nowhere but in what the server says."""
    attributes: Attributes
    content: bytes = b""
    entries: list = field(default_factory=list)   # of a folder: (name, Attributes)


def virtual_file(content=b"", mode=0o644, times=(1, 1)):
    return Virtual(Attributes(len(content), (0, 0), stat.S_IFREG | mode, times), content)


def virtual_folder(mode=0o755):
    return Virtual(Attributes(4096, (0, 0), stat.S_IFDIR | mode, (1, 1)))


def virtual_link(target):
    return Virtual(Attributes(len(target), (0, 0), stat.S_IFLNK | 0o777, (1, 1)), target)


class Fields:
    def __init__(self, data):
        self.rest = data

    def take(self, count):
        if len(self.rest) < count:
            raise EOFError("short request")
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def uint32(self):
        return struct.unpack(">I", self.take(4))[0]

    def uint64(self):
        return struct.unpack(">Q", self.take(8))[0]

    def string(self):
        return bytes(self.take(self.uint32()))

    def attributes(self):
        flags, found = self.uint32(), Attributes()
        found.size = self.uint64() if flags & ATTR_SIZE else None
        found.owner = (self.uint32(), self.uint32()) if flags & ATTR_OWNER else None
        found.mode = self.uint32() if flags & ATTR_MODE else None
        found.times = (self.uint32(), self.uint32()) if flags & ATTR_TIMES else None
        return found


class SftpServer:
    """One method for each request: it gets the fields and returns the payload of the answer without its id."""
    version = 3
    extensions = {POSIX_RENAME: b"1", FSYNC: b"1", LIMITS: b"1"}

    def __init__(self, source=0, sink=1):
        self.source, self.sink = source, sink
        self.received = b""
        self.handles = {}    # bytes: descriptor, or what is left of a listing
        self.paths = {}      # of handles
        self.count = 0       # of requests
        self.virtual = {}    # path: Virtual
        self.folder = os.getcwdb()

    # --- packets ----------------------------------------------------------------------------------------------------

    def read_packet(self):
        while len(self.received) < 4 or len(self.received) < 4 + struct.unpack(">I", self.received[:4])[0]:
            chunk = os.read(self.source, 1 << 18)
            if not chunk:
                raise EOFError
            self.received += chunk
        end = 4 + struct.unpack(">I", self.received[:4])[0]
        packet, self.received = self.received[4:end], self.received[end:]
        return packet

    def another_waits(self, seconds=0.0):
        return len(self.received) >= 4 or bool(select.select([self.source], [], [], seconds)[0])

    def send_raw(self, data):
        while data:
            data = data[os.write(self.sink, data):]

    def send(self, payload):
        self.send_raw(string(payload))

    def greet(self):
        self.send(bytes([VERSION]) + uint32(self.version)
                  + b"".join(string(name) + string(value) for name, value in self.extensions.items()))

    def run(self):
        try:
            self.read_packet()
            self.greet()
            while True:
                packet = self.read_packet()
                self.count += 1
                fields = Fields(packet[5:])
                self.answer(packet[0], packet[1:5], fields)
        except (EOFError, BrokenPipeError):
            pass

    def answer(self, kind, identifier, fields):
        payload = self.result_of(kind, fields)
        self.send(payload[:1] + identifier + payload[1:])

    def result_of(self, kind, fields):
        name = {OPEN: "open", CLOSE: "close", READ: "read", WRITE: "write", LSTAT: "lstat", FSTAT: "fstat",
                SETSTAT: "setstat", FSETSTAT: "fsetstat", OPENDIR: "opendir", READDIR: "readdir", REMOVE: "remove",
                MKDIR: "mkdir", RMDIR: "rmdir", REALPATH: "realpath", STAT: "stat", RENAME: "rename",
                READLINK: "readlink", EXTENDED: "extended"}.get(kind)
        if not name:
            return self.status(UNSUPPORTED)
        try:
            return getattr(self, name)(fields)
        except (KeyError, ValueError):  # an unknown handle, a NUL in a path
            return self.status(FAILURE)
        except OSError as error:
            return self.status({errno.ENOENT: NO_SUCH_FILE, errno.EACCES: PERMISSION_DENIED,
                                errno.EPERM: PERMISSION_DENIED}.get(error.errno, FAILURE))

    @staticmethod
    def status(code, text=None):
        return bytes([STATUS]) + uint32(code) + string(WORDS.get(code, b"?") if text is None else text) + string(b"")

    # --- requests ---------------------------------------------------------------------------------------------------

    def plain(self, path):
        """The path below the folder that is served, as `virtual` has it."""
        path = path.removeprefix(self.folder + b"/")
        while path.startswith(b"./"):
            path = path[2:]
        return path.rstrip(b"/") if path != b"/" else path

    def new_handle(self, value, path):
        handle = b"handle %d" % self.count
        self.handles[handle], self.paths[handle] = value, path
        return bytes([HANDLE]) + string(handle)

    def open(self, fields):
        path, flags = fields.string(), fields.uint32()
        attributes = fields.attributes()
        if found := self.virtual.get(self.plain(path)):
            return self.new_handle(found, path)
        how = {1: os.O_RDONLY, 2: os.O_WRONLY, 3: os.O_RDWR}[flags & 3]
        how |= (os.O_CREAT * bool(flags & 8)) | (os.O_TRUNC * bool(flags & 16)) | (os.O_EXCL * bool(flags & 32))
        mode = attributes.mode if attributes.mode is not None else 0o666
        return self.new_handle(os.open(path, how, mode & 0o7777), path)

    def close(self, fields):
        handle = fields.string()
        value = self.handles.pop(handle)
        if isinstance(value, int):
            os.close(value)
        return self.status(OK)

    def read(self, fields):
        handle, offset, size = fields.string(), fields.uint64(), fields.uint32()
        value = self.handles[handle]
        if isinstance(value, Virtual):
            data = value.content[offset:offset + size]
        else:
            data = os.pread(value, min(size, 1 << 18), offset)
        return bytes([DATA]) + string(data) if data else self.status(EOF)

    def write(self, fields):
        handle, offset, data = fields.string(), fields.uint64(), fields.string()
        return self.do_write(self.handles[handle], offset, data)

    def do_write(self, descriptor, offset, data):
        os.pwrite(descriptor, data, offset)
        return self.status(OK)

    def attributes_of(self, path, follow):
        if found := self.virtual.get(self.plain(path)):
            return found.attributes
        return Attributes.of(os.stat(path or b".", follow_symlinks=follow))

    def attrs(self, attributes):
        return bytes([ATTRS]) + attributes.pack()

    def stat(self, fields):
        return self.attrs(self.attributes_of(fields.string(), True))

    def lstat(self, fields):
        return self.attrs(self.attributes_of(fields.string(), False))

    def fstat(self, fields):
        value = self.handles[fields.string()]
        return self.attrs(value.attributes if isinstance(value, Virtual) else Attributes.of(os.fstat(value)))

    def change(self, target, attributes):
        if attributes.size is not None:
            os.truncate(target, attributes.size)
        if attributes.mode is not None:
            os.chmod(target, attributes.mode & 0o7777)
        if attributes.times is not None:
            os.utime(target, attributes.times)
        if attributes.owner is not None:
            os.chown(target, *attributes.owner)
        return self.status(OK)

    def setstat(self, fields):
        return self.change(fields.string(), fields.attributes())

    def fsetstat(self, fields):
        return self.change(self.handles[fields.string()], fields.attributes())

    def opendir(self, fields):
        path = fields.string()
        return self.new_handle([iter([self.listing(path)])], path)

    def listing(self, path):
        """[(name, Attributes)]"""
        entries = []
        if found := self.virtual.get(self.plain(path)):
            entries += found.entries
        if not found or os.path.isdir(path):
            for name in sorted(os.listdir(path or b".")):
                entries.append((name, Attributes.of(os.lstat(os.path.join(path, name)))))
        return entries

    def readdir(self, fields):
        batch = next(self.handles[fields.string()][0], None)
        return self.status(EOF) if batch is None else self.names(batch)

    @staticmethod
    def names(entries):
        return bytes([NAME]) + uint32(len(entries)) + b"".join(
            string(name) + string(b"-rw-r--r-- 1 a b " + name) + attributes.pack() for name, attributes in entries)

    def remove(self, fields):
        os.remove(fields.string())
        return self.status(OK)

    def mkdir(self, fields):
        path, attributes = fields.string(), fields.attributes()
        os.mkdir(path, (attributes.mode if attributes.mode is not None else 0o777) & 0o7777)
        return self.status(OK)

    def rmdir(self, fields):
        os.rmdir(fields.string())
        return self.status(OK)

    def realpath(self, fields):
        return self.names([(os.path.abspath(fields.string() or b"."), Attributes())])

    def rename(self, fields):
        source, target = fields.string(), fields.string()
        if os.path.lexists(target):
            return self.status(FAILURE)
        os.rename(source, target)
        return self.status(OK)

    def posix_rename(self, source, target):
        os.rename(source, target)
        return self.status(OK)

    def readlink(self, fields):
        path = fields.string()
        if found := self.virtual.get(self.plain(path)):
            return self.names([(found.content, Attributes())])
        return self.names([(os.readlink(path), Attributes())])

    def extended(self, fields):
        name = fields.string()
        if name not in self.extensions:
            return self.status(UNSUPPORTED)
        if name == POSIX_RENAME:
            return self.posix_rename(fields.string(), fields.string())
        if name == FSYNC:
            os.fsync(self.handles[fields.string()])
            return self.status(OK)
        return bytes([EXTENDED_REPLY]) + struct.pack(">QQQQ", 262144 + 1024, 262144 - 1024, 262144 - 1024, 0)
