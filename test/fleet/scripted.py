"""An SSH server that follows a script: any message after the key exchange, right or wrong.

The protocol is paramiko's; what a test wants to be different it overrides.
"""

import contextlib
import socket
import threading
import time

import paramiko
from paramiko.common import (MSG_CHANNEL_CLOSE, MSG_CHANNEL_DATA, MSG_CHANNEL_EOF, MSG_CHANNEL_EXTENDED_DATA,
                             MSG_CHANNEL_REQUEST, MSG_DISCONNECT, MSG_GLOBAL_REQUEST, MSG_IGNORE)

from servers import Listener


def read_host_key(path):
    # Not by the file's first line: paramiko has one class for each type.
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        with contextlib.suppress(paramiko.SSHException, ValueError):
            return kind.from_private_key_file(path)
    raise ValueError(path)


class Session(paramiko.ServerInterface):
    """One connection. The script runs in the thread of its Listener, once a command has come."""

    def __init__(self, server):
        self.server = server
        self.command = None
        self.channel_number = None
        self.came = threading.Event()

    def get_allowed_auths(self, username):
        return self.server.methods

    def check_auth_publickey(self, username, key):
        self.server.tried.append(("publickey", key.get_base64()))
        return paramiko.AUTH_SUCCESSFUL if self.server.accepts_keys else paramiko.AUTH_FAILED

    def check_auth_password(self, username, password):
        self.server.tried.append(("password", password))
        return paramiko.AUTH_SUCCESSFUL if password == self.server.password else paramiko.AUTH_FAILED

    def check_auth_interactive(self, username, submethods):
        self.server.tried.append(("keyboard-interactive", None))
        return paramiko.InteractiveQuery("Login", "", *self.server.prompts)

    def check_auth_interactive_response(self, responses):
        self.server.tried.append(("keyboard-interactive", list(responses)))
        return paramiko.AUTH_SUCCESSFUL if responses == [self.server.password] else paramiko.AUTH_FAILED

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED if kind == "session" else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel, command):
        self.command = command
        self.came.set()
        return self.server.accepts_command


class Peer:
    """What a script has in hand: the channel of the command, and raw messages."""

    def __init__(self, transport, channel, command):
        self.transport, self.channel, self.command = transport, channel, command

    def send(self, *fields):
        """One message: a byte or an int is written as such, bytes as a string, a bool as a boolean."""
        message = paramiko.Message()
        message.add_byte(bytes([fields[0]]))
        for value in fields[1:]:
            if isinstance(value, bool):
                message.add_boolean(value)
            elif isinstance(value, int):
                message.add_int(value)
            else:
                message.add_string(value)
        self.transport._send_user_message(message)

    def to_channel(self, kind, *fields):
        self.send(kind, self.channel.remote_chanid, *fields)

    def out(self, data):
        self.to_channel(MSG_CHANNEL_DATA, data)

    def err(self, data):
        self.to_channel(MSG_CHANNEL_EXTENDED_DATA, 1, data)

    def exit_status(self, status):
        self.to_channel(MSG_CHANNEL_REQUEST, b"exit-status", False, status)

    def exit_signal(self, name):
        self.to_channel(MSG_CHANNEL_REQUEST, b"exit-signal", False, name, False, b"", b"")

    def end_of_output(self):
        self.to_channel(MSG_CHANNEL_EOF)

    def close(self):
        self.to_channel(MSG_CHANNEL_CLOSE)

    def finish(self, status=0):
        self.exit_status(status)
        self.end_of_output()
        self.close()

    def disconnect(self, text):
        self.send(MSG_DISCONNECT, 11, text, b"")

    def ignore(self, data):
        self.send(MSG_IGNORE, data)

    def global_request(self, name, wants_reply, *fields):
        self.send(MSG_GLOBAL_REQUEST, name, wants_reply, *fields)

    def wait_for_client(self, timeout=10.0):
        """Until the client has gone."""
        end = time.monotonic() + timeout
        while self.transport.is_active() and time.monotonic() < end:
            time.sleep(0.01)


class ScriptedServer(Listener):
    """`script(peer)` is called with each command; the connection ends some time after it has returned."""

    def __init__(self, address, port, host_keys, script=lambda peer: peer.finish(), *, methods="publickey",
                 accepts_keys=True, password=None, prompts=(("Password: ", False),), accepts_command=True):
        self.host_keys = [read_host_key(path) for path in host_keys]
        self.script = script
        self.methods, self.accepts_keys, self.password, self.prompts = methods, accepts_keys, password, prompts
        self.accepts_command = accepts_command
        self.tried = []     # ("publickey", base64), ("password", text), ...
        self.commands = []
        super().__init__(address, port)

    def passwords(self):
        """Every password that a client has sent, in whichever way."""
        sent = []
        for method, value in self.tried:
            if method == "password":
                sent.append(value)
            elif method == "keyboard-interactive" and value:
                sent += [answer for answer in value if answer]
        return sent

    def serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = paramiko.Transport(connection)
        try:
            for key in self.host_keys:
                transport.add_server_key(key)
            session = Session(self)
            with contextlib.suppress(paramiko.SSHException, EOFError):
                transport.start_server(server=session)
            channel = self._wait_for_channel(transport)
            while channel and transport.is_active() and not session.came.wait(0.02):
                pass
            if session.command is None:
                return
            self.commands.append(session.command.decode())
            # The reply to the request is sent by the transport's thread, right after it has told us.
            time.sleep(0.02)
            peer = Peer(transport, channel, session.command.decode())
            self.script(peer)
            peer.wait_for_client(2)
        finally:
            transport.close()

    def _wait_for_channel(self, transport):
        while transport.is_active() and not self._closing.is_set():
            channel = transport.accept(0.1)
            if channel:
                return channel
        return None
