"""The harness: throw-away hosts on loopback addresses, and the program run against them.

A Site (daemons.py) holds what is dear: account, keys, servers. It lives as long as a file of tests. A Fleet is what one
test sees: some hosts, a home folder of the client with keys, known_hosts and hosts.ini, and run().
"""

import base64
import contextlib
import hashlib
import hmac
import os
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass, field
from typing import Optional

from daemons import DROPBEAR_ADDRESSES, SSHD_ADDRESSES, Dropbear, OpenSsh, Server, make_key
from processes import Running, Terminal, below, end, kill_orphans, spawn, wait_until


@dataclass
class Host:
    """One host of a fleet, as the inventory and known_hosts name it. A test may change any of it."""
    name: str
    address: str
    port: int
    user: str
    host_key: Optional[str] = None   # `type base64`; None: not in known_hosts
    server: Optional[Server] = None
    settings: dict = field(default_factory=dict)   # further lines of its section

    @property
    def known_as(self):
        """As OpenSSH would name it."""
        return self.address if self.port == 22 else f"[{self.address}]:{self.port}"

    @property
    def target(self):
        """As an argument of -H."""
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.user}@{address}:{self.port}"


def _listens(path):
    """Its name is there before it can be connected to."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.connect(path)
        return True
    return False


class Hosts(list):
    @property
    def names(self):
        return [host.name for host in self]

    def __getitem__(self, which):
        if isinstance(which, str):
            return next(host for host in self if host.name == which)
        return super().__getitem__(which)


class Pool:
    """Servers of one kind, started when hosts are asked for that the running ones have no address left for."""

    def __init__(self, site, kind):
        self.site, self.kind = site, kind
        self.servers = []

    def places(self, count):
        """(address, server) for so many hosts; every test gets the same ones."""
        size = SSHD_ADDRESSES if self.kind is OpenSsh else DROPBEAR_ADDRESSES
        while len(self.servers) * size < count:
            self.servers.append(self.kind(self.site, [self.site.addresses.take() for _ in range(size)]))
        return [(address, server) for server in self.servers for address in server.addresses][:count]


class Fleet:
    def __init__(self, site, program, pools=None):
        self.site, self.program = site, program
        self.pools = pools if pools is not None else {}
        self.folder = tempfile.mkdtemp(prefix="client-", dir=site.folder)
        os.chmod(self.folder, 0o700)
        self.home = os.path.join(self.folder, "home")
        self.temporary = os.path.join(self.folder, "tmp")
        for folder in (self.home, self.temporary, os.path.join(self.home, ".ssh")):
            os.mkdir(folder, 0o700)
        # Commands on the hosts leave their files here; empty for every test.
        self.target = tempfile.mkdtemp(prefix="test-", dir=site.target)
        os.chmod(self.target, 0o755)
        os.chown(self.target, site.account.uid, site.account.gid)
        self.hosts = Hosts()
        self.user = site.account.name
        self.inventory_path = os.path.join(self.home, "hosts.ini")
        self.known_hosts_path = os.path.join(self.home, ".ssh", "known_hosts")
        self._taken = {}
        self._stack = contextlib.ExitStack()
        self.use_key(site.user_key)

    # --- hosts ------------------------------------------------------------------------------------------------------

    def add(self, name, address, port, host_key=None, server=None, **settings):
        """Any host, for instance one of servers.py."""
        host = Host(name, address, port, self.user, host_key, server, settings)
        self.hosts.append(host)
        return host

    def openssh(self, *names, **settings):
        return self._from_pool(OpenSsh, names, settings)

    def dropbear(self, *names, **settings):
        return self._from_pool(Dropbear, names, settings)

    def of_kind(self, kind, *names, **settings):
        """`kind` is "openssh" or "dropbear"."""
        return self._from_pool({"openssh": OpenSsh, "dropbear": Dropbear}[kind], names, settings)

    def _from_pool(self, kind, names, settings):
        pool = self.pools.setdefault(kind, Pool(self.site, kind))
        first = self._taken.get(kind, 0)
        self._taken[kind] = first + len(names)
        added = Hosts()
        for name, (address, server) in zip(names, pool.places(first + len(names))[first:]):
            added.append(self.add(name, address, server.port, server.host_key, server, **settings))
        return added

    def server(self, name, kind=OpenSsh, address=None, **options):
        """A host with a server of its own, which ends with the test."""
        server = kind(self.site, [address or self.site.addresses.take()], **options)
        self._stack.callback(self.site.servers.remove, server)
        self._stack.callback(server.stop)
        return self.add(name, server.addresses[0], server.port, server.host_key, server)

    def misbehaving(self, name, kind, *arguments, host_key=None, **options):
        """A host that is one of servers.py or scripted.py; returns that server."""
        server = kind(self.site.addresses.take(), self.site.addresses.port, *arguments, **options)
        self._stack.callback(server.close)
        self.add(name, server.address, server.port, host_key)
        return server

    # --- files of the client ----------------------------------------------------------------------------------------

    def path(self, name):
        return os.path.join(self.home, name)

    def write(self, name, text, mode=0o600):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def use_key(self, key, name="id_ed25519"):
        """Makes it a key that is tried without being named."""
        target = os.path.join(self.home, ".ssh", name)
        shutil.copy(key, target)
        os.chmod(target, 0o600)

    def forget_keys(self):
        for name in os.listdir(os.path.join(self.home, ".ssh")):
            if name.startswith("id_"):
                os.remove(os.path.join(self.home, ".ssh", name))

    def new_key(self, name, kind="ed25519", **options):
        path = self.path(name)
        make_key(path, kind, **options)
        return path

    def write_known_hosts(self, hosts=None, hashed=False):
        """A line for each host, as ssh would have written it."""
        lines = []
        for host in self.hosts if hosts is None else hosts:
            if host.host_key:
                lines.append(f"{hash_name(host.known_as) if hashed else host.known_as} {host.host_key}\n")
        return self.write(self.known_hosts_path, "".join(lines))

    @property
    def known_hosts(self):
        if not os.path.exists(self.known_hosts_path):
            return []
        return self.read(self.known_hosts_path).splitlines()

    def write_inventory(self, groups=None, head="", mode=0o600):
        """hosts.ini in the older form: every member a line `name = name`, every host a section of its own."""
        text = head
        for group, names in (groups or {}).items():
            text += f"[{group}]\n" + "".join(f"{name} = {name}\n" for name in names) + "\n"
        for host in self.hosts:
            lines = {"ip": host.address, "port": host.port, "user": host.user, **host.settings}
            text += f"[{host.name}]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items()) + "\n"
        return self.write(self.inventory_path, text, mode)

    def prepare(self, **groups):
        """known_hosts and hosts.ini for the hosts that have been added, and these groups of them."""
        self.write_known_hosts()
        self.write_inventory(groups)
        return self

    # --- the program ------------------------------------------------------------------------------------------------

    def environment(self, **changes):
        env = {"HOME": self.home, "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TMPDIR": self.temporary,
               "USER": "nobody-here", "LOGNAME": "nobody-here"}
        env.update((name, value) for name, value in os.environ.items() if name.endswith("SAN_OPTIONS"))
        env.update(changes)
        return env

    def start(self, *arguments, env=None, terminal=False, program=None, **options):
        """Starts the program in its home folder, and does not wait for it."""
        kind = Terminal if terminal else Running
        running = kind([program or self.program, *map(str, arguments)], env=self.environment(**(env or {})),
                       cwd=self.home, **options)
        self._stack.callback(running.close)
        return running

    def run(self, *arguments, timeout=30.0, memory=False, **options):
        """Runs the program to its end. Fails if that takes longer than `timeout`, or if anything is left behind."""
        result = self.start(*arguments, **options).wait(timeout, memory)
        self.assert_no_temporary_files()
        return result

    def exec(self, *arguments, **options):
        return self.run("exec", *arguments, **options)

    def assert_no_temporary_files(self):
        assert os.listdir(self.temporary) == []

    def agent(self, *keys):
        """The socket of an ssh-agent that holds these keys."""
        path = os.path.join(self.folder, "agent")
        agent = spawn(["ssh-agent", "-D", "-a", path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self._stack.callback(end, agent)
        assert wait_until(lambda: _listens(path))
        for key in keys:
            subprocess.run(["ssh-add", "-q", key], env=self.environment(SSH_AUTH_SOCK=path), stdin=subprocess.DEVNULL,
                           check=True, capture_output=True)
        return path

    # --- what is left on the hosts ----------------------------------------------------------------------------------

    def remote_processes(self, text):
        """Processes with this text in their command line that run on one of the hosts."""
        return [process for process in below(os.getpid()) if text in process.command and process.state != "Z"
                and not process.name.startswith("fanout")]

    def target_file(self, name):
        return os.path.join(self.target, name)

    def read_target(self, name):
        with open(self.target_file(name), "rb") as file:
            return file.read()

    def close(self):
        self._stack.close()
        kill_orphans()
        shutil.rmtree(self.folder, ignore_errors=True)


def hash_name(name):
    """As HashKnownHosts of ssh_config(5) writes it."""
    salt = os.urandom(20)
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"
