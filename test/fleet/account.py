"""The account that the servers of a fleet log in to.

An ordinary user's servers can log in nobody but that user. For root an account is made and removed again, with a
plain shell and a home in the fleet's own folder: nothing is to be run with root's rights, home or login shell.
"""

import contextlib
import fcntl
import os
import pwd
import re
import secrets
import signal
import subprocess
import time
from dataclasses import dataclass

PREFIX = "fanout-test-"
BOURNE_SHELLS = ("sh", "bash", "dash", "ash", "ksh", "mksh", "zsh")


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    gid: int
    home: str
    shell: str
    password: str = ""  # empty: the servers cannot check one
    own: bool = False   # made for this fleet

    @property
    def has_plain_shell(self):
        return os.path.basename(self.shell) in BOURNE_SHELLS


def is_root():
    return os.geteuid() == 0


def _administer(*command):
    # These programs are not on every root's path.
    env = {**os.environ, "PATH": os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"}
    # Another program may hold the lock of the password file for a moment.
    for _ in range(20):
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode == 0 or "lock" not in done.stderr:
            break
        time.sleep(0.25)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")


@contextlib.contextmanager
def _alone():
    """One fleet at a time: the number of an account that goes may be that of the next one, which nobody is to clean up."""
    folder = os.open("/etc", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def remove_abandoned_accounts():
    """Accounts of runs that were killed before they could remove theirs; their names tell the process."""
    for entry in pwd.getpwall():
        match = re.fullmatch(PREFIX + r"(\d+)", entry.pw_name)
        if match and not _is_alive(int(match[1])):
            with contextlib.suppress(RuntimeError):
                _end_processes(entry.pw_uid)
                _administer("userdel", entry.pw_name)


def _end_processes(uid):
    """Only for the uid of an account that was made here."""
    end = time.monotonic() + 3
    while time.monotonic() < end:
        found = False
        for entry in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                if entry.isdigit() and os.stat(f"/proc/{entry}").st_uid == uid:
                    with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as file:
                        if file.read().rpartition(")")[2].split()[0] == "Z":
                            continue
                    found = True
                    os.kill(int(entry), signal.SIGKILL)
        if not found:
            return
        time.sleep(0.02)


def acquire(folder):
    """The account for a fleet whose files are in `folder`."""
    if not is_root():
        entry = pwd.getpwuid(os.getuid())
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir, entry.pw_shell)
    name, home, password = f"{PREFIX}{os.getpid()}", os.path.join(folder, "account"), secrets.token_hex(8)
    hashed = subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=password + "\n", capture_output=True,
                            text=True, check=True).stdout.strip()
    with _alone():
        remove_abandoned_accounts()
        _administer("useradd", "--no-log-init", "--no-create-home", "--home-dir", home, "--shell", "/bin/sh",
                    "--user-group", "--comment", "fanout's tests", "--password", hashed, name)
    entry = pwd.getpwnam(name)
    os.mkdir(home, 0o755)
    os.chown(home, entry.pw_uid, entry.pw_gid)
    return Account(name, entry.pw_uid, entry.pw_gid, home, entry.pw_shell, password, own=True)


def release(account):
    if account.own:
        with _alone():
            _end_processes(account.uid)
            _administer("userdel", account.name)
