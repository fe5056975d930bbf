"""--outdir: what each host has printed in files of its own, whole or not at all, and a list of them."""

import os
import signal
import stat

import pytest

import schema
from account import is_root
from processes import wait_until
from servers import ClosedPort
from test_json import CORPUS, EXEC_KEYS, TRANSFER_KEYS, keys_of
from transfers import content_of, contents, small_disk

INDEX_KEYS = [key for key in EXEC_KEYS if key not in ("stdout", "stderr")]
FILE_KEYS = ["stdout_file", "stderr_file"]


@pytest.fixture
def three(fleet):
    fleet.openssh("db01", "db02", "db03")
    return fleet.prepare()


def files_of(fleet, folder="out"):
    """{name: content}, without the list."""
    return {name.decode(): text for name, text in contents(fleet.path(folder)).items() if name != b"index.jsonl"}


def index_of(fleet, folder="out"):
    """{host: record} of the list, each checked."""
    with open(os.path.join(fleet.path(folder), "index.jsonl"), "rb") as file:
        records = schema.check_all(file.read(), "outdir")
    for record in records:
        assert keys_of(record)[:len(INDEX_KEYS)] == INDEX_KEYS and keys_of(record)[-2:] == FILE_KEYS
    assert len({record["host"] for record in records}) == len(records)
    return {record["host"]: record for record in records}


def test_files_hold_exactly_what_hosts_have_printed(fleet):
    first, second = fleet.openssh("first", "second")
    fleet.hosts.clear()
    for number, data in enumerate(CORPUS):
        server = (first, second)[number % 2]
        fleet.add(f"c{number:02}", server.address, server.port, server.host_key, server)
        with open(fleet.target_file(str(number)), "wb") as file:
            file.write(data)
    fleet.prepare()
    last = len(CORPUS) - 1
    command = f"cd {fleet.target}; cat {{index}}; cat $(({last} - {{index}})) >&2"
    result = fleet.exec("-a", "-q", "--outdir", "out", "-f", "8", command).assert_code(0)
    assert result.out == b""
    expected = {}
    for number, name in enumerate(fleet.hosts.names):
        expected[f"{name}.out"], expected[f"{name}.err"] = CORPUS[number], CORPUS[last - number]
    assert files_of(fleet) == expected
    index = index_of(fleet)
    assert sorted(index) == fleet.hosts.names
    for name, record in index.items():
        assert (record["stdout_file"], record["stderr_file"]) == (f"{name}.out", f"{name}.err")
        assert record["stdout_bytes"] == len(expected[f"{name}.out"]) and record["truncated"] is False


def test_hosts_on_which_nothing_ran_have_no_files(three):
    three.misbehaving("down", ClosedPort)
    three.prepare()
    three.exec("-a", "--outdir", "out", "case {host} in db01) echo text;; db02) exit 3;; db03) kill -9 $$;; esac")
    assert files_of(three) == {"db01.out": b"text\n", "db01.err": b"", "db02.out": b"", "db02.err": b"",
                               "db03.out": b"", "db03.err": b""}
    index = index_of(three)
    assert {name: (record["status"], record["exit"], record["signal"]) for name, record in index.items()} == {
        "db01": ("ok", 0, None), "db02": ("failed", 3, None), "db03": ("failed", None, "KILL"),
        "down": ("unreachable", None, None)}
    assert (index["down"]["stdout_file"], index["down"]["stderr_file"]) == (None, None)


def test_the_list_is_in_the_order_of_the_ends(three):
    three.exec("-a", "--outdir", "out", "case {host} in db01) sleep 1;; db02) sleep 0.5;; esac").assert_code(0)
    assert list(index_of(three)) == ["db03", "db02", "db01"]


def test_a_second_run_replaces_and_removes(three):
    three.exec("-a", "--outdir", "out", "echo first {host}").assert_code(0)
    three.write("out/notes", "mine")
    first = index_of(three)
    three.hosts["db02"].user = "nobody-of-this-name"
    three.prepare()
    three.exec("-H", "db01,db02", "--outdir", "out/", "echo second {host}").assert_code(4)
    assert files_of(three) == {"db01.out": b"second db01\n", "db01.err": b"", "db03.out": b"first db03\n", "db03.err": b"",
                               "notes": b"mine"}
    assert len(first) == 3 and set(index_of(three)) == {"db01", "db02"}


@pytest.mark.parametrize("form", [["-q"], ["--json"], ["-L"], ["-b"], ["-L", "-b"], ["--output", "diff"], ["--no-header"]])
def test_what_is_shown_is_the_same_with_outdir(three, form):
    command = "echo {host} is here; echo text >&2"
    alone = three.exec("-a", "-f", "1", *form, command).assert_code(0)
    beside = three.exec("-a", "-f", "1", *form, "--outdir", "out", command).assert_code(0)
    if form == ["--json"]:
        shown = [[record["stdout"] for record in schema.check_all(run.out, "exec")] for run in (alone, beside)]
        assert shown[0] == shown[1]
    else:
        assert alone.out == beside.out
    assert files_of(three) == {name: text for host in three.hosts.names for name, text in (
        (f"{host}.out", f"{host} is here\n".encode()), (f"{host}.err", b"text\n"))}
    assert set(index_of(three)) == set(three.hosts.names)


def test_what_is_over_the_limit_is_cut_off_and_said(three):
    three.exec("-H", "db01", "-q", "--outdir", "out", "true").assert_code(0)
    three.exec("-H", "db01", "--max-output", "1000", "--outdir", "out", "head -c 3000 /dev/zero").assert_code(0)
    assert files_of(three) == {"db01.out": bytes(1000), "db01.err": b""}
    record = index_of(three)["db01"]
    assert record["truncated"] is True and record["stdout_bytes"] == 3000


def test_modes_are_those_of_the_umask(three):
    def shy():
        os.umask(0o027)

    three.exec("-H", "db01", "--outdir", "out", "echo text", preexec=shy).assert_code(0)
    modes = {name: stat.S_IMODE(os.stat(three.path(name)).st_mode)
             for name in ("out", "out/db01.out", "out/db01.err", "out/index.jsonl")}
    assert modes == {"out": 0o750, "out/db01.out": 0o640, "out/db01.err": 0o640, "out/index.jsonl": 0o640}


def test_hosts_whose_names_are_no_file_names(fleet):
    host, = fleet.openssh("db01")
    fleet.prepare()
    fleet.exec("-H", host.target, "--outdir", "out", "echo text").assert_code(0)
    name = index_of(fleet)[f"{host.address}:{host.port}"]["stdout_file"]
    assert name == f"{host.address}%3A{host.port}.out" and files_of(fleet)[name] == b"text\n"


def test_files_are_there_when_their_host_has_ended(three):
    running = three.start("exec", "-a", "-q", "--outdir", "out", "echo {host}; case {host} in db03) exec sleep 7321;; esac")
    assert wait_until(lambda: os.path.exists(three.path("out/db02.err")) and os.path.exists(three.path("out/db01.err")), 10)
    # The list comes last, and a file of a host that runs is not there.
    assert files_of(three) == {"db01.out": b"db01\n", "db01.err": b"", "db02.out": b"db02\n", "db02.err": b""}
    assert not os.path.exists(three.path("out/index.jsonl"))
    assert wait_until(lambda: three.remote_processes("sleep 7321"), 5)
    running.send_signal(signal.SIGTERM)
    running.wait().assert_code(143)
    assert files_of(three)["db03.out"] == b"db03\n"
    assert index_of(three)["db03"]["status"] == "interrupted"


def test_a_kill_leaves_whole_files_and_no_list(fleet):
    first = fleet.openssh("first")[0]
    fleet.hosts.clear()
    names = [f"db{number:03}" for number in range(1, 101)]
    for name in names:
        fleet.add(name, first.address, first.port, first.host_key, first.server)
    fleet.prepare()
    fleet.exec("-a", "-q", "-f", "16", "--outdir", "out", "printf %0100000d 1").assert_code(0)
    running = fleet.start("exec", "-a", "-q", "-f", "16", "--outdir", "out", "printf %0200000d 2")
    sizes = {100_000: b"1", 200_000: b"2"}
    assert wait_until(lambda: sum(os.path.getsize(fleet.path(f"out/{name}.out")) == 200_000 for name in names) > 20, 20)
    os.kill(running.pid, signal.SIGKILL)
    running.wait().assert_code(-signal.SIGKILL)
    seen = set()
    for name, text in files_of(fleet).items():
        # A name that a file has for the time between two system calls may be left of a kill, and no other.
        if name.startswith(".fanout-"):
            continue
        if name.endswith(".err"):
            assert text == b""
            continue
        digit = sizes[len(text)]
        assert text == digit.rjust(len(text), b"0")
        seen.add(digit)
    assert b"2" in seen and not os.path.exists(fleet.path("out/index.jsonl"))


# --- what is refused ------------------------------------------------------------------------------------------------

def test_a_link_is_refused_before_anybody_is_contacted(three):
    os.mkdir(three.path("real"))
    os.symlink("real", three.path("out"))
    ran = three.target_file("ran")
    for name in ("out", "out/"):
        result = three.exec("-a", "--outdir", name, f"touch {ran}").assert_code(2)
        assert "--outdir" in result.err and "link" in result.err
    assert os.listdir(three.path("real")) == [] and not os.path.exists(ran)


@pytest.mark.parametrize("name", ["db02.out", "db02.err", "index.jsonl"])
def test_a_link_in_place_of_a_file_is_refused_before_anybody_is_contacted(three, name):
    os.mkdir(three.path("out"))
    victim = three.write("victim", "mine")
    os.symlink(victim, three.path(f"out/{name}"))
    ran = three.target_file("ran")
    result = three.exec("-a", "--outdir", "out", f"touch {ran}").assert_code(2)
    assert name in result.err and "link" in result.err and not os.path.exists(ran)
    assert three.read("victim") == "mine" and os.listdir(three.path("out")) == [name]


@pytest.mark.parametrize("what", ["file", "missing/folder", "/proc/self"])
def test_what_can_be_no_such_folder_is_refused(three, what):
    three.write("file", "mine")
    ran = three.target_file("ran")
    result = three.exec("-a", "--outdir", what, f"touch {ran}").assert_code(2)
    assert what in result.err and not os.path.exists(ran) and three.read("file") == "mine"


def test_a_link_that_comes_later_is_not_followed(three):
    victim = three.write("victim", "mine")
    running = three.start("exec", "-a", "-q", "--outdir", "out", "case {host} in db01) exec sleep 1.5;; esac; echo {host}")
    assert wait_until(lambda: os.path.exists(three.path("out/db02.out")), 10)
    os.symlink(victim, three.path("out/db01.out"))
    result = running.wait().assert_code(1)
    assert "db01.out is a symbolic link" in result.err
    assert three.read("victim") == "mine" and os.path.islink(three.path("out/db01.out"))
    assert index_of(three)["db01"]["stdout_file"] is None
    assert index_of(three)["db01"]["stderr_file"] == "db01.err"


# --- disks that are full --------------------------------------------------------------------------------------------

def test_a_full_disk_is_told_and_leaves_no_half_file(three):
    if not is_root():
        pytest.skip("only root can mount a small disk")
    os.mkdir(three.path("out"))
    with small_disk(three.path("out"), 300):
        result = three.exec("-a", "-f", "1", "--outdir", "out", "-q",
                            "case {host} in db02) head -c 500000 /dev/zero;; *) echo {host};; esac").assert_code(1)
        assert result.err.count("No space left on device") >= 1 and "db02.out" in result.err
        assert files_of(three) == {"db01.out": b"db01\n", "db01.err": b"", "db02.err": b"",
                                   "db03.out": b"db03\n", "db03.err": b""}
        index = index_of(three)
        assert (index["db02"]["stdout_file"], index["db02"]["stderr_file"]) == (None, "db02.err")
        assert index["db02"]["status"] == "ok" and index["db02"]["stdout_bytes"] == 500_000


# --- copies ---------------------------------------------------------------------------------------------------------

def test_what_then_prints_has_files(transfers):
    for kind in ("openssh", "dropbear"):
        transfers.place(kind, kind)
    source = transfers.write_here("source", b"content")
    out = os.path.join(transfers.download, "out")
    records = transfers.put("--outdir", out, "--then", "cat there; echo err >&2", source, "there")
    for name in transfers.places:
        assert content_of(os.path.join(out, f"{name}.out")) == b"content"
        assert content_of(os.path.join(out, f"{name}.err")) == b"err\n"
    index = index_of(transfers.fleet, out)
    assert set(index) == set(records)
    for record in index.values():
        assert keys_of(record)[len(INDEX_KEYS):len(INDEX_KEYS + TRANSFER_KEYS)] == TRANSFER_KEYS
