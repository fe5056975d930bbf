"""Servers that lie, flood, stall and break off, each beside sound hosts whose records and bytes must not suffer.

Most of these servers are PacketServers: one for each way of being hostile, and all of a kind in one run, because the
run must bear them together. What the program owes for every one of them is one true record, in time, for little CPU
and memory; `Bench.run` checks what is owed to the others.
"""

import contextlib
import hashlib
import itertools
import os
import random
import select
import socket
import struct
import time

import pytest

from bench import COMMAND, HOSTILE_TEXT, SOUND, leave, name_of, statuses
from daemons import public_key
from packets import (CHACHA, CHANNEL_DATA, CHANNEL_OPEN, CHANNEL_OPEN_FAILURE, CHANNEL_REQUEST, CHANNEL_SUCCESS,
                     CIPHERS, CTR, DEBUG, DISCONNECT, EXT_INFO, GCM, GLOBAL_REQUEST, IGNORE, KEXINIT, REQUEST_FAILURE,
                     SERVICE_ACCEPT, SERVICE_REQUEST, STEPS, USERAUTH_BANNER, USERAUTH_INFO_REQUEST,
                     USERAUTH_INFO_RESPONSE, USERAUTH_PASSWD_CHANGEREQ, USERAUTH_REQUEST, USERAUTH_SUCCESS, Fields,
                     PacketServer, Raw, message, replaces_ciphers)
from servers import CuttingProxy, Listener, Talker

# --- before the key exchange ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["ext-info-c", "kex-strict-c-v00@openssh.com"])
def test_names_that_only_clients_may_send_are_refused_in_a_key_exchange(bench, name):
    # libssh2 1.11.1 takes them for methods, and calls a function that is not there.
    lists = {"first": f"{name},curve25519-sha256", "last": f"curve25519-sha256,{name}", "alone": name}
    for place, kex in lists.items():
        bench.add(place, lambda peer: peer.converse(), kex=kex.encode())
    result = bench.run("--connect-timeout", "5", code=4, within=4)
    assert set(statuses(result).values()) == {"protocol"} and len(result.failures) == 3
    assert all(name in cause for _, cause in result.failures.values())
    assert not any(kind == USERAUTH_REQUEST for server in bench.servers.values() for kind in server.received)


def test_such_names_in_a_later_key_exchange_harm_that_host_alone(bench):
    def script(peer):
        peer.converse()
        peer.out(b"begun\n")
        time.sleep(0.3)
        cipher = peer.server.cipher.encode()
        peer.send(KEXINIT, Raw(bytes(16)), b"ext-info-c,kex-strict-c-v00@openssh.com", b"ssh-ed25519", cipher, cipher,
                  b"hmac-sha2-256", b"hmac-sha2-256", b"none", b"none", b"", b"", False, 0)

    bench.add("late", script)
    result = bench.run("-t", "1", code=1, timeout=20)
    status, cause = result.failures["late"]
    # Behind the encryption nothing but libssh2 sees the names in time. The worker dies of it, and nobody else.
    assert status == "internal" and "SEGV" in cause and "may still run" in cause
    assert result.blocks["late"] == b"begun\n"


class Slow(Listener):
    """Sends a line every 50 ms for ever."""

    def serve(self, connection):
        for number in itertools.count():
            connection.sendall(b"line %d\r\n" % number)
            if self._closing.wait(0.05):
                return


class SlowLine(Listener):
    """One byte of an identification that never ends, every 20 ms."""

    def serve(self, connection):
        connection.sendall(b"SSH-2.0-")
        while not self._closing.wait(0.02):
            connection.sendall(b"x")


IDENTIFICATION = b"SSH-2.0-Packets_1.0\r\n"


def test_no_flood_and_no_drip_before_the_key_exchange_costs_time_or_cpu(bench):
    bench.add_raw("endless-lines", Talker, b"", b"I am no SSH server.\r\n" * 500)
    bench.add_raw("endless-line", Talker, b"", b"a" * 65536)
    bench.add_raw("endless-identification", Talker, b"SSH-2.0-", b"b" * 65536)
    bench.add_raw("endless-ignored", Talker, IDENTIFICATION, message_in_the_clear(message(IGNORE, b"x" * 30000)))
    bench.add_raw("endless-tiny", Talker, IDENTIFICATION, message_in_the_clear(message(IGNORE, b"")) * 500)
    bench.add_raw("endless-unknown", Talker, IDENTIFICATION, message_in_the_clear(message(192, b"x" * 3000)) * 5)
    bench.add_raw("slow-lines", Slow)
    bench.add_raw("slow-identification", SlowLine)
    bench.add_raw("silent", Talker, b"")
    result = bench.run("--connect-timeout", "1", code=4, within=2.5)
    assert {name: status for name, status in statuses(result).items() if status != "protocol"} == {
        "slow-lines": "timeout", "slow-identification": "timeout", "silent": "timeout"}
    assert len(result.failures) == 9
    # All eleven together, and in less than what one flooded call of libssh2 would take.
    assert bench.cpu < 1


def message_in_the_clear(payload):
    padding = 8 - (len(payload) + 5) % 8 + 8
    return struct.pack(">IB", len(payload) + 1 + padding, padding) + payload + bytes(padding)


def test_what_is_not_ssh_is_refused_at_once(bench):
    texts = {
        "old": b"SSH-1.5-Old_1.0\r\n", "older": b"SSH-1.3-Old\n", "newer": b"SSH-3.0-New\r\n",
        "http": b"HTTP/1.1 400 Bad Request\r\nServer: web\r\n\r\n", "smtp": b"220 mail ready\r\n",
        "nul": b"\0\1\2\3\r\n", "nul-inside": b"SSH-2.0-a\0b\r\n", "long": b"SSH-2.0-" + b"x" * 9000 + b"\r\n",
        "escapes": HOSTILE_TEXT + b"\r\n", "nothing": b"", "half": b"SSH-2.0",
    }
    for name, text in texts.items():
        bench.add_raw(name, Talker, text, then_close=True)
    # The same with a server that waits for the client instead of closing.
    bench.add_raw("old-waits", Talker, texts["old"])
    bench.add_raw("nul-waits", Talker, texts["nul"])
    # One says nothing and closes the connection, as a busy sshd does; it is tried again for some seconds.
    result = bench.run("--connect-timeout", "4", code=4, within=8)
    assert {name: status for name, status in statuses(result).items() if status != "protocol"} == {
        "nothing": "unreachable", "half": "unreachable"}
    assert len(result.failures) == len(texts) + 2
    assert "SSH-1.5" in result.failures["old"][1]
    assert max(map(len, result.err.splitlines())) < 400
    assert bench.cpu < 1


@pytest.mark.parametrize("form", ["in the clear", *CIPHERS])
def test_packets_of_impossible_lengths(bench, form):
    lengths = (0, 1, 2, 3, 4, 40001, (1 << 31) - 1, (1 << 32) - 1)
    for length, then in itertools.product(lengths, ("wait", "flood")):
        def script(peer, length=length, then=then):
            peer.converse("identification" if form == "in the clear" else "channel")
            with contextlib.suppress(OSError):
                # First as it is, with a body of that length, then as a field that lies.
                if length < 5:
                    peer.send_packet(bytes(length))
                peer.send_packet(bytes(64), length)
                while then == "flood":
                    peer.connection.sendall(os.urandom(1 << 16))

        bench.add(f"length-{length}-{then}", script, **({} if form == "in the clear" else {"cipher": form}))
    # libssh2's own ChaCha20 of 1.11.1 copies a negative number of bytes out of an authentic packet of one to three.
    deadly = {f"length-{length}-{then}" for length in (1, 2, 3) for then in ("wait", "flood")
              if form == CHACHA and not replaces_ciphers(bench.fleet.program)}
    result = bench.run("--connect-timeout", "1", code=1 if deadly else 4, within=4)
    assert len(result.failures) == 2 * len(lengths)
    for name, (status, cause) in result.failures.items():
        # What is not enough for a packet can only be waited for.
        assert status in ("protocol", "timeout") or name in deadly and "SEGV" in cause, (name, status, cause)
    assert bench.cpu < 4


# --- silence --------------------------------------------------------------------------------------------------------

# What the record says of a server that says nothing after a step.
PHASES = {"nothing": "key", "identification": "key", "KEXINIT": "key", "key reply": "key", "NEWKEYS": "key",
          "service accept": "log", "key accepted": "log", "login": "open", "channel": "open"}


@pytest.mark.parametrize("cipher", CIPHERS)
def test_a_server_that_falls_silent_is_left_at_the_deadline_in_the_phase_it_was_in(bench, cipher):
    heard = {}
    for step in PHASES:
        def script(peer, step=step):
            if step != "nothing":
                peer.converse(step)
            time.sleep(0.5)
            # What the client had to say without another word of the server has come by now.
            peer.connection.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while peer.connection.recv(4096):
                    pass
            peer.connection.setblocking(True)
            heard[step] = b""
            while chunk := peer.connection.recv(4096):
                heard[step] += chunk

        bench.add(name_of(step), script, cipher=cipher)
    result = bench.run("--connect-timeout", "1", code=3, within=2.5)
    for step, phase in PHASES.items():
        status, cause = result.failures[name_of(step)]
        assert status == "timeout" and phase in cause and "1s" in cause, (step, cause)
    assert heard == dict.fromkeys(PHASES, b"")
    assert result.seconds > 0.95


# --- disconnected, cut, bent ----------------------------------------------------------------------------------------

def test_a_hostile_reason_to_disconnect_is_one_harmless_line_in_every_phase(bench):
    for step in STEPS:
        def script(peer, step=step):
            peer.converse(step)
            peer.send(DISCONNECT, 2, HOSTILE_TEXT, b"")
            leave(peer, "close")

        bench.add(name_of(step), script)
    result = bench.run("-v", "--connect-timeout", "3", code=4, within=3)
    assert set(statuses(result)) == {name_of(step) for step in STEPS}
    assert set(statuses(result).values()) <= {"unreachable", "protocol"}, statuses(result)
    assert "\n  unreachable  sound01" not in result.err and "\nfanout: 9 hosts" not in result.err
    assert "owned" in result.failures["command"][1]


OUTPUT = bytes(range(256)) * 200 + b"the end\n"


def pieces(data, size=8192):
    return [data[first:first + size] for first in range(0, len(data), size)]


def broken_off(peer, how, told, together):
    """Some output, told to be all with exit status 0 or not, and then no connection any more."""
    peer.converse()
    with peer.one_segment() if together else contextlib.nullcontext():
        for piece in pieces(OUTPUT):
            peer.out(piece)
        peer.err(b"and this\n")
        if told:
            peer.exit_status(0)
        if how == "disconnect":
            peer.send(DISCONNECT, 11, b"bye", b"")
    leave(peer, "reset" if how == "reset" else "close")


@pytest.mark.parametrize("cipher", CIPHERS)
def test_output_that_came_before_a_sudden_end_is_delivered_and_is_no_success(bench, cipher):
    cases = list(itertools.product(("close", "reset", "disconnect"), (False, True), (False, True)))
    for how, told, together in cases:
        bench.add(f"{how}-{told}-{together}".lower(),
                  lambda peer, case=(how, told, together): broken_off(peer, *case), cipher=cipher)
    result = bench.run("-t", "3", code=4, within=4)
    for how, told, together in cases:
        name = f"{how}-{told}-{together}".lower()
        status, cause = result.failures[name]
        assert status == "unreachable", (name, status, cause)
        assert ("incomplete" if told else "may still run") in cause
        assert result.blocks[name] == OUTPUT, f"{name}: {len(result.blocks[name])} of {len(OUTPUT)} bytes"
        assert result.error_blocks[name] == b"and this\n"


@pytest.mark.parametrize("cipher", CIPHERS)
def test_a_server_that_hangs_up_after_it_has_said_everything_is_believed(bench, cipher):
    def complete(peer, how, close):
        peer.converse()
        with peer.one_segment():
            peer.out(b"all of it\n")
            peer.exit_status(0)
            peer.end_of_output()
            if close:
                peer.close()
            if how == "disconnect":
                peer.send(DISCONNECT, 11, b"bye", b"")
        leave(peer, "reset" if how == "reset" else "close")

    names = []
    for how, close in itertools.product(("close", "reset", "disconnect"), (False, True)):
        names.append(f"{how}-{close}".lower())
        bench.add(names[-1], lambda peer, case=(how, close): complete(peer, *case), cipher=cipher)
    result = bench.run("-t", "3", code=0, within=4)
    assert {name: result.blocks[name] for name in names} == dict.fromkeys(names, b"all of it\n")


@pytest.mark.parametrize("cipher", CIPHERS)
def test_a_channel_that_closes_without_an_exit_status_is_a_failure(bench, cipher):
    def close(peer, output, end):
        peer.converse()
        if output:
            peer.out(b"some\n")
        if end:
            peer.end_of_output()
        peer.close()

    for output, end in itertools.product((False, True), (False, True)):
        bench.add(f"closes-{output}-{end}".lower(), lambda peer, case=(output, end): close(peer, *case), cipher=cipher)
    result = bench.run("-t", "3", code=5, within=4)
    assert set(result.failures.values()) == {("failed", "no exit status from the server")}
    assert len(result.failures) == 4
    assert result.blocks["closes-true-true"] == result.blocks["closes-true-false"] == b"some\n"


class Bending(CuttingProxy):
    """Passes everything, with one bit of the server's byte number `after` turned over. For one connection."""

    def __init__(self, address, port, upstream, after, bit):
        self.bit = bit
        super().__init__(address, port, upstream, after, "bend")

    def _cut(self, client, server):
        if byte := server.recv(1):
            client.sendall(bytes([byte[0] ^ 1 << self.bit]))
        self.after = 1 << 40
        self._pass(client, server)


BENT_COMMAND = "case {host} in sound*) " + COMMAND + ";; *) printf '%05000d' 7; echo err >&2; exit 3;; esac"


def length_of_session(bench, upstream, command=BENT_COMMAND):
    """How many bytes the server sends when nothing goes wrong."""
    proxy = bench.fleet.misbehaving("measured", CuttingProxy, upstream, 1 << 40, "close", host_key=bench.upstream_key)
    bench.fleet.prepare()
    bench.fleet.exec("-H", "measured", command)
    bench.fleet.hosts.remove(bench.fleet.hosts["measured"])
    return proxy.passed


def behind_proxies(bench, **options):
    """A real server to be reached through proxies only: (its address, the bytes of a session)."""
    host = bench.fleet.server("upstream", **options)
    bench.fleet.hosts.remove(host)
    bench.upstream_key = host.host_key
    upstream = host.address, host.port
    return upstream, length_of_session(bench, upstream)


@pytest.mark.parametrize("then", ["close", "reset"])
def test_a_session_that_is_cut_anywhere_reports_only_what_arrived(bench, then):
    upstream, length = behind_proxies(bench)
    # Some fifty all over it, and densely where the exit status is.
    offsets = sorted({*range(1, length, length // 48 + 1), *range(length - 240, length, 16)})
    for offset in offsets:
        bench.fleet.misbehaving(f"cut{offset}", CuttingProxy, upstream, offset, then, host_key=bench.upstream_key)
    result = bench.run("--connect-timeout", "5", "-t", "5", "-f", "16", code=4, command=BENT_COMMAND, within=12)
    whole = b"%05000d" % 7
    told = 0
    for offset in offsets:
        status, cause = result.failures[f"cut{offset}"]
        out, err = result.blocks.get(f"cut{offset}", b""), result.error_blocks.get(f"cut{offset}", b"")
        assert whole.startswith(out.rstrip(b"\n")) and err in (b"", b"err\n")
        if status == "failed":
            # Then exit status and all of the output must have come through.
            assert cause == "exit 3" and out == whole + b"\n" and err == b"err\n" and offset > length - 240
            told += 1
        else:
            assert status in ("unreachable", "protocol"), (offset, status, cause)
    assert told < 8


@pytest.mark.parametrize("ciphers", ["chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com", "aes128-ctr"])
def test_a_flipped_bit_anywhere_is_never_taken_for_the_truth(bench, ciphers):
    upstream, length = behind_proxies(bench, settings=[f"Ciphers {ciphers}", "MACs hmac-sha2-256"])
    dice = random.Random(4711)
    offsets = sorted({*(dice.randrange(length) for _ in range(24)), *range(length - 260, length, 9)})
    for offset in offsets:
        bench.fleet.misbehaving(f"bent{offset}", Bending, upstream, offset, dice.randrange(8),
                                host_key=bench.upstream_key)
    result = bench.run("--connect-timeout", "1", "-t", "1", "-f", "100", command=BENT_COMMAND, code=4, timeout=30)
    whole = b"%05000d" % 7
    for offset in offsets:
        name = f"bent{offset}"
        # The command ends with 3, so none may be ok, whatever the bit was.
        assert name in result.failures, f"bit at {offset} of {length}: ok"
        status, cause = result.failures[name]
        out, err = result.blocks.get(name, b"").rstrip(b"\n"), result.error_blocks.get(name, b"")
        assert whole.startswith(out) and err in (b"", b"err\n"), f"bytes that nobody sent, bit at {offset} of {length}"
        if status == "failed":
            assert cause == "exit 3" and out == whole and err == b"err\n", f"bit at {offset} of {length}: {cause}"
        else:
            assert status in ("protocol", "unreachable", "timeout"), f"bit at {offset} of {length}: {status} {cause}"


def test_a_flipped_bit_of_the_exit_status_is_never_read_even_if_all_comes_in_one_piece(bench):
    # Counter mode without the check of its MAC would let anybody on the way turn exit 1 into exit 0.
    def script(peer, bent, pause):
        peer.converse()
        clear = peer._out.padded(message(CHANNEL_REQUEST, peer.channel, b"exit-status", False, 1))
        position = 4 + clear.index(b"\0\0\0\1", 20) + 3 if bent == "status" else 4 + 1
        peer.out(b"text\n")
        # Read meanwhile or still queued: the end must not be believed either way.
        time.sleep(0.3 if pause else 0)
        with peer.one_segment():
            if bent == "output":
                begin = len(peer._batch)
                peer.out(b"lost\n")
                peer._batch[begin + 5] ^= 1
            peer.end_of_output()
            begin = len(peer._batch)
            peer.exit_status(1 if bent == "status" else 0)
            if bent == "status":
                peer._batch[begin + position] ^= 1
            peer.close()

    for bent, pause in itertools.product(("status", "output"), (False, True)):
        bench.add(f"{bent}-{pause}".lower(), lambda peer, case=(bent, pause): script(peer, *case), cipher=CTR)
    result = bench.run("-t", "1", code=4)
    assert set(statuses(result).values()) == {"protocol"} and len(result.failures) == 4, statuses(result)
    assert all(result.blocks[name] == b"text\n" for name in bench.servers)


# --- floods and lies after the login --------------------------------------------------------------------------------

@pytest.mark.parametrize("cipher", CIPHERS)
def test_more_data_than_the_window_allows_is_never_a_success(bench, cipher):
    def script(peer, size):
        peer.converse()
        with peer.one_segment():
            for piece in pieces(bytes(size), 32768):
                peer.out(piece)
            peer.finish(0)

    def too_large_a_packet(peer):
        peer.converse()
        peer.out(b"x" * 34000)
        peer.finish(0)

    bench.add("flood", lambda peer: script(peer, 3 << 20), cipher=cipher)
    bench.add("packet", too_large_a_packet, cipher=cipher)
    result = bench.run("-t", "10", code=4, timeout=30, memory=True)
    assert "packet" in result.failures
    for status, cause in result.failures.values():
        assert status == "protocol" and "window violated" in cause, cause
    # A flood may find a client that keeps up, as it does with ChaCha20. But then every byte must be there.
    assert "flood" in result.failures or len(result.blocks["flood"].rstrip(b"\n")) == 3 << 20
    assert max(bench.peaks.values()) < 64 << 10


def flood(*fields):
    """A script that sends this message for ever, and reads nothing."""
    def script(peer):
        peer.converse()
        payload = message(*fields)
        while True:
            with peer.one_segment():
                for _ in range(max(1, 60000 // len(payload))):
                    peer.send_payload(payload)

    return script


def test_floods_that_fill_the_memory_end_as_soon_as_they_have_filled_a_little(bench):
    # libssh2 keeps messages that it does not know for good.
    bench.add("unknown", flood(192, b"x" * 30000), cipher=GCM)
    bench.add("replies", flood(CHANNEL_SUCCESS, 0, Raw(bytes(30000))), cipher=GCM)
    # Each is answered with a refusal, which this server does not read.
    bench.add("opens", flood(CHANNEL_OPEN, b"auth-agent@openssh.com", 1, 1 << 20, 1 << 15), cipher=GCM)
    result = bench.run("-t", "25", "-q", timeout=30, code=4, memory=True)
    assert statuses(result) == dict.fromkeys(bench.servers, "protocol")
    assert "MiB" in result.failures["unknown"][1] and "MiB" in result.failures["replies"][1]
    assert "does not read" in result.failures["opens"][1]
    assert max(bench.peaks.values()) < 90 << 10, bench.peaks
    assert bench.peaks[""] < 40 << 10, bench.peaks


def test_floods_that_cost_no_memory_end_at_the_timeout(bench):
    floods = {
        "ignore": (IGNORE, b"x" * 30000), "debug": (DEBUG, False, b"x" * 30000, b""), "tiny": (192,),
        "success": (CHANNEL_SUCCESS, 0), "global": (GLOBAL_REQUEST, b"keepalive@openssh.com", False),
        "others": (CHANNEL_DATA, 77, b"x" * 30000), "keepalive": (GLOBAL_REQUEST, b"", True),
        "extensions": (EXT_INFO, (1 << 32) - 1, b"server-sig-algs", b"ssh-ed25519"),
    }
    for name, fields in floods.items():
        bench.add(name, flood(*fields), cipher=GCM)
    result = bench.run("-t", "1", "-q", timeout=25, code=3, memory=True, within=12)
    assert statuses(result) == dict.fromkeys(floods, "timeout")
    assert max(bench.peaks.values()) < 90 << 10, bench.peaks
    assert bench.peaks[""] < 40 << 10, bench.peaks


def test_floods_during_the_login_end_before_they_have_cost_much(bench):
    def endless(*fields, until):
        def script(peer):
            peer.converse(until)
            while True:
                with peer.one_segment():
                    for _ in range(20):
                        peer.send(*fields)
        return script

    for until in ("NEWKEYS", "service accept", "key accepted"):
        for kind, fields in {"banner": (USERAUTH_BANNER, HOSTILE_TEXT * 300, b""), "ignore": (IGNORE, b"x" * 20000),
                             "unknown": (192, b"x" * 20000)}.items():
            bench.add(name_of(f"{kind} {until}"), endless(*fields, until=until), cipher=GCM)
    result = bench.run("--connect-timeout", "2", code=4, within=4, memory=True)
    assert set(statuses(result).values()) == {"protocol"}, result.failures
    assert len(result.failures) == 9
    assert max(bench.peaks.values()) < 64 << 10, bench.peaks
    assert bench.cpu < 3


def test_a_login_banner_of_any_length_and_content_is_no_obstacle(bench):
    def script(peer):
        peer.converse("service accept")
        peer.send(USERAUTH_BANNER, HOSTILE_TEXT * 200, b"")
        for _ in range(100):
            peer.send(USERAUTH_BANNER, b"b" * 10000, b"")
        peer.converse(start="key accepted")
        peer.out(b"text\n")
        peer.finish(0)

    bench.add("banner", script)
    for verbose in ([], ["-v"], ["-vv"]):
        result = bench.run(*verbose, code=0, prepare=not verbose)
        assert result.blocks["banner"] == b"text\n"
        assert max(map(len, result.err.splitlines())) < 8192


def test_what_servers_may_ask_on_the_side_does_not_disturb_the_command(bench):
    def script(peer):
        peer.converse("service accept")
        peer.send(EXT_INFO, (1 << 32) - 1, b"server-sig-algs", b"ssh-ed25519")
        peer.converse(start="key accepted")
        # RFC 8308 allows a second one, right before the success; not every server counts so far.
        peer.send(EXT_INFO, (1 << 32) - 1, b"server-sig-algs", b"ssh-ed25519")
        opened = ((b"auth-agent@openssh.com",), (b"x11", b"127.0.0.1", 6000),
                  (b"forwarded-tcpip", b"127.0.0.1", 80, b"127.0.0.1", 1234))
        for number, (kind, *rest) in enumerate(opened):
            peer.send(CHANNEL_OPEN, kind, 100 + number, 1 << 20, 1 << 15, *rest)
        peer.send(GLOBAL_REQUEST, b"hostkeys-00@openssh.com", False, b"not a key", peer.server.host_key_blob)
        for _ in range(20):
            peer.send(GLOBAL_REQUEST, b"keepalive@openssh.com", True)
            peer.to_channel(CHANNEL_REQUEST, b"keepalive@openssh.com", True)
        peer.send(IGNORE, b"x" * 1000)
        peer.out(b"text\n")
        peer.finish(0)

    for cipher in CIPHERS:
        bench.add(name_of(cipher), script, cipher=cipher)
    result = bench.run(code=0, within=5)
    for name, server in bench.servers.items():
        assert result.blocks[name] == b"text\n"
        assert server.received.count(REQUEST_FAILURE) == 20
        refused = [Fields(payload).uint32() for payload in server.conversations[0].received
                   if payload[0] == CHANNEL_OPEN_FAILURE]
        assert sorted(refused) == [100, 101, 102]


# --- streams --------------------------------------------------------------------------------------------------------

def run_to_file(fleet, command, *arguments, **options):
    """The program with its stdout in a file: (result, sha256 and size of stdout)."""
    path = os.path.join(fleet.folder, "out")
    with open(path, "wb") as file:
        result = fleet.exec("-a", "--no-header", *arguments, command, stdout=file, **options)
    with open(path, "rb") as file:
        return result, hashlib.sha256(file.read()).hexdigest(), os.path.getsize(path)


def numbers(count):
    """As seq prints them."""
    return b"".join(b"%d\n" % number for number in range(1, count + 1))


def test_fifty_megabytes_on_stderr_alone(fleet):
    fleet.openssh("db01")
    fleet.prepare()
    path = os.path.join(fleet.folder, "err")
    with open(path, "wb") as file:
        fleet.exec("-a", "--no-header", "seq 6500000 >&2", stderr=file, timeout=60).assert_code(0)
    expected = numbers(6500000)
    with open(path, "rb") as file:
        assert file.read(len(expected)) == expected and len(expected) > 50_000_000


def test_both_streams_in_turns_are_both_complete(bench):
    command = ("i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo out$i; echo err$i >&2; done; "
               "exec >&-; sleep 0.3; echo late >&2")
    bench.fleet.openssh("turns")
    result = bench.run(command=f"case {{host}} in sound*) {COMMAND};; *) {command};; esac", code=0)
    assert result.blocks["turns"] == b"".join(b"out%d\n" % number for number in range(1, 3001))
    assert result.error_blocks["turns"] == b"".join(b"err%d\n" % number for number in range(1, 3001)) + b"late\n"


def test_the_end_of_output_without_a_close_is_waited_for_until_the_timeout(bench):
    def script(peer, told):
        peer.converse()
        peer.out(b"text\n")
        if told:
            peer.exit_status(0)
        peer.end_of_output()
        peer.wait_for_client()

    bench.add("told", lambda peer: script(peer, True))
    bench.add("untold", lambda peer: script(peer, False))
    result = bench.run("-t", "1", code=3)
    assert result.failures["told"][0] == "timeout" and "the command had ended" in result.failures["told"][1]
    assert result.failures["untold"] == ("timeout", "timed out after 1s; the remote command was killed")
    assert result.blocks["told"] == result.blocks["untold"] == b"text\n"
    assert 1 <= result.seconds < 5


def test_a_background_process_is_waited_for_and_the_record_says_that_the_command_had_ended(bench):
    bench.fleet.openssh("lingers")
    result = bench.run("-t", "1", code=3,
                       command=f"case {{host}} in sound*) {COMMAND};; *) sleep 7701 & echo x;; esac", within=5)
    status, cause = result.failures["lingers"]
    assert status == "timeout" and "the command had ended" in cause and "keeps its output open" in cause
    assert result.blocks["lingers"] == b"x\n"


@pytest.mark.parametrize("cipher", CIPHERS)
def test_output_that_comes_while_the_other_stream_is_read_is_not_left_lying(bench, cipher):
    """The first reading ends inside the packet of the output, the second, for stderr, brings it in."""
    def script(peer, ignored, end):
        peer.converse()
        with peer.one_segment():
            peer.send(IGNORE, bytes(ignored))
            peer.out(OUTPUT[:20000] + b"\n")
            if end:
                peer.finish(0)
        if not end:
            time.sleep(1)
            peer.finish(0)

    ignored = (100, 10000, 20000, 30000)
    for size, end in itertools.product(ignored, (False, True)):
        bench.add(f"behind-{size}-{end}".lower(), lambda peer, case=(size, end): script(peer, *case), cipher=cipher)
    bench.fleet.openssh(*SOUND)
    bench.fleet.prepare()
    running = bench.fleet.start("exec", "-a", "-L", "-t", "8", "x=1; " + COMMAND)
    for size in ignored:
        running.expect(f"behind-{size}-false", 0.9)
    result = running.wait(15).assert_code(0)
    assert result.seconds < 4 and result.counts["ok"] == len(bench.servers) + 2


# --- rekeys ---------------------------------------------------------------------------------------------------------

class Narrow(Listener):
    """Passes both directions on in small uneven pieces, with pauses."""

    def __init__(self, address, port, upstream, seed):
        self.upstream, self.seed = upstream, seed
        super().__init__(address, port)

    def serve(self, connection):
        dice = random.Random(self.seed)
        with socket.create_connection(self.upstream) as server:
            self._open.add(server)
            while True:
                for readable in select.select([connection, server], [], [])[0]:
                    chunk = readable.recv(dice.choice((1, 7, 500, 1460, 9000, 65536)))
                    if not chunk:
                        return
                    (server if readable is connection else connection).sendall(chunk)
                    if dice.random() < 0.05:
                        time.sleep(0.002)


@pytest.mark.parametrize("cipher", CIPHERS)
def test_rekeys_in_the_middle_of_much_output_lose_and_change_nothing(fleet, cipher):
    fleet.server("db01", settings=["RekeyLimit 1M", f"Ciphers {cipher}", "MACs hmac-sha2-256"])
    fleet.prepare()
    result, digest, size = run_to_file(fleet, "seq 8300000 | head -c 64000000", timeout=60)
    result.assert_code(0)
    expected = numbers(8300000)[:64000000]
    assert size == 64000000 and digest == hashlib.sha256(expected).hexdigest()


def test_rekeys_over_a_narrow_line_lose_and_change_nothing(fleet):
    settings = ["RekeyLimit 64K", "MACs hmac-sha2-256"]
    upstreams = [fleet.server(f"upstream{number}", settings=[*settings, f"Ciphers {cipher}"])
                 for number, cipher in enumerate(CIPHERS)]
    fleet.hosts.clear()
    for host in upstreams:
        fleet.misbehaving(f"narrow-{host.name[-1]}", Narrow, (host.address, host.port), host.name,
                          host_key=host.host_key)
    fleet.prepare()
    result = fleet.exec("-a", "seq 200000; seq 100000 >&2", timeout=60).assert_code(0)
    for name in fleet.hosts.names:
        assert result.blocks[name] == numbers(200000)
        assert result.error_blocks[name].startswith(numbers(100000))


# --- login ----------------------------------------------------------------------------------------------------------

def serve_command(peer, output=b"in\n"):
    peer.converse(start="channel")
    peer.out(output)
    peer.finish(0)


def test_a_server_that_takes_rsa_with_sha1_only_gets_the_next_key(bench):
    fleet = bench.fleet
    rsa, tried = fleet.new_key("rsa", "rsa", bits=2048), {}

    def script(peer, name, extensions):
        peer.converse("NEWKEYS")
        peer.expect(SERVICE_REQUEST)
        if extensions is not None:
            peer.send(EXT_INFO, 1, b"server-sig-algs", extensions)
        peer.send(SERVICE_ACCEPT, b"ssh-userauth")
        tried[name] = []
        while True:
            _, fields = peer.next_login("publickey")
            signed, algorithm = fields.boolean(), fields.string()
            tried[name].append((signed, algorithm))
            if algorithm.startswith((b"ssh-rsa", b"rsa")):
                peer.refuse_login()
            elif signed:
                peer.send(USERAUTH_SUCCESS)
                break
            else:
                peer.send(60, algorithm, fields.string())
        serve_command(peer)

    # What servers older than RFC 8308 do, what some appliances do, and what a liar does.
    offers = {"none": None, "sha1": b"ssh-rsa,ssh-ed25519", "empty": b"", "refuses": b"rsa-sha2-256"}
    for name, extensions in offers.items():
        bench.add(name, lambda peer, case=(name, extensions): script(peer, *case))
    result = bench.run("-k", rsa, "-k", fleet.path(".ssh/id_ed25519"), code=0, within=5)
    assert all(result.blocks[name] == b"in\n" for name in bench.servers)
    plain = [(False, b"ssh-ed25519"), (True, b"ssh-ed25519")]
    assert tried["none"] == tried["sha1"] == tried["empty"] == plain
    assert tried["refuses"] == [(False, b"rsa-sha2-256"), *plain]


def test_an_rsa_key_before_others_logs_in_to_a_real_server(fleet):
    rsa = fleet.new_key("rsa", "rsa", bits=2048)
    host = fleet.server("db01", authorized=[rsa])
    fleet.prepare()
    fleet.exec("-a", "-k", rsa, "-k", fleet.path(".ssh/id_ed25519"), "true").assert_code(0)
    assert "Accepted publickey for" in host.server.log and "RSA" in host.server.log.split("Accepted publickey", 1)[1]


def asks(*prompts, then=None):
    """A server of keyboard-interactive with these prompts, (text, echo); afterwards it says no, or does `then`."""
    def script(peer):
        peer.converse("service accept")
        peer.next_login("keyboard-interactive")
        fields = [Raw(struct.pack(">I", len(prompts)))]
        for text, echo in prompts:
            fields += [text, echo]
        peer.send(USERAUTH_INFO_REQUEST, HOSTILE_TEXT, HOSTILE_TEXT, b"", *fields)
        answer = Fields(peer.expect(USERAUTH_INFO_RESPONSE))
        peer.answers = [answer.string() for _ in range(answer.uint32())]
        if then:
            then(peer)
            return
        peer.refuse_login("keyboard-interactive")
        while True:
            peer.next_login("keyboard-interactive")
            peer.refuse_login("keyboard-interactive")

    return script


def test_only_a_single_hidden_prompt_gets_the_password_and_nothing_is_asked_on_the_terminal(bench):
    hidden = (b"Password: ", False)
    cases = {
        "echo": [(b"Password: ", True)], "two": [hidden, (b"Code: ", False)], "mixed": [(b"Name: ", True), hidden],
        "fifty": [hidden] * 50, "none": [], "empty": [(b"", True)],
        # Whatever it calls itself, it is one prompt that hides the answer.
        "key": [(b"Enter your key's passphrase:", False)], "escapes": [(HOSTILE_TEXT, False)],
        "empty-hidden": [(b"", False)], "one": [hidden],
    }
    answered = {"key", "escapes", "empty-hidden", "one"}
    for name, prompts in cases.items():
        bench.add(name, asks(*prompts))
        bench.fleet.hosts[name].settings["passwd"] = "sesame-canary"
    bench.fleet.openssh(*SOUND)
    bench.fleet.prepare()
    terminal = bench.fleet.start("exec", "-a", "--connect-timeout", "3", "--max-auth-fail", "0", "--", "echo in",
                                 terminal=True)
    result = terminal.wait(15).assert_code(4)
    assert terminal.screen.count("auth") >= 1 and "sesame" not in terminal.screen
    assert not any(word in terminal.screen for word in ("Password:", "passphrase", "owned"))
    assert result.seconds < 6
    for name, server in bench.servers.items():
        given = [answer for peer in server.conversations for answer in peer.answers]
        assert len(given) == len(cases[name])
        assert [answer for answer in given if answer] == ([b"sesame-canary"] if name in answered else []), name
        assert len(server.conversations) == 1


def test_an_answer_to_hidden_prompts_is_given_once_however_often_it_is_asked(bench):
    def again(peer):
        for _ in range(5):
            peer.send(USERAUTH_INFO_REQUEST, b"", b"", b"", 1, b"Password: ", False)
            answer = Fields(peer.expect(USERAUTH_INFO_RESPONSE))
            peer.answers += [answer.string() for _ in range(answer.uint32())]
        peer.refuse_login("keyboard-interactive,password")
        peer.next_login("password")

    server = bench.add("again", asks((b"Password: ", False), then=again))
    bench.fleet.hosts["again"].settings["passwd"] = "sesame"
    result = bench.run("--connect-timeout", "3", code=4)
    assert statuses(result) == {"again": "auth"} and "password rejected" in result.failures["again"][1]
    assert server.conversations[0].answers == [b"sesame", b"", b"", b"", b"", b""]
    assert b"sesame" not in b"".join(server.conversations[0].received[-1:])


def test_prompts_that_are_answered_with_success_log_in(bench):
    def success(peer):
        peer.send(USERAUTH_SUCCESS)
        serve_command(peer)

    bench.add("one", asks((b"Password: ", False), then=success))
    bench.fleet.hosts["one"].settings["passwd"] = "sesame"
    assert bench.run(code=0).blocks["one"] == b"in\n"
    assert bench.servers["one"].conversations[0].answers == [b"sesame"]


def test_a_request_to_change_the_password_ends_the_login(bench):
    seen = []

    def script(peer):
        peer.converse("service accept")
        _, fields = peer.next_login("password")
        seen.append((fields.boolean(), fields.string()))
        peer.send(USERAUTH_PASSWD_CHANGEREQ, HOSTILE_TEXT, b"")
        while True:
            _, fields = peer.next_login("password")
            seen.append((fields.boolean(), fields.string()))
            peer.refuse_login("password")

    bench.add("expired", script)
    bench.fleet.hosts["expired"].settings["passwd"] = "sesame"
    result = bench.run("--connect-timeout", "3", code=4, within=3)
    status, cause = result.failures["expired"]
    assert status == "auth" and "expired" in cause
    assert seen == [(False, b"sesame")]


def test_success_before_any_proof_is_taken_and_no_secret_is_sent(bench):
    def on_none(peer):
        peer.converse("service accept")
        peer.expect(USERAUTH_REQUEST)
        peer.send(USERAUTH_SUCCESS)
        serve_command(peer)

    def on_query(peer):
        peer.converse("service accept")
        peer.next_login("publickey")
        peer.send(USERAUTH_SUCCESS)
        serve_command(peer)

    for name, script in {"first": on_none, "query": on_query}.items():
        bench.add(name, script)
        bench.fleet.hosts[name].settings["passwd"] = "sesame"
    result = bench.run(code=0, within=5)
    for name, server in bench.servers.items():
        assert result.blocks[name] == b"in\n"
        # A query names a key and has no signature; there has been nothing else.
        for payload in server.conversations[0].received:
            assert b"sesame" not in payload
        requests = [payload for payload in server.conversations[0].received if payload[0] == USERAUTH_REQUEST]
        assert len(requests) == 1 and b"publickey\0" in requests[0]


def test_a_key_and_then_a_password_are_both_given_where_both_are_there(bench):
    passwords = []

    def script(peer, rest):
        peer.converse("key accepted")
        peer.next_login("publickey")
        peer.refuse_login(rest, partial=True)
        method, fields = peer.next_login("password")
        fields.boolean()
        passwords.append(fields.string())
        peer.send(USERAUTH_SUCCESS)
        serve_command(peer)

    for name in ("both", "key-only"):
        bench.add(name, lambda peer: script(peer, "password"))
    bench.fleet.hosts["both"].settings["passwd"] = "sesame"
    result = bench.run("--connect-timeout", "3", code=4, within=3)
    assert result.blocks["both"] == b"in\n" and passwords == [b"sesame"]
    status, cause = result.failures["key-only"]
    assert status == "auth" and "password" in cause and "more than one" in cause
    assert "not accepted" not in cause


@pytest.mark.parametrize("methods", ["password", "publickey,password", "password,keyboard-interactive"])
def test_a_wrong_password_reaches_every_host_exactly_once(bench, methods):
    counted = {}

    def script(peer, name):
        peer.converse("service accept")
        counted[name] = counted.get(name, 0)
        while True:
            method, fields = peer.next_login("publickey", "password", "keyboard-interactive")
            if method == "password":
                counted[name] += 1
            elif method == "keyboard-interactive":
                peer.send(USERAUTH_INFO_REQUEST, b"", b"", b"", 1, b"Password: ", False)
                answer = Fields(peer.expect(USERAUTH_INFO_RESPONSE))
                counted[name] += [answer.string() for _ in range(answer.uint32())] == [b"wrong"]
            peer.refuse_login(methods)

    names = [f"db{number:02}" for number in range(1, 13)]
    for name in names:
        bench.add(name, lambda peer, name=name: script(peer, name))
        bench.fleet.hosts[name].settings["passwd"] = "wrong"
    result = bench.run("--connect-timeout", "5", "--max-auth-fail", "0", code=4)
    assert statuses(result) == dict.fromkeys(names, "auth")
    assert counted == dict.fromkeys(names, 1)
    assert all(len(server.conversations) == 1 for server in bench.servers.values())


def test_damage_during_the_login_is_not_called_a_refusal(bench):
    def script(peer, step, what):
        peer.converse(step)
        with contextlib.suppress(OSError):
            if what == "garbage":
                peer.connection.sendall(os.urandom(4096))
            elif what == "nonsense":
                peer.send(USERAUTH_REQUEST, b"what?")
            else:
                leave(peer, "close")

    for step, what, cipher in itertools.product(("service accept", "key accepted"), ("garbage", "leaves"), CIPHERS):
        bench.add(name_of(f"{step} {what} {cipher}"), lambda peer, case=(step, what): script(peer, *case),
                  cipher=cipher)
    result = bench.run("--connect-timeout", "1", code=4, within=3)
    for name, (status, cause) in result.failures.items():
        assert status in (("unreachable",) if "leaves" in name else ("protocol", "timeout")), (name, status, cause)


# --- host keys ------------------------------------------------------------------------------------------------------

def test_a_server_that_shows_another_key_hears_nothing_of_the_login(bench):
    fleet = bench.fleet
    other = public_key(fleet.new_key("other"))
    rsa = public_key(fleet.new_key("other_rsa", "rsa", bits=2048))
    script = lambda peer: (peer.converse(), peer.finish(0))
    bench.add("unknown", script, host_key=None)
    bench.add("changed", script, host_key=other)
    bench.add("other-type", script, host_key=rsa)
    for name in bench.servers:
        fleet.hosts[name].settings["passwd"] = "sesame"

    def heard():
        requests = {name: USERAUTH_REQUEST in server.received for name, server in bench.servers.items()}
        for server in bench.servers.values():
            server.conversations.clear()
        return requests

    before = None
    result = bench.run(code=4)
    assert statuses(result) == dict.fromkeys(bench.servers, "host_key")
    assert heard() == {"unknown": False, "changed": False, "other-type": False}
    before = fleet.known_hosts

    result = bench.run("--host-key", "accept-new", "--accept-new-with-password", code=4, prepare=False)
    assert statuses(result) == {"changed": "host_key", "other-type": "host_key"}
    assert heard() == {"unknown": True, "changed": False, "other-type": False}
    assert len(fleet.known_hosts) == len(before) + 1

    bench.run("--host-key", "off", "--accept-new-with-password", code=0, prepare=False)
    assert heard() == {"unknown": True, "changed": True, "other-type": True}
    assert len(fleet.known_hosts) == len(before) + 1


def test_a_key_that_changes_between_two_connections_is_refused_at_the_second(bench):
    server = bench.add("db01", lambda peer: (peer.converse(), peer.finish(0)), host_key=None)
    bench.run("--host-key", "accept-new", code=0)
    other = PacketServer(*_spare(bench), bench.fleet.new_key("other"), lambda peer: None)
    other.close()
    server.host_key, server.host_key_blob = other.host_key, other.host_key_blob
    server.conversations.clear()
    for policy in ("strict", "accept-new"):
        result = bench.run("--host-key", policy, code=4, prepare=False)
        assert result.failures["db01"][0] == "host_key" and "changed" in result.failures["db01"][1]
        assert USERAUTH_REQUEST not in server.received


def _spare(bench):
    return bench.fleet.site.addresses.take(), bench.fleet.site.addresses.port


def test_a_key_exchange_that_another_has_signed_is_refused(bench):
    """The right public key, without the private one: an attacker who has only listened."""
    real = bench.add("db01", lambda peer: (peer.converse(), peer.finish(0)))
    other = PacketServer(*_spare(bench), bench.fleet.new_key("other"), lambda peer: None)
    other.close()
    real.host_key = other.host_key
    for policy in ("strict", "off"):
        result = bench.run("--host-key", policy, "--connect-timeout", "3", code=4, prepare=policy == "strict")
        assert result.failures["db01"][0] == "protocol"
        assert USERAUTH_REQUEST not in real.received
