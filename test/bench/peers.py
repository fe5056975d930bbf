"""What users would pick instead of fanout: where it comes from, and what it is told.

Programs of the distribution come from apt, without what they only recommend. What is not packaged goes into private
folders below ${XDG_CACHE_HOME:-~/.cache}/fanout-bench, in one fixed version.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field

BENCH = os.path.dirname(os.path.abspath(__file__))
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "fanout-bench")
PARALLEL_SSH = "2.16.0.post1"
BSSH = "2.2.3"  # the last that Rust 1.88 builds

# A host answers with the address at which it was asked, so that the output proves where the command has run.
COMMAND = "echo benchmark $SSH_CONNECTION"


class NotInstalled(Exception):
    """Why a peer is not there."""


@dataclass
class Target:
    """Some hosts, and the files that say so in the words of each tool."""
    hosts: list
    hosts_file: str
    ssh_config: str       # for ssh: all that it is told
    known_hosts: str
    home: str
    key: str
    parallel: int

    @property
    def user(self):
        return self.hosts[0].user

    @property
    def port(self):
        return str(self.hosts[0].port)


@dataclass
class Peer:
    """`command` and `environment` are functions of a Target; `install` gives the program or raises NotInstalled."""
    name: str
    install: object
    version: list          # its command line
    command: object
    environment: object = lambda target: {}
    uses_ssh: bool = True  # a process of OpenSSH's client for each host
    program: str = field(default="", init=False)


def run_quietly(command, what, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, **options)
    if done.returncode != 0:
        raise NotInstalled(f"{what} failed: {(done.stdout.strip().splitlines() or [done.returncode])[-1]}")


def from_apt(program, *packages):
    def install(allowed):
        if not shutil.which(program, path="/usr/bin:/bin"):
            if not allowed:
                raise NotInstalled(f"{program} is not installed")
            sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
            print(f"installing {' '.join(packages)}", file=sys.stderr)
            run_quietly([*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq",
                         "--no-install-recommends", *packages], "apt-get install " + " ".join(packages))
        return shutil.which(program, path="/usr/bin:/bin")
    return install


def parallel_ssh_library(allowed):
    """A Python that has it."""
    folder = os.path.join(CACHE, f"parallel-ssh-{PARALLEL_SSH}")
    python = os.path.join(folder, "bin", "python3")
    if not os.path.exists(os.path.join(folder, "complete")):
        if not allowed:
            raise NotInstalled("the library is not installed")
        print(f"installing parallel-ssh {PARALLEL_SSH} into {folder}", file=sys.stderr)
        run_quietly([sys.executable, "-m", "venv", "--clear", folder], "python3 -m venv")
        run_quietly([python, "-m", "pip", "install", "--quiet", f"parallel-ssh=={PARALLEL_SSH}"],
                    "pip install parallel-ssh")
        with open(os.path.join(folder, "complete"), "w", encoding="ascii"):
            pass
    return python


def bssh(allowed):
    folder = os.path.join(CACHE, f"bssh-{BSSH}")
    program = os.path.join(folder, "bin", "bssh")
    if not os.path.exists(program):
        if not allowed:
            raise NotInstalled("bssh is not installed")
        cargo = shutil.which("cargo") or shutil.which("cargo", path=os.path.expanduser("~/.cargo/bin"))
        if not cargo:  # the packages of Debian stable called cargo are older than bssh needs
            cargo = from_apt("cargo", "cargo-web")(allowed)
        print(f"building bssh {BSSH} into {folder}, which takes minutes", file=sys.stderr)
        run_quietly([cargo, "install", "bssh", "--version", BSSH, "--locked", "--quiet", "--root", folder],
                    "cargo install bssh", env={**os.environ, "CARGO_TARGET_DIR": os.path.join(folder, "build")})
        shutil.rmtree(os.path.join(folder, "build"), ignore_errors=True)
    return program


def peers(program):
    """All of them, `program` being fanout."""
    return [
        Peer("fanout", lambda allowed: program, ["--version"], uses_ssh=False,
             command=lambda p, t: [p, "exec", "--hosts-file", t.hosts_file, "-f", str(t.parallel), "-u", t.user,
                                   "-P", t.port, "-k", t.key, "--known-hosts", t.known_hosts, "--host-key", "strict",
                                   "--agent", "no", "-L", COMMAND]),
        Peer("pssh", from_apt("parallel-ssh", "pssh"), ["--version"],
             command=lambda p, t: [p, "-h", t.hosts_file, "-p", str(t.parallel), "-P", "-x", f"-F {t.ssh_config}",
                                   COMMAND]),
        Peer("pdsh", from_apt("pdsh", "pdsh"), ["-V"],
             command=lambda p, t: [p, "-R", "ssh", "-S", "-f", str(t.parallel), "-l", t.user, "-w", f"^{t.hosts_file}",
                                   COMMAND],
             environment=lambda t: {"PDSH_SSH_ARGS_APPEND": f"-F {t.ssh_config}"}),
        Peer("clush", from_apt("clush", "clustershell"), ["--version"],
             command=lambda p, t: [p, "-S", "-f", str(t.parallel), "--hostfile", t.hosts_file,
                                   "-o", f"-F {t.ssh_config}", COMMAND],
             environment=lambda t: {"CLUSTERSHELL_CFGDIR": t.home}),
        Peer("parallel", from_apt("parallel", "parallel"), ["--version"],
             command=lambda p, t: [p, "--plain", "--will-cite", "--tag", "-j", str(t.parallel), "-a", t.hosts_file,
                                   f"ssh -F {t.ssh_config} {{}} '{COMMAND}'"]),
        Peer("ansible", from_apt("ansible", "ansible-core"), ["--version"],
             command=lambda p, t: [p, "all", "-i", t.hosts_file, "-f", str(t.parallel), "-o", "-m", "raw",
                                   "-a", COMMAND],
             environment=lambda t: {"ANSIBLE_CONFIG": f"{t.home}/ansible.cfg", "ANSIBLE_HOST_KEY_CHECKING": "True",
                                    "ANSIBLE_SSH_ARGS": f"-F {t.ssh_config}", "ANSIBLE_SSH_USETTY": "False"}),
        Peer("parallel-ssh", parallel_ssh_library, ["-c", f"print('parallel-ssh {PARALLEL_SSH}')"], uses_ssh=False,
             command=lambda p, t: [p, os.path.join(BENCH, "parallel_ssh_client.py"), t.hosts_file, t.known_hosts,
                                   t.user, t.port, t.key, str(t.parallel), COMMAND]),
        Peer("bssh", bssh, ["--version"], uses_ssh=False,
             command=lambda p, t: [p, *(word for host in t.hosts for word in ("-H", host.target)),
                                   "--parallel", str(t.parallel), "-i", t.key, "--strict-host-key-checking", "yes",
                                   "--any-failure", COMMAND]),
    ]
