"""A typing error must not lock ten thousand accounts: a password that nobody has taken yet is tried on few hosts."""

import pytest

from daemons import public_key
from scripted import ScriptedServer


@pytest.fixture
def guarded(fleet):
    """Gives hosts that take one password, and count what they are sent."""
    def of(count, password):
        fleet.forget_keys()
        key = fleet.new_key("host_key")
        servers = []
        for number in range(count):
            servers.append(fleet.misbehaving(f"db{number + 1:02}", ScriptedServer, [key], methods="password",
                                             host_key=public_key(key), password=password))
        fleet.prepare()
        return servers
    return of


def sent(servers):
    return sum(len(server.passwords()) for server in servers)


def ask(fleet, password, *arguments):
    terminal = fleet.start("exec", "-a", "--ask-pass", *arguments, "true", terminal=True)
    terminal.expect("Password: ")
    terminal.type(password + "\n")
    return terminal.wait(30)


def test_a_wrong_password_is_tried_on_three_hosts_and_no_more(fleet, guarded):
    servers = guarded(10, "right")
    result = ask(fleet, "wrong").assert_code(7)
    assert sent(servers) == 3
    assert "3 hosts have not taken the same password" in result.text
    assert "7 skipped" in result.text


def test_a_right_password_is_for_every_host(fleet, guarded):
    servers = guarded(10, "right")
    ask(fleet, "right").assert_code(0)
    assert sent(servers) == 10


@pytest.mark.parametrize("limit, tried", [("1", 1), ("5", 5), ("0", 10)])
def test_the_limit_can_be_chosen(fleet, guarded, limit, tried):
    servers = guarded(10, "right")
    ask(fleet, "wrong", "--max-auth-fail", limit).assert_code(4 if limit == "0" else 7)
    assert sent(servers) == tried


def test_passwords_of_the_inventory_are_told_apart(fleet, guarded):
    servers = guarded(8, "right")
    for number, host in enumerate(fleet.hosts):
        host.settings["passwd"] = "right" if number % 2 else "wrong"
    fleet.prepare()
    result = fleet.exec("-a", "true").assert_code(7)
    # Four hosts have each; the wrong one is tried on three of them.
    assert sent(servers) == 3 + result.counts["ok"]
    assert 1 <= result.counts["ok"] <= 4
    assert result.counts["failed"] == 3


def test_hosts_that_take_a_key_are_not_held_up(fleet, password):
    fleet.openssh(*(f"db{number:02}" for number in range(1, 11)), passwd="wrong")
    fleet.prepare()
    assert len(fleet.exec("-a", "echo here").assert_code(0).blocks) == 10
