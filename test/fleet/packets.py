"""An SSH server of which a test chooses every packet, from the identification on, with any of the client's ciphers.

scripted.py leaves the protocol to paramiko. Here nothing is done behind the back of the script: lengths, order, several
packets in one segment, a stop after any message; and whatever the client sends is on record, in the order it came.
"""

import contextlib
import hashlib
import hmac
import os
import socket
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.poly1305 import Poly1305

from servers import Listener

# RFC 4250, section 4.1.2
DISCONNECT, IGNORE, UNIMPLEMENTED, DEBUG, SERVICE_REQUEST, SERVICE_ACCEPT, EXT_INFO = range(1, 8)
KEXINIT, NEWKEYS, KEX_INIT, KEX_REPLY = 20, 21, 30, 31
USERAUTH_REQUEST, USERAUTH_FAILURE, USERAUTH_SUCCESS, USERAUTH_BANNER = 50, 51, 52, 53
USERAUTH_PK_OK = USERAUTH_PASSWD_CHANGEREQ = USERAUTH_INFO_REQUEST = 60
USERAUTH_INFO_RESPONSE = 61
GLOBAL_REQUEST, REQUEST_SUCCESS, REQUEST_FAILURE = 80, 81, 82
CHANNEL_OPEN, CHANNEL_OPEN_CONFIRMATION, CHANNEL_OPEN_FAILURE, CHANNEL_WINDOW_ADJUST = 90, 91, 92, 93
CHANNEL_DATA, CHANNEL_EXTENDED_DATA, CHANNEL_EOF, CHANNEL_CLOSE = 94, 95, 96, 97
CHANNEL_REQUEST, CHANNEL_SUCCESS, CHANNEL_FAILURE = 98, 99, 100

CHACHA, GCM, CTR = "chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com", "aes128-ctr"
CIPHERS = (CHACHA, GCM, CTR)


def replaces_ciphers(program):
    """Whether the program has ciphers of its own in the place of libssh2's, which depends on the build
    (src/ssh/crypt_methods.cpp)."""
    with open(program, "rb") as file:
        return f"{GCM},{CHACHA},".encode() in file.read()


# What PacketServer does in this order; a script may stop behind each.
STEPS = ("identification", "KEXINIT", "key reply", "NEWKEYS", "service accept", "key accepted", "login",
         "channel", "command")


def string(data):
    return struct.pack(">I", len(data)) + data


def mpint(number):
    return string(number.to_bytes(number.bit_length() // 8 + 1, "big"))


def message(kind, *fields):
    """A payload: an int is written as uint32, bytes as a string, a bool as a boolean; `Raw` bytes as they are."""
    payload = bytes([kind])
    for value in fields:
        if isinstance(value, Raw):
            payload += value
        elif isinstance(value, bool):
            payload += bytes([value])
        elif isinstance(value, int):
            payload += struct.pack(">I", value)
        else:
            payload += string(value)
    return payload


class Raw(bytes):
    """Bytes without a length before them."""


class Fields:
    """Reads a payload."""

    def __init__(self, payload):
        self.rest = payload[1:]

    def take(self, count):
        if len(self.rest) < count:
            raise EOFError("short message")
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def uint32(self):
        return struct.unpack(">I", self.take(4))[0]

    def boolean(self):
        return self.take(1) != b"\0"

    def string(self):
        return self.take(self.uint32())


class Plain:
    """One direction of a connection before NEWKEYS, and what the ciphers have in common."""
    block, length_counts = 8, True

    def padded(self, payload):
        counted = len(payload) + 1 + (4 if self.length_counts else 0)
        padding = self.block - counted % self.block
        padding += self.block if padding < 4 else 0
        return bytes([padding]) + payload + bytes(padding)

    def seal(self, _sequence, header, body):
        """A whole packet of its length field and what follows."""
        return header + body

    def open(self, _sequence, read):
        return read(struct.unpack(">I", read(4))[0])


class ChaCha(Plain):
    """PROTOCOL.chacha20poly1305 of OpenSSH."""
    key_bytes, iv_bytes, length_counts = 64, 0, False

    def __init__(self, key, _iv, _mac_key):
        self.payload_key, self.length_key = key[:32], key[32:]

    @staticmethod
    def _stream(key, sequence, block, data):
        nonce = struct.pack("<Q", block) + struct.pack(">Q", sequence)
        return Cipher(algorithms.ChaCha20(key, nonce), mode=None).encryptor().update(data)

    def _tag(self, sequence, sealed):
        return Poly1305.generate_tag(self._stream(self.payload_key, sequence, 0, bytes(32)), sealed)

    def seal(self, sequence, header, body):
        sealed = (self._stream(self.length_key, sequence, 0, header)
                  + self._stream(self.payload_key, sequence, 1, body))
        return sealed + self._tag(sequence, sealed)

    def open(self, sequence, read):
        header = read(4)
        body = read(struct.unpack(">I", self._stream(self.length_key, sequence, 0, header))[0])
        if not hmac.compare_digest(self._tag(sequence, header + body), read(16)):
            raise InvalidSignature
        return self._stream(self.payload_key, sequence, 1, body)


class AesGcm(Plain):
    """RFC 5647 with OpenSSH's name for it."""
    key_bytes, iv_bytes, block, length_counts = 16, 12, 16, False

    def __init__(self, key, iv, _mac_key):
        self.cipher, self.fixed, self.counter = AESGCM(key), iv[:4], int.from_bytes(iv[4:], "big")

    def _nonce(self):
        nonce = self.fixed + self.counter.to_bytes(8, "big")
        self.counter = (self.counter + 1) % (1 << 64)
        return nonce

    def seal(self, _sequence, header, body):
        return header + self.cipher.encrypt(self._nonce(), body, header)

    def open(self, _sequence, read):
        header = read(4)
        return self.cipher.decrypt(self._nonce(), read(struct.unpack(">I", header)[0] + 16), header)


class AesCtr(Plain):
    """RFC 4344, with hmac-sha2-256."""
    key_bytes, iv_bytes, block = 16, 16, 16

    def __init__(self, key, iv, mac_key):
        # The same operation in both directions.
        self.stream, self.mac_key = Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor(), mac_key

    def _tag(self, sequence, packet):
        return hmac.new(self.mac_key, struct.pack(">I", sequence) + packet, hashlib.sha256).digest()

    def seal(self, sequence, header, body):
        packet = header + body
        return self.stream.update(packet) + self._tag(sequence, packet)

    def open(self, sequence, read):
        first = self.stream.update(read(16))
        packet = first + self.stream.update(read(struct.unpack(">I", first[:4])[0] - 12))
        if not hmac.compare_digest(self._tag(sequence, packet), read(32)):
            raise InvalidSignature
        return packet[4:]


FAMILIES = {CHACHA: ChaCha, GCM: AesGcm, CTR: AesCtr}


class Conversation:
    """One connection, in the hands of a script. Every step of STEPS is a method that can also be called alone."""

    def __init__(self, server, connection):
        self.server, self.connection = server, connection
        self.received = []       # payloads of the client, in order
        self.raw_received = 0    # bytes
        self._in, self._out = Plain(), Plain()
        self._in_sequence = self._out_sequence = 0
        self._batch = None
        self._next = None
        self.session_id = None
        self.channel = None      # the client's number of the command's channel
        self.command = None

    # --- bytes and packets ------------------------------------------------------------------------------------------

    def write(self, data):
        if self._batch is not None:
            self._batch += data
        else:
            self.connection.sendall(data)

    @contextlib.contextmanager
    def one_segment(self):
        """What is sent meanwhile leaves in one piece."""
        self._batch = bytearray()
        try:
            yield
        finally:
            data, self._batch = bytes(self._batch), None
        self.connection.sendall(data)

    def send(self, kind, *fields):
        self.send_payload(message(kind, *fields))

    def send_payload(self, payload):
        self.send_packet(self._out.padded(payload))

    def send_packet(self, body, length=None):
        """A packet of any form. `length` is what its first field says instead of the truth."""
        header = struct.pack(">I", len(body) if length is None else length)
        self.write(self._out.seal(self._out_sequence, header, body))
        self._out_sequence = (self._out_sequence + 1) & 0xFFFFFFFF

    def _read(self, count):
        data = bytearray()
        while len(data) < count:
            chunk = self.connection.recv(count - len(data))
            if not chunk:
                raise EOFError
            data += chunk
        self.raw_received += count
        return bytes(data)

    def receive(self):
        """The payload of the client's next packet."""
        body = self._in.open(self._in_sequence, self._read)
        self._in_sequence = (self._in_sequence + 1) & 0xFFFFFFFF
        payload = body[1:len(body) - body[0]]
        self.received.append(payload)
        return payload

    def expect(self, kind):
        """The client's next message of this kind; others are passed over."""
        while (payload := self.receive())[0] != kind:
            pass
        return payload

    def kinds(self):
        return [payload[0] for payload in self.received]

    # --- the steps --------------------------------------------------------------------------------------------------

    def converse(self, until=STEPS[-1], start=STEPS[0]):
        """Does what a server should, from one step to another."""
        actions = (self.identify, self.offer, self.reply_to_key, self.change_keys, self.accept_service,
                   self.accept_key, self.accept_signature, self.open_channel, self.accept_command)
        for step, action in zip(STEPS, actions):
            if STEPS.index(start) <= STEPS.index(step) <= STEPS.index(until):
                action()

    def identify(self):
        self.write(self.server.identification + b"\r\n")
        line = bytearray()
        while not line.endswith(b"\n"):
            line += self._read(1)
        self.client_identification = bytes(line).rstrip(b"\r\n")

    def offer(self):
        cipher = self.server.cipher.encode()
        lists = (self.server.kex, b"ssh-ed25519", cipher, cipher, b"hmac-sha2-256", b"hmac-sha2-256", b"none", b"none",
                 b"", b"")
        self.own_kexinit = message(KEXINIT, Raw(os.urandom(16)), *lists, False, 0)
        self.send_payload(self.own_kexinit)

    def reply_to_key(self):
        client_kexinit = self.expect(KEXINIT)
        client_public = Fields(self.expect(KEX_INIT)).string()
        own = X25519PrivateKey.generate()
        own_public = own.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        shared = mpint(int.from_bytes(own.exchange(X25519PublicKey.from_public_bytes(client_public)), "big"))
        blob = self.server.host_key_blob
        self._hash = hashlib.sha256(b"".join(map(string, (
            self.client_identification, self.server.identification, client_kexinit, self.own_kexinit, blob,
            client_public, own_public))) + shared).digest()
        self._shared = shared
        self.session_id = self.session_id or self._hash
        signature = string(b"ssh-ed25519") + string(self.server.host_key.sign(self._hash))
        self.send(KEX_REPLY, blob, own_public, signature)

    def _derive(self, letter, size):
        # RFC 4253, section 7.2
        key = hashlib.sha256(self._shared + self._hash + letter + self.session_id).digest()
        while len(key) < size:
            key += hashlib.sha256(self._shared + self._hash + key).digest()
        return key[:size]

    def _direction(self, iv, key, mac_key):
        family = FAMILIES[self.server.cipher]
        return family(self._derive(key, family.key_bytes), self._derive(iv, family.iv_bytes), self._derive(mac_key, 32))

    def change_keys(self):
        self.send(NEWKEYS)
        self._out = self._direction(b"B", b"D", b"F")
        self.expect(NEWKEYS)
        self._in = self._direction(b"A", b"C", b"E")
        if self.server.strict:
            self._out_sequence = self._in_sequence = 0

    def accept_service(self):
        self.expect(SERVICE_REQUEST)
        with self.one_segment():
            self.send(EXT_INFO, 1, b"server-sig-algs", b"ssh-ed25519,rsa-sha2-512,rsa-sha2-256")
            self.send(SERVICE_ACCEPT, b"ssh-userauth")

    def next_login(self, *methods):
        """The client's next request with one of these methods: (method, the rest of its fields). Others are refused."""
        while True:
            fields = Fields(self.expect(USERAUTH_REQUEST))
            fields.string(), fields.string()
            method = fields.string().decode()
            if method in methods:
                return method, fields
            self.refuse_login(",".join(methods) or "publickey")

    def refuse_login(self, methods="publickey", partial=False):
        self.send(USERAUTH_FAILURE, methods.encode(), partial)

    def accept_key(self):
        _, fields = self.next_login("publickey")
        fields.boolean()
        self.send(USERAUTH_PK_OK, fields.string(), fields.string())

    def accept_signature(self):
        self.next_login("publickey")
        self.send(USERAUTH_SUCCESS)

    def open_channel(self):
        fields = Fields(self.expect(CHANNEL_OPEN))
        fields.string()
        self.channel = fields.uint32()
        self.window = fields.uint32()
        self.send(CHANNEL_OPEN_CONFIRMATION, self.channel, 7, 1 << 20, 1 << 15)

    def accept_command(self):
        fields = Fields(self.expect(CHANNEL_REQUEST))
        fields.uint32(), fields.string(), fields.boolean()
        self.command = fields.string()
        self.to_channel(CHANNEL_SUCCESS)

    # --- the channel ------------------------------------------------------------------------------------------------

    def to_channel(self, kind, *fields):
        self.send(kind, self.channel, *fields)

    def out(self, data):
        self.to_channel(CHANNEL_DATA, data)

    def err(self, data):
        self.to_channel(CHANNEL_EXTENDED_DATA, 1, data)

    def exit_status(self, status):
        self.to_channel(CHANNEL_REQUEST, b"exit-status", False, status)

    def end_of_output(self):
        self.to_channel(CHANNEL_EOF)

    def close(self):
        self.to_channel(CHANNEL_CLOSE)

    def finish(self, status=0):
        self.exit_status(status)
        self.end_of_output()
        self.close()

    def wait_for_client(self):
        """Until the client has gone. A signal ends the command."""
        while True:
            payload = self.receive()
            if payload[0] == CHANNEL_REQUEST and payload[5:].startswith(string(b"signal")):
                self.to_channel(CHANNEL_REQUEST, b"exit-signal", False, b"TERM", False, b"", b"")
                self.end_of_output()
                self.close()


class PacketServer(Listener):
    """`script(conversation)` is called with each connection."""

    def __init__(self, address, port, host_key, script, *, cipher=CHACHA, kex=b"curve25519-sha256",
                 identification=b"SSH-2.0-Packets_1.0", strict=True):
        with open(host_key, "rb") as file:
            self.host_key = serialization.load_ssh_private_key(file.read(), None)
        public = self.host_key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.host_key_blob = string(b"ssh-ed25519") + string(public)
        self.script, self.cipher, self.identification = script, cipher, identification
        # PROTOCOL of OpenSSH, section 1.10: numbers start again with new keys, and nothing else may come before them.
        self.strict = strict
        self.kex = kex + (b",kex-strict-s-v00@openssh.com" if strict else b"")
        self.conversations = []
        super().__init__(address, port)

    @property
    def received(self):
        """Kinds of all messages that clients have sent."""
        return [kind for conversation in self.conversations for kind in conversation.kinds()]

    def serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        conversation = Conversation(self, connection)
        self.conversations.append(conversation)
        with contextlib.suppress(InvalidSignature):
            self.script(conversation)
            conversation.wait_for_client()
