"""An `scp -f` or `scp -t` with one lie: what a host of test_hostile_scp.py runs instead of scp.

    hostile_scp.py CASE [ARGUMENT...] [-- ARGUMENT OF scp...]

The protocol is that of OpenSSH's scp.c before 9.0: lines `Cmode size name`, `Dmode 0 name`, `E`, `Tmtime 0 atime 0`,
each acknowledged by a zero byte, or by \\1 (\\2: fatal) and a line of text.
"""

import os
import re
import sys
import time

CASES = {}


def case(function):
    CASES[function.__name__.replace("_", "-")] = function
    return function


def send(data):
    while data:
        data = data[os.write(1, data):]


def receive(count=1):
    data = b""
    while len(data) < count:
        chunk = os.read(0, count - len(data))
        if not chunk:
            sys.exit(0)
        data += chunk
    return data


def receive_line():
    line = b""
    while not line.endswith(b"\n"):
        line += receive()
    return line


def receive_until_empty():
    return os.read(0, 1 << 16)


def wait():
    time.sleep(600)


def asked():
    """The last word of the command: a path."""
    return sys.argv[-1]


# --- as the source: get --------------------------------------------------------------------------------------------

def one_file(header, content=b"content", end=b"\0"):
    receive()
    send(header)
    receive()
    send(content + end)
    receive()


@case
def header(text, content="content"):
    """Announces a file with this line, where \\n and the like may be written as in Python."""
    one_file(text.encode().decode("unicode_escape").encode("latin-1") + b"\n", content.encode())


@case
def lines(*texts):
    """Each line in its turn, then the end. What begins with C is followed by 7 bytes of content."""
    receive()
    for text in texts:
        data = text.encode().decode("unicode_escape").encode("latin-1")
        send(data + b"\n")
        receive()
        if data.startswith(b"C"):
            send(b"content\0")
            receive()


@case
def endless_line():
    receive()
    send(b"C0644 7 ")
    while True:
        send(b"n" * 65536)


@case
def short_content():
    receive()
    send(b"C0644 1000 file\n")
    receive()
    send(b"x" * 10)


@case
def more_content():
    one_file(b"C0644 7 file\n", b"content and more", b"\0")


@case
def endless_content():
    receive()
    send(b"C0644 1000 file\n")
    receive()
    while True:
        send(b"x" * 65536)


@case
def stalls_in_content():
    receive()
    send(b"C0644 1000 file\n")
    receive()
    send(b"x" * 10)
    wait()


@case
def missing_end_byte():
    receive()
    send(b"C0644 7 file\n")
    receive()
    send(b"content")
    wait()


@case
def failed_at_the_end():
    one_file(b"C0644 7 file\n", b"content", b"\1scp: file: Input/output error\n")


@case
def message(text, fatal="1"):
    receive()
    send(bytes([int(fatal)]) + text.encode().decode("unicode_escape").encode("latin-1") + b"\n")
    sys.exit(1)


@case
def text_first():
    send(b"Welcome to \x1b]0;owned\x07this host!\n")
    one_file(b"C0644 7 file\n")


@case
def silent():
    wait()


@case
def endless_folders():
    receive()
    while True:
        send(b"D0755 0 d\n")
        receive()


@case
def exits(status):
    """After a transfer without fault."""
    one_file(b"C0644 7 file\n")
    sys.exit(int(status))


@case
def lists(*items):
    """Instead of a shell that looks for files: each item is a letter and a path, in hexadecimal."""
    while receive_until_empty():
        pass
    send(b"\nfanout:\0" + b"".join(bytes.fromhex(item) + b"\0" for item in items))


# --- as the sink: put -----------------------------------------------------------------------------------------------

def sink(before_content=b"\0", after_content=b"\0", store=lambda content: content, take=None):
    """Takes what comes, right but for what is given. `store` gives what is kept of a content, or None for nothing."""
    folders = [asked()]
    send(b"\0")
    while True:
        line = receive_line()
        if line.startswith(b"C"):
            _, size, name = line[1:].rstrip(b"\n").split(b" ", 2)
            send(before_content)
            if before_content != b"\0":
                continue
            content = receive(int(size) if take is None else min(take, int(size)))
            if take is not None and take < int(size):
                sys.exit(1)
            kept = store(content)
            if kept is not None:
                path = folders[-1]
                if os.path.isdir(path):
                    path = os.path.join(path, os.fsdecode(name))
                with open(path, "wb") as file:
                    file.write(kept)
            receive()
            send(after_content)
        elif line.startswith(b"D"):
            folders.append(os.path.join(folders[-1], os.fsdecode(re.split(rb" ", line.rstrip(b"\n"), maxsplit=2)[2])))
            os.makedirs(folders[-1], exist_ok=True)
            send(b"\0")
        else:
            if line.startswith(b"E"):
                folders.pop()
            send(b"\0")


@case
def takes():
    """Without a fault."""
    sink()


@case
def refuses(text="scp: Permission denied"):
    sink(before_content=b"\1" + os.fsencode(text) + b"\n")


@case
def refuses_at_the_end(text="scp: write: No space left on device"):
    sink(after_content=b"\1" + os.fsencode(text) + b"\n", store=lambda content: content[:len(content) // 2])


@case
def never_acknowledges():
    sink(after_content=b"")


@case
def acknowledges_with_noise():
    sink(after_content=b"x")


@case
def stores_nothing():
    sink(store=lambda content: None)


@case
def stores_half():
    sink(store=lambda content: content[:len(content) // 2])


@case
def stores_wrong():
    sink(store=lambda content: bytes([content[0] ^ 1]) + content[1:] if content else content)


@case
def leaves_in_the_middle():
    sink(take=10)


@case
def endless_refusal():
    send(b"\1")
    while True:
        send(b"x" * 65536)


if __name__ == "__main__":
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    CASES[sys.argv[1]](*sys.argv[2:end])
