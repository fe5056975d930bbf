"""Servers that misbehave below SSH: they refuse, drop, stay silent, talk nonsense, or cut a connection.

Each is a context manager, listens on an address of its own, and counts the connections that it has seen.
"""

import contextlib
import select
import socket
import struct
import threading


class Listener:
    """Accepts connections and hands each to serve(connection) in a thread of its own. This one says nothing."""

    backlog = 512

    def __init__(self, address, port):
        self.address, self.port = address, port
        self.connections = 0
        self._open = set()
        self._closing = threading.Event()
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((address, port))
        self._begin()

    def _begin(self):
        self._socket.listen(self.backlog)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            threading.Thread(target=self._serve_one, args=(connection,), daemon=True).start()

    def _serve_one(self, connection):
        with contextlib.suppress(OSError, EOFError), connection:
            self.serve(connection)
        self._open.discard(connection)

    def serve(self, connection):
        while connection.recv(4096):
            pass

    def close(self):
        self._closing.set()
        # Wakes the accept, which close(2) alone would not.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Silent(Listener):
    """Takes the connection and never says a word."""


class ClosedPort(Listener):
    """Refuses. Bound but not listening, so that nobody else can take the port meanwhile."""

    def _begin(self):
        pass


class BlackHole(Listener):
    """Answers no connection attempt at all: while the queue of accept(2) is full the kernel drops every SYN."""

    def _begin(self):
        self._socket.listen(0)
        self._fillers = []
        for _ in range(16):
            filler = socket.socket()
            self._fillers.append(filler)
            filler.settimeout(0.1)
            try:
                filler.connect((self.address, self.port))
            except TimeoutError:
                return
        raise RuntimeError("the queue does not fill")

    def close(self):
        for filler in self._fillers:
            filler.close()
        super().close()


class Talker(Listener):
    """Sends these bytes and then waits, or sends `again` until the client is gone."""

    def __init__(self, address, port, text, again=b"", then_close=False):
        self.text, self.again, self.then_close = text, again, then_close
        self.received = bytearray()
        super().__init__(address, port)

    def serve(self, connection):
        connection.sendall(self.text)
        while self.again:
            connection.sendall(self.again)
        if self.then_close:
            return
        while chunk := connection.recv(4096):
            self.received += chunk


class CuttingProxy(Listener):
    """Passes everything to a server, until `after` bytes of the server have been passed on. Then it does `then`:

    "stall"    passes nothing more, and keeps the connection
    "close"    ends the connection in order (FIN)
    "reset"    ends it without order (RST)
    "trickle"  passes on one byte a second
    """

    def __init__(self, address, port, upstream, after, then):
        self.upstream, self.after, self.then = upstream, after, then
        self.passed = 0
        super().__init__(address, port)

    def serve(self, connection):
        with socket.create_connection(self.upstream) as server:
            self._open.add(server)
            if self._pass(connection, server):
                self._cut(connection, server)
        self._open.discard(server)

    def _pass(self, client, server):
        """Both directions in one thread, so that closing a socket is not delayed by a thread that reads from it.
        False when the connection ended before the cut."""
        left = self.after
        while left > 0:
            for readable in select.select([client, server], [], [])[0]:
                chunk = readable.recv(min(left, 1 << 16) if readable is server else 1 << 16)
                if not chunk:
                    return False
                if readable is server:
                    left -= len(chunk)
                    self.passed += len(chunk)
                (client if readable is server else server).sendall(chunk)
        return True

    def _cut(self, client, server):
        if self.then == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif self.then == "stall":
            while client.recv(1 << 16):
                pass
        elif self.then == "trickle":
            while (byte := server.recv(1)) and not self._closing.wait(1):
                client.sendall(byte)


class Meddler(Listener):
    """Between a client and a server, who still talk in the clear: every packet passes through `meddle`, and what the
    server says first under the new keys is dropped if `drops`.

    `meddle(sender, kind, packet)` is asked for the bytes that go on instead of a packet; `sender` is "client" or
    "server".
    """

    NEWKEYS = 21

    def __init__(self, address, port, upstream, meddle=lambda sender, kind, packet: packet, drops=False):
        self.upstream, self.meddle, self.drops = upstream, meddle, drops
        super().__init__(address, port)

    def serve(self, connection):
        with socket.create_connection(self.upstream) as server:
            self._open.add(server)
            dropped = threading.Event()
            if not self.drops:
                dropped.set()
            there = threading.Thread(target=self._pass, args=("client", connection, server, dropped), daemon=True)
            there.start()
            self._pass("server", server, connection, dropped)
            there.join()
        self._open.discard(server)

    def _pass(self, sender, source, target, dropped):
        with contextlib.suppress(OSError, EOFError):
            self._pass_in_the_clear(sender, source, target)
            if sender == "server" and self.drops:
                # The client's next word is held back, so whatever comes is what the server says unasked.
                source.recv(1 << 16)
                dropped.set()
            while not dropped.wait(0.05) and not self._closing.is_set():
                pass
            while chunk := source.recv(1 << 16):
                target.sendall(chunk)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _pass_in_the_clear(self, sender, source, target):
        line = bytearray()
        while not line.endswith(b"\n"):
            line += self._read(source, 1)
        target.sendall(line)
        kind = None
        while kind != self.NEWKEYS:
            header = self._read(source, 4)
            packet = header + self._read(source, struct.unpack(">I", header)[0])
            kind = packet[5]
            target.sendall(self.meddle(sender, kind, packet))

    @staticmethod
    def _read(source, count):
        data = bytearray()
        while len(data) < count:
            chunk = source.recv(count - len(data))
            if not chunk:
                raise EOFError
            data += chunk
        return bytes(data)
