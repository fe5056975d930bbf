"""How fanout logs in: key files of every kind, the agent, passwords; and what it says when it cannot."""

import base64
import os
import subprocess

import pytest

from daemons import Dropbear, public_key
from processes import below, wait_until
from scripted import ScriptedServer
from servers import Silent

KINDS = {
    "ed25519": ("ed25519", None),
    "rsa-3072": ("rsa", 3072),
    "ecdsa-256": ("ecdsa", 256),
    "ecdsa-384": ("ecdsa", 384),
    "ecdsa-521": ("ecdsa", 521),
}


@pytest.fixture(scope="module")
def keys(site):
    """Key files of every kind, by name, which the server in `welcoming` takes."""
    folder = site.path("keys")
    os.mkdir(folder, 0o700)
    made = {}
    for name, (kind, bits) in KINDS.items():
        for form, options in (("openssh", ()), ("pem", ("-m", "PEM"))):
            if form == "pem" and kind == "ed25519":
                continue
            path = made[f"{name} {form}"] = os.path.join(folder, f"{name}-{form}")
            subprocess.run(["ssh-keygen", "-q", "-t", kind, *(["-b", str(bits)] if bits else []), "-N", "", *options,
                            "-f", path], check=True)
    return made


@pytest.fixture
def welcoming(fleet, keys):
    """One host that takes all the keys."""
    fleet.forget_keys()
    host = fleet.server("db01", authorized=list(keys.values()))
    fleet.prepare()
    return host


def scripted(fleet, name="db01", **options):
    path = fleet.new_key(f"host_key_{name}")
    return fleet.misbehaving(name, ScriptedServer, [path], host_key=public_key(path), **options)


# --- key files ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", [f"{kind} {form}" for kind in KINDS for form in ("openssh", "pem")
                                  if (kind, form) != ("ed25519", "pem")])
def test_a_key_file(fleet, keys, welcoming, name):
    assert fleet.exec("-a", "-k", keys[name], "echo in").assert_code(0).blocks == {"db01": b"in\n"}


def test_a_key_file_of_the_inventory(fleet, keys, welcoming):
    welcoming.settings["identity"] = keys["rsa-3072 openssh"]
    fleet.prepare()
    fleet.exec("-a", "true").assert_code(0)


@pytest.mark.parametrize("name, kind", [("id_ed25519", "ed25519 openssh"), ("id_ecdsa", "ecdsa-256 openssh"),
                                        ("id_rsa", "rsa-3072 openssh")])
def test_the_usual_key_files_are_found(fleet, keys, welcoming, name, kind):
    fleet.use_key(keys[kind], name)
    fleet.exec("-a", "true").assert_code(0)


def test_several_keys_are_tried_in_order(fleet, keys, welcoming):
    wrong = fleet.new_key("wrong")
    fleet.exec("-a", "-k", wrong, "-k", keys["ecdsa-256 openssh"], "true").assert_code(0)
    assert welcoming.server.log.count("Failed publickey") <= 1


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_dropbear_takes_the_same_keys(fleet, site, kind):
    if reason := Dropbear.why_not(site):
        pytest.skip(reason)
    key = fleet.new_key("key", kind)
    fleet.forget_keys()
    host = fleet.server("db01", Dropbear, authorized=[key])
    fleet.prepare()
    fleet.exec("-H", host.name, "-k", key, "true").assert_code(0)


def test_the_key_of_another_is_refused(fleet):
    fleet.openssh("db01")
    fleet.forget_keys()
    fleet.use_key(fleet.new_key("wrong"))
    fleet.prepare()
    status, cause = fleet.exec("-a", "true").assert_code(4).failures["db01"]
    assert status == "auth" and "not accepted" in cause and "publickey" in cause


def test_more_keys_than_the_server_hears_is_a_refusal_not_a_lost_connection(fleet):
    fleet.server("db01", settings=["MaxAuthTries 2"])
    fleet.prepare()
    fleet.forget_keys()
    strange = [argument for name in "abc" for argument in ("-k", fleet.new_key(name))]
    status, cause = fleet.exec("-a", *strange, "echo in").assert_code(4).failures["db01"]
    assert status == "auth" and "Too many authentication failures" in cause


def test_without_any_key_the_message_says_so(fleet):
    fleet.openssh("db01")
    fleet.forget_keys()
    fleet.prepare()
    status, cause = fleet.exec("-a", "true").assert_code(4).failures["db01"]
    assert status == "auth" and "no key" in cause and "publickey" in cause


@pytest.mark.parametrize("spoil", ["missing", "readable by others", "folder", "not a key", "fifo"])
def test_a_key_file_that_cannot_be_used_is_named_and_nobody_contacted(fleet, spoil):
    listener = fleet.misbehaving("db01", Silent)
    fleet.prepare()
    path = fleet.path("my-key")
    if spoil == "readable by others":
        fleet.new_key("my-key")
        os.chmod(path, 0o644)
    elif spoil == "folder":
        os.mkdir(path)
    elif spoil == "not a key":
        fleet.write("my-key", "this is not a key\n")
    elif spoil == "fifo":
        os.mkfifo(path, 0o600)
    result = fleet.exec("-a", "-k", path, "true").assert_code(2)
    assert "my-key" in result.err
    assert listener.connections == 0


# --- passphrases ----------------------------------------------------------------------------------------------------

def test_the_passphrase_of_a_key_is_asked_once_for_many_hosts(fleet):
    key = fleet.new_key("locked", passphrase="open sesame")
    fleet.forget_keys()
    hosts = [fleet.server(name, authorized=[key]) for name in ("db01", "db02")]
    fleet.prepare()
    terminal = fleet.start("exec", "-a", "-k", key, "echo in", terminal=True)
    terminal.expect("passphrase")
    assert not terminal.echoes()
    terminal.type("open sesame\n")
    result = terminal.wait().assert_code(0)
    assert terminal.screen.count("passphrase") == 1
    assert terminal.screen.count("\nin") == len(hosts)
    assert "sesame" not in terminal.screen
    assert result.leftover == []


def test_a_wrong_passphrase_is_asked_again_and_then_refused(fleet):
    listener = fleet.misbehaving("db01", Silent)
    key = fleet.new_key("locked", passphrase="open sesame")
    fleet.prepare()
    terminal = fleet.start("exec", "-a", "-k", key, "true", terminal=True)
    for count in (1, 2, 3):
        assert wait_until(lambda: terminal.screen.count("Enter passphrase") == count and not terminal.echoes())
        terminal.type("wrong\n")
    result = terminal.wait().assert_code(2)
    assert "wrong passphrase" in result.text
    assert listener.connections == 0


def test_an_encrypted_key_without_a_terminal_is_refused_before_anybody_is_contacted(fleet):
    listener = fleet.misbehaving("db01", Silent)
    key = fleet.new_key("locked", passphrase="open sesame")
    fleet.prepare()
    result = fleet.exec("-a", "-k", key, "true").assert_code(2)
    assert "locked" in result.err
    assert listener.connections == 0


def test_ctrl_c_at_the_passphrase_leaves_the_terminal_as_it_was(fleet):
    listener = fleet.misbehaving("db01", Silent)
    key = fleet.new_key("locked", passphrase="open sesame")
    fleet.prepare()
    terminal = fleet.start("exec", "-a", "-k", key, "true", terminal=True)
    terminal.expect("passphrase")
    terminal.interrupt()
    terminal.child.wait(5)
    assert terminal.modes_are_as_before()
    terminal.wait().assert_code(130)
    assert listener.connections == 0


@pytest.mark.parametrize("question", ["passphrase", "password"])
def test_hanging_up_at_a_question_is_an_interruption(fleet, question):
    listener = fleet.misbehaving("db01", Silent)
    key = fleet.new_key("locked", passphrase="open sesame")
    fleet.prepare()
    how = ("-k", key) if question == "passphrase" else ("--ask-pass",)
    terminal = fleet.start("exec", "-a", *how, "true", terminal=True)
    terminal.expect(question[1:])
    terminal.hang_up()
    terminal.wait().assert_code(129)
    assert listener.connections == 0


# --- the agent ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_key_of_the_agent(fleet, kind):
    key = fleet.new_key("in-agent", kind)
    fleet.forget_keys()
    fleet.server("db01", authorized=[key])
    fleet.prepare()
    env = {"SSH_AUTH_SOCK": fleet.agent(key)}
    os.remove(key)
    fleet.exec("-a", "true", env=env).assert_code(0)
    status, _ = fleet.exec("-a", "--agent", "no", "true", env=env).assert_code(4).failures["db01"]
    assert status == "auth"


def test_an_agent_that_is_not_there_is_not_missed(fleet):
    fleet.openssh("db01")
    fleet.prepare()
    fleet.exec("-a", "true", env={"SSH_AUTH_SOCK": fleet.path("no-such-socket")}).assert_code(0)


def test_an_agent_with_many_keys_does_not_use_up_all_attempts(fleet):
    fleet.openssh("db01")
    fleet.prepare()
    others = [fleet.new_key(f"other{number}") for number in range(8)]
    env = {"SSH_AUTH_SOCK": fleet.agent(*others)}
    # The configured key comes before those of the agent.
    fleet.exec("-a", "-k", fleet.site.user_key, "true", env=env).assert_code(0)


# --- passwords ------------------------------------------------------------------------------------------------------

def test_the_password_of_the_inventory(fleet, password):
    fleet.forget_keys()
    host = fleet.server("db01", settings=["PasswordAuthentication yes"])
    host.settings["passwd"] = password
    fleet.prepare()
    result = fleet.exec("-a", "echo in").assert_code(0)
    assert result.blocks == {"db01": b"in\n"}


def test_the_password_of_the_inventory_with_dropbear(fleet, password):
    fleet.forget_keys()
    fleet.dropbear("db01")
    fleet.hosts["db01"].settings["passwd"] = password
    fleet.prepare()
    fleet.exec("-a", "true").assert_code(0)


def test_a_password_is_asked_once_for_many_hosts(fleet, password):
    fleet.forget_keys()
    for name in ("db01", "db02"):
        fleet.server(name, settings=["PasswordAuthentication yes"])
    fleet.prepare()
    terminal = fleet.start("exec", "-a", "--ask-pass", "echo in", terminal=True)
    terminal.expect("assword")
    assert not terminal.echoes()
    terminal.type(password + "\n")
    terminal.wait().assert_code(0)
    assert terminal.screen.count("assword") == 1
    assert password not in terminal.screen


def test_no_terminal_to_ask_for_a_password_on(fleet):
    listener = fleet.misbehaving("db01", Silent)
    fleet.prepare()
    fleet.exec("-a", "--ask-pass", "true").assert_code(2)
    assert listener.connections == 0


@pytest.mark.parametrize("methods", ["password", "keyboard-interactive", "keyboard-interactive,password",
                                     "publickey,password"])
def test_a_right_password_by_each_method(fleet, methods):
    server = scripted(fleet, methods=methods, accepts_keys=False, password="sesame")
    fleet.hosts["db01"].settings["passwd"] = "sesame"
    fleet.prepare()
    fleet.exec("-a", "true").assert_code(0)
    assert server.passwords() == ["sesame"]


@pytest.mark.parametrize("methods", ["password", "keyboard-interactive", "keyboard-interactive,password",
                                     "publickey,keyboard-interactive,password"])
def test_a_wrong_password_is_sent_once(fleet, methods):
    server = scripted(fleet, methods=methods, accepts_keys=False, password="right")
    fleet.hosts["db01"].settings["passwd"] = "wrong"
    fleet.prepare()
    result = fleet.exec("-a", "true").assert_code(4)
    status, cause = result.failures["db01"]
    assert status == "auth" and "password rejected" in cause
    assert server.passwords() == ["wrong"]
    assert server.connections == 1
    assert "wrong" not in result.err + result.text


def test_keys_are_tried_before_the_password_which_then_is_not_sent(fleet):
    server = scripted(fleet, methods="publickey,password", password="sesame")
    fleet.hosts["db01"].settings["passwd"] = "sesame"
    fleet.prepare()
    fleet.exec("-a", "true").assert_code(0)
    assert server.passwords() == []


@pytest.mark.parametrize("prompts", [
    [("Your name: ", True)],
    [("Password: ", False), ("One-time code: ", False)],
    [],
], ids=["echo", "two", "none"])
def test_prompts_that_do_not_ask_for_a_password_get_none(fleet, prompts):
    server = scripted(fleet, methods="keyboard-interactive", accepts_keys=False, password="sesame",
                      prompts=prompts)
    fleet.hosts["db01"].settings["passwd"] = "sesame"
    fleet.prepare()
    assert fleet.exec("-a", "--connect-timeout", "3", "true").failures["db01"][0] == "auth"
    assert server.passwords() == []


def test_the_password_of_one_host_is_not_sent_to_another(fleet):
    servers = [scripted(fleet, name, methods="password", accepts_keys=False, password=f"of-{name}")
               for name in ("db01", "db02", "db03")]
    for host in fleet.hosts[:2]:
        host.settings["passwd"] = f"of-{host.name}"
    fleet.prepare()
    result = fleet.exec("-a", "true").assert_code(4)
    assert sorted(result.failures) == ["db03"]
    assert [server.passwords() for server in servers] == [["of-db01"], ["of-db02"], []]


def test_a_host_that_wants_a_key_and_a_password(fleet, password):
    host = fleet.server("db01", settings=["PasswordAuthentication yes", "AuthenticationMethods publickey,password"])
    fleet.prepare()
    status, cause = fleet.exec("-a", "true").assert_code(4).failures["db01"]
    assert status == "auth" and "password" in cause
    host.settings["passwd"] = password
    fleet.prepare()
    fleet.exec("-a", "true").assert_code(0)


# --- where secrets are ----------------------------------------------------------------------------------------------

def test_no_secret_is_in_a_command_line_or_an_environment(fleet):
    fleet.misbehaving("db01", Silent)
    fleet.hosts["db01"].settings["passwd"] = "sesame-canary"
    fleet.prepare()
    running = fleet.start("exec", "-a", "--connect-timeout", "2", "true")
    running.workers(1)
    for process in [running.pid] + [process.pid for process in below(running.pid)]:
        for name in ("cmdline", "environ"):
            try:
                with open(f"/proc/{process}/{name}", "rb") as file:
                    assert b"sesame-canary" not in file.read()
            except PermissionError:
                pass  # which is better still
    running.wait()


def test_the_private_key_is_read_by_the_key_holder_alone(fleet):
    if os.geteuid() != 0:
        pytest.skip("only root can look into the memory of these processes")
    fleet.openssh("db01")
    fleet.prepare()
    seed = private_seed(fleet.site.user_key)
    running = fleet.start("exec", "-a", "sleep 2")
    worker, = running.workers(1)
    assert memory_holds(running.key_holder().pid, seed)
    assert not memory_holds(running.pid, seed)
    assert not memory_holds(worker.pid, seed)
    running.wait().assert_code(0)


def private_seed(path):
    """The 32 secret bytes of an Ed25519 key: in the file they stand before the public ones."""
    with open(path, encoding="ascii") as file:
        blob = base64.b64decode("".join(file.read().splitlines()[1:-1]))
    public = base64.b64decode(public_key(path).split()[1])[-32:]
    end = blob.rindex(public)
    return blob[end - 32:end]


def memory_holds(pid, text):
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        for line in maps:
            area, rights = line.split()[:2]
            first, last = (int(part, 16) for part in area.split("-"))
            if "r" not in rights or line.rstrip().endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            memory.seek(first)
            try:
                if text in memory.read(last - first):
                    return True
            except OSError:
                continue
    return False
