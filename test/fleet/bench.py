"""Hostile hosts and sound ones in one run, and what the program owes to both.

Every run asks of the program: one record for each host, the sound hosts' bytes unchanged, no escape sequence on stderr.
"""

import resource
import socket
import struct
import time

from daemons import public_key
from packets import PacketServer
from processes import peak_memory_kib

SOUND = ("sound01", "sound02")
# Sound hosts and real servers behind a proxy run it; a PacketServer does as its script says.
COMMAND = "echo out of {host}; echo err of {host} >&2; head -c 20000 /dev/zero | tr '\\0' s; echo"
HOSTILE_TEXT = (b"\x1b]0;owned\x07\x1b[31mred\r\nfanout: 9 hosts, 9 ok in 0.1 s\r\n"
                b"  unreachable  sound01  gone\x00\x9b2J")


def name_of(text):
    """A host's name made of any words."""
    return "".join(letter if letter.isalnum() else "-" for letter in text.lower())


class Bench:
    """Hostile hosts, and two sound ones in the same run."""

    def __init__(self, fleet):
        self.fleet = fleet
        self.key = fleet.new_key("host_key")
        self.servers = {}
        self.peaks = {}     # KiB resident at most, by host; "" is the parent
        self.cpu = 0.0      # seconds that the program and all its workers took

    def add(self, name, script, **options):
        options = {"host_key": public_key(self.key), **options}
        self.servers[name] = self.fleet.misbehaving(name, PacketServer, self.key, script, **options)
        return self.servers[name]

    def add_raw(self, name, kind, *arguments, **options):
        self.servers[name] = self.fleet.misbehaving(name, kind, *arguments, host_key=public_key(self.key), **options)
        return self.servers[name]

    def run(self, *arguments, code, sound=SOUND, command=COMMAND, within=None, timeout=40.0, memory=False,
            prepare=True, env=None):
        if prepare:
            self.fleet.openssh(*sound)
            self.fleet.prepare()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        running = self.fleet.start("exec", "-a", *arguments, command, env=env)
        if memory:
            self._watch_memory(running, timeout)
        result = running.wait(timeout)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.fleet.assert_no_temporary_files()
        result.assert_code(code)
        self._assert_sound_hosts(result, sound, arguments)
        assert within is None or result.seconds < within, f"late\n{result}"
        return result

    def _assert_sound_hosts(self, result, sound, arguments):
        failures, counts = result.failures, result.counts
        assert counts["hosts"] == len(self.fleet.hosts)
        assert counts.get("ok", 0) + counts.get("failed", 0) == counts["hosts"]
        assert len(failures) == counts.get("failed", 0)
        # Nothing of a server's making may stand for a line of ours, or reach the terminal behind our back.
        assert not set("\x1b\x07\x9b\0\r") & set(result.err), repr(result.err)
        for name in sound:
            assert name not in failures, f"{name} was harmed: {failures[name]}\n{result}"
            if "-q" in arguments:
                continue
            assert result.blocks[name] == f"out of {name}\n".encode() + b"s" * 20000 + b"\n"
            assert result.error_blocks[name] == f"err of {name}\n".encode()

    def _watch_memory(self, running, timeout):
        end = time.monotonic() + timeout
        while running.child.poll() is None and time.monotonic() < end:
            self.peaks[""] = max(self.peaks.get("", 0), peak_memory_kib(running.pid))
            for worker in running.children("fanout: worker"):
                name = worker.command.rpartition(" ")[2]
                self.peaks[name] = max(self.peaks.get(name, 0), peak_memory_kib(worker.pid))
            time.sleep(0.05)


def statuses(result):
    return {name: status for name, (status, _) in result.failures.items()}


def leave(conversation, how):
    """Ends the connection, by a FIN or an RST."""
    if how == "reset":
        conversation.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    else:
        conversation.connection.shutdown(socket.SHUT_WR)
    raise EOFError
