// hosts.ini as text: what is read unchanged, what is refused and with which words.
#include <catch2/catch_test_macros.hpp>

#include "inventories.hpp"

namespace fanout::inventory {
namespace {

TEST_CASE("ini: the form that the first users have is read unchanged", "[inventory]") {
  const Inventory inventory =
      ini("[db]              ; a group: each member is written name = name\n"
          "db01 = db01\n"
          "db02 = db02\n"
          "\n"
          "[db01]            ; a host\n"
          "ip = 10.0.0.31\n"
          "port = 22\n"
          "user = root\n"
          "passwd = secret   ; the file must then be private\n");
  const auto hosts = selected(inventory, groups("db"));
  REQUIRE(names_of(hosts) == Names{"db01", "db02"});
  CHECK(hosts[0].address == "10.0.0.31");
  CHECK(hosts[0].port == 22);
  CHECK(hosts[0].user == "root");
  CHECK(hosts[0].settings.password->reveal() == "secret");
  CHECK(hosts[0].groups == Names{"db"});
  CHECK(hosts[1].address == "db02");
  CHECK(hosts[1].user == "me");
  CHECK(!hosts[1].settings.password);
}

TEST_CASE("ini: the shorter form", "[inventory]") {
  const Inventory inventory =
      ini("[defaults]        ; for every host\n"
          "user = deploy\n"
          "host_key = strict\n"
          "[web]\n"
          "hosts = web[01-20], @edge ! web07    ; the pattern language\n"
          "user = www                           ; settings of a group apply to its members\n"
          "priority = 10\n"
          "[edge]\n"
          "edge1             ; a bare member line\n");
  const auto hosts = selected(inventory, groups("web"));
  CHECK(hosts.size() == 20);
  CHECK(hosts.back().name == "edge1");
  CHECK(hosts.back().user == "www");
  CHECK(hosts.back().groups == Names{"web", "edge"});
  CHECK(hosts.back().settings.priority == 10);
  CHECK(hosts.back().settings.host_key == core::HostKeyPolicy::strict);
  CHECK(selected(inventory, hosts.empty() ? all() : inventory::hosts("other"))[0].user == "deploy");
}

TEST_CASE("ini: every key arrives where it belongs", "[inventory]") {
  const Inventory inventory =
      ini("[h]\naddress = [2001:db8::1]\nport = 2222\nuser = u\npassword = p\nidentity = ~/.ssh/a, "
          "/b\nhost_key = accept-new\n"
          "jump = j1,me@j2:22\npriority = -5\nconnect_timeout = 500ms\ntimeout = 5m\nsudo = yes\n"
          "sudo_password_command = pass sudo\nenv.LANG = C.UTF-8\nenv.EMPTY =\ntags = a, b c\n"
          "[i]\npassword_command = pass show i | head -n 1\nsudo = admin\nhost_key = off\n");
  const auto hosts = selected(inventory, all());
  REQUIRE(hosts.size() == 2);
  const core::HostSettings &settings = hosts[0].settings;
  CHECK(hosts[0].address == "2001:db8::1");
  CHECK(hosts[0].port == 2222);
  CHECK(hosts[0].user == "u");
  CHECK(settings.password->reveal() == "p");
  CHECK(settings.identities == Names{"/home/me/.ssh/a", "/b"});
  CHECK(settings.host_key == core::HostKeyPolicy::accept_new);
  CHECK(settings.jump == "j1,me@j2:22");
  CHECK(settings.priority == -5);
  CHECK(settings.connect_timeout == std::chrono::milliseconds(500));
  CHECK(settings.timeout == std::chrono::minutes(5));
  CHECK(settings.sudo == "root");
  CHECK(settings.sudo_password_command == "pass sudo");
  CHECK(settings.env == std::map<std::string, std::string>{{"EMPTY", ""}, {"LANG", "C.UTF-8"}});
  CHECK(settings.tags == Names{"a", "b", "c"});
  CHECK(hosts[1].settings.password_command == "pass show i | head -n 1");
  CHECK(hosts[1].settings.sudo == "admin");
  CHECK(hosts[1].settings.host_key == core::HostKeyPolicy::off);
}

TEST_CASE("ini: a comment begins after a blank, and only there", "[inventory]") {
  const auto password = [](std::string_view line) {
    const Inventory inventory = ini("[h]\n" + std::string(line) + "\n");
    return std::string(selected(inventory, all())[0].settings.password->reveal());
  };
  CHECK(password("passwd = a;b") == "a;b");
  CHECK(password("passwd = a#b") == "a#b");
  CHECK(password("passwd = a ; b") == "a");
  CHECK(password("passwd = a\t# b") == "a");
  CHECK(password("passwd=a=b==") == "a=b==");
  CHECK(password("passwd = \"a b\"") == "\"a b\"");
  CHECK(password("  passwd =  $a[1]{%}\\,!~ ") == "$a[1]{%}\\,!~");
  CHECK(password("passwd = \xc3\xa4") == "\xc3\xa4");
  CHECK(names_of(selected(ini("; [x]\n# [y]\n  ; z\n[g]\na ; b\n"), all())) == Names{"a"});
}

TEST_CASE("ini: byte order mark, CRLF and a missing last newline are accepted", "[inventory]") {
  CHECK(names_of(selected(ini("\xef\xbb\xbf[g]\r\na\r\nb = b\r\n\r\n[a]\r\nport = 7"),
                          groups("g"))) == Names{"a", "b"});
  CHECK(selected(ini("\xef\xbb\xbf[g]\r\na\r\n[a]\r\nport = 7\r"), groups("g"))[0].port == 7);
  CHECK(ini("").host_count() == 0);
  CHECK(ini("\n\n# nothing\n").host_count() == 0);
}

TEST_CASE("ini: text that is not lines of UTF-8 is refused with its line", "[inventory]") {
  using namespace std::string_literals;
  CHECK(ini_error("\xff\xfe[\0g\0]\0"s) == "hosts.ini:1: the file is UTF-16; it must be UTF-8");
  CHECK(ini_error("\xfe\xff\0["s) == "hosts.ini:1: the file is UTF-16; it must be UTF-8");
  CHECK(ini_error("[g]\na\0b\n"s) == "hosts.ini:2: a NUL byte; the file must be UTF-8 text");
  CHECK(ini_error("[g]\ra\rb\r"s) ==
        "hosts.ini:1: a carriage return inside the line; lines end with LF or CRLF");
  CHECK(ini_error("[g]\n" + std::string((1 << 20) + 1, 'a')) ==
        "hosts.ini:2: the line is longer than 1048576 bytes");
  CHECK(ini_error("[h]\nenv.X = a\x1b[2J\n") ==
        "hosts.ini:2: env.X: 'a\\x1b[2J' holds a control byte");
}

TEST_CASE("ini: what is wrong is refused with file, line and the nearest known word",
          "[inventory]") {
  struct Case {
    std::string_view text;
    std::string_view message;
  };
  for (const Case &wrong : std::initializer_list<Case>{
           {"[h]\nprot = 22\n", "hosts.ini:2: unknown key 'prot', did you mean port?"},
           {"[h]\nip = a\nPort = 22\n", "hosts.ini:3: unknown key 'Port', did you mean port?"},
           {"[h]\npasword = x\n", "hosts.ini:2: unknown key 'pasword', did you mean password?"},
           {"[g]\ndb01 = db02\n",
            "hosts.ini:2: unknown key 'db01' (a member of a group is written NAME = NAME, or NAME "
            "alone)"},
           {"[g]\nhost = db02\n", "hosts.ini:2: unknown key 'host', did you mean hosts?"},
           {"[h]\nport = 22\n\nport = 23\n", "hosts.ini:4: 'port' is there twice, first on line 2"},
           {"[g]\na\nb\na = a\n", "hosts.ini:4: 'a' is there twice, first on line 2"},
           {"[g]\nhosts = a\nhosts = b\n", "hosts.ini:3: 'hosts' is there twice, first on line 2"},
           {"[h]\nip = a\naddress = b\n",
            "hosts.ini:3: address: the same setting is there under another name"},
           {"[h]\npasswd = a\npassword = b\n",
            "hosts.ini:3: password: the same setting is there under another name"},
           {"[h]\npasswd = a\npassword_command = b\n",
            "hosts.ini:3: password_command: there is both a password and a password_command"},
           {"[h]\npassword_command = b\npasswd = a\n",
            "hosts.ini:3: passwd: there is both a password and a password_command"},
           {"[g]\na\n[h]\nport=1\n[g]\nb\n",
            "hosts.ini:5: section [g] is there twice, first on line 1"},
           {"port = 22\n", "hosts.ini:1: 'port' stands before the first section"},
           {"[h\nport = 22\n", "hosts.ini:1: '[h': a [ without its ]"},
           {"[]\n", "hosts.ini:1: a section without a name"},
           {"[h] x\n", "hosts.ini:1: '[h] x': text after the name of a section"},
           {"[h]\n= 22\n", "hosts.ini:2: a key is missing before the ="},
           {"[h]\nport\n", "hosts.ini:2: port has no value"},
           {"[h]\nport =\n", "hosts.ini:2: port: a value is missing"},
           {"[h]\nhosts =\n", "hosts.ini:2: hosts has no value"},
           {"[h]\nport = 0\n", "hosts.ini:2: port: '0' is not a port: a number from 1 to 65535 is"},
           {"[h]\nport = 65536\n",
            "hosts.ini:2: port: '65536' is not a port: a number from 1 to 65535 is"},
           {"[h]\nport = 22abc\n",
            "hosts.ini:2: port: '22abc' is not a port: a number from 1 to 65535 is"},
           {"[h]\nport = -22\n",
            "hosts.ini:2: port: '-22' is not a port: a number from 1 to 65535 is"},
           {"[h]\nip = 10.0.0.1:22\n",
            "hosts.ini:2: ip: '10.0.0.1:22' is not an address: it is not an IPv6 address"},
           {"[h]\nip = $(id)\n",
            "hosts.ini:2: ip: '$(id)' is not an address: it holds the character $"},
           {"[h]\nuser = -x\n",
            "hosts.ini:2: user: '-x' is not a user name: it begins with a dash"},
           {"[h]\nuser = a b\n", "hosts.ini:2: user: 'a b' is not a user name: it holds a blank"},
           {"[h]\nuser = %u\n",
            "hosts.ini:2: user: '%u' is not a user name: it holds the character %"},
           {"[h]\nhost_key = no\n", "hosts.ini:2: host_key: 'no' is not strict, accept-new or off"},
           {"[h]\njump = a,-b\n",
            "hosts.ini:2: jump: '-b' is not a host name: it begins with a dash"},
           {"[h]\njump = ,\n", "hosts.ini:2: jump: ',' names no host"},
           {"[h]\nidentity = ,\n", "hosts.ini:2: identity: ',' names no file"},
           {"[h]\nidentity = -x\n",
            "hosts.ini:2: identity: '-x' begins with a dash; write ./ before it"},
           {"[h]\npriority = high\n", "hosts.ini:2: priority: 'high' is not a whole number"},
           {"[h]\npriority = 99999999999\n",
            "hosts.ini:2: priority: '99999999999' is not a whole number"},
           {"[h]\ntimeout = 5 minutes\n",
            "hosts.ini:2: timeout: '5 minutes' is not a duration (500ms, 10s, 5m, 1h; a bare "
            "number is seconds)"},
           {"[h]\nsudo = a;b\n",
            "hosts.ini:2: sudo: 'a;b' is not yes, no or a user name: it holds the character ;"},
           {"[h]\ntags = a, b$c\n",
            "hosts.ini:2: tags: 'b$c' is not a tag: it holds the character $"},
           {"[h]\nenv.1A = x\n",
            "hosts.ini:2: env.1A: '1A' is not the name of an environment variable"},
           {"[h]\nenv. = x\n", "hosts.ini:2: env.: '' is not the name of an environment variable"},
           {"[h]\nenv.A-B = x\n",
            "hosts.ini:2: env.A-B: 'A-B' is not the name of an environment variable"},
           {"[a/b]\nport = 22\n",
            "hosts.ini:1: [a/b]: 'a/b' is not a host name: it holds the character /"},
           {"[..]\nport = 22\n",
            "hosts.ini:1: [..]: '..' is not a host name: it begins with a dot"},
           {"[root@h]\nport = 22\n",
            "hosts.ini:1: [root@h]: the user of a host is written user = root"},
           {"[web:children]\nx\n",
            "hosts.ini:1: 'web:children' is not the name of a group: it holds the character :"},
           {"[g]\na;rm\n", "hosts.ini:2: 'a;rm' is not a host name: it holds the character ;"},
           {"[g]\n-oProxyCommand\n",
            "hosts.ini:2: '-oProxyCommand' is not a host name: it begins with a dash"},
           {"[g]\nhosts = a[9-1]\n", "hosts.ini:2: 'a[9-1]': the range 9-1 runs backwards"},
           {"[g]\nhosts = a[1-999999999]\n",
            "hosts.ini:2: 'a[1-999999999]' stands for more than 1000000 names"},
           {"[g]\nhosts = a, @none\n", "hosts.ini:2: there is no group 'none'"},
           {"[web]\na\n[g]\nhosts = @wbe\n",
            "hosts.ini:4: there is no group 'wbe', did you mean web?"},
           {"[g]\nhosts = b*\n", "hosts.ini:2: 'b*' matches nothing in this inventory"},
           {"[spare]\n[g]\na\n",
            "hosts.ini:1: [spare] is empty: neither a group nor, as no group has it, a host"},
           {"[defaults]\nport = 22\nweb01\n",
            "hosts.ini:3: [defaults] is for every host and has no members; give the group another "
            "name"},
           {"[h:22]\nport = 23\n", "hosts.ini:1: h:22 is here with the port 22, elsewhere with 23"},
       }) {
    INFO(wrong.text);
    CHECK(ini_error(wrong.text) == wrong.message);
  }
}

TEST_CASE("ini: a password never appears in a message", "[inventory]") {
  for (const std::string_view text :
       {"[h]\npasswd = geheim\npasswd = geheim\n", "[h]\npassword = geheim\npassword_command = x\n",
        "[h]\npasswd = geheim\nprot = 2\n", "passwd = geheim\n"}) {
    const std::string message = ini_error(text);
    CHECK(!message.empty());
    CHECK(message.find("geheim") == std::string::npos);
  }
}

TEST_CASE("ini: an empty password is none, and undoes that of a group", "[inventory]") {
  const Inventory inventory = ini("[g]\na\nb\npasswd = x\n[a]\npasswd =\n");
  const auto hosts = selected(inventory, groups("g"));
  CHECK(!hosts[0].settings.password);
  CHECK(hosts[1].settings.password->reveal() == "x");
}

TEST_CASE("ini: a dot in a host name is no path", "[inventory]") {
  const Inventory inventory = ini(
      "[g]\ndb01.example.org = db01.example.org\n[db01.example.org]\nport = 7\n[db01]\nport = 8\n");
  CHECK(selected(inventory, groups("g"))[0].port == 7);
}

TEST_CASE("ini: hosts that begin with a bracket", "[inventory]") {
  const Inventory inventory =
      ini("[g]\n[::1]:2201\n[::1]:2202 = [::1]:2202\n[1-2].example.org\n[::1]\nport = 9\n");
  CHECK(names_of(selected(inventory, groups("g"))) ==
        Names{"[::1]:2201", "[::1]:2202", "1.example.org", "2.example.org"});
  const auto hosts = selected(inventory, all());
  CHECK(hosts[0].address == "::1");
  CHECK(hosts[0].port == 2201);
  CHECK(hosts[4].name == "::1");
  CHECK(hosts[4].port == 9);
}

TEST_CASE("ini: an inventory of nothing but rubbish is refused or read, never more",
          "[inventory]") {
  constexpr std::string_view pieces[] = {
      "[",          "]",  "a",  "[a]",      "b",    "=", "hosts",    "hosts = ",     "@",
      "\n",         "\n", "\n", " ",        ";",    "#", "[b]\n",    "a = a",        "port = 22",
      "passwd = x", "*",  "~",  "[1-3]",    "!",    "&", "defaults", "[defaults]\n", "user",
      "\r",         "\t", ":",  "env.A = ", "\xff", "."};
  unsigned state = 1;
  const auto number = [&](std::size_t below) {
    state = state * 1664525U + 1013904223U;
    return (state >> 8) % below;
  };
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (std::size_t count = number(30); count > 0; --count)
      text += pieces[number(std::size(pieces))];
    INFO(text);
    const auto inventory = parse_ini(text, "f");
    if (!inventory) CHECK(inventory.error().message.starts_with("f:"));
  }
}

}  // namespace
}  // namespace fanout::inventory
