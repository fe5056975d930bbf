"""Hosts to copy to and from: each has a home folder of its own, and serves it rightly or not.

A server is told by ForceCommand (dropbear: -c) to start the script `serve` of the host that was asked for; what the
client wanted is SSH_ORIGINAL_COMMAND, and the subsystem is one such command. So every host can have another SFTP
server, another scp, or none, while one sshd serves sixteen of them.

What every run is asked for: one record for each host; the exit code that the records make; sound hosts unharmed; no
temporary name left, here or there; nothing changed here but below the download folder.
"""

import contextlib
import hashlib
import os
import shlex
import shutil
import socket
import stat
import subprocess
from dataclasses import dataclass

import schema
from daemons import Dropbear, OpenSsh
from processes import wait_until
from servers import Listener

PYTHON = "/usr/bin/python3"
HERE = os.path.dirname(os.path.abspath(__file__))
SFTP_SERVER = next((path for path in ("/usr/lib/openssh/sftp-server", "/usr/lib/sftp-server",
                                      "/usr/libexec/openssh/sftp-server", "/usr/libexec/sftp-server")
                    if os.path.exists(path)), "sftp-server")
# Of sshd_config; dropbear asks for its own path, which has it in its name, too.
SUBSYSTEM = "the-sftp-server"
TEMPORARY = b".fanout-"

SOUND = ("sound01", "sound02")
KINDS = ("openssh", "openssh without sftp", "dropbear", "dropbear without sftp")

# By precedence: contract of the exit codes.
CODES = (("internal", 1), ("unreachable", 4), ("protocol", 4), ("auth", 4), ("timeout", 3), ("failed", 5), ("ok", 0))


def places_of(site):
    return site.path("places")


def forced_command(site):
    """The host is the address that was connected to; behind a proxy, the address of the proxy."""
    root = places_of(site)
    return f"set -- $SSH_CONNECTION; test -d {root}/$1 && set -- . . $1; exec /bin/sh {root}/$3/serve"


class PlacedOpenSsh(OpenSsh):
    subsystem = True

    def _settings(self):
        yield f"ForceCommand {forced_command(self.site)}"
        if self.subsystem:
            yield f"Subsystem sftp {SUBSYSTEM}"
        for line in super()._settings():
            if not line.startswith(("ForceCommand", "Subsystem")):
                yield line


class PlacedOpenSshWithoutSftp(PlacedOpenSsh):
    subsystem = False


class PlacedDropbear(Dropbear):
    def _start(self, arguments, **options):
        super()._start([*arguments, "-c", forced_command(self.site)], **options)


def script(sftp=f"exec {SFTP_SERVER}", setup="", more=""):
    """What a host does when it is asked for SFTP or for a command; `more` are branches of the case between them."""
    return (f"{setup}\ncase $SSH_ORIGINAL_COMMAND in\n  *sftp-server) {sftp} ;;\n{more}\n"
            '  *) exec /bin/sh -c "$SSH_ORIGINAL_COMMAND" ;;\nesac\n')


NO_SFTP = "echo sftp-server: not found >&2; exit 127"


@dataclass
class Place:
    """One host."""
    name: str
    address: str
    folder: str

    @property
    def home(self):
        return os.path.join(self.folder, "home")

    def path(self, name):
        return os.path.join(self.home, name)

    def serve(self, text):
        with open(os.path.join(self.folder, "serve"), "w", encoding="utf-8") as file:
            file.write(f"cd {self.home} || exit 99\nHOME=$PWD; export HOME\n{text}")


class PassingProxy(Listener):
    """Passes connections on to a server, as itself: the server sees them come from the proxy's own address."""

    def __init__(self, address, port, upstream):
        self.upstream = upstream
        super().__init__(address, port)

    def connect(self):
        server = socket.create_connection(self.upstream, source_address=(self.address, 0))
        self._open.add(server)
        return server


class Transfers:
    def __init__(self, fleet):
        self.fleet, self.site = fleet, fleet.site
        self.root = places_of(self.site)
        os.makedirs(self.root, 0o755, exist_ok=True)
        self.places = {}
        self.tools = self._copy_tools()
        self.local = fleet.path("local")
        self.download = fleet.path("download")
        os.mkdir(self.local)
        os.chmod(self.local, 0o755)

    def _copy_tools(self):
        """The hostile servers, where the account can read them."""
        folder = self.site.path("tools")
        os.makedirs(folder, 0o755, exist_ok=True)
        for name in ("sftp_server.py", "hostile_sftp.py", "hostile_scp.py"):
            shutil.copy(os.path.join(HERE, name), folder)
            os.chmod(os.path.join(folder, name), 0o644)
        return folder

    # --- hosts ------------------------------------------------------------------------------------------------------

    def place(self, name, kind="openssh", serve=None):
        """A host with an empty home. `kind` is one of KINDS; `serve` is made by script() or one of those below."""
        servers = {"openssh": PlacedOpenSsh, "openssh without sftp": PlacedOpenSshWithoutSftp}
        host = self.fleet._from_pool(servers.get(kind, PlacedDropbear), [name], {})[0]
        if serve is None:
            serve = script(sftp=NO_SFTP) if kind.endswith("without sftp") else script()
        return self._new_place(name, host.address, serve)

    def _new_place(self, name, address, serve):
        place = Place(name, address, os.path.join(self.root, address))
        shutil.rmtree(place.folder, ignore_errors=True)
        os.makedirs(place.home)
        for folder in (place.folder, place.home):
            os.chmod(folder, 0o755)
            self.give(folder)
        place.serve(serve)
        self.places[name] = place
        return place

    def behind(self, name, proxy, *arguments, serve=None, **options):
        """A host that is reached through a PassingProxy, with a home of its own; returns the proxy."""
        upstream = self._upstream()
        made = self.fleet.misbehaving(name, proxy, (upstream.address, upstream.port), *arguments,
                                      host_key=upstream.host_key, **options)
        self._new_place(name, made.address, serve or script())
        return made

    def _upstream(self):
        if "behind" not in self.__dict__.setdefault("_servers", {}):
            host = self.fleet._from_pool(PlacedOpenSsh, ["upstream"], {})[0]
            self.fleet.hosts.remove(host)
            self._servers["behind"] = host
        return self._servers["behind"]

    def _tool(self, name, case):
        return f"exec {shlex.join([PYTHON, os.path.join(self.tools, name), *map(str, case)])}"

    def liar(self, name, *case):
        """A host whose SFTP server has this lie."""
        return self.place(name, serve=script(sftp=self._tool("hostile_sftp.py", case)))

    def scp_liar(self, name, *case):
        """A host without SFTP whose scp has this lie: it is the first in PATH."""
        place = self.place(name, serve=script(sftp=NO_SFTP, setup="PATH=$PWD/../bin:$PATH; export PATH"))
        folder = os.path.join(place.folder, "bin")
        os.mkdir(folder)
        with open(os.path.join(folder, "scp"), "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\n{self._tool("hostile_scp.py", case)} -- "$@"\n')
        for path in (folder, os.path.join(folder, "scp")):
            os.chmod(path, 0o755)
        return place

    def list_liar(self, name, *items):
        """A host without SFTP that lies when it is asked which files there are: what it runs as `sh -s` says this."""
        return self.place(name, serve=script(sftp=NO_SFTP, more="  'sh -s') "
                                             + self._tool("hostile_scp.py", ("lists", *items)) + " ;;"))

    def sound_places(self):
        """Two hosts that have no fault, and must not suffer from those that have."""
        return [self.places.get(name) or self.place(name) for name in SOUND]

    def give(self, path):
        """To the account on the hosts."""
        os.chown(path, self.site.account.uid, self.site.account.gid, follow_symlinks=False)

    def write_there(self, place, name, content=b"", mode=0o644, mtime=None):
        path = place.path(name)
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):
            os.makedirs(folder)
            while folder.startswith(place.home) and folder != place.home:
                self.give(folder)
                folder = os.path.dirname(folder)
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, mode)
        self.give(path)
        if mtime is not None:
            os.utime(path, (mtime, mtime))
        return path

    def write_here(self, name, content=b"", mode=0o644, mtime=None):
        path = os.path.join(self.local, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, mode)
        if mtime is not None:
            os.utime(path, (mtime, mtime))
        return path

    # --- runs -------------------------------------------------------------------------------------------------------

    def put(self, *arguments, **options):
        return self._run("put", arguments, **options)

    def get(self, *arguments, **options):
        return self._run("get", arguments, **options)

    def _run(self, command, arguments, expect=None, leftovers=(), during=None, timeout=30.0, **options):
        """Runs `fanout COMMAND -a --json ARGUMENT...`, and gives the records by host. `expect`: the status of hosts
        that are not ok, a word or several that are right; None for a host whose status the test judges itself.
        `during` is called with the program while it runs. `leftovers`: temporary names that may stay, by a part of
        their path."""
        self.fleet.prepare()
        os.makedirs(self.download, exist_ok=True)
        before = listing(self.fleet.folder, self.download)
        running = self.fleet.start(command, "-a", "--json", *arguments, **options)
        if during:
            during(running)
        result = running.wait(timeout)
        self.fleet.assert_no_temporary_files()
        records = Records(records_of(result))
        records.result = result
        self._check_records(records, expect or {})
        assert not set("\x1b\x07\x9b\0\r") & set(result.err), repr(result.err)
        assert max(map(len, result.err.splitlines()), default=0) < 2000, result
        assert listing(self.fleet.folder, self.download) == before, f"changed outside of the download folder\n{result}"
        # A server may need a moment to end after the client has; its files were renamed or removed before.
        self.assert_nothing_temporary(leftovers, result)
        return records

    def _check_records(self, records, expect):
        result = records.result
        assert set(records) == {host.name for host in self.fleet.hosts}, result
        for name, record in records.items():
            wanted = expect.get(name, "ok")
            if wanted is not None:
                wanted = (wanted,) if isinstance(wanted, str) else wanted
                assert record["status"] in wanted, f"{name}: {record}\nexpected {wanted}\n{result}"
            if record["status"] != "ok":
                assert record.get("cause"), f"{name} does not say why\n{result}"
        statuses = {record["status"] for record in records.values()}
        code = next((code for status, code in CODES if status in statuses), None)
        if not statuses & {"interrupted"}:
            result.assert_code(code)

    def assert_nothing_temporary(self, leftovers=(), result=""):
        def left():
            return [path for root in (self.fleet.folder, *(place.home for place in self.places.values()))
                    for path in temporary_names(root) if not any(os.fsencode(word) in path for word in leftovers)]
        wait_until(lambda: not left(), 2)
        assert not left(), f"temporary names are left: {left()}\n{result}"


class Records(dict):
    """By host, and the `result` that they were read from."""
    result = None


def records_of(result):
    """The JSON lines, by host; all are as the schema says."""
    records = {}
    for record in schema.check_all(result.out, "put"):
        assert record["host"] not in records, f"{record['host']} has two records\n{result}"
        records[record["host"]] = record
    return records


# --- files ------------------------------------------------------------------------------------------------------------

def content_of(path):
    with open(path, "rb") as file:
        return file.read()


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def listing(root, *without):
    """All that is below `root`: {path: (kind, mode, link target or hash)}, paths relative and of bytes."""
    root, skipped = os.fsencode(root), set(map(os.fsencode, without))
    found = {}
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in skipped]
        for name in folders + files:
            path = os.path.join(folder, name)
            with contextlib.suppress(FileNotFoundError):
                found[os.path.relpath(path, root)] = describe(path)
    return found


def describe(path):
    status = os.lstat(path)
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISLNK(status.st_mode):
        return "link", os.readlink(path)
    if stat.S_ISDIR(status.st_mode):
        return "folder", mode
    if stat.S_ISREG(status.st_mode):
        return "file", mode, sha256_of(path) if status.st_size < 1 << 26 else status.st_size
    return "other", mode


def contents(root):
    """{path: content} of the files below `root`, and {path: None} of its folders."""
    root = os.fsencode(root)
    return {path: content_of(os.path.join(root, path)) if what[0] == "file" else None
            for path, what in listing(root).items()}


def temporary_names(root):
    found = []
    for folder, folders, files in os.walk(os.fsencode(root)):
        found += [os.path.join(folder, name) for name in folders + files if TEMPORARY in name]
    return found


def make_tree(folder, sizes=(0, 1, 700, 40_000, 300_000), depth=2, seed=1):
    """A folder with files of these sizes at each depth."""
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o755)
    for size in sizes:
        with open(os.path.join(folder, f"file-{size}"), "wb") as file:
            file.write(pattern(size, seed))
        os.chmod(os.path.join(folder, f"file-{size}"), 0o644)
    if depth > 1:
        make_tree(os.path.join(folder, "sub folder"), sizes, depth - 1, seed + 1)
    os.makedirs(os.path.join(folder, "empty"), exist_ok=True)
    os.chmod(os.path.join(folder, "empty"), 0o755)


def pattern(size, seed=1):
    """Bytes that repeat nowhere near each other."""
    blocks = -(-size // 32)
    return b"".join(hashlib.sha256(b"%d-%d" % (seed, number)).digest() for number in range(blocks))[:size]


@contextlib.contextmanager
def small_disk(path, kibibytes):
    """A file system of its own at `path`. Only for root."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k,mode=0755", "tmpfs", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)
