"""What may be wrong with known_hosts, with the file or with a line of it, and with the keys that servers show.

A host that is refused hears nothing of the login: no name, no key, no password.
"""

import os
import re
import stat
import subprocess

import pytest

from bench import SOUND
from daemons import public_key
from fleet import hash_name
from packets import USERAUTH_REQUEST, PacketServer
from servers import Silent


@pytest.fixture
def other_key(fleet):
    return public_key(fleet.new_key("other"))


def fingerprint(key):
    done = subprocess.run(["ssh-keygen", "-l", "-f", "-"], input=key, capture_output=True, text=True, check=True)
    return done.stdout.split()[1]


def logins(server):
    return [line for line in server.log.splitlines() if "publickey" in line or "Accepted" in line or "Failed" in line]


def in_a_namespace(fleet, script, *arguments, **options):
    """The program behind a shell script that may mount what it likes. "$FOLDER" is an empty folder of the client."""
    folder = fleet.path("folder")
    os.makedirs(folder, exist_ok=True)
    prefix = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps", "--mount"]
    probe = subprocess.run(["unshare", *prefix, "mount", "-t", "tmpfs", "none", folder], capture_output=True, text=True,
                           check=False)
    if probe.returncode != 0:
        pytest.skip(f"no mount namespace here: {probe.stderr.strip()}")
    return fleet.run(*prefix, "/bin/sh", "-c", script + ' && exec "$@"', "sh", fleet.program, *arguments,
                     program="/usr/bin/unshare", env={"FOLDER": folder}, **options)


# --- unknown and changed --------------------------------------------------------------------------------------------

def test_of_an_unknown_host_the_user_gets_what_is_needed_to_verify_and_to_add_it(fleet):
    host = fleet.server("db01")
    host.host_key = None
    fleet.openssh(*SOUND)
    fleet.prepare()
    before = fleet.known_hosts
    result = fleet.exec("-a", "-v", "echo here").assert_code(4)
    status, cause = result.failures["db01"]
    assert status == "host_key" and cause.startswith("unknown host key ")
    assert fingerprint(host.server.host_key) in cause and host.known_as in cause and "fanout trust" in cause
    # The line itself, for who has verified it and does not want to contact the host again.
    assert f"{host.known_as} {host.server.host_key}" in result.err
    assert logins(host.server) == [] and fleet.known_hosts == before
    assert result.blocks == dict.fromkeys(SOUND, b"here\n")


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_accept_new_adds_one_line_and_leaves_the_rest_of_the_file_alone(fleet, mode):
    known, new = fleet.openssh("db01", "db02")
    fleet.write_inventory()
    text = f"# my hosts\n\n{known.known_as} {known.host_key} and a comment"
    path = fleet.write(fleet.known_hosts_path, text, mode)
    inode = os.stat(path).st_ino
    result = fleet.exec("-a", "--host-key", "accept-new", "echo here").assert_code(0)
    assert fleet.read(path) == f"{text}\n{new.known_as} {new.host_key}\n"
    assert stat.S_IMODE(os.stat(path).st_mode) == mode and os.stat(path).st_ino == inode
    assert result.counts == {"hosts": 2, "ok": 2}


def test_that_a_key_was_taken_on_trust_is_told_to_who_wants_to_know(fleet):
    known, new = fleet.openssh("db01", "db02")
    fleet.write_inventory()
    fleet.write_known_hosts([known])
    result = fleet.exec("-a", "-v", "--host-key", "accept-new", "echo here").assert_code(0)
    notes = [line for line in result.err.splitlines() if fingerprint(new.host_key) in line]
    assert len(notes) == 1 and notes[0].startswith("fanout: db02: "), result.err
    # Known from then on, and no news.
    again = fleet.exec("-a", "-v", "--host-key", "accept-new", "echo here").assert_code(0)
    assert fingerprint(new.host_key) not in again.err


def test_ten_names_of_one_machine_are_ten_hosts(fleet):
    """One key, ten addresses; and a name that is known does not vouch for the others."""
    hosts = fleet.openssh(*(f"alias{number}" for number in range(10)))
    assert len({host.server.host_key for host in hosts}) == 1
    for host in hosts[1:]:
        host.host_key = None
    fleet.prepare()
    result = fleet.exec("-a", "echo here").assert_code(4)
    assert sorted(result.failures) == [host.name for host in hosts[1:]]
    assert {status for status, _ in result.failures.values()} == {"host_key"}
    assert result.blocks == {"alias0": b"here\n"}
    fleet.exec("-a", "--host-key", "accept-new", "true").assert_code(0)
    assert sorted(fleet.known_hosts) == sorted(f"{host.known_as} {host.server.host_key}" for host in hosts)


@pytest.mark.parametrize("policy", ["strict", "accept-new"])
def test_a_key_that_is_swapped_after_one_connection_is_refused_at_the_next(bench, policy):
    """The first connection breaks off after the login, the second meets somebody else at the same address."""
    fleet = bench.fleet

    def break_off(peer):
        peer.converse("login")
        raise EOFError

    server = bench.add("db01", break_off)
    result = bench.run("--host-key", policy, "--connect-timeout", "3", code=4)
    assert result.failures["db01"][0] == "unreachable" and USERAUTH_REQUEST in server.received
    impostor = PacketServer(fleet.site.addresses.take(), server.port, fleet.new_key("impostor"), lambda peer: None)
    impostor.close()
    server.host_key, server.host_key_blob = impostor.host_key, impostor.host_key_blob
    server.conversations.clear()
    result = bench.run("--host-key", policy, "--connect-timeout", "3", code=4, prepare=False)
    status, cause = result.failures["db01"]
    assert status == "host_key" and "has changed" in cause
    assert USERAUTH_REQUEST not in server.received


@pytest.mark.parametrize("known", ["rsa", "ecdsa"])
def test_the_known_type_is_asked_for_first_even_if_the_server_would_rather_show_another(fleet, known):
    host = fleet.server("db01", host_keys=("ed25519", "ecdsa", "rsa"))
    host.host_key = host.server.host_keys[known]
    fleet.openssh(*SOUND)
    fleet.prepare()
    before = fleet.known_hosts
    # By accept-new too: a second key of a known host is not new.
    for policy in ("strict", "accept-new"):
        result = fleet.exec("-a", "-v", "--host-key", policy, "echo here").assert_code(0)
        note = next(line for line in result.err.splitlines() if line.startswith("fanout: db01: SSH-2.0"))
        assert {"rsa": "rsa-sha2-512", "ecdsa": "ecdsa-sha2-nistp256"}[known] in note
        assert len(result.blocks) == 3
    assert fleet.known_hosts == before


# --- lines ----------------------------------------------------------------------------------------------------------

def lines_of_known_hosts(host, other):
    """Texts of the file by what is the matter with them, for a host on a port that is not 22."""
    key, address, port = host.host_key, host.address, host.port
    kind, blob = key.split()
    name = host.known_as
    wild = address[:-1] + "?"
    return {
        "plain": f"{name} {key}",
        "comment": f"{name} {key} a comment of several words",
        "no newline": f"# first\n{name} {key}",
        "crlf": f"{name} {key}\r\n",
        "blanks": f"  \t{name} \t {kind}  {blob}  ",
        "tab after the name": f"{name}\t{kind}\t{blob}",
        "several names": f"db07,{name},10.1.1.1 {key}",
        "empty names": f",,{name},, {key}",
        "hashed": f"{hash_name(name)} {key}",
        "hashed of the address": f"{hash_name(address)} {key}",
        "hashed and cut": f"{hash_name(name)[:-3]} {key}",
        "hashed in a list": f"db07,{hash_name(name)} {key}",
        "port missing": f"{address} {key}",
        "wrong port": f"[{address}]:{port + 1} {key}",
        "port without brackets": f"{address}:{port} {key}",
        "wildcard": f"[{wild}]:{port} {key}",
        "wildcard port": f"[{address}]:* {key}",
        "star": f"* {key}",
        "negated": f"*,!{name} {key}",
        "negated first": f"!{name},* {key}",
        "negated another": f"!10.1.1.1,[*]:* {key}",
        "only negated": f"!10.1.1.1 {key}",
        "other key": f"{name} {other}",
        "other key and then ours": f"{name} {other}\n{name} {key}",
        "ours of a list and another key": f"*,!{name} {other}\n{name} {key}",
        "revoked": f"{name} {key}\n@revoked * {key}",
        "revoked before": f"@revoked {name} {key}\n{name} {key}",
        "revoked alone": f"@revoked {name} {key}",
        "another is revoked": f"@revoked {name} {other}\n{name} {key}",
        "revoked for another": f"@revoked 10.1.1.1 {key}\n{name} {key}",
        "revoked, negated": f"@revoked *,!{name} {key}\n{name} {key}",
        "revoked by its hash": f"@revoked {hash_name(name)} {key}\n{name} {key}",
        "authority": f"@cert-authority {name} {key}",
        "authority and ours": f"@cert-authority * {other}\n{name} {key}",
        "unknown marker": f"@trusted {name} {key}",
        "two markers": f"@revoked @revoked {name} {key}\n{name} {key}",
        "upper case marker": f"@REVOKED {name} {key}\n{name} {key}",
        "commented out": f"#{name} {key}",
        "cut key": f"{name} {kind} {blob[:-10]}",
        "longer key": f"{name} {kind} {blob[:-1]}AAAA",
        "no key": f"{name} {kind}",
        "only a name": f"{name}",
        "type of another": f"{name} ssh-rsa {blob}",
        "unknown type": f"{name} ssh-what {blob}",
        "key without type": f"{name} {blob}",
        "bad lines first": f"\x01\x02\n@\n|\n|1|\n|1|x|y {key}\n! {key}\n{name} {key}",
        "nul in a line before": f"db07 {key}\0\n{name} {key}",
        "nul after the key": f"{name} {key}\0garbage",
        "long line first": f"{'x' * 70000} {key}\n{name} {key}",
        "two alike": f"{name} {key}\n{name} {key}",
    }


def test_every_kind_of_line_gets_the_answer_that_ssh_gives(fleet):
    """The same server and the same file for both. Nobody has a key: who accepts the host is refused by it."""
    host, = fleet.openssh("db01")
    cases = lines_of_known_hosts(host, public_key(fleet.new_key("other")))
    fleet.forget_keys()
    fleet.write_inventory()
    runs = {}
    for number, (case, text) in enumerate(cases.items()):
        path = fleet.write(f"known_hosts-{number}", text)
        # Under an alias: otherwise ssh looks for a name with a port a second time without it, which fanout does not.
        theirs = fleet.start("-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o",
                             f"HostKeyAlias={host.known_as}", "-o", f"UserKnownHostsFile={path}", "-o",
                             "GlobalKnownHostsFile=/dev/null", "-o", "PreferredAuthentications=none", "-p", host.port,
                             f"{host.user}@{host.address}", "true", program="/usr/bin/ssh")
        ours = fleet.start("exec", "-a", "--known-hosts", path, "true")
        runs[case] = theirs, ours
        # A few at a time, or all of them would wait for one another.
        if number % 6 == 5:
            theirs.child.wait(20)
            ours.child.wait(20)
    answers = {}
    for case, (theirs, ours) in runs.items():
        theirs, ours = theirs.wait(30), ours.wait(30).assert_code(4)
        accepted = "Permission denied" in theirs.err
        refused = "verification failed" in theirs.err or "revoked" in theirs.err.lower()
        assert accepted or refused, (case, theirs)
        status, cause = ours.failures["db01"]
        assert status in ("auth", "host_key"), (case, ours)
        assert not case.startswith("revoked") or accepted or "is revoked" in cause, (case, cause)
        answers[case] = accepted, status == "auth"
    differ = {case: both for case, both in answers.items() if both[0] != both[1]}
    assert differ == {}, "case: (ssh accepts, fanout accepts)"
    assert 10 < sum(accepted for accepted, _ in answers.values()) < len(answers) - 10


def test_a_name_in_upper_case_is_the_same_name(fleet):
    """The one name that needs no resolver."""
    host = fleet.server("db01", address="127.0.0.1")
    fleet.openssh("sound01")
    for address, line in (("LOCALHOST", "localhost"), ("localhost", "LocalHost")):
        host.address = address
        fleet.write_inventory()
        fleet.write_known_hosts(fleet.hosts[1:])
        with open(fleet.known_hosts_path, "a", encoding="ascii") as file:
            file.write(f"[{line}]:{host.port} {host.server.host_key}\n")
        assert len(fleet.exec("-a", "-4", "echo here").assert_code(0).blocks) == 2
        with open(fleet.known_hosts_path, "a", encoding="ascii") as file:
            file.write(f"@revoked [{line.upper()}]:{host.port} {host.server.host_key}\n")
        assert "is revoked" in fleet.exec("-a", "-4", "echo here").assert_code(4).failures["db01"][1]


# --- the file -------------------------------------------------------------------------------------------------------

def test_two_runs_and_some_of_ssh_at_once_leave_a_file_that_all_of_them_can_read(fleet):
    hosts = fleet.openssh(*(f"web{number:02}" for number in range(1, 25)))
    keys = {host.known_as: host.host_key for host in hosts}
    fleet.write_inventory()
    old = "".join(f"old{number} {hosts[0].host_key}\n" for number in range(200))
    fleet.write(fleet.known_hosts_path, old)
    theirs = [fleet.start("-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=accept-new", "-o",
                          f"UserKnownHostsFile={fleet.known_hosts_path}", "-o", "HashKnownHosts=no", "-i",
                          fleet.path(".ssh/id_ed25519"), "-p", host.port, f"{host.user}@{host.address}", "true",
                          program="/usr/bin/ssh") for host in hosts[:6]]
    ours = [fleet.start("exec", "-a", "--host-key", "accept-new", "echo here") for _ in range(2)]
    for run in (*ours, *theirs):
        run.wait(60).assert_code(0)
    text = fleet.read(fleet.known_hosts_path)
    assert text.startswith(old) and text.endswith("\n")
    added = text[len(old):].splitlines()
    # ssh takes no lock: a host that both meet for the first time may have two lines, but all of them whole and right.
    for line in added:
        name, _, key = line.partition(" ")
        assert key == keys[name], line
    assert {line.split()[0] for line in added} == set(keys)
    met_by_us_alone = {host.known_as for host in hosts[6:]}
    assert all(added.count(line) == 1 for line in added if line.split()[0] in met_by_us_alone)
    fleet.exec("-a", "true").assert_code(0)


def in_the_way(fleet, what):
    """Makes known_hosts something that is not a file to be read."""
    path = fleet.known_hosts_path
    if what == "fifo":
        os.mkfifo(path, 0o600)
    elif what == "folder":
        os.mkdir(path)
    elif what == "loop":
        os.symlink(path, path)
    elif what == "link to a fifo":
        os.mkfifo(fleet.path("fifo"), 0o600)
        os.symlink(fleet.path("fifo"), path)
    elif what == "device":
        os.symlink("/dev/zero", path)
    elif what == "larger than a file of keys":
        with open(path, "wb") as file:
            file.truncate(1 << 30)


@pytest.mark.parametrize("what", ["fifo", "folder", "loop", "link to a fifo", "device", "larger than a file of keys"])
def test_a_known_hosts_that_is_no_such_file_is_named_and_nobody_is_contacted(fleet, what):
    listener = fleet.misbehaving("db01", Silent)
    fleet.write_inventory()
    in_the_way(fleet, what)
    for policy in ("strict", "accept-new"):
        result = fleet.exec("-a", "--host-key", policy, "true", timeout=8).assert_code(1)
        assert fleet.known_hosts_path in result.err and result.seconds < 3
        assert len(result.err.splitlines()) < 5
    assert listener.connections == 0


def test_a_known_hosts_that_is_a_link_is_read_and_extended_where_it_leads(fleet):
    known, new = fleet.openssh("db01", "db02")
    fleet.write_inventory()
    os.mkdir(fleet.path("elsewhere"))
    real = fleet.write("elsewhere/hosts", f"{known.known_as} {known.host_key}\n")
    os.symlink(real, fleet.known_hosts_path)
    assert sorted(fleet.exec("-a", "true").assert_code(4).failures) == ["db02"]
    fleet.exec("-a", "--host-key", "accept-new", "true").assert_code(0)
    assert os.path.islink(fleet.known_hosts_path)
    assert fleet.read("elsewhere/hosts") == f"{known.known_as} {known.host_key}\n{new.known_as} {new.host_key}\n"


def test_a_file_that_is_missing_with_its_folder_is_a_slip_or_remembers_nobody(fleet):
    known, = fleet.openssh("db01")
    new = fleet.server("db02")
    fleet.write_inventory()
    system = fleet.write("system", f"{known.known_as} {known.host_key}\n")
    first = fleet.path("no/such/folder/known_hosts")
    # Named by the user, so that it is not there is a slip.
    assert first in fleet.exec("-a", "--known-hosts", first, "--known-hosts", system, "echo here").assert_code(2).err
    result = fleet.exec("-a", "--known-hosts", first, "--known-hosts", system, "--host-key", "accept-new", "echo here")
    # It might be made, were it not for the folder. Those who are known have nothing to do with that.
    status, cause = result.assert_code(1).failures["db02"]
    assert status == "internal" and first in cause and "No such file" in cause
    assert result.blocks == {"db01": b"here\n"} and logins(new.server) == []


@pytest.mark.parametrize("kind", ["read-only", "full"])
def test_a_known_hosts_that_cannot_grow_serves_the_known_and_remembers_nobody(fleet, kind):
    known, = fleet.openssh("db01")
    new = fleet.server("db02")
    fleet.write_inventory()
    line = f"{known.known_as} {known.host_key}\n"
    # A page holds the line and comments up to its last few bytes.
    fleet.write("known", line + "#" * (4096 - len(line) - 11) + "\n# the end\n")
    script = "mount -t tmpfs -o size=4k none \"$FOLDER\" && cp known \"$FOLDER/known_hosts\""
    if kind == "read-only":
        script += " && mount -o remount,ro,size=4k none \"$FOLDER\""
    path = os.path.join(fleet.path("folder"), "known_hosts")
    for policy, code in (("strict", 4), ("accept-new", 1)):
        result = in_a_namespace(fleet, script, "exec", "-a", "--known-hosts", path, "--host-key", policy, "echo here")
        result.assert_code(code)
        status, cause = result.failures["db02"]
        if policy == "strict":
            assert status == "host_key" and "unknown" in cause
        else:
            # Not remembered is not accepted: the next connection would accept anybody again. Written in part is as bad:
            # "11 of 120 bytes".
            assert status == "internal" and path in cause, cause
            expected = "Read-only file system" if kind == "read-only" else r"No space left|write .*: \d+ of \d+ bytes"
            assert re.search(expected, cause), cause
        assert result.blocks == {"db01": b"here\n"}
    assert logins(new.server) == []


def test_a_line_that_does_not_fit_whole_is_taken_back(fleet):
    """A limit in the middle of the new line, as a quota has it: half a line would spoil the next one."""
    known, = fleet.openssh("db01")
    new = fleet.server("db02")
    fleet.write_inventory()
    text = f"{known.known_as} {known.host_key}\n"
    fleet.write(fleet.known_hosts_path, text)
    # Counted in blocks of 512 bytes.
    script = "trap '' XFSZ && ulimit -f 1"
    filler = "#" * (512 - len(text) - 30) + "\n"
    fleet.write(fleet.known_hosts_path, text + filler)
    result = fleet.run("-c", script + ' && exec "$@"', "sh", fleet.program, "exec", "-a", "--host-key", "accept-new",
                       "echo here", program="/bin/sh")
    status, cause = result.assert_code(1).failures["db02"]
    assert status == "internal" and "known_hosts" in cause and ("29 of" in cause or "too large" in cause), cause
    assert fleet.read(fleet.known_hosts_path) == text + filler
    assert logins(new.server) == [] and result.blocks == {"db01": b"here\n"}


def test_a_known_hosts_of_a_hundred_thousand_lines_is_no_obstacle(fleet):
    known, new = fleet.openssh("db01", "db02")
    new.host_key = None
    fleet.write_inventory()
    with open(fleet.known_hosts_path, "w", encoding="ascii") as file:
        for number in range(100_000):
            file.write(f"host{number}.example.com,10.0.{number // 256 % 256}.{number % 256} {known.host_key}\n")
        file.write(f"{known.known_as} {known.host_key}\n")
    result = fleet.exec("-a", "echo here", memory=True).assert_code(4)
    assert result.blocks == {"db01": b"here\n"} and result.failures["db02"][0] == "host_key"
    assert result.seconds < 3


def test_bytes_that_no_text_has_spoil_their_own_line_alone(fleet):
    known, = fleet.openssh("db01")
    fleet.write_inventory()
    with open(fleet.known_hosts_path, "wb") as file:
        file.write(bytes(range(256)) * 40 + b"\n\0\0\0\n" + b"\xff" * 5000 + b"\n"
                   + f"{known.known_as} {known.host_key}\n".encode() + b"\0" * 3000)
    assert fleet.exec("-a", "echo here").assert_code(0).blocks == {"db01": b"here\n"}


def test_no_memory_for_the_check_is_a_refusal(fleet):
    """As in CVE-2025-26465, where a client that ran out of memory took the key for verified."""
    host = fleet.server("db01")
    other = public_key(fleet.new_key("other"))
    host.host_key = other
    fleet.write_inventory()
    with open(fleet.known_hosts_path, "w", encoding="ascii") as file:
        file.write(f"{host.known_as} {other}\n" + f"{'a' * 900}.example.com {other}\n" * 10_000)
    answered = 0
    for megabytes in (16, 20, 24, 32, 48, 64, 96):
        result = fleet.run("-c", f"ulimit -S -v {megabytes << 10} && exec \"$@\"", "sh", fleet.program, "exec", "-a",
                           "--connect-timeout", "3", "true", program="/bin/sh", timeout=15)
        # Said, and not died of.
        assert result.code in (1, 4) and "fanout: " in result.err, result
        answered += "has changed" in result.err
    assert logins(host.server) == []
    # With enough of it the reason is the key.
    assert answered > 0
