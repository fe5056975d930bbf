"""fanout trust: host keys are shown, confirmed and recorded; a key that is known already is never replaced."""

import os
import re
import select
import signal
import socket
import stat
import subprocess
import threading

import pytest

from daemons import public_key
from processes import wait_until
from servers import ClosedPort, Listener, Silent

KINDS = ("ed25519", "ecdsa", "rsa")


@pytest.fixture
def strangers(fleet):
    """Two hosts of OpenSSH with a key of each kind, and none of them known."""
    hosts = [fleet.server(name, host_keys=KINDS) for name in ("db01", "db02")]
    for host in hosts:
        host.host_key = None
    fleet.prepare()
    return hosts


class OnTheWay(Listener):
    """Passes the first connection that speaks on to the host, and the others to a server of his own."""

    def __init__(self, address, port, real, fake):
        self.real, self.fake = real, fake
        self.spoken = 0
        self._counting = threading.Lock()
        super().__init__(address, port)

    def serve(self, connection):
        # Some connections are made in case, and never used.
        greeting = connection.recv(1 << 16)
        if not greeting:
            return
        with self._counting:
            self.spoken += 1
            host = self.real if self.spoken == 1 else self.fake
        with socket.create_connection((host.address, host.port)) as upstream:
            upstream.sendall(greeting)
            while True:
                for readable in select.select([connection, upstream], [], [])[0]:
                    chunk = readable.recv(1 << 16)
                    if not chunk:
                        return
                    (upstream if readable is connection else connection).sendall(chunk)


def lines_of(*hosts):
    return sorted(f"{host.known_as} {key}" for host in hosts for key in host.server.host_keys.values())


def scanned(host):
    """What ssh-keyscan would write for this host."""
    done = subprocess.run(["ssh-keyscan", "-t", ",".join(KINDS), "-p", str(host.port), host.address],
                          capture_output=True, text=True, check=True)
    return sorted(line for line in done.stdout.splitlines() if not line.startswith("#"))


def keygen(option, key):
    done = subprocess.run(["ssh-keygen", option, "-f", "-"], input=key, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def fingerprint(key):
    return keygen("-l", key)[0].split()[1]


def test_every_key_of_a_new_host_is_recorded_as_ssh_keyscan_finds_it(fleet, strangers):
    result = fleet.run("trust", "-a", "--yes").assert_code(0)
    assert sorted(fleet.known_hosts) == lines_of(*strangers)
    assert sorted(fleet.known_hosts) == sorted(scanned(strangers[0]) + scanned(strangers[1]))
    assert "recorded 6 keys of 2 hosts" in result.err
    assert result.counts == {"hosts": 2, "ok": 2}


def test_what_is_recorded_makes_a_host_known(fleet, kind):
    host, = fleet.of_kind(kind, "db01")
    host.host_key = None
    fleet.prepare()
    fleet.exec("-a", "true").assert_code(4)
    fleet.run("trust", "-a", "--yes").assert_code(0)
    assert fleet.known_hosts == [f"{host.known_as} {host.server.host_key}"]
    fleet.exec("-a", "true").assert_code(0)


def test_the_keys_are_shown_as_ssh_keygen_shows_them(fleet, strangers):
    result = fleet.run("trust", "-H", "db01", "--yes").assert_code(0)
    columns = [["  " + line for line in keygen("-lv", key)[1:]] for key in strangers[0].server.host_keys.values()]
    for key in strangers[0].server.host_keys.values():
        assert re.search(rf"^  \w+ +{re.escape(fingerprint(key))}$", result.text, re.MULTILINE)
    for row in zip(*columns):
        assert "".join(row) in result.text.splitlines()
    assert f"recorded as {strangers[0].known_as}" in result.text


def test_many_hosts_are_shown_without_pictures_unless_asked_for(fleet):
    for host in fleet.openssh("db01", "db02", "db03", "db04"):
        host.host_key = None
    fleet.prepare()
    assert "[SHA256]" not in fleet.run("trust", "-a", "--yes", "--known-hosts", fleet.path("first")).text
    assert "[SHA256]" in fleet.run("trust", "-a", "--yes", "-v", "--known-hosts", fleet.path("second")).text
    assert sorted(fleet.read("first").splitlines()) == sorted(fleet.read("second").splitlines())


def test_a_second_run_finds_everything_known(fleet, strangers):
    fleet.run("trust", "-a", "--yes").assert_code(0)
    before = fleet.known_hosts
    result = fleet.run("trust", "-a", "--yes").assert_code(0)
    assert fleet.known_hosts == before
    assert "2 hosts are known already" in result.err and "recorded" not in result.err
    assert result.out == b""


def test_new_lines_are_hashed_where_the_others_are(fleet, strangers):
    known, = fleet.openssh("db03")
    fleet.write_known_hosts([known], hashed=True)
    fleet.run("trust", "-H", "db01", "--yes").assert_code(0)
    assert len(fleet.known_hosts) == 4 and all(line.startswith("|1|") for line in fleet.known_hosts)
    found = subprocess.run(["ssh-keygen", "-F", strangers[0].known_as, "-f", fleet.known_hosts_path],
                           capture_output=True, text=True, check=True).stdout
    for key in strangers[0].server.host_keys.values():
        assert key.split()[1] in found
    fleet.exec("-H", "db01", "true").assert_code(0)


@pytest.mark.parametrize("known", ["ed25519", "rsa"])
def test_the_other_types_of_a_known_host_are_shown_and_not_recorded(fleet, strangers, known):
    host = strangers[0]
    host.host_key = host.server.host_keys[known]
    fleet.prepare()
    before = fleet.known_hosts
    result = fleet.run("trust", "-H", "db01", "--yes").assert_code(0)
    lines = result.text.splitlines()
    assert len(lines) == 2 and all("another type; this one is not recorded" in line for line in lines)
    for kind, key in host.server.host_keys.items():
        assert (fingerprint(key) in result.text) == (kind != known)
    assert "1 host is known already" in result.err and "recorded" not in result.err
    assert result.counts == {"hosts": 1, "ok": 1}
    assert fleet.known_hosts == before


def test_nobody_is_asked_about_other_types_of_a_known_host(fleet, strangers):
    known, new = strangers
    known.host_key = known.server.host_keys["ed25519"]
    fleet.prepare()
    run = fleet.start("trust", "-H", "db01", terminal=True)
    assert b"[y/N]" not in run.wait().assert_code(0).out
    # Nor does a yes to another host mean them.
    run = fleet.start("trust", "-a", terminal=True)
    run.expect("[y/N] ")
    assert "Record 3 keys of 1 host " in run.screen
    run.type("y\n")
    run.wait().assert_code(0)
    assert sorted(fleet.known_hosts) == sorted([f"{known.known_as} {known.host_key}"] + lines_of(new))


def test_who_shows_the_known_key_of_a_host_does_not_get_his_own_recorded(fleet):
    real = fleet.server("real", host_keys=("ed25519", "rsa"))
    fake = fleet.server("fake", host_keys=("rsa",))
    known = real.host_key
    real.host_key = fake.host_key = None
    between = fleet.misbehaving("db01", OnTheWay, real, fake, host_key=known)
    fleet.prepare()
    before = fleet.known_hosts
    result = fleet.run("trust", "-H", "db01", "--yes").assert_code(0)
    # That it was he who answered is what the test is about.
    assert between.spoken == 2 and fingerprint(fake.server.host_keys["rsa"]) in result.text
    assert fleet.known_hosts == before
    between.real = fake
    assert "changed" in fleet.exec("-H", "db01", "true").assert_code(4).failures["db01"][1]


@pytest.mark.parametrize("known_kind", ["ed25519", "rsa"])
def test_a_changed_host_is_refused_and_nothing_of_it_recorded(fleet, strangers, known_kind):
    changed, new = strangers
    changed.host_key = public_key(fleet.new_key("other", known_kind))
    fleet.prepare()
    result = fleet.run("trust", "-a", "--yes").assert_code(4)
    status, cause = result.failures["db01"]
    assert status == "host_key" and "changed" in cause and "known_hosts:1" in cause
    assert fingerprint(changed.host_key) in cause
    assert any(fingerprint(key) in cause for key in changed.server.host_keys.values())
    assert sorted(fleet.known_hosts) == sorted([f"{changed.known_as} {changed.host_key}"] + lines_of(new))


def test_a_known_key_does_not_vouch_for_a_changed_one(fleet, strangers):
    host = strangers[0]
    other = public_key(fleet.new_key("other", "rsa"))
    before = f"{host.known_as} {host.server.host_keys['ed25519']}\n{host.known_as} {other}\n"
    fleet.write(fleet.known_hosts_path, before)
    cause = fleet.run("trust", "-H", "db01", "--yes").assert_code(4).failures["db01"][1]
    assert "known_hosts:2" in cause and fingerprint(other) in cause
    assert fleet.read(fleet.known_hosts_path) == before


def test_a_host_with_a_revoked_key_gets_none_recorded(fleet, strangers):
    before = f"@revoked * {strangers[0].server.host_keys['rsa']}\n"
    fleet.write(fleet.known_hosts_path, before)
    status, cause = fleet.run("trust", "-H", "db01", "--yes").assert_code(4).failures["db01"]
    assert status == "host_key" and "revoked" in cause
    assert fleet.read(fleet.known_hosts_path) == before


def test_a_host_that_is_not_reached_is_named_and_the_others_recorded(fleet, strangers):
    fleet.misbehaving("web01", ClosedPort)
    fleet.misbehaving("web02", Silent)
    fleet.write_inventory()
    result = fleet.run("trust", "-a", "--yes", "--connect-timeout", "1s").assert_code(4)
    assert result.failures["web01"][0] == "unreachable" and result.failures["web02"][0] == "timeout"
    assert sorted(fleet.known_hosts) == lines_of(*strangers)


def test_a_server_that_lets_in_one_at_a_time_is_scanned(fleet):
    host = fleet.server("db01", host_keys=KINDS, settings=["MaxStartups 1"])
    host.host_key = None
    fleet.prepare()
    fleet.run("trust", "-a", "--yes").assert_code(0)
    assert set(fleet.known_hosts) <= set(lines_of(host)) and fleet.known_hosts
    fleet.exec("-a", "true").assert_code(0)


def test_nobody_logs_in(fleet, strangers):
    fleet.run("trust", "-a", "--yes").assert_code(0)
    for host in strangers:
        assert "publickey" not in host.server.log and "Accepted" not in host.server.log


def test_yes_on_the_terminal_records(fleet, strangers):
    run = fleet.start("trust", "-a", terminal=True)
    run.expect("[y/N] ")
    assert f"Record 6 keys of 2 hosts in {fleet.known_hosts_path}? [y/N] " in run.screen
    assert run.echoes() and fleet.known_hosts == []
    run.type("y\n")
    run.wait().assert_code(0)
    assert sorted(fleet.known_hosts) == lines_of(*strangers)


@pytest.mark.parametrize("answer", ["n\n", "\n", "yes please\n", "\x04"])
def test_anything_but_yes_records_nothing(fleet, strangers, answer):
    run = fleet.start("trust", "-a", terminal=True)
    run.expect("[y/N] ")
    run.type(answer)
    result = run.wait().assert_code(4)
    assert fleet.known_hosts == []
    assert "not recorded" in result.out.decode()


def test_what_was_typed_before_the_question_is_no_answer(fleet, strangers):
    silent = fleet.misbehaving("web01", Silent)
    fleet.write_inventory()
    run = fleet.start("trust", "-a", "--connect-timeout", "2s", terminal=True)
    assert wait_until(lambda: silent.connections > 0)
    run.type("y\n")
    run.expect("[y/N] ")
    run.type("n\n")
    run.wait().assert_code(4)
    assert fleet.known_hosts == []


def test_interrupting_the_question_records_nothing(fleet, strangers):
    run = fleet.start("trust", "-a", terminal=True)
    run.expect("[y/N] ")
    run.interrupt()
    result = run.wait().assert_code(130)
    assert fleet.known_hosts == [] and b"interrupted" in result.out


def test_hanging_up_at_the_question_records_nothing(fleet, strangers):
    run = fleet.start("trust", "-a", terminal=True)
    run.expect("[y/N] ")
    run.hang_up()
    run.wait().assert_code(129)
    assert fleet.known_hosts == []


@pytest.mark.parametrize("answer, code", [("y\n", 0), ("n\n", 4)])
def test_who_is_asked_has_seen_the_keys_wherever_the_output_goes(fleet, strangers, answer, code):
    with open(fleet.path("listing"), "wb") as listing:
        run = fleet.start("trust", "-H", "db01", terminal=True, stdout=listing)
        run.expect("[y/N] ")
        asked = run.screen.index("Record 3 keys")
        for key in strangers[0].server.host_keys.values():
            assert 0 <= run.screen.find(fingerprint(key)) < asked
            assert run.screen.count(fingerprint(key)) == 1
        run.type(answer)
        run.wait().assert_code(code)
    assert run.screen.replace("\r\n", "\n").startswith(fleet.read("listing"))
    assert all(fingerprint(key) in fleet.read("listing") for key in strangers[0].server.host_keys.values())


def test_on_a_terminal_the_keys_are_shown_once(fleet, strangers):
    run = fleet.start("trust", "-H", "db01", terminal=True)
    run.expect("[y/N] ")
    for key in strangers[0].server.host_keys.values():
        assert run.screen.count(fingerprint(key)) == 1
    run.type("n\n")
    run.wait().assert_code(4)


def test_interrupting_the_scan_records_nothing(fleet, strangers):
    silent = fleet.misbehaving("web01", Silent)
    fleet.write_inventory()
    run = fleet.start("trust", "-a", "--yes", "--connect-timeout", "30s")
    assert wait_until(lambda: silent.connections > 0)
    run.send_signal(signal.SIGINT)
    run.expect("nothing will be recorded")
    run.send_signal(signal.SIGINT)
    run.wait().assert_code(130)
    assert fleet.known_hosts == []


def test_a_host_that_is_known_needs_no_question(fleet):
    fleet.openssh("db01")
    fleet.prepare()
    run = fleet.start("trust", "-a", terminal=True)
    assert b"[y/N]" not in run.wait().assert_code(0).out


def test_without_a_terminal_and_without_yes_nobody_is_contacted(fleet):
    silent = fleet.misbehaving("web01", Silent)
    fleet.prepare()
    result = fleet.run("trust", "-a").assert_code(2)
    assert "--yes" in result.err and silent.connections == 0


def test_keys_that_cannot_be_shown_are_not_recorded(fleet, strangers):
    with open("/dev/full", "wb") as full:
        fleet.run("trust", "-a", "--yes", stdout=full).assert_code(1)
    assert fleet.known_hosts == []


def test_a_file_that_cannot_be_written_is_said_and_nobody_contacted(fleet):
    silent = fleet.misbehaving("web01", Silent)
    fleet.prepare()
    result = fleet.run("trust", "-a", "--yes", "--known-hosts", fleet.path("no/such/folder/file")).assert_code(2)
    assert "no/such/folder/file" in result.err and "No such file" in result.err
    assert silent.connections == 0


def test_without_a_home_nobody_is_contacted(fleet):
    silent = fleet.misbehaving("web01", Silent)
    fleet.prepare()
    result = fleet.run("trust", "-a", "--yes", "-i", fleet.path("hosts.ini"),
                       env={"HOME": fleet.path("no/such/home")}).assert_code(2)
    assert "no/such/home" in result.err and silent.connections == 0


@pytest.mark.parametrize("what", ["file that cannot be read", "file that cannot be written", "folder"])
def test_what_others_may_not_touch_is_found_before_anybody_is_contacted(fleet, what):
    silent = fleet.misbehaving("web01", Silent)
    fleet.prepare()
    os.mkdir(fleet.path("folder"))
    path = fleet.path("folder/known_hosts")
    if what == "folder":
        os.chmod(fleet.path("folder"), 0o500)
    else:
        fleet.write("folder/known_hosts", "")
        os.chmod(path, 0o200 if "read" in what else 0o400)
    # Root without what makes him read and write everything.
    program, *prefix = ["/usr/bin/setpriv", "--bounding-set=-dac_override,-dac_read_search", "--", fleet.program] \
        if os.geteuid() == 0 else [fleet.program]
    commands = {"trust": ["--yes"]}
    if "read" in what:
        # That a file cannot be written concerns hosts only whose keys are new.
        commands["exec"] = ["--host-key", "accept-new", "true"]
    for command, end in commands.items():
        result = fleet.run(*prefix, command, "-a", "--known-hosts", path, *end, program=program).assert_code(2)
        assert path in result.err and "Permission denied" in result.err and silent.connections == 0


def test_the_folder_of_keys_is_made_when_it_is_missing(fleet, strangers):
    fleet.forget_keys()
    os.remove(fleet.known_hosts_path)
    os.rmdir(fleet.path(".ssh"))
    fleet.run("trust", "-H", "db01", "--yes").assert_code(0)
    assert stat.S_IMODE(os.stat(fleet.path(".ssh")).st_mode) == 0o700
    assert sorted(fleet.known_hosts) == lines_of(strangers[0])


@pytest.mark.parametrize("file", ["/dev/null", "/dev/tty", "."])
def test_keys_are_not_recorded_where_they_would_be_lost(fleet, strangers, file):
    fleet.run("trust", "-a", "--yes", "--known-hosts", file).assert_code(2)


def test_nor_are_they_behind_a_link_to_nowhere(fleet):
    silent = fleet.misbehaving("web01", Silent)
    fleet.prepare()
    os.remove(fleet.known_hosts_path)
    os.symlink("/dev/null", fleet.known_hosts_path)
    fleet.run("trust", "-a", "--yes").assert_code(2)
    assert silent.connections == 0


def test_two_names_for_one_address_are_recorded_once(fleet, strangers):
    host = strangers[0]
    fleet.add("alias", host.address, host.port, None, host.server)
    fleet.write_inventory()
    fleet.run("trust", "-H", "db01,alias", "--yes").assert_code(0)
    assert sorted(fleet.known_hosts) == lines_of(host)


def test_a_host_behind_another_is_not_asked_directly(fleet, strangers):
    strangers[0].settings["jump"] = "gate"
    fleet.write_inventory()
    assert "jump" in fleet.run("trust", "-a", "--yes").assert_code(2).err
    assert fleet.known_hosts == []
