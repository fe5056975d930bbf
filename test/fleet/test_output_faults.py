"""Output that nobody reads, that has nowhere to go, or that would do something to a terminal."""

import hashlib
import itertools
import json
import os
import re
import resource
import signal
import subprocess
import threading

import pytest

from processes import below, peak_memory_kib, wait_until

FORMS = ["-L", "--output=block"]
# What is shown when all have ended, and what is not for people.
LATE_FORMS = ["-b", "--output=diff"]
ALL_FORMS = [*FORMS, *LATE_FORMS, "--json"]


@pytest.fixture
def three(fleet):
    fleet.openssh("db01", "db02", "db03")
    return fleet.prepare()


# --- much -----------------------------------------------------------------------------------------------------------

def test_much_on_stderr_arrives_byte_by_byte_while_stdout_is_silent(fleet):
    """Who read stdout first would wait for ever: both share one window. How far it goes is in test_scale.py."""
    fleet.openssh("flood", "sound01", "sound02")
    fleet.prepare()
    # Numbered lines, so that a piece that is missing, doubled or in the wrong place is seen: a file six times.
    piece = b"".join(b"%015d\n" % number for number in range(1 << 20))
    with open(fleet.target_file("piece"), "wb") as file:
        file.write(piece)
    name = fleet.target_file("piece")
    command = f"case {{host}} in flood) cat {' '.join([name] * 6)} >&2;; *) echo here;; esac"
    expected = hashlib.sha256()
    for _ in range(6):
        expected.update(piece)
    reader, writer = os.pipe()
    digest, size = hashlib.sha256(), 0

    def drain():
        nonlocal size
        while chunk := os.read(reader, 1 << 20):
            # Behind it comes the summary.
            digest.update(chunk[:max(0, 6 * len(piece) - size)])
            size += len(chunk)

    drainer = threading.Thread(target=drain)
    drainer.start()
    running = fleet.start("exec", "-a", "--no-header", "--max-output", "0", command, stderr=writer)
    os.close(writer)
    try:
        result = running.wait(120, memory=True).assert_code(0)
    finally:
        drainer.join(5)
        os.close(reader)
    assert result.out == b"here\n" * 2
    assert digest.digest() == expected.digest() and size > 6 * len(piece)
    assert 0 < result.peak_kib < 64 << 10


@pytest.mark.parametrize("form", FORMS)
def test_a_reader_that_stands_still_slows_its_servers_down_and_then_gets_everything(fleet, form):
    """Lines are not kept back, so the hosts must wait; of blocks the first that is printed holds up the others."""
    fleet.openssh("db01", "db02")
    fleet.prepare()
    command = f"yes {'x' * 99} | head -c 20000000; touch {fleet.target}/{{host}}-has-ended"
    reader, writer = os.pipe()
    running = fleet.start("exec", "-a", form, "-t", "20", command, stdout=writer)
    os.close(writer)

    def written():
        """Bytes that the commands have got rid of."""
        total = 0
        for process in fleet.remote_processes("head -c 20000000"):
            try:
                with open(f"/proc/{process.pid}/io", encoding="ascii") as file:
                    total += int(re.search(r"wchar: (\d+)", file.read())[1])
            except OSError:
                pass
        return total

    def ended():
        return sorted(os.listdir(fleet.target))

    if form == "-L":
        # They come to a halt after what pipes, windows and buffers hold.
        before = -1
        assert wait_until(lambda: written() > 0)
        while (now := written()) != before:
            before = now
            wait_until(lambda: written() != now, 0.5)
        assert ended() == [] and 0 < now < 2 * 8 << 20
        assert max(peak_memory_kib(process.pid) for process in below(running.pid)) < 32 << 10
    else:
        assert wait_until(ended, 15)
    assert peak_memory_kib(running.pid) < 32 << 10
    text = bytearray()
    while chunk := os.read(reader, 1 << 20):
        text += chunk
    os.close(reader)
    running.wait(30).assert_code(0)
    assert len(ended()) == 2
    for name in ("db01", "db02"):
        if form == "-L":
            assert text.count(f"{name}: {'x' * 99}\n".encode()) == 200_000
        else:
            assert bytes(text).count(f"== {name} ==\n".encode() + b"x" * 99 + b"\n") == 1
    assert text.count(b"x" * 99 + b"\n") == 400_000 and text.count(b"\n") == 400_000 + (0 if form == "-L" else 2)


LINES_EACH, LINE_LENGTH = 60_000, 99
STOP, CONTINUE = "\x13", "\x11"    # Ctrl-S and Ctrl-Q


def is_stopped(terminal):
    """Nothing has come for a while, although there is more."""
    before = len(terminal.screen)
    return not wait_until(lambda: len(terminal.screen) != before, 0.7)


@pytest.mark.parametrize("form", ["-L", "--output=block", "-b"])
def test_a_terminal_that_stands_still_costs_no_memory_and_then_shows_everything(fleet, form):
    """Ctrl-S. Of lines the hosts must wait, blocks and groups wait in a file."""
    fleet.openssh("db01", "db02")
    fleet.prepare()
    # Two texts of 6 MB, which no pipe, window or buffer holds.
    text = f"yes {{host}}{'x' * (LINE_LENGTH - 4)} | head -n {LINES_EACH}"
    command = (f"echo begun {{host}}; until [ -e {fleet.target}/go ]; do sleep 0.02; done; {text}; "
               f"touch {fleet.target}/{{host}}-has-ended")
    terminal = fleet.start("exec", "-a", form, "--progress", "never", "--color", "never", "-t", "60", command, terminal=True)
    terminal.workers(2)
    if form == "-L":
        for name in ("db01", "db02"):
            terminal.expect(f"{name}: begun {name}")
    terminal.type(STOP)
    fleet.write(f"{fleet.target}/go", "")
    ended = [f"{fleet.target}/{name}-has-ended" for name in ("db01", "db02")]
    if form == "-L":
        assert wait_until(lambda: is_stopped(terminal), 10)
        assert not any(map(os.path.exists, ended))
    else:
        # The first block that is to be printed holds up the others.
        assert wait_until(lambda: (all if form == "-b" else any)(map(os.path.exists, ended)), 30)
        assert is_stopped(terminal)
    stopped_at = len(terminal.screen)
    assert stopped_at < 200_000
    assert peak_memory_kib(terminal.pid) < 40 << 10
    assert max((peak_memory_kib(process.pid) for process in below(terminal.pid)), default=0) < 32 << 10
    assert terminal.child.poll() is None and len(terminal.screen) == stopped_at
    terminal.type(CONTINUE)
    result = terminal.wait(90).assert_code(0)
    lines = terminal.screen.split("\r\n")
    prefixes = {name: f"{name}: " if form == "-L" else "" for name in ("db01", "db02")}
    for name, prefix in prefixes.items():
        assert lines.count(f"{prefix}{name}{'x' * (LINE_LENGTH - 4)}") == LINES_EACH
        assert lines.count(f"{prefix}begun {name}") == 1
    # Besides there are their headers and the summary, and nothing that is torn.
    headers = 0 if form == "-L" else 2
    assert len(lines) == 2 * (LINES_EACH + 1) + headers + 2 and lines[-1] == "", lines[-5:]
    assert lines[-2].startswith("fanout: 2 hosts, 2 ok in ") and result.seconds < 90


@pytest.mark.parametrize("form", LATE_FORMS)
def test_what_waits_for_the_others_waits_in_a_file(fleet, form):
    """Groups are made of hashes; 60 different outputs of a megabyte would not fit into this memory."""
    names = [f"db{number:02}" for number in range(1, 61)]
    fleet.openssh(*names)
    fleet.prepare()
    path = os.path.join(fleet.folder, "out")
    with open(path, "wb") as file:
        result = fleet.exec("-a", form, "-f", "20", f"yes {{host}}{'x' * 59} | head -c 1048576", stdout=file, timeout=90,
                            memory=True)
    result.assert_code(0)
    assert 0 < result.peak_kib < 64 << 10
    with open(path, "rb") as file:
        text = file.read()
    os.remove(path)
    for name in names:
        # What the others are compared with is in each difference.
        times = len(names) if form == "--output=diff" and name == "db01" else 1
        assert text.count(f"{name}{'x' * 59}\n".encode()) == times * 1048576 // 64
    assert text.count(b"== db") == len(names)


# --- closed and full ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("form", ALL_FORMS)
def test_a_reader_that_leaves_early_ends_the_run(fleet, form):
    """As `head -1` does: nobody would see more. What it has got is whole lines, the hosts are stopped, and it is said once."""
    fleet.openssh("db01", "db02", "db03")
    fleet.prepare()
    # One ends at once and one when the reader has left; the third would go on for long, unless all are waited for.
    end = f"case {{host}} in db02) until [ -e {fleet.target}/go ]; do sleep 0.02; done;; db03) exec sleep 7601;; esac"
    command = "seq 1 200000 | sed s/$/{host}/"
    reader, writer = os.pipe()
    running = fleet.start("exec", "-a", form, command if form in LATE_FORMS else f"{command}; {end}", stdout=writer)
    os.close(writer)
    line = bytearray()
    while not line.endswith(b"\n") and (byte := os.read(reader, 1)):
        line += byte
    os.close(reader)
    fleet.write(f"{fleet.target}/go", "")
    result = running.wait(30).assert_code(1)
    whole = {"-L": rb"db0\d: 1db0\d\n", "--json": rb"\{.*\}\n"}.get(form, rb"== .* ==\n")
    assert re.fullmatch(whole, bytes(line)), bytes(line[:200])
    if form == "--json":
        assert json.loads(line)["host"] == "db01"
    assert result.err.count("standard output: Broken pipe") == 1 and len(result.err.splitlines()) < 20
    assert wait_until(lambda: not fleet.remote_processes("sleep 7601"), 10)



def files_of(fleet):
    """Every file of the client with its content, which no output may end up in."""
    found = {}
    for folder, _, names in os.walk(fleet.home):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                found[os.path.join(folder, name)] = file.read()
    return found


CLOSED = [combination for size in (1, 2, 3) for combination in itertools.combinations((0, 1, 2), size)]


@pytest.mark.parametrize("closed", CLOSED, ids=lambda closed: "".join(map(str, closed)))
def test_descriptors_that_are_closed_from_the_start_are_nobody_elses(three, closed):
    before = files_of(three)

    def close():
        for descriptor in closed:
            os.close(descriptor)

    # What goes to a stream that is not there is not asked for: the first loss of output ends the run.
    command = "cat; " + "".join(f"echo to-{name} >&{number};" for name, number in (("out", 1), ("err", 2))
                                if number not in closed or closed == (0, 1, 2))
    result = three.exec("-a", command, preexec=close, timeout=10)
    # Without an input nothing is missing; without stderr there is no place for the summary, and that is an error.
    assert result.code == (1 if 2 in closed else 0), result
    assert files_of(three) == before
    if 1 not in closed:
        assert result.blocks == {name: b"to-out\n" for name in three.hosts.names}
    if 2 not in closed:
        assert all(f"== {name} (stderr) ==\nto-err\n" in result.err for name in three.hosts.names)
    assert "to-out" not in result.err and b"to-err" not in result.out


def test_output_for_a_stdout_that_was_closed_from_the_start_is_an_error_that_is_told(three):
    result = three.exec("-a", "-vv", "echo to-out", preexec=lambda: os.close(1), timeout=10).assert_code(1)
    assert "standard output: Bad file descriptor" in result.err and "to-out" not in result.err


@pytest.mark.parametrize("form", ALL_FORMS)
def test_a_full_device_loses_no_word_about_it(three, form):
    with open("/dev/full", "wb") as full:
        result = three.exec("-a", form, "echo text", stdout=full).assert_code(1)
    assert result.err.count("standard output: No space left on device") == 1
    assert re.search(r"^fanout: 3 hosts, ", result.err, re.MULTILINE) and len(result.err.splitlines()) < 10


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("which", ["stdout", "stderr", "both"])
def test_a_full_device_is_told_once_and_ends_with_1(three, form, which):
    command = "i=0; while [ $i -lt 500 ]; do echo out$i; echo err$i >&2; i=$((i+1)); done"
    with open("/dev/full", "wb") as full:
        files = {name: full for name in ("stdout", "stderr") if which in (name, "both")}
        result = three.exec("-a", form, command, timeout=15, **files).assert_code(1)
    if which == "stdout":
        assert result.err.count("standard output: No space left on device") >= 1
        assert result.out == b"" and len(result.err.splitlines()) < 3 * 500 + 20
    if which == "stderr":
        # What could be written is whole lines.
        assert all(re.fullmatch(r"(db0[123]: )?out\d+|== db0[123].* ==", line) for line in result.text.splitlines())
    assert result.seconds < 10
    assert wait_until(lambda: not three.remote_processes("while"), 2)


def in_a_small_filesystem(fleet, script, *arguments, size="64k", **options):
    """The program behind a shell script, with an empty folder "$FOLDER" that holds no more than `size`."""
    folder = fleet.path("folder")
    os.makedirs(folder, exist_ok=True)
    prefix = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps", "--mount"]
    mount = f"mount -t tmpfs -o size={size} none \"$FOLDER\""
    probe = subprocess.run(["unshare", *prefix, "/bin/sh", "-c", mount], env={"FOLDER": folder, **os.environ},
                           capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        pytest.skip(f"no mount namespace here: {probe.stderr.strip()}")
    return fleet.run(*prefix, "/bin/sh", "-c", f"{mount} && {script}", "sh", fleet.program, *arguments,
                     program="/usr/bin/unshare", env={"FOLDER": folder}, **options)


@pytest.mark.parametrize("form", ALL_FORMS)
def test_a_filesystem_that_fills_up_is_told_and_what_was_written_stays(three, form):
    # What has arrived in the file is shown at the end, by the shell that made it.
    script = "{ \"$@\" > \"$FOLDER/out\"; code=$?; wc -c < \"$FOLDER/out\"; exit $code; }"
    result = in_a_small_filesystem(three, script, "exec", "-a", form, "head -c 100000 /dev/zero | tr '\\0' x",
                                   timeout=15)
    result.assert_code(1)
    assert int(result.out) == 64 << 10
    assert result.err.count("No space left on device") <= 3 and "standard output: No space left" in result.err
    assert len(result.err.splitlines()) < 20 and result.seconds < 10


@pytest.mark.parametrize("form", ["--output=block", "-b", "--json"])
def test_a_full_temporary_folder_costs_the_output_of_who_prints_much_and_of_nobody_else(fleet, form):
    fleet.openssh("much", "sound01", "sound02")
    fleet.prepare()
    command = "case {host} in much) head -c 3000000 /dev/zero | tr '\\0' x;; *) echo here;; esac"
    result = in_a_small_filesystem(fleet, 'TMPDIR="$FOLDER" exec "$@"', "exec", "-a", form, command, timeout=15)
    result.assert_code(1)
    if form == "--json":
        records = {record["host"]: record for record in map(json.loads, result.out.splitlines())}
        kept = {name: record["stdout"].encode() for name, record in records.items()}
        assert records["much"]["truncated"] and records["much"]["stdout_bytes"] == 3000000
        assert not records["sound01"]["truncated"]
    else:
        kept = result.blocks
    if form == "-b":
        assert result.out.count(b"== sound[01-02] (2 hosts) ==\nhere\n") == 1
        kept["much"] = b"".join(text for name, text in kept.items() if name.startswith("much"))
    else:
        assert kept["sound01"] == kept["sound02"] == b"here\n"
    assert "No space left on device" in result.err and result.remarks["truncated"][0] == ["much"]
    text = kept["much"].rstrip(b"\n")
    assert set(text) <= set(b"x") and len(text) < 3000000


def test_a_limit_of_the_size_of_files_is_an_error_and_no_death_by_signal(three):
    path = os.path.join(three.folder, "out")
    with open(path, "wb") as file:
        result = three.exec("-a", "head -c 100000 /dev/zero | tr '\\0' x", stdout=file, timeout=15,
                            preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000)))
    result.assert_code(1)
    assert "standard output: File too large" in result.err
    assert os.path.getsize(path) == 50000


# --- what terminals obey --------------------------------------------------------------------------------------------

ESC = b"\x1b"
CORPUS = {
    "title": ESC + b"]0;owned\x07",
    "title, st": ESC + b"]2;owned" + ESC + b"\\",
    "icon": ESC + b"]1;owned\x07",
    "report title": ESC + b"[21t",
    "clipboard": ESC + b"]52;c;b3duZWQ=\x07",
    "link": ESC + b"]8;;http://x\x07text" + ESC + b"]8;;\x07",
    "colour of the palette": ESC + b"]4;0;#ff0000\x07",
    "notify": ESC + b"]9;owned\x07",
    "iterm file": ESC + b"]1337;File=:AA==\x07",
    "dcs": ESC + b"P$q\"p" + ESC + b"\\",
    "sixel": ESC + b"Pq#0;2;0;0;0~" + ESC + b"\\",
    "tmux": ESC + b"Ptmux;" + ESC + ESC + b"]0;x\x07" + ESC + b"\\",
    "apc": ESC + b"_owned" + ESC + b"\\",
    "pm": ESC + b"^owned" + ESC + b"\\",
    "sos": ESC + b"Xowned" + ESC + b"\\",
    "clear": ESC + b"[2J" + ESC + b"[3J" + ESC + b"[H",
    "up and over": ESC + b"[1A" + ESC + b"[2Kfanout: 1 host, 1 ok",
    "alternate screen": ESC + b"[?1049h",
    "no wrap": ESC + b"[?7l",
    "mouse": ESC + b"[?1003h",
    "paste": ESC + b"[?2004h",
    "invisible": ESC + b"[8m",
    "insert": ESC + b"[4h",
    "margins": ESC + b"[2;3r",
    "repeat": b"a" + ESC + b"[99999b",
    "who are you": ESC + b"[c" + ESC + b"[>c" + ESC + b"Z",
    "where am i": ESC + b"[6n",
    "answerback": b"\x05",
    "reset": ESC + b"c",
    "test pattern": ESC + b"#8",
    "charset": ESC + b"(0",
    "shift": b"\x0e\x0f",
    "keypad": ESC + b"=",
    "million parameters": ESC + b"[" + b"1;" * 500_000 + b"m",
    "endless string": ESC + b"]0;" + b"x" * 100_000,
    "c1 csi": b"\x9b2J",
    "c1 osc": b"\x9d0;owned\x9c",
    "c1 dcs": b"\x90q\x9c",
    "c1 in utf-8": "\u009b2J\u009d0;owned\u009c".encode(),
    "c1 next line": b"\x85" + "\u0085".encode(),
    "overlong": b"\xc0\x9b[2J\xe0\x80\x9b[2J\xf0\x80\x80\x9b[2J",
    "half": b"\xe2\x80",
    "lone": b"\x80\xbf\xfe\xff",
    "surrogate": b"\xed\xa0\x80",
    "beyond": b"\xf4\x90\x80\x80",
    "bidi": "\u202egnp.exe\u2066x\u2069".encode(),
    "marks": "\u200f\u200e\u061c".encode(),
    "separators": "\u2028fanout: 1 host\u2029".encode(),
    "invisible characters": "\u200b\ufeff\u00ad\u2060\U000e0041".encode(),
    "return": b"visible\rhidden",
    "backspace": b"visible\b\b\b\b\b\b\bhidden",
    "tab": b"a\tb",
    "vertical": b"a\x0bb\x0cc",
    "bell": b"\x07" * 50,
    "nul and del": b"a\0b\x7fc",
    "eight bits": b"caf\xe9",
    "proper": "caf\u00e9 \u65e5\u672c \U0001f600".encode(),
}
# Without escapes of our own, so that each that is there came from a host.
PLAIN = ["--color", "never", "--progress", "never"]
# What a terminal may be sent: characters, tabs, and the ends of lines as the line discipline writes them.
UNSAFE = re.compile("[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
                    "\U000e0000-\U000e007f]|\r(?!\n)")


@pytest.fixture
def corpus(fleet):
    """A command that prints all of it, and the file with it."""
    fleet.openssh("db01", "db02", "db03")
    fleet.prepare()
    text = b"".join(b"begin %d " % number + piece + b" end %d\n" % number
                    for number, piece in enumerate(CORPUS.values()))
    path = fleet.target_file("corpus")
    with open(path, "wb") as file:
        file.write(text)
    return f"cat {path}", text


@pytest.mark.parametrize("form", FORMS)
def test_nothing_that_a_terminal_would_obey_reaches_it(fleet, corpus, form):
    command, text = corpus
    terminal = fleet.start("exec", "-a", form, *PLAIN, f"{command}; {command} >&2", terminal=True)
    out = terminal.wait(40).assert_code(0).out
    screen = out.decode()    # which is proper UTF-8 in every byte
    assert UNSAFE.search(screen) is None, UNSAFE.search(screen)
    lines = screen.split("\r\n")
    prefix = r"(?:db0[123]: )" if form == "-L" else ""
    for number in range(len(CORPUS)):
        # Once for each host and stream, on a line of its own from its beginning to its end.
        found = [line for line in lines if re.match(f"{prefix}begin {number} ", line)]
        assert len(found) == 6 and len({re.sub(prefix, "", line, count=1) for line in found}) == 1, list(CORPUS)[number]
        assert found[0].endswith(f" end {number}")
    shown = {name: re.sub(f"^{prefix}begin {number} (.*) end {number}$", r"\1",
                          next(line for line in lines if re.match(f"{prefix}begin {number} ", line)))
             for number, name in enumerate(CORPUS)}
    assert shown["title"] == r"\x1b]0;owned\x07"
    assert shown["c1 csi"] == r"\x9b2J" and shown["c1 in utf-8"] == r"\u009b2J\u009d0;owned\u009c"
    assert shown["bidi"] == r"\u202egnp.exe\u2066x\u2069" and shown["return"] == r"visible\rhidden"
    assert shown["overlong"] == r"\xc0\x9b[2J\xe0\x80\x9b[2J\xf0\x80\x80\x9b[2J"
    assert shown["million parameters"] == r"\x1b[" + "1;" * 500_000 + "m"
    assert shown["tab"] == "a\tb" and shown["proper"] == CORPUS["proper"].decode()
    assert shown["nul and del"] == r"a\x00b\x7fc" and shown["eight bits"] == r"caf\xe9"
    # Nobody can put a line of ours there.
    assert len([line for line in lines if line.startswith("fanout: ")]) == 1


@pytest.mark.parametrize("form", FORMS)
def test_all_of_it_reaches_a_pipe_unchanged(fleet, corpus, form):
    command, text = corpus
    result = fleet.exec("-H", "db01", form, command).assert_code(0)
    if form == "-L":
        assert result.out == b"".join(b"db01: " + line + b"\n" for line in text[:-1].split(b"\n"))
    else:
        assert result.out == b"== db01 ==\n" + text


def test_one_stream_on_a_terminal_and_the_other_not(fleet, corpus):
    """Each is judged for itself: bytes for the file, escapes for the eyes."""
    command, text = corpus
    path = os.path.join(fleet.folder, "out")
    with open(path, "wb") as file:
        terminal = fleet.start("exec", "-H", "db01", "--no-header", *PLAIN, f"{command}; {command} >&2", terminal=True,
                               stdout=file)
        screen = terminal.wait(30).assert_code(0).out.decode()
    with open(path, "rb") as file:
        assert file.read() == text
    assert UNSAFE.search(screen) is None and "begin 0 " in screen


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
def test_a_character_that_comes_in_pieces_is_one_character(bench, size):
    """And an escape that comes in pieces is none, whatever packet its bytes are in."""
    text = "日本 café \u202e\u009b2J\x1b]0;x\x07 \U0001f600 end\n".encode()

    def script(peer):
        peer.converse()
        for first in range(0, len(text), size):
            peer.out(text[first:first + size])
        peer.finish(0)

    bench.add("db01", script)
    bench.fleet.prepare()
    terminal = bench.fleet.start("exec", "-a", "-L", *PLAIN, "true", terminal=True)
    screen = terminal.wait().assert_code(0).text
    assert "db01: 日本 café \\u202e\\u009b2J\\x1b]0;x\\x07 \U0001f600 end\r\n" in screen


# --- what nobody waits for --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("besides", [["--journal", "run.jsonl"], ["--outdir", "files"], ["-b"]])
def test_a_copy_that_cannot_be_kept_takes_no_line_away_from_whoever_reads_them(three, besides):
    result = three.exec("-H", "db01", "-L", *besides, "seq 100000", env={"TMPDIR": "/nonexistent"})
    lines = [line for line in result.out.splitlines() if line.startswith(b"db01: ")]
    assert lines == [b"db01: %d" % number for number in range(1, 100001)]
    if "--journal" in besides:
        # Of a text that long it has a beginning in any case, and its hash.
        result.assert_code(0)
        assert result.err.splitlines()[-1].startswith("fanout: 1 host, 1 ok")
    else:
        result.assert_code(1)
        assert "not kept" in result.err or "--outdir" in result.err


def test_a_journal_alone_keeps_a_beginning_and_tells_nobody_what_it_does_not_keep(three):
    result = three.exec("-a", "-q", "--journal", "run.jsonl", "head -c 70000000 /dev/zero", memory=True)
    result.assert_code(0)
    assert len(result.err.splitlines()) == 1
    assert 0 < result.peak_kib < 64 << 10


@pytest.mark.parametrize("form", LATE_FORMS)
def test_a_signal_ends_what_is_printed_when_all_have_ended(three, form):
    reader, writer = os.pipe()
    running = three.start("exec", "-a", form, "seq 400000; echo {host}", stdout=writer)
    os.close(writer)
    try:
        # It is printing once there is something to be read; and nobody reads on.
        assert os.read(reader, 1)
        running.send_signal(signal.SIGTERM)
        running.wait(10).assert_code(143)
    finally:
        os.close(reader)


def test_a_terminal_that_nobody_reads_can_be_left(three):
    """It says that there is room as long as there is any, and more than that is written."""
    master, slave = os.openpty()
    running = three.start("exec", "-a", "-L", "--progress", "never", "yes | head -c 3000000; sleep 7611",
                          stdout=slave, stderr=slave)
    os.close(slave)
    try:
        assert wait_until(lambda: three.remote_processes("sleep 7611") or three.remote_processes("head -c 3000000"))
        # Once for those that run, and once more for whoever waits for the terminal.
        running.send_signal(signal.SIGTERM)
        assert running.wait(20).code == 143
    finally:
        os.close(master)
