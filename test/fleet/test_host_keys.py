"""Which hosts are believed to be the ones that were meant."""

import os
import stat
import subprocess

import pytest

from daemons import public_key
from fleet import hash_name
from scripted import ScriptedServer
from servers import Silent


@pytest.fixture
def other_key(fleet):
    return public_key(fleet.new_key("other"))


def attempts(server):
    """The logins that a server has seen."""
    return [line for line in server.log.splitlines() if "publickey" in line or "Accepted" in line or "Failed" in line]


def test_an_unknown_host_is_refused_and_learns_nothing(fleet):
    host = fleet.server("db01")
    host.host_key = None
    fleet.prepare()
    result = fleet.exec("-a", "true").assert_code(4)
    status, cause = result.failures["db01"]
    assert status == "host_key" and "SHA256:" in cause
    assert fingerprint(host.server.host_key) in result.err
    assert attempts(host.server) == []
    assert fleet.known_hosts == []


def fingerprint(key):
    done = subprocess.run(["ssh-keygen", "-l", "-f", "-"], input=key, capture_output=True, text=True, check=True)
    return done.stdout.split()[1]


def test_an_unknown_host_is_sent_no_password(fleet):
    key = fleet.new_key("host_key")
    server = fleet.misbehaving("db01", ScriptedServer, [key], methods="password", password="sesame")
    fleet.hosts["db01"].settings["passwd"] = "sesame"
    fleet.prepare()
    fleet.exec("-a", "true").assert_code(4)
    assert server.tried == [] and server.commands == []


def test_accept_new_remembers_a_host_in_one_line(fleet):
    host = fleet.server("db01")
    host.host_key = None
    fleet.prepare()
    fleet.exec("-a", "--host-key", "accept-new", "true").assert_code(0)
    assert fleet.known_hosts == [f"{host.known_as} {host.server.host_key}"]
    fleet.exec("-a", "true").assert_code(0)
    fleet.exec("-a", "--host-key", "accept-new", "true").assert_code(0)
    assert len(fleet.known_hosts) == 1


def test_a_remembered_host_is_known_to_ssh(fleet):
    host, = fleet.openssh("db01")
    host.host_key = None
    fleet.prepare()
    fleet.exec("-a", "--host-key", "accept-new", "true").assert_code(0)
    result = fleet.run("-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-F", "none",
                       "-o", f"UserKnownHostsFile={fleet.known_hosts_path}", "-i", fleet.path(".ssh/id_ed25519"),
                       "-p", host.port, f"{host.user}@{host.address}", "echo in", program="/usr/bin/ssh")
    assert result.assert_code(0).text == "in\n"


def test_accept_new_makes_the_folder_and_a_private_file(fleet):
    host, = fleet.openssh("db01")
    host.host_key = None
    fleet.write_inventory()
    fleet.forget_keys()
    os.rmdir(fleet.path(".ssh"))
    fleet.exec("-a", "-k", fleet.site.user_key, "--host-key", "accept-new", "true").assert_code(0)
    assert len(fleet.known_hosts) == 1
    assert stat.S_IMODE(os.stat(fleet.path(".ssh")).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(fleet.known_hosts_path).st_mode) & 0o022 == 0


def test_many_hosts_are_remembered_at_once_each_in_one_line(fleet):
    hosts = fleet.openssh(*(f"web{number:02}" for number in range(1, 49)))
    for host in hosts:
        host.host_key = None
    fleet.prepare()
    # Without a newline at its end; the first new line must not be joined to it.
    fleet.write(fleet.known_hosts_path, "# my hosts")
    fleet.exec("-a", "--host-key", "accept-new", "true", timeout=60).assert_code(0)
    lines = fleet.known_hosts
    assert lines[0] == "# my hosts"
    assert sorted(lines[1:]) == sorted(f"{host.known_as} {host.server.host_key}" for host in hosts)


def test_two_runs_at_once_remember_each_host_once(fleet):
    hosts = fleet.openssh(*(f"web{number:02}" for number in range(1, 31)))
    for host in hosts:
        host.host_key = None
    fleet.prepare()
    runs = [fleet.start("exec", "-a", "--host-key", "accept-new", "true") for _ in range(2)]
    for run in runs:
        run.wait(60).assert_code(0)
    assert sorted(fleet.known_hosts) == sorted(f"{host.known_as} {host.server.host_key}" for host in hosts)


def test_new_lines_are_hashed_where_the_others_are(fleet):
    known, new = fleet.openssh("db01", "db02")
    fleet.write_inventory()
    fleet.write_known_hosts([known], hashed=True)
    fleet.exec("-a", "--host-key", "accept-new", "true").assert_code(0)
    assert len(fleet.known_hosts) == 2 and all(line.startswith("|1|") for line in fleet.known_hosts)
    done = subprocess.run(["ssh-keygen", "-F", new.known_as, "-f", fleet.known_hosts_path], capture_output=True,
                          text=True, check=True)
    assert new.server.host_key.split()[1] in done.stdout


def test_accept_new_of_the_inventory_and_of_the_command_line(fleet):
    host, = fleet.openssh("db01")
    host.settings["host_key"] = "accept-new"
    host.host_key = None
    fleet.prepare()
    assert fleet.exec("-a", "--host-key", "strict", "true").assert_code(4).failures["db01"][0] == "host_key"
    fleet.exec("-a", "true").assert_code(0)
    assert len(fleet.known_hosts) == 1


@pytest.mark.parametrize("policy", ["strict", "accept-new"])
def test_a_changed_key_is_refused_before_the_login(fleet, other_key, policy):
    host = fleet.server("db01")
    real, host.host_key = host.host_key, other_key
    fleet.prepare()
    before = fleet.known_hosts
    status, cause = fleet.exec("-a", "--host-key", policy, "true").assert_code(4).failures["db01"]
    assert status == "host_key" and "changed" in cause
    assert fingerprint(real) in cause and fingerprint(other_key) in cause
    assert "known_hosts:1" in cause or "line 1" in cause
    assert attempts(host.server) == []
    assert fleet.known_hosts == before


@pytest.mark.parametrize("policy", ["strict", "accept-new"])
def test_a_key_of_another_type_than_the_known_one_has_changed(fleet, other_key, policy):
    host = fleet.server("db01", host_keys=("rsa",))
    host.host_key = other_key
    fleet.prepare()
    status, cause = fleet.exec("-a", "--host-key", policy, "true").assert_code(4).failures["db01"]
    assert status == "host_key" and "changed" in cause
    assert attempts(host.server) == []


@pytest.mark.parametrize("known", ["rsa", "ecdsa", "ed25519"])
def test_of_several_keys_the_known_one_is_asked_for(fleet, known):
    host = fleet.server("db01", host_keys=("ed25519", "ecdsa", "rsa"))
    host.host_key = host.server.host_keys[known]
    fleet.prepare()
    fleet.exec("-a", "true").assert_code(0)


@pytest.mark.parametrize("known", ["ed25519", "rsa"])
def test_of_two_keys_of_a_scripted_server_the_known_one_is_asked_for(fleet, known):
    keys = {kind: fleet.new_key(f"host_{kind}", kind) for kind in ("rsa", "ed25519")}
    fleet.misbehaving("db01", ScriptedServer, list(keys.values()), host_key=public_key(keys[known]))
    fleet.prepare()
    fleet.exec("-a", "true").assert_code(0)


@pytest.mark.parametrize("policy", ["strict", "accept-new", "off"])
def test_a_revoked_key_is_refused_by_every_policy(fleet, policy):
    host = fleet.server("db01")
    fleet.prepare()
    fleet.write(fleet.known_hosts_path, f"{host.known_as} {host.host_key}\n@revoked * {host.host_key}\n")
    status, cause = fleet.exec("-a", "--host-key", policy, "true").assert_code(4).failures["db01"]
    assert status == "host_key" and "revoked" in cause
    assert attempts(host.server) == []


def test_off_accepts_any_key_and_remembers_none(fleet, other_key):
    known, unknown = fleet.openssh("db01", "db02")
    known.host_key, unknown.host_key = other_key, None
    fleet.prepare()
    before = fleet.known_hosts
    fleet.exec("-a", "--host-key", "off", "true").assert_code(0)
    assert fleet.known_hosts == before


def test_a_hashed_line_is_found(fleet):
    fleet.openssh("db01", "db02")
    fleet.write_inventory()
    fleet.write_known_hosts(hashed=True)
    fleet.exec("-a", "true").assert_code(0)


def test_a_line_without_the_port_is_not_for_another_port(fleet):
    host, = fleet.openssh("db01")
    fleet.write_inventory()
    fleet.write(fleet.known_hosts_path, f"{host.address} {host.host_key}\n")
    assert fleet.exec("-a", "true").assert_code(4).failures["db01"][0] == "host_key"


def test_a_wildcard_line_is_found(fleet):
    host, = fleet.openssh("db01")
    fleet.write_inventory()
    fleet.write(fleet.known_hosts_path, f"[{host.address[:-1]}?]:* {host.host_key}\n")
    fleet.exec("-a", "true").assert_code(0)


def test_another_known_hosts_file(fleet):
    host, = fleet.openssh("db01")
    fleet.write_inventory()
    path = fleet.write("other_known_hosts", f"{host.known_as} {host.host_key}\n")
    assert fleet.exec("-a", "true").assert_code(4).failures["db01"][0] == "host_key"
    fleet.exec("-a", "--known-hosts", path, "true").assert_code(0)


def test_new_keys_go_to_the_first_of_several_files(fleet):
    host, = fleet.openssh("db01")
    fleet.write_inventory()
    first, second = fleet.path("first"), fleet.write("second", "# second\n")
    fleet.exec("-a", "--known-hosts", first, "--known-hosts", second, "--host-key", "accept-new", "true").assert_code(0)
    assert fleet.read("first") == f"{host.known_as} {host.host_key}\n"
    assert fleet.read("second") == "# second\n"


def test_a_known_hosts_file_that_cannot_be_written_accepts_nobody(fleet):
    host = fleet.server("db01")
    fleet.write_inventory()
    # A folder that is not there: nobody can write below it, not even root.
    path = fleet.path("no/such/folder")
    result = fleet.exec("-a", "--known-hosts", path, "--host-key", "accept-new", "true").assert_code(1)
    status, cause = result.failures["db01"]
    assert status == "internal" and path in cause
    assert attempts(host.server) == []


def test_a_known_hosts_file_that_is_a_fifo_does_not_block(fleet):
    host = fleet.server("db01")
    fleet.write_inventory()
    os.mkfifo(fleet.path("fifo"), 0o600)
    result = fleet.exec("-a", "--known-hosts", fleet.path("fifo"), "true")
    assert result.code != 0 and result.seconds < 3
    assert attempts(host.server) == []


def test_names_are_not_trusted_for_one_another(fleet):
    first, second = fleet.openssh("db01", "db02")
    second.host_key = None
    fleet.prepare()
    result = fleet.exec("-a", "true").assert_code(4)
    assert sorted(result.failures) == ["db02"] and first.server is second.server


def test_a_hash_is_of_the_whole_name(fleet):
    host, = fleet.openssh("db01")
    fleet.write_inventory()
    fleet.write(fleet.known_hosts_path, f"{hash_name(host.address)} {host.host_key}\n")
    assert fleet.exec("-a", "true").assert_code(4).failures["db01"][0] == "host_key"


@pytest.mark.parametrize("policy", ["accept-new", "off"])
def test_a_password_is_not_for_whoever_answers(fleet, policy):
    fleet.misbehaving("db01", Silent)
    fleet.hosts["db01"].settings["passwd"] = "sesame"
    fleet.openssh("db02")
    fleet.prepare()
    result = fleet.exec("-a", "--host-key", policy, "true").assert_code(2)
    assert "db01: a password" in result.err and "--accept-new-with-password" in result.err and "db02" not in result.err
    assert fleet.exec("-H", "db02", "--host-key", policy, "true").code == 0
    result = fleet.exec("-a", "--host-key", policy, "--accept-new-with-password", "--connect-timeout", "1", "true")
    assert result.assert_code(3).failures["db01"][0] == "timeout"
