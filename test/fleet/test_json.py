"""--json: what programs read. Each line is one object that packaging/fanout.schema.json describes, whatever hosts print."""

import base64
import json
import os
import re
import shlex
import shutil
import signal
import subprocess

import pytest

import schema
from daemons import public_key
from processes import wait_until
from scripted import ScriptedServer
from servers import ClosedPort, Talker

MANUAL = os.path.join(os.path.dirname(__file__), "../../packaging/fanout.1")
STATUSES = ["ok", "failed", "timeout", "resolve", "unreachable", "host_key", "auth", "protocol", "skipped", "interrupted",
            "internal"]
EXEC_KEYS = ["v", "host", "address", "port", "user", "status", "exit", "signal", "phase", "cause", "attempts", "started",
             "seconds", "phases", "stdout", "stderr", "stdout_bytes", "stderr_bytes", "truncated", "remote_end",
             "stopped_by"]
TRANSFER_KEYS = ["files", "bytes", "sent", "unchanged", "rate", "sha256"]


def jq(text, *arguments):
    if not shutil.which("jq"):
        pytest.skip("there is no jq")
    done = subprocess.run(["jq", *arguments], input=text, capture_output=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, b""), done
    # Not splitlines(): jq prints U+2028 as it is.
    return done.stdout.decode().split("\n")[:-1]


def keys_of(record):
    return [key.removesuffix("_base64") for key in record]


def text_of(record, stream):
    """The bytes that the host has printed."""
    if stream in record:
        return record[stream].encode()
    return base64.b64decode(record[f"{stream}_base64"], validate=True)


# --- every status ---------------------------------------------------------------------------------------------------

def name_for(status):
    return "h-" + status.replace("_", "-")


def all_but_stopped(fleet):
    """A run with a host for each status that a run which is not interrupted has."""
    ended = ("ok", "failed", "timeout", "resolve", "host_key", "auth", "internal")
    hosts = fleet.openssh(*map(name_for, ended))
    hosts["h-resolve"].address = "0.0.0.0"
    hosts["h-host-key"].host_key = public_key(fleet.site.user_key)
    hosts["h-timeout"].settings["timeout"] = "1s"
    hosts["h-auth"].user = "nobody-of-this-name"
    fleet.misbehaving("h-unreachable", ClosedPort)
    # The cause quotes it.
    fleet.misbehaving("h-protocol", Talker, b'SSH-1.5-"Old\\\xff\xe2\x80\xa8\x1b]0;x\x07\r\n')
    fleet.prepare()
    command = ("echo out of {host}; echo err of {host} >&2; "
               "case {host} in h-failed) exit 3;; h-timeout) exec sleep 7311;; h-internal) exec sleep 7312;; esac")
    running = fleet.start("exec", "-a", "--json", command)
    worker, = wait_until(lambda: [each for each in running.children("fanout: worker")
                                  if each.command.endswith("h-internal")], 3)
    assert wait_until(lambda: fleet.remote_processes("sleep 7312"), 5)
    os.kill(worker.pid, signal.SIGKILL)
    return running.wait()


def a_run_that_is_stopped(fleet):
    fleet.hosts.clear()
    fleet.openssh("h-interrupted", "h-skipped")
    fleet.prepare()
    running = fleet.start("exec", "-a", "--json", "-f", "1", "echo begun; exec sleep 7313")
    assert wait_until(lambda: fleet.remote_processes("sleep 7313"), 5)
    running.send_signal(signal.SIGTERM)
    return running.wait().assert_code(143)


def test_every_status_is_a_line_that_the_schema_describes(fleet):
    first, second = all_but_stopped(fleet), a_run_that_is_stopped(fleet)
    text = first.out + second.out
    records = schema.check_all(text, "exec")
    assert sorted(record["status"] for record in records) == sorted(STATUSES)
    for record in records:
        assert record["host"] == name_for(record["status"])
        assert keys_of(record) == EXEC_KEYS
        assert bool(record["cause"]) == (record["status"] != "ok")
    of = {record["status"]: record for record in records}
    assert text_of(of["failed"], "stdout") == b"out of h-failed\n" and of["failed"]["exit"] == 3
    assert text_of(of["timeout"], "stderr") == b"err of h-timeout\n" and of["timeout"]["remote_end"] == "killed"
    assert (of["skipped"]["started"], of["skipped"]["attempts"], of["skipped"]["remote_end"]) == (None, 0, None)
    # The same by jq, as users write it.
    assert sorted(jq(text, "-r", 'select(.status != "ok") | .host')) == sorted(map(name_for, set(STATUSES) - {"ok"}))
    assert jq(text, "-c", 'select(.exit != null and .exit > 0) | [.host, .exit, .stderr]') == [
        '["h-failed",3,"err of h-failed\\n"]']
    assert jq(text, "-s", "length") == ["11"]
    assert jq(text, "-s", "-r", 'group_by(.status)[] | "\\(.[0].status) \\(length)"') == [
        f"{status} 1" for status in sorted(STATUSES)]
    assert jq(text, "-s", "[.[] | .phases | add] | add <= 60") == ["true"]
    assert len(jq(text, "-c", ".cause")) == 11


def test_a_pipe_into_jq(fleet):
    fleet.openssh("db01", "db02")
    fleet.prepare()
    if not shutil.which("jq"):
        pytest.skip("there is no jq")
    command = (f"{shlex.quote(fleet.program)} exec -a --json 'echo {{host}}; exit {{index}}' | "
               "jq -r 'select(.status != \"ok\") | .host + \" \" + (.exit|tostring) + \" \" + .stdout'")
    assert fleet.run("-c", command, program="/bin/sh").out == b"db02 1 db02\n\n"


def test_a_wrong_line_is_noticed(fleet):
    # Of the checks in this file itself.
    fleet.misbehaving("db01", ClosedPort)
    fleet.prepare()
    line = fleet.exec("-a", "--json", "true").out.decode()
    good = schema.check_all(line, "exec")[0]
    published = schema.jsonschema.Draft202012Validator(schema.load())
    published.check_schema(schema.load())
    # Keys and words may come with a later version.
    for later in ({"later": 1}, {"status": "asleep"}, {"phases": {**good["phases"], "later": 1}}):
        assert published.is_valid({**good, **later})
        with pytest.raises(AssertionError):
            schema.check(json.dumps({**good, **later}), "exec")
    for wrong in ({"v": 2}, {"status": 1}, {"port": 0}, {"seconds": -1}, {"phases": {}}, {"stdout_base64": ""},
                  {"started": "today"}, {"truncated": None}, {"status": "OK"}, {"exit": "3"}):
        assert not published.is_valid({**good, **wrong}), wrong
    for key in EXEC_KEYS:
        assert not published.is_valid({other: value for other, value in good.items() if other != key}), key


def test_the_manual_and_the_schema_have_the_same_keys():
    with open(MANUAL, encoding="ascii") as file:
        text = file.read()
    described = set(re.findall(r"[a-z0-9_]+", text))
    known = set()

    def collect(part):
        if isinstance(part, dict):
            known.update(part.get("properties", {}))
            for each in part.values():
                collect(each)
        elif isinstance(part, list):
            for each in part:
                collect(each)

    collect(schema.load()["$defs"])
    assert set(EXEC_KEYS + TRANSFER_KEYS) <= known
    assert known - described == set()


# --- whatever hosts print -------------------------------------------------------------------------------------------

CORPUS = [
    b"", b"\n", b"plain\n", b"no newline",
    bytes(range(256)), bytes(range(128)), bytes(range(32)) + b"\x7f",
    b"\0", b"\0" * 1000 + b"\n", b"a\0b\n", b"\\u0000 \\ud800 \\\\ \\\" \\x00\n",
    b'"', b'\\', b'\\"', b'"}\n{"v":1,"host":"forged","status":"ok"}\n', b'{"host":"x"}', b"[1,2", b"null\n", b"NaN Infinity",
    b"\x1b]0;owned\x07\x1b[2J\x9b", b"\r\n\r\r\n", b"\x08\x0c\x0b\x7f",
    "zürich – 東京 🐧\n".encode(), "\u2028\u2029\u0085\ufeff\u202e".encode(), "\U0010ffff\ufffe\uffff".encode(),
    b"\xff", b"\xfe\xff", b"\xc0\x80", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf",  # overlong
    b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\xbd\xed\xb2\xa9",  # surrogates
    b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\x80", b"text \xe2\x82", b"\xe2\x82 text", b"\xf0\x9f\x90",
    b"x" * (1 << 20) + b"\n", b"x" * (1 << 20) + b"\xff",
    # Characters over the ends of packets, pieces and what is kept in memory.
    *("x".encode() * shift + "€🐧".encode() * 40_000 for shift in range(4)),
    b'"' * 200_000, b"\\" * 100_001, b"\0" * 100_000,
    "\n".join(f'"{key}":"{key}",' for key in EXEC_KEYS).encode(),
    b"stdout_base64", b"aGVsbG8=", b"fanout: 3 hosts, 3 ok in 0.0 s\n", b"== db01 ==\n",
]


def is_text(data):
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def test_what_hosts_print_comes_back_exactly(fleet):
    first, second = fleet.openssh("first", "second")
    fleet.hosts.clear()
    for number, data in enumerate(CORPUS):
        server = (first, second)[number % 2]
        fleet.add(f"c{number:02}", server.address, server.port, server.host_key, server)
        with open(fleet.target_file(str(number)), "wb") as file:
            file.write(data)
    fleet.prepare()
    # The other stream has the corpus from its end.
    last = len(CORPUS) - 1
    command = f"cd {fleet.target}; cat {{index}}; cat $(({last} - {{index}})) >&2"
    result = fleet.exec("-a", "--json", "-f", "8", command).assert_code(0)
    records = schema.check_all(result.out, "exec")
    assert sorted(record["host"] for record in records) == fleet.hosts.names
    for record in records:
        number = int(record["host"][1:])
        for stream, data in (("stdout", CORPUS[number]), ("stderr", CORPUS[last - number])):
            assert text_of(record, stream) == data, (number, stream)
            assert (stream in record) == is_text(data), (number, stream)
            assert record[f"{stream}_bytes"] == len(data)
        assert keys_of(record) == EXEC_KEYS and record["truncated"] is False
    assert sorted(jq(result.out, "-r", ".host")) == fleet.hosts.names
    assert "forged" not in [record["host"] for record in records]


def test_what_is_cut_off_leaves_a_line_that_is_whole(fleet):
    fleet.openssh("db01", "db02")
    fleet.prepare()
    # In the middle of a character on one host, between two on the other.
    command = "printf x$(test {index} = 0 && echo y); i=0; while [ $i -lt 500 ]; do printf '\\342\\202\\254'; i=$((i+1)); done"
    result = fleet.exec("-a", "--json", "--max-output", "1000", command).assert_code(0)
    for record in schema.check_all(result.out, "exec"):
        whole = (b"xy" if record["host"] == "db01" else b"x") + "€".encode() * 500
        assert text_of(record, "stdout") == whole[:1000]
        assert record["truncated"] is True and record["stdout_bytes"] == len(whole)
        assert ("stdout" in record) == is_text(whole[:1000])


def test_what_servers_say_of_the_end_is_no_way_out_of_a_line(fleet):
    key = fleet.new_key("host_key")

    def script(peer):
        peer.out(b"text\n")
        peer.exit_signal(b'K"\\\xff\n\x1b[2J')
        peer.close()

    fleet.misbehaving("db01", ScriptedServer, [key], script, host_key=public_key(key))
    fleet.prepare()
    result = fleet.exec("-a", "--json", "true")
    record, = schema.check_all(result.out, "exec")
    assert record["status"] in ("failed", "protocol") and record["stdout"] == "text\n"
    assert b"\x1b" not in result.out


# --- copies, selections, lists, journals ----------------------------------------------------------------------------

def test_copies_have_their_keys_after_the_others(transfers):
    for kind in ("openssh", "openssh without sftp"):
        transfers.place(kind.replace(" ", "-"), kind)
    small, large = transfers.write_here("small", b"x" * 10), transfers.write_here("large", b"y" * 300_000)
    one = transfers.put("--verify", "--then", "printf '\\377'; echo err >&2", small, "small")
    none = transfers.put("--checksum", small, "small")
    two = transfers.put(small, large, "./")
    back = transfers.get("--manifest", os.path.join(transfers.download, "list"), "small", "large", transfers.download)
    missing = transfers.get("nothing", transfers.download, expect=dict.fromkeys(transfers.places, "failed"))
    for kind, records in (("put", one), ("put", none), ("put", two), ("get", back), ("get", missing)):
        for record in schema.check_all(records.result.out, kind):
            assert keys_of(record)[:len(EXEC_KEYS + TRANSFER_KEYS)] == EXEC_KEYS + TRANSFER_KEYS
            assert keys_of(record)[len(EXEC_KEYS + TRANSFER_KEYS):] in (["verified_by", "used"], ["used"], ["verified_by"], [])
    for name in transfers.places:
        assert (one[name]["stdout_base64"], one[name]["stderr"]) == ("/w==", "err\n") and one[name]["verified_by"]
        assert (none[name]["sent"], none[name]["unchanged"], none[name]["rate"]) == (0, 1, None)
        assert one[name]["sha256"] and two[name]["sha256"] is None and two[name]["rate"] > 0
        assert (missing[name]["files"], missing[name]["remote_end"]) == (0, None) or missing[name]["files"] == 0
    with open(os.path.join(transfers.download, "list"), "rb") as file:
        listed = schema.check_all(file.read(), "manifest")
    assert len(listed) == 4 and {list(line)[1] for line in listed} == {"path"}
    assert jq(back.result.out, "-s", "map(.bytes) | add") == [str(2 * 300_010)]


def test_a_selection_as_json(fleet):
    fleet.openssh("db01", "db02")
    fleet.hosts["db01"].settings.update(
        priority=5, tags="blue, new", identity="~/.ssh/id_ed25519", jump="gate", host_key="accept-new", sudo="root",
        connect_timeout="500ms", timeout="1h", passwd='se"cret')
    fleet.prepare(db=["db01", "db02"])
    first, second = schema.check_all(fleet.run("hosts", "-a", "--json").assert_code(0).out, "hosts")
    assert (first["priority"], first["connect_timeout"], first["timeout"]) == (5, 0.5, 3600)
    assert first["password"] is True and first["host_key"] == "accept-new"
    assert list(second) == ["v", "host", "name", "address", "port", "user", "groups", "tags"] == list(first)[:8]
    assert second["groups"] == ["db"]


def test_every_line_of_a_journal(fleet):
    fleet.openssh("db01", "db02", "db03", "db04")
    fleet.hosts["db02"].user = "nobody-of-this-name"
    fleet.misbehaving("db00", ClosedPort)
    fleet.hosts.insert(0, fleet.hosts.pop())
    fleet.prepare()
    fleet.exec("-a", "-f", "1", "--retries", "1", "--max-fail", "3", "--journal", "journal",
               "printf 'a\\377'; echo text >&2; exit 3").assert_code(7)
    fleet.write("file", "content")
    fleet.run("put", "--rerun", "unfinished:journal", "--journal", "journal", "--then", "echo done", "file",
              f"{fleet.target}/there").assert_code(0)
    with open(fleet.path("journal"), "rb") as file:
        events = schema.check_all(file.read(), "journal")
    assert {event["event"] for event in events} == {"planned", "started", "retrying", "ended", "output", "skipped",
                                                    "finished"}
    for event in events:
        assert list(event)[:4] == ["v", "run", "event", "time"]
    runs = [event["run"] for event in events if event["event"] == "planned"]
    assert [event["rerun_of"] for event in events if event["event"] == "planned"] == [None, runs[0]]
    failed = jq(fleet.read("journal").encode(), "-r", 'select(.event == "ended" and .status != "ok") | .host')
    assert sorted(failed) == ["db00", "db01", "db02", "db03"]


def test_a_run_that_is_shown_again_has_the_same_lines(fleet):
    fleet.openssh("db01", "db02")
    fleet.misbehaving("db03", ClosedPort)
    fleet.prepare()
    command = "printf 'a\\377'; head -c 70000 /dev/zero | tr '\\0' x >&2; exit {index}"
    then = fleet.exec("-a", "--json", "--journal", "journal", command).assert_code(4)
    later = fleet.run("report", "--json", "journal").assert_code(4)
    first, second = (schema.check_all(run.out, "exec") for run in (then, later))
    assert list(map(keys_of, first)) == list(map(keys_of, second))
    for before, after in zip(first, second):
        for key in ("host", "status", "exit", "cause", "stdout_bytes", "stderr_bytes", "remote_end", "stdout_base64"):
            assert before.get(key) == after.get(key), key
        # A journal keeps the beginning.
        assert before["stderr"].startswith(after["stderr"])
        assert after["truncated"] == (before["stderr_bytes"] > len(after["stderr"]))
    assert max(len(record["stderr"]) for record in second) == 1 << 16
