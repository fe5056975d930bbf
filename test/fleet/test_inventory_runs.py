"""Runs whose hosts come from hosts.ini: each host once, and no contact at all when the selection is not right."""

import os

import pytest

from servers import Silent


@pytest.fixture
def nobody(fleet):
    """Two hosts that must not be contacted, in the group db."""
    listeners = [fleet.misbehaving(name, Silent) for name in ("db01", "db02")]
    fleet.prepare(db=["db01", "db02"])
    yield fleet
    assert [listener.connections for listener in listeners] == [0, 0]


def count_runs(fleet):
    """How often each host ran a command that appended its name to a file."""
    names = fleet.read_target("ran").decode().split()
    return {name: names.count(name) for name in names}


def append_name(fleet):
    return f"echo {{host}} >> {fleet.target_file('ran')}"


def test_groups_that_overlap_run_each_host_once(fleet):
    fleet.openssh("db01", "db02", "web01")
    fleet.prepare(db=["db01", "db02"], web=["web01", "db02"])
    result = fleet.exec("-g", "db", "-g", "web", append_name(fleet)).assert_code(0)
    assert result.counts == {"hosts": 3, "ok": 3}
    assert count_runs(fleet) == {"db01": 1, "db02": 1, "web01": 1}


def test_hosts_and_groups_together_are_their_union(fleet):
    fleet.openssh("db01", "db02", "web01", "web02")
    fleet.prepare(db=["db01", "db02"], web=["web01", "db02"])
    result = fleet.exec("-H", "db01,web02", "-g", "db,web", "-H", "db02", append_name(fleet)).assert_code(0)
    assert result.counts == {"hosts": 4, "ok": 4}
    assert count_runs(fleet) == {"db01": 1, "db02": 1, "web01": 1, "web02": 1}


def test_all_hosts_of_the_inventory_less_some(fleet):
    fleet.openssh("db01", "db02", "web01")
    fleet.prepare(db=["db01", "db02"], web=["web01"])
    fleet.exec("-a", "-x", "@web", "-x", "db02", append_name(fleet)).assert_code(0)
    assert count_runs(fleet) == {"db01": 1}


def test_the_shorter_form_of_the_inventory(fleet):
    hosts = fleet.openssh("web01", "web02", "web03", "edge1")
    fleet.write_known_hosts()
    fleet.write("hosts.ini", "\ufeff" + "\r\n".join([
        "[defaults]        ; for every host", f"user = {fleet.user}", f"port = {hosts[0].port}", "",
        "[web]", "hosts = web[01-03], @edge ! web02", "", "[edge]", "edge1", "",
        *(line for host in hosts for line in (f"[{host.name}]", f"ip = {host.address}"))]))
    result = fleet.exec("-g", "web", append_name(fleet)).assert_code(0)
    assert result.counts == {"hosts": 3, "ok": 3}
    assert count_runs(fleet) == {"web01": 1, "web03": 1, "edge1": 1}


def test_the_command_line_is_stronger_than_the_inventory(fleet):
    host, = fleet.openssh("db01")
    host.settings.update(user="somebody-else", port="1")
    fleet.prepare()
    fleet.exec("-H", "db01", "-u", host.user, "-P", host.port, "true").assert_code(0)


def test_the_inventory_is_found_in_its_usual_places(fleet):
    fleet.openssh("db01")
    fleet.prepare()
    os.makedirs(fleet.path(".config/fanout"))
    os.rename(fleet.inventory_path, fleet.path(".config/fanout/hosts.ini"))
    fleet.exec("-H", "db01", "true").assert_code(0)
    os.rename(fleet.path(".config/fanout/hosts.ini"), fleet.path("elsewhere"))
    fleet.exec("-H", "db01", "true", env={"FANOUT_INVENTORY": fleet.path("elsewhere")}).assert_code(0)
    fleet.exec("-i", fleet.path("elsewhere"), "-H", "db01", "true").assert_code(0)


def test_hosts_from_a_file_and_from_standard_input(fleet):
    hosts = fleet.openssh("db01", "db02", "web01")
    fleet.prepare()
    text = f"# some hosts\r\ndb01\r\n\r\n{hosts[1].target}   # with user and port\nweb0[1-1]"
    fleet.write("list", text)
    assert fleet.exec("--hosts-file", "list", "true").assert_code(0).counts == {"hosts": 3, "ok": 3}
    assert fleet.exec("--hosts-file", "-", "true", stdin=text.encode()).assert_code(0).counts == {"hosts": 3, "ok": 3}


def test_an_unknown_group_is_named_with_the_nearest_one(nobody):
    result = nobody.exec("-g", "bd", "true").assert_code(2)
    assert "'bd'" in result.err and "db" in result.err.replace("bd", "")


def test_an_empty_selection_is_an_error(nobody):
    assert "empty" in nobody.exec("-g", "db", "-x", "db[01-02]", "true").assert_code(2).err


def test_no_selection_is_an_error(nobody):
    assert "-g" in nobody.exec("true").assert_code(2).err


def test_a_glob_that_matches_nothing_is_an_error(nobody):
    nobody.exec("-H", "mail*", "true").assert_code(2)


def test_an_inventory_with_passwords_must_be_private(nobody):
    nobody.hosts[0].settings["passwd"] = "sesame"
    nobody.write_inventory({"db": ["db01", "db02"]}, mode=0o644)
    result = nobody.exec("-g", "db", "true").assert_code(2)
    assert "hosts.ini" in result.err and "600" in result.err
    assert "sesame" not in result.err + result.text


@pytest.mark.parametrize("arguments", [["--expect-hosts", "3"], ["--max-hosts", "1"]])
def test_a_selection_of_another_size_than_expected_is_refused(nobody, arguments):
    result = nobody.exec("-g", "db", *arguments, "true").assert_code(2)
    assert "2" in result.err


def test_a_selection_of_the_expected_size_runs(fleet):
    fleet.openssh("db01", "db02")
    fleet.prepare()
    fleet.exec("-a", "--expect-hosts", "2", "--max-hosts", "2", "true").assert_code(0)


def test_a_random_sample_has_the_size_that_was_asked_for(fleet):
    fleet.openssh(*(f"web{number}" for number in range(1, 9)))
    fleet.prepare()
    result = fleet.exec("-a", "--pick", "3", "echo {host}").assert_code(0)
    assert len(result.blocks) == 3 and result.counts == {"hosts": 3, "ok": 3}


@pytest.mark.parametrize("text, where", [
    ("[db]\ndb01 = db01\n[db01]\nip = 127.0.0.1\npotr = 22\n", "hosts.ini:5"),
    ("[db]\ndb01 = db01\n[db01]\nport = 22\nport = 23\n", "hosts.ini:5"),
    ("[db]\nhosts = @web\n[web]\nhosts = @db\n", "hosts.ini:"),
    ("[db01]\nport = 0\n", "hosts.ini:2"),
    ("[db01]\nport = 65536\n", "hosts.ini:2"),
    ("[db]\nhosts = web[1-\n", "hosts.ini:2"),
])
def test_a_mistake_in_the_inventory_is_named_by_file_and_line(nobody, text, where):
    nobody.write("hosts.ini", text)
    assert where in nobody.exec("-a", "true").assert_code(2).err


def test_a_misspelt_key_is_named_with_the_nearest_one(nobody):
    nobody.write("hosts.ini", "[db]\ndb01 = db01\n[db01]\nip = 127.0.0.1\npotr = 22\n")
    result = nobody.exec("-a", "true").assert_code(2)
    assert "'potr'" in result.err and "did you mean port?" in result.err


def test_an_expansion_over_the_limit_is_refused_at_once(nobody):
    result = nobody.exec("-H", "web[1-999999999]", "true", memory=True).assert_code(2)
    assert result.seconds < 2 and result.peak_kib < 64 * 1024


@pytest.mark.parametrize("key", ["jump = gate", "sudo = root", "env.LANG = C", "password_command = cat secret"])
def test_a_setting_that_cannot_be_obeyed_is_refused(nobody, key):
    name, value = key.split(" = ")
    nobody.hosts[0].settings[name] = value
    nobody.write_inventory({"db": ["db01", "db02"]})
    result = nobody.exec("-g", "db", "true").assert_code(2)
    assert "db01" in result.err and name.split(".")[0] in result.err


def test_hosts_folds_expands_and_contacts_nobody(nobody):
    assert nobody.run("hosts", "-g", "db").assert_code(0).text == "db[01-02]\n"
    assert nobody.run("hosts", "-g", "db", "--fold").assert_code(0).text == "db[01-02]\n"
    assert nobody.run("hosts", "-g", "db", "--expand").assert_code(0).text == "db01\ndb02\n"


def test_hosts_as_json_and_with_settings_shows_no_password(nobody):
    nobody.hosts[0].settings["passwd"] = "sesame"
    nobody.write_inventory({"db": ["db01", "db02"]})
    for form in ("--json", "--effective"):
        result = nobody.run("hosts", "-g", "db", form).assert_code(0)
        assert nobody.hosts[0].address in result.text and nobody.hosts[1].address in result.text
        assert "sesame" not in result.text + result.err
