"""Which keys log in to which servers, and that the key holder signs for the server of the session alone."""

import os
import subprocess

import pytest

from daemons import Dropbear, OpenSsh, make_key, public_key

KEYS = {
    "ed25519": ("ed25519", None),
    "ecdsa-256": ("ecdsa", 256),
    "ecdsa-384": ("ecdsa", 384),
    "ecdsa-521": ("ecdsa", 521),
    "rsa-2048": ("rsa", 2048),
    "rsa-3072": ("rsa", 3072),
}


@pytest.fixture(scope="module")
def keys(site):
    """A key file of every kind, by name."""
    folder = site.path("keys")
    os.mkdir(folder, 0o700)
    made = {}
    for name, (kind, bits) in KEYS.items():
        made[name] = os.path.join(folder, name)
        make_key(made[name], kind, bits=bits)
    return made


def server_of(kind):
    return {"openssh": OpenSsh, "dropbear": Dropbear}[kind]


def started(fleet, kind, name="db01", **options):
    """A host of its own, or a skipped test when there can be no server of this kind."""
    if kind == "dropbear" and (reason := Dropbear.why_not(fleet.site)):
        pytest.skip(reason)
    fleet.forget_keys()
    host = fleet.server(name, server_of(kind), **options)
    fleet.prepare()
    return host


def agent_for_hosts(fleet, key, *hosts):
    """The socket of an agent that holds this key for these hosts only (ssh-add -h)."""
    socket = fleet.agent()
    # ssh-add knows hosts on another port by their name in brackets, which it takes for a user: so by an alias.
    aliases = fleet.write("aliases", "".join(f"{host.name} {host.host_key}\n" for host in hosts))
    options = [option for host in hosts for option in ("-h", host.name)]
    done = subprocess.run(["ssh-add", "-q", "-H", aliases, *options, key], stdin=subprocess.DEVNULL,
                          env=fleet.environment(SSH_AUTH_SOCK=socket), capture_output=True, text=True, check=False)
    if done.returncode != 0 and "illegal option" in done.stderr + done.stdout:
        pytest.skip("this ssh-add has no -h")
    assert done.returncode == 0, done.stderr
    return {"SSH_AUTH_SOCK": socket}


# --- keys of the user ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["openssh", "dropbear"])
def test_each_kind_of_key_file_logs_in(fleet, keys, kind):
    started(fleet, kind, authorized=list(keys.values()))
    for name, key in keys.items():
        result = fleet.exec("-a", "-k", key, "echo " + name)
        assert result.assert_code(0).blocks == {"db01": f"{name}\n".encode()}


@pytest.mark.parametrize("kind", ["openssh", "dropbear"])
@pytest.mark.parametrize("name", KEYS)
def test_each_kind_of_key_in_the_agent_logs_in(fleet, keys, kind, name):
    started(fleet, kind, authorized=[keys[name]])
    env = {"SSH_AUTH_SOCK": fleet.agent(keys[name])}
    fleet.exec("-a", "true", env=env).assert_code(0)


@pytest.mark.parametrize("name", ["ed25519", "ecdsa-384", "rsa-3072"])
def test_a_certificate_logs_in_where_its_key_alone_does_not(fleet, keys, name):
    authority = fleet.new_key("authority")
    trusted = fleet.write("trusted", public_key(authority) + "\n", 0o644)
    # sshd wants to read it as another user.
    os.chmod(fleet.folder, 0o711)
    os.chmod(fleet.home, 0o711)
    key = fleet.path("key")
    make_key(key, *KEYS[name][:1], bits=KEYS[name][1])
    started(fleet, "openssh", settings=[f"TrustedUserCAKeys {trusted}"])
    assert fleet.exec("-a", "-k", key, "true").assert_code(4).failures["db01"][0] == "auth"
    subprocess.run(["ssh-keygen", "-q", "-s", authority, "-I", "test", "-n", fleet.user, key + ".pub"], check=True)
    fleet.exec("-a", "-k", key, "true").assert_code(0)
    # The same from the agent, which takes key and certificate together.
    env = {"SSH_AUTH_SOCK": fleet.agent(key)}
    os.remove(key)
    os.remove(key + ".pub")
    fleet.exec("-a", "true", env=env).assert_code(0)


def test_a_certificate_for_another_user_is_refused_as_a_login(fleet, keys):
    authority = fleet.new_key("authority")
    trusted = fleet.write("trusted", public_key(authority) + "\n", 0o644)
    os.chmod(fleet.folder, 0o711)
    os.chmod(fleet.home, 0o711)
    key = fleet.new_key("key")
    started(fleet, "openssh", settings=[f"TrustedUserCAKeys {trusted}"])
    subprocess.run(["ssh-keygen", "-q", "-s", authority, "-I", "test", "-n", "somebody-else", key + ".pub"], check=True)
    assert fleet.exec("-a", "-k", key, "true").assert_code(4).failures["db01"][0] == "auth"


# --- keys of the agent that are for certain hosts -----------------------------------------------------------------

@pytest.mark.parametrize("name", ["ed25519", "rsa-3072"])
def test_a_key_of_the_agent_for_this_host_logs_in(fleet, keys, name):
    host = started(fleet, "openssh", authorized=[keys[name]])
    fleet.exec("-a", "true", env=agent_for_hosts(fleet, keys[name], host)).assert_code(0)


def test_a_key_of_the_agent_for_another_host_is_a_refused_login(fleet, keys):
    wrong = started(fleet, "openssh", "db01", authorized=[keys["ed25519"]])
    right = fleet.server("db02", authorized=[keys["ed25519"]])
    fleet.prepare()
    env = agent_for_hosts(fleet, keys["ed25519"], right)
    result = fleet.exec("-a", "echo in", env=env).assert_code(4)
    assert result.blocks == {"db02": b"in\n"}
    status, cause = result.failures[wrong.name]
    assert status == "auth" and "refuses to sign" in cause


def test_many_hosts_share_an_agent_each_with_its_own_session(fleet, keys):
    fleet.forget_keys()
    key = fleet.site.user_key
    hosts = fleet.openssh(*(f"web{number:02}" for number in range(12)))
    fleet.prepare()
    # They share one server, whose host key the agent is told.
    env = agent_for_hosts(fleet, key, hosts[0])
    result = fleet.exec("-a", "echo in", env=env).assert_code(0)
    assert set(result.blocks) == {host.name for host in hosts}


# --- keys of the host ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["openssh", "dropbear"])
@pytest.mark.parametrize("host_key", ["ed25519", "ecdsa", "rsa"])
def test_each_kind_of_host_key_proves_the_session(fleet, keys, kind, host_key):
    options = {"host_keys": (host_key,)} if kind == "openssh" else {"key_type": host_key}
    started(fleet, kind, authorized=[keys["ed25519"]], **options)
    fleet.exec("-a", "-k", keys["ed25519"], "true").assert_code(0)
    # The agent checks the proof itself before it signs.
    env = {"SSH_AUTH_SOCK": fleet.agent(keys["ed25519"])}
    fleet.exec("-a", "true", env=env).assert_code(0)


@pytest.mark.parametrize("exchange", ["curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256",
                                      "ecdh-sha2-nistp384", "ecdh-sha2-nistp521"])
def test_each_key_exchange_gives_a_proof(fleet, keys, exchange):
    started(fleet, "openssh", authorized=[keys["ed25519"]], settings=[f"KexAlgorithms {exchange}"])
    fleet.exec("-a", "-k", keys["ed25519"], "true").assert_code(0)


@pytest.mark.parametrize("algorithm", ["rsa-sha2-256", "rsa-sha2-512"])
def test_each_hash_of_an_rsa_host_key_proves_the_session(fleet, keys, algorithm):
    started(fleet, "openssh", authorized=[keys["ed25519"]], host_keys=("rsa",),
            settings=[f"HostKeyAlgorithms {algorithm}"])
    fleet.exec("-a", "-k", keys["ed25519"], "true").assert_code(0)


@pytest.mark.parametrize("bits", [384, 521])
def test_a_host_key_on_each_larger_curve_proves_the_session(fleet, keys, bits):
    path = fleet.new_key("host_key", "ecdsa", bits=bits)
    host = started(fleet, "openssh", authorized=[keys["ed25519"]], settings=[f"HostKey {path}",
                                                                             f"HostKeyAlgorithms ecdsa-sha2-nistp{bits}"])
    host.host_key = public_key(path)
    fleet.prepare()
    fleet.exec("-a", "-k", keys["ed25519"], "true").assert_code(0)
