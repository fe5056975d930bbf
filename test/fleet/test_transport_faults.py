"""Servers, and people between us and a server, who break the rules of the connection: who falls silent or floods, puts
packets in or takes them out, offers only what is weak, sends what was not asked for.

More of what servers may do is in test_hostile.py; here is what is about the transport and the channel itself.
"""

import itertools
import json
import os
import select
import signal
import socket
import struct
import threading

import pytest

from bench import HOSTILE_TEXT, leave, name_of, statuses
from packets import (CHACHA, CHANNEL_CLOSE, CHANNEL_DATA, CHANNEL_EOF, CHANNEL_EXTENDED_DATA, CHANNEL_OPEN,
                     CHANNEL_OPEN_CONFIRMATION, CHANNEL_REQUEST, CHANNEL_WINDOW_ADJUST, CIPHERS, CTR, DEBUG, DISCONNECT,
                     EXT_INFO, GCM, GLOBAL_REQUEST, IGNORE, KEXINIT, NEWKEYS, SERVICE_ACCEPT, STEPS, UNIMPLEMENTED,
                     USERAUTH_REQUEST, USERAUTH_SUCCESS, Fields, Raw, message, string)
from processes import wait_until
from servers import CuttingProxy, Listener, Meddler


def in_the_clear(payload):
    """A packet as it is before NEWKEYS (RFC 4253, section 6)."""
    padding = 8 - (len(payload) + 5) % 8 + 8
    return struct.pack(">IB", len(payload) + 1 + padding, padding) + payload + bytes(padding)


def behind(bench, **options):
    """A real server of its own that is reached through proxies only: its address."""
    host = bench.fleet.server("upstream", **options)
    bench.fleet.hosts.remove(host)
    return host


# --- silence --------------------------------------------------------------------------------------------------------

def test_a_real_server_that_stops_in_the_middle_of_a_packet_is_left_at_the_deadline(bench):
    """In its identification, its KEXINIT, its key reply, and under the new keys."""
    host = behind(bench)
    # The identification has some 40 bytes, KEXINIT some 1,000, the reply to the key some 200.
    for offset in (1, 20, 60, 600, 1100, 1200):
        bench.fleet.misbehaving(f"stall{offset}", CuttingProxy, (host.address, host.port), offset, "stall",
                                host_key=host.host_key)
    result = bench.run("--connect-timeout", "1", code=3, within=2.6)
    assert len(result.failures) == 6
    for status, cause in result.failures.values():
        assert status == "timeout" and cause == "no answer within 1s while exchanging keys"


def test_a_server_that_answers_every_step_late_meets_one_deadline_for_all_of_them(bench):
    def script(peer):
        for step in STEPS[:-1]:
            # Each for itself in time. Released by the client's end, so nobody waits for it longer than that.
            peer.server.pause.wait(0.4)
            peer.converse(step, start=step)

    server = bench.add("late", script)
    server.pause = threading.Event()
    result = bench.run("--connect-timeout", "1", code=3, within=2.6)
    server.pause.set()
    assert result.failures["late"][0] == "timeout" and "1s" in result.failures["late"][1]


# --- before the key exchange ----------------------------------------------------------------------------------------

def test_an_identification_against_the_rules_is_refused_and_shown_harmless(bench):
    # RFC 4253, section 4.2: printable US-ASCII, and at most 255 characters with the end of the line.
    lines = {"escapes": b"SSH-2.0-\x1b]0;owned\x07\x1b[31mred", "c1": b"SSH-2.0-\x9b2Jgone",
             "long": b"SSH-2.0-" + b"x" * 300, "return": b"SSH-2.0-one\rfanout: 1 host, 1 ok",
             "utf8": "SSH-2.0-\u202egnp.exe".encode()}
    for name, line in lines.items():
        bench.add(name, lambda peer: (peer.converse(), peer.finish(0)), identification=line)
    result = bench.run("-v", "--connect-timeout", "2", code=4, within=3.6)
    assert statuses(result) == dict.fromkeys(lines, "protocol")
    assert "\u202e" not in result.err
    assert max(map(len, result.err.splitlines())) < 400
    for server in bench.servers.values():
        assert USERAUTH_REQUEST not in server.received


class EndlessLines(Listener):
    """Lines before the identification as fast as they are taken; counts the bytes."""
    sent = 0

    def serve(self, connection):
        # So that what is counted is what was taken, and not what lies in a buffer.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        while True:
            self.sent += connection.send(b"I am no SSH server.\r\n" * 50)


def test_no_more_than_a_little_is_read_of_a_server_that_never_identifies_itself(bench):
    server = bench.add_raw("endless", EndlessLines)
    result = bench.run("--connect-timeout", "5", code=4, within=3)
    status, cause = result.failures["endless"]
    assert status == "protocol" and ("no identification" in cause or "before the key exchange" in cause)
    assert server.sent < 8 << 20 and server.connections == 1
    assert bench.cpu < 1


@pytest.mark.parametrize("sender", ["server", "client"])
def test_a_packet_that_is_slipped_into_the_key_exchange_ends_it(bench, sender):
    """What the Terrapin attack begins with. A strict key exchange has nothing in it but itself."""
    host = behind(bench)
    packets = {"ignore": message(IGNORE, b"slipped in"), "debug": message(DEBUG, False, b"slipped in", b""),
               "unimplemented": message(UNIMPLEMENTED, 0), "unknown": message(192, b"slipped in")}
    before = {"kexinit": KEXINIT, "newkeys": NEWKEYS}
    for (what, payload), (place, kind) in itertools.product(packets.items(), before.items()):
        def meddle(who, passing, packet, payload=payload, kind=kind):
            return in_the_clear(payload) + packet if who == sender and passing == kind else packet

        bench.fleet.misbehaving(f"{what}-{place}", Meddler, (host.address, host.port), meddle, host_key=host.host_key)
    result = bench.run("--connect-timeout", "2", code=4, within=3.6)
    assert set(statuses(result)) == {f"{what}-{place}" for what in packets for place in before}
    # The server finds out what is slipped in for it, and says so or hangs up.
    assert set(statuses(result).values()) == {"protocol" if sender == "server" else "unreachable"}, result.failures
    assert "Accepted" not in host.server.log


@pytest.mark.parametrize("cipher", CIPHERS)
def test_a_first_encrypted_packet_that_is_taken_out_ends_the_connection(bench, cipher):
    """What the Terrapin attack ends with: the server's EXT_INFO, which nobody would miss."""
    host = behind(bench, settings=[f"Ciphers {cipher}", "MACs hmac-sha2-256"])
    upstream = host.address, host.port

    def slip_in(who, kind, packet):
        return in_the_clear(message(IGNORE, b"")) + packet if who == "server" and kind == NEWKEYS else packet

    bench.fleet.misbehaving("untouched", Meddler, upstream, host_key=host.host_key)
    bench.fleet.misbehaving("taken-out", Meddler, upstream, drops=True, host_key=host.host_key)
    # Both together: without the strict key exchange the numbers would fit again.
    bench.fleet.misbehaving("exchanged", Meddler, upstream, slip_in, drops=True, host_key=host.host_key)
    result = bench.run("--connect-timeout", "2", code=4, within=3.6)
    assert statuses(result) == {"taken-out": "protocol", "exchanged": "protocol"}, result.failures
    assert result.blocks["untouched"].startswith(b"out of untouched\n")


def test_a_cipher_that_the_terrapin_attack_is_for_is_not_used_without_a_strict_key_exchange(bench):
    for cipher in CIPHERS:
        bench.add(name_of(cipher), lambda peer: (peer.converse(), peer.out(b"text\n"), peer.finish(0)), cipher=cipher,
                  strict=False)
    result = bench.run("--connect-timeout", "2", code=4, within=3.6)
    assert result.blocks[name_of(GCM)] == result.blocks[name_of(CTR)] == b"text\n"
    status, cause = result.failures[name_of(CHACHA)]
    assert status == "protocol" and "strict" in cause
    assert USERAUTH_REQUEST not in bench.servers[name_of(CHACHA)].received


def test_a_server_that_offers_only_weak_algorithms_is_told_from_one_that_is_broken(bench):
    weak = {
        "kex": ("key exchange", "diffie-hellman-group14-sha1", "curve25519-sha256",
                ["KexAlgorithms diffie-hellman-group14-sha1"]),
        "host-key": ("host key type", "ssh-rsa", "ssh-ed25519", ["HostKeyAlgorithms ssh-rsa"]),
        "cipher": ("cipher", "aes128-cbc,3des-cbc", "aes128-ctr", ["Ciphers aes128-cbc,3des-cbc"]),
        "mac": ("MAC", "hmac-sha1", "hmac-sha2-256", ["Ciphers aes128-ctr", "MACs hmac-sha1"]),
    }
    for name, (_, _, _, settings) in weak.items():
        bench.fleet.server(name, host_keys=("rsa",) if name == "host-key" else ("ed25519",), settings=settings)
    result = bench.run("--connect-timeout", "2", code=4, within=3)
    assert statuses(result) == dict.fromkeys(weak, "protocol")
    for name, (what, theirs, ours, _) in weak.items():
        cause = result.failures[name][1]
        assert f"no common {what}" in cause and theirs in cause, cause
        # Without the other list nobody can tell what would have to change.
        assert ours in cause, cause


# --- disconnected ---------------------------------------------------------------------------------------------------

def test_a_disconnect_in_any_phase_is_an_unreachable_host_with_the_servers_words_in_one_line(bench):
    for step in STEPS:
        def script(peer, step=step):
            peer.converse(step)
            peer.send(DISCONNECT, 2, HOSTILE_TEXT, b"")
            leave(peer, "close")

        bench.add(name_of(step), script)
    result = bench.run("-v", "--connect-timeout", "3", code=4, within=3)
    assert statuses(result) == {name_of(step): "unreachable" for step in STEPS}, result.failures
    for step in STEPS:
        cause = result.failures[name_of(step)][1]
        assert cause.startswith("the server disconnected: \\x1b]0;owned\\x07"), (step, cause)
        assert ("may still run" in cause) == (step == "command")
    for line in result.err.splitlines():
        assert not line.startswith(("fanout: 9 hosts", "  unreachable  sound01"))


# --- floods ---------------------------------------------------------------------------------------------------------

FLOODS = {
    # name: (payload to repeat, what may become of the host)
    "adjust": (message(CHANNEL_WINDOW_ADJUST, 0, (1 << 32) - 1), {"timeout"}),
    "empty": (message(CHANNEL_DATA, 0, b""), {"timeout"}),
    "empty-err": (message(CHANNEL_EXTENDED_DATA, 0, 1, b""), {"timeout"}),
    "status": (message(CHANNEL_REQUEST, 0, b"exit-status", False, 7), {"timeout"}),
    "unimplemented": (message(UNIMPLEMENTED, 0), {"timeout"}),
    "type-zero": (message(0, b"x" * 100), {"timeout"}),
    # What libssh2 keeps ends with its memory, if that comes first, and what it answers with our patience.
    "request": (message(CHANNEL_REQUEST, 0, b"what@example.com", True), {"timeout", "protocol"}),
    "confirmation": (message(CHANNEL_OPEN_CONFIRMATION, 0, 7, 1 << 20, 1 << 15), {"timeout", "protocol"}),
    "success": (message(USERAUTH_SUCCESS), {"timeout", "protocol"}),
    "service": (message(SERVICE_ACCEPT, b"ssh-userauth"), {"timeout", "protocol"}),
    "other-type": (message(CHANNEL_EXTENDED_DATA, 0, 2, b"x" * 1000), {"protocol"}),
    "disconnects": (message(DISCONNECT, 2, b"go", b""), {"unreachable"}),
}


def flood_until_told_to_stop(peer, payload):
    """The signal that ends the command ends the flood, or each would last until nobody waits for it any more."""
    peer.converse()
    while True:
        with peer.one_segment():
            for _ in range(max(1, 40000 // len(payload))):
                peer.send_payload(payload)
        while select.select([peer.connection], [], [], 0)[0]:
            heard = peer.receive()
            if heard[0] == CHANNEL_REQUEST and heard[5:].startswith(string(b"signal")):
                leave(peer, "close")


def test_floods_of_messages_that_are_allowed_or_nearly_so_cost_a_bounded_time_and_little_memory(bench):
    for name, (payload, _) in FLOODS.items():
        bench.add(name, lambda peer, payload=payload: flood_until_told_to_stop(peer, payload), cipher=GCM)
    result = bench.run("-t", "1", "-q", code=4, within=8, timeout=25, memory=True)
    for name, (_, allowed) in FLOODS.items():
        status, cause = result.failures[name]
        assert status in allowed, (name, status, cause)
        assert status != "timeout" or cause.startswith("timed out after 1s; "), (name, cause)
    assert max(bench.peaks.values()) < 90 << 10, bench.peaks
    assert bench.peaks[""] < 40 << 10, bench.peaks


def test_a_count_of_extensions_without_end_costs_nothing(bench):
    counts = {"most": Raw(struct.pack(">I", (1 << 32) - 1)), "half": Raw(struct.pack(">I", 1 << 31)),
              "names": Raw(struct.pack(">I", (1 << 32) - 1) + b"\0\0\0\0" * 8000),
              "lies": Raw(struct.pack(">III", 2, (1 << 32) - 1, (1 << 32) - 1)), "nothing": Raw(b"")}

    def script(peer, fields):
        peer.converse("NEWKEYS")
        peer.send(EXT_INFO, fields)
        peer.converse(start="service accept")
        peer.send(EXT_INFO, fields)
        peer.out(b"text\n")
        peer.finish(0)

    for (name, fields), cipher in itertools.product(counts.items(), (CHACHA, GCM)):
        bench.add(name_of(f"{name}-{cipher[:6]}"), lambda peer, fields=fields: script(peer, fields), cipher=cipher)
    result = bench.run("--connect-timeout", "3", code=0, within=3)
    for name in bench.servers:
        assert result.blocks[name] == b"text\n"
    assert bench.cpu < 1


# --- the channel ----------------------------------------------------------------------------------------------------

def test_errors_beyond_the_window_are_never_a_success_either(bench):
    """One window for both streams (RFC 4254, section 5.2)."""
    def script(peer, both):
        peer.converse()
        with peer.one_segment():
            for _ in range(48):
                peer.err(bytes(32768))
                if both:
                    peer.out(bytes(32768))
            peer.finish(0)

    for both in (False, True):
        bench.add("both" if both else "err", lambda peer, both=both: script(peer, both), cipher=CTR)
    bench.fleet.prepare()
    violations = 0
    # Who reads quickly enough opens the window in time, and then nothing is lost.
    for _ in range(3):
        result = bench.fleet.exec("-a", "-t", "10", "--json", "true", timeout=25)
        for record in map(json.loads, result.out.splitlines()):
            if record["host"] not in ("err", "both"):
                continue
            if record["status"] == "ok":
                assert record["stderr_bytes"] == 48 * 32768
                assert record["stdout_bytes"] == (48 * 32768 if record["host"] == "both" else 0)
                continue
            assert record["status"] == "protocol"
            assert "window violated" in record["cause"] and "lost" in record["cause"]
            violations += 1
    assert violations > 0


@pytest.mark.parametrize("cipher", CIPHERS)
def test_output_of_a_kind_that_is_not_defined_is_a_fault_of_the_server_and_told_at_once(bench, cipher):
    """RFC 4254, section 5.2, knows stderr alone. libssh2 keeps the rest for a reader who asks by its number."""
    def script(peer, kind, data, end):
        peer.converse()
        with peer.one_segment():
            peer.out(b"text\n")
            peer.to_channel(CHANNEL_EXTENDED_DATA, kind, data)
            peer.out(b"more\n")
            if end != "open":
                peer.finish(0)
            if end == "disconnect":
                peer.send(DISCONNECT, 11, b"bye", b"")
        if end == "disconnect":
            leave(peer, "close")

    cases = {f"type{kind}-{size}-{end}": (kind, b"x" * size, end)
             for kind, size, end in itertools.product((0, 2, (1 << 32) - 1), (0, 100), ("open", "finish", "disconnect"))
             # Nothing at all, of no kind, with more to come: there is nothing wrong yet.
             if size or end != "open"}
    for name, case in cases.items():
        bench.add(name, lambda peer, case=case: script(peer, *case), cipher=cipher)
    result = bench.run("-t", "6", code=4, within=4)
    for name, (kind, _, end) in cases.items():
        status, cause = result.failures[name]
        assert status == "protocol" and f"extended data of type {kind})" in cause, (name, status, cause)
        assert ("incomplete" in cause) == (end != "open") or "may still run" in cause
        assert result.blocks[name] == b"text\nmore\n", (name, result.blocks[name])
        assert name not in result.error_blocks


def test_an_end_of_the_channel_in_any_order_and_number_is_one_record(bench):
    def several(peer, kinds):
        peer.converse()
        peer.out(b"text\n")
        with peer.one_segment():
            for kind in kinds:
                if kind == "status":
                    peer.exit_status(0)
                else:
                    peer.to_channel(kind)

    ends = {"status-close": ["status", CHANNEL_CLOSE], "close-status": [CHANNEL_CLOSE, "status"],
            "eofs": [CHANNEL_EOF] * 50 + ["status", CHANNEL_CLOSE],
            "closes": ["status", CHANNEL_EOF] + [CHANNEL_CLOSE] * 50,
            "only-close": [CHANNEL_CLOSE], "only-eof": [CHANNEL_EOF, CHANNEL_CLOSE]}
    for name, kinds in ends.items():
        bench.add(name, lambda peer, kinds=kinds: several(peer, kinds))
    result = bench.run("-t", "3", code=5, within=3)
    assert result.failures["only-close"] == result.failures["only-eof"] == ("failed", "no exit status from the server")
    # A status behind the CLOSE is none any more (RFC 4254, section 5.3), but may have been read with it.
    assert set(result.failures) - {"close-status"} == {"only-close", "only-eof"}
    assert all(result.blocks[name] == b"text\n" for name in ends)


def test_a_death_by_signal_and_a_lost_server_are_two_things(fleet):
    fleet.openssh("killed", "lost", "sound01", "sound02")
    fleet.prepare()
    running = fleet.start("exec", "-a", "-L", "-t", "9",
                          "echo of {host}; case {host} in killed) kill -9 $$;; lost) exec sleep 7801;; esac")
    running.expect("lost: of lost\n")
    # Not a shell that has these words among its arguments.
    command, = wait_until(lambda: [process for process in fleet.remote_processes("sleep 7801")
                                   if process.command == "sleep 7801"])
    # The process of this one session, as when the server is restarted.
    os.kill(command.parent, signal.SIGKILL)
    result = running.wait().assert_code(4)
    os.kill(command.pid, signal.SIGKILL)
    assert result.failures["killed"] == ("failed", "killed by signal KILL")
    status, cause = result.failures["lost"]
    assert status == "unreachable" and "may still run" in cause
    assert result.remarks["unknown"][0] == ["lost"]
    assert sorted(result.text.splitlines()) == [f"{host.name}: of {host.name}" for host in fleet.hosts]
    assert result.counts == {"hosts": 4, "ok": 2, "failed": 2} and result.seconds < 8


def test_what_a_server_asks_in_the_middle_of_the_login_and_while_we_wait_for_it_is_refused(bench):
    """Channels that only a client with an agent, a display or a forwarded port would want."""
    def script(peer, step):
        peer.converse(step)
        for kind, rest in ((b"auth-agent@openssh.com", ()), (b"x11", (b"127.0.0.1", 6000)), (b"session", ()),
                           (b"forwarded-tcpip", (b"127.0.0.1", 80, b"127.0.0.1", 1234)), (HOSTILE_TEXT, ())):
            peer.send(CHANNEL_OPEN, kind, 100, 1 << 20, 1 << 15, *rest)
        for name in (b"keepalive@openssh.com", b"hostkeys-prove-00@openssh.com", b"tcpip-forward", HOSTILE_TEXT):
            peer.send(GLOBAL_REQUEST, name, True)
        if step != STEPS[-1]:
            peer.converse(start=STEPS[STEPS.index(step) + 1])
        peer.out(b"text\n")
        peer.finish(0)

    for step in ("login", "channel", "command"):
        bench.add(name_of(step), lambda peer, step=step: script(peer, step))
    result = bench.run("--connect-timeout", "3", "-t", "3", code=0, within=3)
    for name, server in bench.servers.items():
        assert result.blocks[name] == b"text\n"
        opened = [payload for payload in server.conversations[0].received if payload[0] == CHANNEL_OPEN]
        assert len(opened) == 1 and Fields(opened[0]).string() == b"session"
        assert CHANNEL_OPEN_CONFIRMATION not in server.received
