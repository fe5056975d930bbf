"""Real SSH servers on loopback addresses: OpenSSH's sshd and dropbear.

One server process answers on many addresses, and every address is another host. Servers belong to a Site: the folder,
the account, the keys and the addresses that they share.
"""

import itertools
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile

import account as accounts
from processes import below, end, spawn, wait_until

# Limits of the servers: MAX_LISTEN_SOCKS in sshd.c, DROPBEAR_MAX_PORTS in dropbear's sysoptions.h.
SSHD_ADDRESSES, DROPBEAR_ADDRESSES = 16, 10


def find_program(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/sbin")


def make_key(path, kind, *, passphrase="", form=(), bits=None):
    size = ["-b", str(bits)] if bits else []
    subprocess.run(["ssh-keygen", "-q", "-t", kind, *size, "-N", passphrase, "-C", "fleet", *form, "-f", path],
                   stdin=subprocess.DEVNULL, check=True)


def public_key(path):
    """`type base64`, as known_hosts and authorized_keys have it."""
    with open(path + ".pub", encoding="ascii") as file:
        return " ".join(file.read().split()[:2])


class Addresses:
    """Loopback addresses that nobody else uses, and one port for all of them."""

    def __init__(self):
        self.port = self._free_port()
        self._network = f"127.{random.randint(16, 254)}"
        self._numbers = itertools.count(1)

    @staticmethod
    def _free_port():
        # Below the range from which the kernel takes ports for outgoing connections. Free for 0.0.0.0 is free for all.
        for _ in range(200):
            port = random.randint(10000, 30000)
            with socket.socket() as probe:
                try:
                    probe.bind(("0.0.0.0", port))
                    return port
                except OSError:
                    continue
        raise RuntimeError("no free port")

    def take(self):
        number = next(self._numbers)
        return f"{self._network}.{number // 250}.{number % 250 + 1}"


class Site:
    """Where a fleet lives. Use it with `with`: it ends the servers and removes account and files."""

    def __init__(self):
        # Others must be able to pass: servers of root read the keys with the rights of the account.
        self.folder = tempfile.mkdtemp(prefix="fanout-fleet-")
        os.chmod(self.folder, 0o755)
        self.account = None
        self.servers = []
        try:
            self.account = accounts.acquire(self.folder)
            self.addresses = Addresses()
            self.user_key = self.path("user_ed25519")
            make_key(self.user_key, "ed25519")
            # Where commands on the hosts may leave files.
            self.target = self.path("target")
            os.mkdir(self.target, 0o755)
            os.chown(self.target, self.account.uid, self.account.gid)
        except BaseException:
            self.close()
            raise

    def path(self, name):
        return os.path.join(self.folder, name)

    def close(self):
        for server in self.servers:
            server.stop()
        self.servers.clear()
        if self.account:
            accounts.release(self.account)
            self.account = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def answers(address, port):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.settimeout(0.5)
        try:
            probe.connect((address, port))
            return probe.recv(4).startswith(b"SSH")
        except OSError:
            return False


class Server:
    """What OpenSSH and dropbear have in common."""

    def __init__(self, site, addresses, port):
        self.site, self.addresses = site, addresses
        self.port = port or site.addresses.port
        self.folder = tempfile.mkdtemp(prefix="server-", dir=site.folder)
        os.chmod(self.folder, 0o755)
        self.log_path = os.path.join(self.folder, "log")
        self.child = None
        site.servers.append(self)

    def _start(self, arguments, **options):
        with open(self.log_path, "ab") as log:
            self.child = spawn(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                               cwd="/", **options)
        started = wait_until(lambda: self.child.poll() is not None or answers(self.addresses[-1], self.port), 10)
        if not started or self.child.poll() is not None:
            self.stop()
            raise RuntimeError(f"{arguments[0]} does not start:\n{self.log}")

    @property
    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def processes(self):
        """The server's processes, among them the commands that it runs for its clients."""
        return below(self.child.pid)

    def stop(self):
        if not self.child:
            return
        sessions = self.processes()
        end(self.child)
        for process in sessions:
            try:
                os.kill(process.pid, 9)
            except ProcessLookupError:
                pass
        self.child = None


class OpenSsh(Server):
    """sshd. `settings` are lines of sshd_config that take precedence over the usual ones."""
    kind = "openssh"

    def __init__(self, site, addresses, *, port=None, host_keys=("ed25519",), authorized=(), settings=()):
        super().__init__(site, addresses, port)
        self.host_keys = {}
        for key_type in host_keys:
            path = os.path.join(self.folder, "host_" + key_type)
            make_key(path, key_type, bits={"rsa": 2048}.get(key_type))
            self.host_keys[key_type] = public_key(path)
        self.authorized_keys = os.path.join(self.folder, "authorized_keys")
        self.authorize(site.user_key, *authorized)
        config = os.path.join(self.folder, "sshd_config")
        with open(config, "w", encoding="utf-8") as file:
            # sshd takes the first value of a setting.
            file.writelines(line + "\n" for line in (*settings, *self._settings()))
        if accounts.is_root():
            os.makedirs("/run/sshd", 0o755, exist_ok=True)
        # sshd starts itself again for each connection, and for that has to know where it is.
        self._start([find_program("sshd"), "-D", "-e", "-f", config])

    def _settings(self):
        yield f"Port {self.port}"
        for address in self.addresses:
            yield f"ListenAddress [{address}]:{self.port}" if ":" in address else f"ListenAddress {address}:{self.port}"
        for key_type in self.host_keys:
            yield f"HostKey {os.path.join(self.folder, 'host_' + key_type)}"
        yield from ("PidFile none", "LogLevel VERBOSE", "UsePAM no", "StrictModes no", "UseDNS no", "PrintMotd no",
                    "PrintLastLog no", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
                    "MaxStartups 1000", "MaxAuthTries 6", "Subsystem sftp internal-sftp",
                    f"AuthorizedKeysFile {self.authorized_keys}")
        version = re.search(r"OpenSSH_(\d+)\.(\d+)", subprocess.run(["ssh", "-V"], capture_output=True, text=True,
                                                                     check=True).stderr)
        if version and (int(version[1]), int(version[2])) >= (9, 8):
            # All hosts of a fleet see one and the same client, and some tests fail to log in on purpose.
            yield "PerSourcePenalties no"
        if not self.site.account.has_plain_shell:
            yield "ForceCommand exec /bin/sh -c \"$SSH_ORIGINAL_COMMAND\""

    def authorize(self, *keys):
        with open(self.authorized_keys, "a", encoding="ascii") as file:
            file.writelines(public_key(key) + "\n" for key in keys)
        os.chmod(self.authorized_keys, 0o644)

    @property
    def host_key(self):
        return next(iter(self.host_keys.values()))


class Dropbear(Server):
    """dropbear reads the authorized keys of the account's home and nowhere else. An ordinary user's home is not
    touched: in a mount namespace of its own another folder lies over it."""
    kind = "dropbear"

    def __init__(self, site, addresses, *, port=None, key_type="ed25519", authorized=()):
        super().__init__(site, addresses, port)
        key = os.path.join(self.folder, "host_key")
        done = subprocess.run([find_program("dropbearkey"), "-t", key_type, "-f", key], capture_output=True, text=True,
                              check=True)
        self.host_key = " ".join(re.search(r"^(ssh|ecdsa)-\S+ \S+", done.stdout, re.MULTILINE)[0].split()[:2])
        self.host_keys = {key_type: self.host_key}
        home = site.account.home if site.account.own else os.path.join(self.folder, "home")
        self._authorize(home, [site.user_key, *authorized])
        self._start([*self._prefix(site, home), find_program("dropbear"), "-F", "-E", "-m", "-r", key,
                     "-P", os.path.join(self.folder, "pid"),
                     *itertools.chain.from_iterable(("-p", f"{address}:{self.port}") for address in addresses)])

    def _authorize(self, home, keys):
        folder = os.path.join(home, ".ssh")
        os.makedirs(folder, 0o700, exist_ok=True)
        with open(os.path.join(folder, "authorized_keys"), "w", encoding="ascii") as file:
            file.writelines(public_key(key) + "\n" for key in keys)
        for path in (home, folder, file.name):
            os.chown(path, self.site.account.uid, self.site.account.gid)

    @staticmethod
    def _prefix(site, home):
        if site.account.own:
            return []
        return ["unshare", "--user", "--map-current-user", "--keep-caps", "--mount", "/bin/sh", "-c",
                'mount --bind "$1" "$2" && shift 2 && exec "$@"', "sh", home, site.account.home]

    @staticmethod
    def why_not(site):
        """Why there can be no dropbear here, or an empty string."""
        if not find_program("dropbear") or not find_program("dropbearkey"):
            return "dropbear is not installed"
        if site.account.own:
            return ""
        with tempfile.TemporaryDirectory(dir=site.folder) as home:
            done = subprocess.run([*Dropbear._prefix(site, home), "/bin/true"], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return ""
        return f"an ordinary user needs a mount namespace to give dropbear a home: {done.stderr.strip()}"
