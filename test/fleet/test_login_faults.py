"""Agents that refuse, lie or hang, key files that are not what they seem, and servers that abuse the login.

The agents are ssh-agent where it can be brought to do it, and otherwise one of ours that speaks its protocol
(draft-ietf-sshm-ssh-agent).
"""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import threading

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench import HOSTILE_TEXT, SOUND, statuses
from packets import (CIPHERS, SERVICE_ACCEPT, SERVICE_REQUEST, USERAUTH_BANNER, USERAUTH_INFO_REQUEST,
                     USERAUTH_INFO_RESPONSE, USERAUTH_PASSWD_CHANGEREQ, USERAUTH_REQUEST, USERAUTH_SUCCESS, Fields, Raw,
                     message, string)
from processes import below
from servers import Silent

AGENT_FAILURE, AGENT_SUCCESS, REQUEST_IDENTITIES, IDENTITIES_ANSWER, SIGN_REQUEST, SIGN_RESPONSE = 5, 6, 11, 12, 13, 14


class Agent:
    """An agent that answers as `behaves` says: "well", or in one of the ways in `reply`."""

    def __init__(self, path, keys=1, behaves="well"):
        self.path, self.behaves = path, behaves
        self.keys = {}
        for _ in range(keys):
            key = Ed25519PrivateKey.generate()
            raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            self.keys[string(b"ssh-ed25519") + string(raw)] = key
        self.requests = []      # (type, blob of a key or None)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(path)
        self._socket.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError, EOFError), connection:
            while True:
                size, = struct.unpack(">I", self._read(connection, 4))
                connection.sendall(self.reply(self._read(connection, size)))

    @staticmethod
    def _read(connection, count):
        data = bytearray()
        while len(data) < count:
            chunk = connection.recv(count - len(data))
            if not chunk:
                raise EOFError
            data += chunk
        return bytes(data)

    def reply(self, request):
        kind = request[0]
        blob = Fields(request).string() if kind == SIGN_REQUEST else None
        self.requests.append((kind, blob))
        if self.behaves == "hangs up":
            raise EOFError
        if self.behaves == "refuses":
            return string(message(AGENT_FAILURE))
        if self.behaves == "claims a huge reply":
            return struct.pack(">I", (1 << 32) - 1)
        if self.behaves == "claims an empty reply":
            return struct.pack(">I", 0)
        if self.behaves == "talks nonsense":
            return string(os.urandom(200))
        if kind == REQUEST_IDENTITIES:
            count = (1 << 32) - 1 if self.behaves == "counts wrong" else len(self.keys)
            comment = HOSTILE_TEXT if self.behaves == "comments" else b"in the agent"
            return string(message(IDENTITIES_ANSWER, count) + b"".join(string(key) + string(comment)
                                                                       for key in self.keys))
        if kind == SIGN_REQUEST and self.behaves != "refuses to sign":
            if self.behaves == "signs nonsense":
                return string(message(SIGN_RESPONSE, string(b"ssh-ed25519") + string(os.urandom(64))))
            fields = Fields(request)
            fields.string()
            signature = self.keys[blob].sign(fields.string())
            return string(message(SIGN_RESPONSE, string(b"ssh-ed25519") + string(signature)))
        return string(message(AGENT_FAILURE))

    def signed(self):
        return [blob for kind, blob in self.requests if kind == SIGN_REQUEST]

    def close(self):
        self._socket.close()


@pytest.fixture
def agents(fleet):
    """Makes agents of ours that end with the test."""
    with contextlib.ExitStack() as stack:
        made = []

        def make(**options):
            made.append(Agent(os.path.join(fleet.folder, f"agent{len(made)}"), **options))
            stack.callback(made[-1].close)
            return made[-1]

        yield make


def sound_hosts_with_a_key_of_their_own(fleet):
    """Their identity comes before the keys of the agent, and default keys are gone."""
    fleet.forget_keys()
    for host in fleet.openssh(*SOUND):
        host.settings["identity"] = fleet.site.user_key
    fleet.prepare()


def counts_keys(tried):
    """A server that refuses every key, and keeps count."""
    def script(peer):
        peer.converse("service accept")
        seen = tried[peer.server] = []
        while True:
            _, fields = peer.next_login("publickey")
            signed = fields.boolean()
            fields.string()
            seen.append((fields.string(), signed))
            peer.refuse_login()

    return script


# --- agents ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("behaves", ["hangs up", "refuses", "claims a huge reply", "claims an empty reply",
                                     "talks nonsense", "counts wrong", "refuses to sign", "signs nonsense", "comments"])
def test_an_agent_that_is_of_no_use_does_not_stand_in_the_way_of_a_key_file(fleet, agents, behaves):
    fleet.openssh(*SOUND)
    fleet.prepare()
    agent = agents(behaves=behaves)
    result = fleet.exec("-a", "-v", "echo here", env={"SSH_AUTH_SOCK": agent.path}, timeout=8).assert_code(0)
    assert result.blocks == dict.fromkeys(SOUND, b"here\n")
    assert agent.requests and agent.requests[0][0] == REQUEST_IDENTITIES
    assert not set("\x1b\x07\x9b\0\r") & set(result.err)
    assert result.seconds < 3


@pytest.mark.parametrize("behaves", ["refuses to sign", "signs nonsense"])
def test_a_key_of_an_agent_that_does_not_sign_is_a_login_that_failed_and_says_why(bench, agents, behaves):
    agent = agents(behaves=behaves)
    # It takes any key for one that it knows, and then wants a signature.
    bench.add("db01", lambda peer: (peer.converse("key accepted"), peer.next_login("publickey"), peer.refuse_login(),
                                    peer.next_login("publickey")))
    sound_hosts_with_a_key_of_their_own(bench.fleet)
    result = bench.run("--connect-timeout", "4", code=4, prepare=False, within=4, env={"SSH_AUTH_SOCK": agent.path})
    status, cause = result.failures["db01"]
    # Whether a signature is good is for the server to say.
    reason = "ssh-agent: it refuses to sign" if behaves == "refuses to sign" else "key not accepted"
    assert status == "auth" and reason in cause, (agent.requests, result)
    assert len(agent.signed()) == 1


def test_an_agent_with_five_hundred_keys_gives_each_host_no_more_than_five_of_them(bench, agents):
    agent = agents(keys=500)
    tried, names = {}, ("db01", "db02", "db03")
    for name in names:
        bench.add(name, counts_keys(tried))
    sound_hosts_with_a_key_of_their_own(bench.fleet)
    result = bench.run("--connect-timeout", "5", code=4, prepare=False, within=4, env={"SSH_AUTH_SOCK": agent.path})
    assert statuses(result) == dict.fromkeys(names, "auth")
    for name in names:
        keys = tried[bench.servers[name]]
        assert len(keys) == len(set(keys)) == 5 and not any(signed for _, signed in keys)
        assert {blob for blob, _ in keys} <= set(agent.keys)
        assert "none of 5 keys accepted" in result.failures[name][1]
        assert bench.servers[name].connections == 1
    assert agent.signed() == []


def test_an_agent_that_is_stopped_is_waited_for_once_and_not_for_each_host(fleet):
    fleet.openssh("db01", "db02", "db03")
    fleet.prepare()
    path = fleet.agent(fleet.new_key("in-agent"))
    agent, = [process for process in below(os.getpid()) if path in process.command]
    os.kill(agent.pid, signal.SIGSTOP)
    try:
        result = fleet.exec("-a", "-v", "-f", "1", "echo here", env={"SSH_AUTH_SOCK": path}).assert_code(0)
    finally:
        os.kill(agent.pid, signal.SIGCONT)
    assert result.blocks == dict.fromkeys(fleet.hosts.names, b"here\n")
    assert result.seconds < 14 and path in result.err and "does not answer" in result.err


def ssh_add(fleet, path, *arguments, answer=""):
    """ssh-add with somebody who types `answer` wherever a password is asked for."""
    ask = fleet.write("ask", f"#!/bin/sh\necho '{answer}'\n", 0o700)
    done = subprocess.run(["ssh-add", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env=fleet.environment(SSH_AUTH_SOCK=path, SSH_ASKPASS=ask, SSH_ASKPASS_REQUIRE="force"),
                          check=False)
    assert done.returncode == 0, done.stderr


def test_an_agent_that_is_locked_or_wants_to_be_asked_is_an_agent_without_that_key(fleet):
    """No askpass program here that could confirm, so a key that must be confirmed cannot sign."""
    key = fleet.new_key("in-agent")
    inside = fleet.server("inside", authorized=[key])
    sound_hosts_with_a_key_of_their_own(fleet)
    path = fleet.agent()
    env = {"SSH_AUTH_SOCK": path}

    def run(code):
        result = fleet.exec("-a", "--connect-timeout", "5", "echo here", env=env).assert_code(code)
        assert {name: result.blocks[name] for name in SOUND} == dict.fromkeys(SOUND, b"here\n")
        return result

    ssh_add(fleet, path, "-q", key)
    assert run(0).blocks["inside"] == b"here\n"
    ssh_add(fleet, path, "-x", answer="sesame")
    status, cause = run(4).failures["inside"]
    assert status == "auth" and "publickey" in cause and "sesame" not in cause
    ssh_add(fleet, path, "-X", answer="sesame")
    run(0)
    ssh_add(fleet, path, "-q", "-D")
    ssh_add(fleet, path, "-q", "-c", key)
    status, cause = run(4).failures["inside"]
    assert status == "auth" and "refuses to sign" in cause
    ssh_add(fleet, path, "-q", "-D")
    # A constraint that does not concern us.
    ssh_add(fleet, path, "-q", "-t", "3600", key)
    run(0)
    assert inside.server.log.count("Accepted publickey") == 3


def test_a_key_that_an_agent_keeps_for_one_host_opens_that_host_and_no_other(fleet):
    """ssh-add -h: the agent wants to see the key exchange of the host that the signature is for."""
    key = fleet.new_key("in-agent")
    for name in ("allowed", "other"):
        fleet.server(name, authorized=[key])
    sound_hosts_with_a_key_of_their_own(fleet)
    path = fleet.agent()
    ssh_add(fleet, path, "-q", "-H", fleet.known_hosts_path, "-h", fleet.hosts["allowed"].known_as, key)
    result = fleet.exec("-a", "--connect-timeout", "5", "echo here", env={"SSH_AUTH_SOCK": path})
    status, cause = result.failures["other"]
    assert status == "auth" and "refuses to sign" in cause
    assert {name: result.blocks[name] for name in SOUND} == dict.fromkeys(SOUND, b"here\n")
    assert "allowed" not in result.failures, result
    result.assert_code(4)


# --- key files ------------------------------------------------------------------------------------------------------

def spoil(fleet, how, path):
    """Makes `path` a key file that must not be used, or cannot be."""
    good = fleet.new_key("good")
    if how == "link to one that others may read":
        os.chmod(good, 0o640)
        os.symlink(good, path)
    elif how == "link to a fifo":
        os.mkfifo(fleet.path("fifo"), 0o600)
        os.symlink(fleet.path("fifo"), path)
    elif how == "link to itself":
        os.symlink(path, path)
    elif how == "link to a device":
        os.symlink("/dev/zero", path)
    elif how == "others may write":
        os.rename(good, path)
        os.chmod(path, 0o602)
    elif how == "huge":
        with open(path, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(b"-----BEGIN OPENSSH PRIVATE KEY-----\n")
            file.truncate(1 << 30)
    elif how == "cut":
        with open(good, "rb") as whole, open(path, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(whole.read()[:200])
    elif how == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            os.chmod(path, 0o600)
    elif how == "empty":
        fleet.write(path, "")


SPOILED = ["link to one that others may read", "link to a fifo", "link to itself", "link to a device",
           "others may write", "huge", "cut", "socket", "empty"]


@pytest.mark.parametrize("how", SPOILED)
def test_a_named_key_file_is_judged_by_what_was_opened_and_nobody_is_contacted(fleet, how):
    listener = fleet.misbehaving("db01", Silent)
    fleet.prepare()
    path = fleet.path("my-key")
    spoil(fleet, how, path)
    result = fleet.exec("-a", "-k", path, "true", memory=True).assert_code(2)
    assert "my-key" in result.err and len(result.err.splitlines()) <= 3
    assert listener.connections == 0
    assert result.seconds < 3 and result.peak_kib < 64 << 10


@pytest.mark.parametrize("how", SPOILED)
def test_a_default_key_file_that_is_spoiled_is_passed_over(fleet, how):
    """Nobody named it, so it is no reason not to run; but it is not used."""
    key = fleet.new_key("right")
    host = fleet.server("db01", authorized=[key])
    fleet.forget_keys()
    spoil(fleet, how, fleet.path(".ssh/id_ed25519"))
    fleet.use_key(key, "id_rsa")
    fleet.openssh(*SOUND)
    for name in SOUND:
        fleet.hosts[name].settings["identity"] = fleet.site.user_key
    fleet.prepare()
    result = fleet.exec("-a", "-v", "echo here").assert_code(0)
    assert len(result.blocks) == 3 and host.server.log.count("Accepted publickey") == 1
    assert result.seconds < 3


def test_a_link_to_a_good_key_is_a_good_key_as_for_ssh(fleet):
    key = fleet.new_key("good")
    fleet.server("db01", authorized=[key])
    fleet.forget_keys()
    fleet.prepare()
    os.symlink(key, fleet.path("link"))
    fleet.exec("-a", "-k", fleet.path("link"), "true").assert_code(0)


@pytest.mark.parametrize("form", [(), ("-m", "PEM")], ids=["openssh", "pem"])
def test_encrypted_keys_without_a_terminal_are_refused_if_named_and_passed_over_if_not(fleet, form):
    """In a session of its own, so that there is no terminal to open either."""
    listener = fleet.misbehaving("db01", Silent)
    fleet.prepare()
    named = fleet.new_key("locked", "rsa", bits=2048, passphrase="open sesame", form=form)
    result = fleet.exec("-a", "-k", named, "true").assert_code(2)
    assert "locked" in result.err and listener.connections == 0 and result.seconds < 3
    fleet.hosts.clear()
    fleet.server("db02", authorized=[named])
    fleet.openssh("sound01")
    fleet.hosts["sound01"].settings["identity"] = fleet.site.user_key
    fleet.forget_keys()
    fleet.use_key(named, "id_rsa")
    fleet.prepare()
    result = fleet.exec("-a", "echo here", timeout=8).assert_code(4)
    status, cause = result.failures["db02"]
    assert status == "auth" and result.blocks == {"sound01": b"here\n"}
    assert "passphrase" not in result.text


# --- servers --------------------------------------------------------------------------------------------------------

def test_a_login_banner_is_shown_to_who_asks_for_more_and_cut_and_harmless(bench):
    """RFC 4252, section 5.4. It may come at any time of the login, also before a refusal."""
    lines = b"Authorized use only\r\nall is logged\r\n"

    def before(peer):
        peer.converse("service accept")
        peer.send(USERAUTH_BANNER, HOSTILE_TEXT + lines, b"en")
        peer.send(USERAUTH_BANNER, b"b" * (1 << 15), b"")
        # Up to the megabyte that nobody needs.
        for _ in range(31):
            peer.send(USERAUTH_BANNER, b"c" * (1 << 15), b"")

    def welcomes(peer):
        before(peer)
        peer.converse(start="key accepted")
        peer.out(b"text\n")
        peer.finish(0)

    def refuses(peer):
        before(peer)
        while True:
            peer.next_login("publickey")
            peer.refuse_login()

    def between(peer):
        peer.converse("key accepted")
        peer.next_login("publickey")
        peer.send(USERAUTH_BANNER, lines, b"")
        peer.send(USERAUTH_SUCCESS)
        peer.converse(start="channel")
        peer.out(b"text\n")
        peer.finish(0)

    for number, cipher in enumerate(CIPHERS):
        bench.add(f"welcomes{number}", welcomes, cipher=cipher)
    bench.add("refuses", refuses)
    bench.add("between", between)
    quiet = bench.run("--connect-timeout", "4", code=4, within=4)
    assert "Authorized" not in quiet.err and "logged" not in quiet.err and "bbbb" not in quiet.err
    verbose = bench.run("-v", "--connect-timeout", "4", code=4, within=4, prepare=False)
    for result in (quiet, verbose):
        assert statuses(result) == {"refuses": "auth"}
        assert all(result.blocks[name] == b"text\n" for name in bench.servers if name != "refuses")
    for name in bench.servers:
        said = [line for line in verbose.err.splitlines() if line.startswith(f"fanout: {name}: ")]
        assert any("Authorized use only" in line for line in said), (name, verbose.err)
        assert any("all is logged" in line for line in said)
        if name != "between":
            assert any("\\x1b]0;owned\\x07" in line for line in said)
        # 4 KiB of it, in which one byte may take four columns.
        assert sum(map(len, said)) < 20_000 and "cccc" not in verbose.err


def test_the_same_password_reaches_every_host_once_whatever_it_does_with_it(bench):
    """Refused, asked for again, said to have expired, cut off while it is judged: there is no second attempt."""
    counted = {}

    def count(peer, name, fields):
        fields.boolean()
        counted.setdefault(name, []).append(fields.string())

    def refused(peer, name):
        while True:
            count(peer, name, peer.next_login("password")[1])
            peer.refuse_login("password")

    def partial(peer, name):
        while True:
            count(peer, name, peer.next_login("password")[1])
            peer.refuse_login("password,keyboard-interactive", partial=True)

    def expired(peer, name):
        while True:
            count(peer, name, peer.next_login("password")[1])
            peer.send(USERAUTH_PASSWD_CHANGEREQ, HOSTILE_TEXT, b"")

    def cut(peer, name):
        count(peer, name, peer.next_login("password")[1])
        raise EOFError

    def silent(peer, name):
        count(peer, name, peer.next_login("password")[1])
        peer.connection.recv(1)

    def interactive(peer, name):
        peer.next_login("keyboard-interactive")
        while True:
            peer.send(USERAUTH_INFO_REQUEST, b"", HOSTILE_TEXT, b"", 1, b"Password: ", False)
            answers = Fields(peer.expect(USERAUTH_INFO_RESPONSE))
            counted.setdefault(name, []).extend(filter(None, (answers.string() for _ in range(answers.uint32()))))

    ends = {refused: "auth", partial: "auth", expired: "auth", cut: "unreachable", silent: "timeout",
            interactive: "timeout"}
    for behaviour in ends:
        name = behaviour.__name__
        bench.add(name, lambda peer, behaviour=behaviour, name=name: (peer.converse("service accept"),
                                                                      behaviour(peer, name)))
        bench.fleet.hosts[name].settings["passwd"] = "sesame-canary"
    result = bench.run("-v", "--connect-timeout", "1500ms", code=4, within=4)
    assert statuses(result) == {behaviour.__name__: status for behaviour, status in ends.items()}
    assert counted == {behaviour.__name__: [b"sesame-canary"] for behaviour in ends}
    assert all(server.connections == 1 for server in bench.servers.values())
    assert "sesame" not in result.err


def test_prompts_without_end_or_of_any_size_are_a_refusal_or_a_timeout_and_no_harm(bench):
    def prompts(peer, *fields):
        peer.converse("service accept")
        peer.next_login("keyboard-interactive")
        peer.send(USERAUTH_INFO_REQUEST, *fields)
        peer.expect(USERAUTH_INFO_RESPONSE)
        peer.refuse_login("keyboard-interactive")

    cases = {
        "count": (b"", b"", b"", Raw(struct.pack(">I", (1 << 32) - 1))),
        "thousand": (b"", b"", b"", 1000, Raw((string(b"Password: ") + b"\0") * 1000)),
        "cut": (b"", b"", b"", 2, Raw(string(b"Password: ") + b"\0")),
        "lies": (Raw(b"\xff\xff\xff\xff"),),
        "large": (b"n" * 30000, b"", b"", 1, b"p" * 1000, False),
        "nothing": (),
    }
    for name, fields in cases.items():
        bench.add(name, lambda peer, fields=fields: prompts(peer, *fields))
        bench.fleet.hosts[name].settings["passwd"] = "sesame-canary"
    result = bench.run("--connect-timeout", "1500ms", code=4, within=4)
    assert set(statuses(result)) == set(cases)
    assert set(statuses(result).values()) <= {"auth", "protocol", "timeout"}, result.failures
    for name in ("count", "thousand", "cut", "lies", "nothing"):
        assert all(b"sesame" not in payload for peer in bench.servers[name].conversations for payload in peer.received)


def test_a_login_that_succeeds_before_it_is_asked_for_is_only_worth_what_the_host_key_is(bench):
    """A known host may let in whom it likes; an unknown one cannot, for it is not even asked."""
    def unasked(peer):
        peer.converse("NEWKEYS")
        peer.expect(SERVICE_REQUEST)
        with peer.one_segment():
            peer.send(SERVICE_ACCEPT, b"ssh-userauth")
            peer.send(USERAUTH_SUCCESS)
        peer.converse(start="channel")
        peer.out(b"text\n")
        peer.finish(0)

    bench.add("known", unasked)
    bench.add("unknown", unasked, host_key=None)
    for name in bench.servers:
        bench.fleet.hosts[name].settings["passwd"] = "sesame-canary"
    result = bench.run("--connect-timeout", "2", code=4, within=4)
    assert statuses(result) == {"unknown": "host_key"} and result.blocks["known"] == b"text\n"
    assert USERAUTH_REQUEST not in bench.servers["unknown"].received
    for server in bench.servers.values():
        assert all(b"sesame" not in payload for peer in server.conversations for payload in peer.received)
