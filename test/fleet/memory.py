"""Looks for bytes in the memory of other processes, as somebody who has got hold of it would. Needs root."""

import base64
import os
import re
import struct


def readable_memory(pid):
    """(address, bytes) of every mapping of a process that can be read."""
    with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            begin, end, rights = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()
            if not rights.startswith("r") or "[v" in line:
                continue
            try:
                memory.seek(int(begin, 16))
                yield int(begin, 16), memory.read(int(end, 16) - int(begin, 16))
            except OSError:
                continue


def holds(pid, texts):
    """Which of the texts are anywhere in the memory of the process, and where (the mapping)."""
    found = {}
    for address, data in readable_memory(pid):
        for text in texts:
            at = data.find(text)
            if at >= 0:
                found.setdefault(text, hex(address + at))
    return found


def private_seed(path):
    """The 32 secret bytes of an unencrypted Ed25519 key file in OpenSSH's format (PROTOCOL.key)."""
    with open(path, encoding="ascii") as file:
        blob = base64.b64decode("".join(line.strip() for line in file if not line.startswith("-----")))

    def string(at):
        size, = struct.unpack_from(">I", blob, at)
        return blob[at + 4:at + 4 + size], at + 4 + size

    at = len(b"openssh-key-v1\0")
    for _ in range(3):  # cipher, kdf, its options
        _, at = string(at)
    at += 4  # number of keys
    _, at = string(at)
    inner, _ = string(at)
    blob, at = inner, 8
    _, at = string(at)  # type
    _, at = string(at)  # public key
    secret, _ = string(at)
    return secret[:32]


def may_look():
    return os.geteuid() == 0
