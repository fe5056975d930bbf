"""A TCP proxy that makes a server on this machine a distant one, and records what goes through it.

Every byte is delivered half a round trip after it was sent, in order, however many are under way: nothing is throttled and
nothing lost. The kernel opens a connection to the proxy at once, so TCP's own round trip is played: the server is called
one and a half round trips after the client has connected, when the client's ACK would have reached it, and what
the client says meanwhile counts as said after one round trip, when it would have heard of the connection.

What it cannot show is what two kernels do about real distance: Nagle's algorithm, delayed acknowledgements, slow start.
"""

import contextlib
import queue
import socket
import threading
import time
from dataclasses import dataclass

CLIENT, SERVER = "client", "server"


@dataclass
class Chunk:
    """Bytes that were sent together. Times are of time.monotonic()."""
    sender: str
    data: bytes
    sent: float
    delivered: float = 0.0
    turn: int = 0


class Conversation:
    """One connection: its chunks in the order of their delivery."""

    def __init__(self):
        self.chunks = []
        self.open_ends = 2
        self.ended = threading.Event()

    def number_turns(self):
        """Gives each chunk its turn: 1 for what the client says unasked, one more for what it says after hearing
        something of the turn before. The server's chunks belong to the last turn that it has heard of. As nobody can
        answer what has not arrived, each turn that the server has a part in takes a whole round trip."""
        for chunk in sorted(self.chunks, key=lambda chunk: chunk.sent):
            heard = [other.turn for other in self.chunks if other.sender != chunk.sender
                     and other.delivered <= chunk.sent]
            chunk.turn = max(heard, default=0) + (chunk.sender == CLIENT)
        return self

    @property
    def round_trips(self):
        """Without TCP's own. What the client says last and nobody answers is none."""
        return max((chunk.turn for chunk in self.chunks if chunk.sender == SERVER), default=0)


class DelayingProxy:
    """Listens on `address` and passes each connection on to `server`, an (address, port). Use it with `with`."""

    def __init__(self, address, port, server, round_trip_seconds):
        self.address, self.port, self.server = address, port, server
        self.round_trip = round_trip_seconds
        self.conversations = []
        self._sockets = []
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((address, port))
        self._socket.listen(128)
        self._start(self._accept)

    @staticmethod
    def _start(function, *arguments):
        threading.Thread(target=function, args=arguments, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            conversation = Conversation()
            self.conversations.append(conversation)
            self._start(self._serve, client, conversation, time.monotonic() + self.round_trip)

    def _serve(self, client, conversation, established):
        # Threads that sleep, because the timers of asyncio count whole milliseconds, and a session has some twenty delays.
        self._sockets.append(client)
        from_client = queue.SimpleQueue()
        self._start(self._read, client, CLIENT, from_client, established)
        sleep_until(established + self.round_trip / 2)
        try:
            server = socket.create_connection(self.server)
        except OSError:
            client.shutdown(socket.SHUT_RDWR)
            return
        self._sockets.append(server)
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        from_server = queue.SimpleQueue()
        self._start(self._read, server, SERVER, from_server, established)
        self._start(self._deliver, server, from_client, conversation)
        self._start(self._deliver, client, from_server, conversation)

    def _read(self, source, sender, under_way, not_before):
        while True:
            try:
                data = source.recv(65536)
                # Or sshd, which leaves Nagle's algorithm on until the command runs, would wait for a delayed
                # acknowledgement of its own kernel's other end: 40 ms, and only if the round trip is shorter.
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            except OSError:
                data = b""
            under_way.put(Chunk(sender, data, max(time.monotonic(), not_before)))
            if not data:
                return

    def _deliver(self, target, under_way, conversation):
        with contextlib.suppress(OSError):
            while True:
                chunk = under_way.get()
                sleep_until(chunk.sent + self.round_trip / 2)
                if not chunk.data:
                    break
                # Before they are sent: the answer may come before this thread is scheduled again.
                chunk.delivered = time.monotonic()
                conversation.chunks.append(chunk)
                target.sendall(chunk.data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
        conversation.open_ends -= 1
        if conversation.open_ends == 0:
            conversation.ended.set()

    def last_conversation(self):
        """The latest connection, once both sides have hung up."""
        conversation = self.conversations[-1]
        if not conversation.ended.wait(5):
            raise RuntimeError("delaying_proxy: a connection was not closed")
        return conversation.number_turns()

    def close(self):
        # Wakes the accept, which close(2) alone would not.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def sleep_until(moment):
    while (left := moment - time.monotonic()) > 0:
        time.sleep(left)
