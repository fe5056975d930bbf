"""The ciphers of packets against real servers: which is agreed on, that every byte arrives under each, and through rekeys."""

import hashlib

import pytest

from daemons import Dropbear
from packets import CHACHA, CIPHERS, CTR, GCM, KEXINIT, Fields, Raw, replaces_ciphers

GCM256, CTR256 = "aes256-gcm@openssh.com", "aes256-ctr"
ALL = (GCM, CHACHA, GCM256, CTR, CTR256)
SIZES = (0, 1, 15, 16, 17, 255, 4096, 32767, 32768, 32769, 100000)


def agreed_on(result, name):
    """The cipher that -v tells of a host."""
    line = next(line for line in result.err.splitlines() if name in line and "curve25519" in line)
    return line.rsplit(", ", 1)[1].strip()


def output_of(size, name):
    """A shell command that prints so many bytes, all different from their neighbours, and what it prints."""
    numbers = b"".join(b"%s %d\n" % (name.encode(), number) for number in range(size // 4 + 2))
    return f"seq -f '{name} %.0f' 0 {size // 4 + 1} | head -c {size}; echo", numbers[:size] + b"\n"


@pytest.mark.parametrize("cipher", ALL)
def test_output_arrives_byte_for_byte_whatever_the_cipher(fleet, cipher):
    fleet.server("db01", settings=[f"Ciphers {cipher}", "MACs hmac-sha2-256,hmac-sha2-512"])
    fleet.prepare()
    for size in SIZES:
        command, expected = output_of(size, "db01")
        result = fleet.exec("-v", "-a", command).assert_code(0)
        assert agreed_on(result, "db01") == cipher
        assert result.blocks == {"db01": expected}


def test_a_server_that_knows_all_gets_the_fastest(fleet, program):
    fleet.openssh("db01")
    fleet.prepare()
    result = fleet.exec("-v", "-a", "true").assert_code(0)
    assert agreed_on(result, "db01") == (GCM if replaces_ciphers(program) else CHACHA)


@pytest.mark.parametrize("cipher", ALL)
def test_a_server_that_changes_keys_after_every_mebibyte_loses_nothing(fleet, cipher):
    fleet.server("db01", settings=["RekeyLimit 1M", f"Ciphers {cipher}", "MACs hmac-sha2-256"])
    fleet.prepare()
    lines = 1_200_000
    command = f"seq {lines}; seq {lines} >&2"
    expected = b"".join(b"%d\n" % number for number in range(1, lines + 1))
    assert len(expected) > 8 << 20
    result = fleet.exec("-a", command, timeout=60).assert_code(0)
    assert hashlib.sha256(result.blocks["db01"]).digest() == hashlib.sha256(expected).digest()
    assert hashlib.sha256(result.error_blocks["db01"]).digest() == hashlib.sha256(expected).digest()


def test_dropbear_agrees_on_a_cipher_and_loses_nothing(fleet, site):
    if reason := Dropbear.why_not(site):
        pytest.skip(reason)
    fleet.dropbear("db01")
    fleet.prepare()
    command, expected = output_of(3_000_000, "db01")
    result = fleet.exec("-v", "-a", command, timeout=60).assert_code(0)
    assert agreed_on(result, "db01") in ALL
    assert result.blocks == {"db01": expected}


@pytest.mark.parametrize("first", CIPHERS)
def test_a_later_key_exchange_offers_what_was_agreed_on_and_nothing_else(bench, first):
    # libssh2 1.11.1 would let another cipher loose on the memory of the old one. A key exchange that fails changes nothing.
    offers = {}

    def script(peer, name, other):
        peer.converse()
        peer.out(b"begun\n")
        peer.send(KEXINIT, Raw(bytes(16)), b"curve25519-sha256", b"ssh-ed25519", other, other,
                  b"hmac-sha2-512", b"hmac-sha2-512", b"none", b"none", b"", b"", False, 0)
        offer = Fields(peer.expect(KEXINIT))
        offer.take(16)
        offers[name] = [offer.string().decode() for _ in range(6)][2:]
        peer.out(b"ended\n")
        peer.finish(0)

    for other in (cipher for cipher in ALL if cipher != first):
        name = f"to-{other.partition('@')[0]}"
        bench.add(name, lambda peer, name=name, other=other.encode(): script(peer, name, other), cipher=first)
    result = bench.run("-t", "5", code=0, timeout=20)
    assert len(offers) == 4 and all(result.blocks[name] == b"begun\nended\n" for name in offers)
    for ciphers in offers.values():
        assert ciphers[:2] == [first, first]
        # GCM needs no MAC, and none is agreed on.
        assert ciphers[2:] == (["hmac-sha2-256,hmac-sha2-512"] * 2 if first == GCM else ["hmac-sha2-256"] * 2)
