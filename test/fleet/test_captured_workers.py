"""Workers that have been taken over by their server: what they try is refused and told, and nobody else is harmed.

The program is `evil_fanout` (test/evil): the workers of hosts whose name begins with "evil" turn against it, inside the
sandbox of every worker. The healthy hosts beside them are served by ordinary workers of the same run.
"""

import os
import re
import time

import pytest

from daemons import public_key


@pytest.fixture
def evil_run(fleet):
    program = os.environ.get("EVIL_FANOUT")
    if not program:
        pytest.skip("EVIL_FANOUT does not name the program with evil workers")

    def run(what, evils=1, parallel=8, healthy_first=True, evil_settings=None, change_key=False, again=False):
        goods = ["good1", "good2"]
        evil_names = [f"evil{number}" for number in range(1, evils + 1)]
        if not again:
            names = goods + evil_names if healthy_first else evil_names + goods
            for name in names:
                fleet.openssh(name, **(evil_settings or {} if name.startswith("evil") else {}))
            fleet.prepare()
            if change_key:
                other = fleet.new_key("another_host_key")
                lines = [line if not line.startswith(f"[{fleet.hosts['evil1'].address}]")
                         else line.split(" ")[0] + " " + public_key(other) for line in fleet.known_hosts]
                fleet.write(fleet.known_hosts_path, "\n".join(lines) + "\n")
        # A healthy host takes the same words for a command, which no shell knows: 127 is what ssh would say.
        result = fleet.run("exec", "-a", "-f", parallel, "--", what, program=os.path.abspath(program))
        print(result)
        for name in goods:
            status, cause = result.failures[name]
            assert (status, cause) == ("failed", "exit 127") or status == "skipped", result
        assert not re.search(rb"succeeded|nobody minded", result.out), result
        return result
    return run


# --- system calls -----------------------------------------------------------------------------------------------------

# The table of all attempts is tried one by one in the process test of the sandbox; these show what a run makes of them.
DEADLY = ["execve of a shell", "kill of the parent with signal 0", "ptrace of the parent", "socket AF_UNIX",
          "process_vm_readv of the parent", "connect to the agent", "mmap PROT_EXEC", "sendmsg of a descriptor"]
ANSWERED = ["openat of a file outside", "prlimit64 of the parent", "newfstatat of a file outside"]


@pytest.mark.parametrize("attempt", DEADLY)
def test_a_forbidden_call_ends_the_worker_and_is_told(evil_run, attempt):
    result = evil_run(f"call {attempt}")
    status, cause = result.failures["evil1"]
    assert status == "internal"
    assert "sandbox" in cause and "forbidden system call" in cause
    result.assert_code(1)


@pytest.mark.parametrize("attempt", ANSWERED)
def test_a_harmless_probe_is_refused_without_a_fuss(evil_run, attempt):
    result = evil_run(f"call {attempt}")
    assert result.blocks["evil1"].startswith(b"refused: ")


def test_five_workers_that_crash_stop_the_run(evil_run):
    result = evil_run("call execve of a shell", evils=12, parallel=1, healthy_first=False)
    crashed = [name for name, (status, _) in result.failures.items() if status == "internal"]
    skipped = [name for name, (status, _) in result.failures.items() if status == "skipped"]
    assert len(crashed) == 5
    assert len(skipped) == 7 + 2
    assert "5 workers have crashed" in result.failures[skipped[0]][1]
    result.assert_code(1)


# --- shared memory ----------------------------------------------------------------------------------------------------

def test_there_is_no_memory_that_a_worker_shares(evil_run):
    result = evil_run("shared")
    assert result.blocks["evil1"] == b"0 shared mappings that can be written\n"


# --- messages to the parent -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["random", "long", "order", "unknown", "early-output", "notes", "after-final",
                                  "two-keys", "half"])
def test_a_message_that_no_worker_sends_ends_it(evil_run, kind):
    start = time.monotonic()
    result = evil_run(f"frames {kind}").assert_code(1)
    status, cause = result.failures["evil1"]
    assert status == "internal"
    assert "bad frame" in cause or "last message is incomplete" in cause
    assert "evil1" not in result.blocks or b"nobody minded" not in result.blocks["evil1"]
    assert time.monotonic() - start < 10


# --- the key holder ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind, word", [
    ("session", "session"),
    ("user", "somebody-else"),
    ("service", "ssh-userauth"),
    ("key", "key"),
    ("no-proof", "proof"),
    ("no-exchange", "proof"),
    ("relay", "another session"),
    ("other-proof", "another session"),
    ("more-bytes", "no login request"),
    ("often", "more than 2 signatures"),
    ("early", "accepted"),
    ("garbage", ""),
])
def test_what_the_key_holder_refuses_is_told_and_no_success_is_believed(evil_run, kind, word):
    result = evil_run(f"slot {kind}").assert_code(1)
    status, cause = result.failures["evil1"]
    assert status == "internal", result
    assert "key holder" in cause and word in cause
    assert b"signed" not in result.blocks.get("evil1", b"")


def test_a_worker_cannot_say_itself_that_the_host_key_is_fine(evil_run):
    result = evil_run("slot other-host-key").assert_code(1)
    status, cause = result.failures["evil1"]
    # The parent refuses the key that it was told, and then the worker asks all the same.
    assert status == "internal" and "before its host key was accepted" in cause
    assert b"signed" not in result.blocks.get("evil1", b"")


def test_a_password_is_not_given_for_a_key_that_was_refused(evil_run):
    result = evil_run("slot password", evil_settings={"password": "not-for-strangers"}, change_key=True).assert_code(1)
    status, cause = result.failures["evil1"]
    assert status == "internal" and "before its host key was accepted" in cause
    assert b"got one" not in result.blocks.get("evil1", b"")
    assert "not-for-strangers" not in result.err
