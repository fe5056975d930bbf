// Inventories as files: rights, kinds of file, changes while reading, the search order, and programs.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "../../src/inventory/file.hpp"
#include "../../src/inventory/program.hpp"
#include "fanout/inventory/inventory.hpp"
#include "fanout/inventory/selection.hpp"
#include "fanout/sys/fd.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/pipe.hpp"
#include "fanout/sys/process.hpp"

namespace fanout::inventory {
namespace {

class Folder {
public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "fanout-inventory-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  Folder(const Folder &) = delete;
  Folder &operator=(const Folder &) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::string path(const std::string &name) const { return path_ / name; }
  std::string write(const std::string &name, std::string_view text, mode_t mode = 0644) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    REQUIRE(chmod(file.c_str(), mode) == 0);
    return file;
  }

private:
  std::filesystem::path path_;
};

Surroundings surroundings(const Folder &folder) {
  Surroundings surroundings;
  surroundings.folder = folder.path("cwd");
  surroundings.home = folder.path("home");
  surroundings.system_file = folder.path("etc/hosts.ini");
  surroundings.user_id = geteuid();
  return surroundings;
}

std::string error_of(const std::string &path, const Surroundings &from) {
  const auto inventory = load_inventory(path, from);
  if (inventory) return "";
  CHECK(inventory.error().kind == core::ErrorKind::usage);
  return inventory.error().message;
}

TEST_CASE("inventory file: the first that exists is read", "[inventory]") {
  const Folder folder;
  Surroundings from = surroundings(folder);
  const auto found = [&] {
    const auto inventory = load_inventory(std::nullopt, from);
    if (!inventory) FAIL(inventory.error().message);
    return inventory->file();
  };
  CHECK(found().empty());
  const auto none = load_inventory(std::nullopt, from);
  REQUIRE(none);
  CHECK(none->looked_for() == std::vector<std::string>{folder.path("cwd/hosts.ini"),
                                                       folder.path("home/.config/fanout/hosts.ini"),
                                                       folder.path("etc/hosts.ini")});
  const std::string system = folder.write("etc/hosts.ini", "[a]\nb\n");
  CHECK(found() == system);
  const std::string home = folder.write("home/.config/fanout/hosts.ini", "[a]\nb\n");
  CHECK(found() == home);
  const std::string current = folder.write("cwd/hosts.ini", "[a]\nb\n");
  CHECK(found() == current);
  from.inventory_variable = "";
  CHECK(found() == current);
  from.inventory_variable = folder.write("variable.ini", "[a]\nb\n");
  CHECK(found() == *from.inventory_variable);
  from.inventory_variable = folder.path("gone.ini");
  const auto gone = load_inventory(std::nullopt, from);
  REQUIRE(!gone);
  CHECK(gone.error().message ==
        "$FANOUT_INVENTORY: open " + folder.path("gone.ini") + ": No such file or directory");
  CHECK(load_inventory(current, from));
}

TEST_CASE("inventory file: one that is named must be there", "[inventory]") {
  const Folder folder;
  CHECK(error_of(folder.path("x.ini"), surroundings(folder)) ==
        "inventory: open " + folder.path("x.ini") + ": No such file or directory");
}

TEST_CASE("inventory file: with a password it must be private", "[inventory]") {
  const Folder folder;
  const Surroundings from = surroundings(folder);
  for (const mode_t mode : {0644, 0640, 0604, 0620, 0660}) {
    const std::string path = folder.write("hosts.ini", "[h]\npasswd = x\n", mode);
    INFO(std::oct << mode);
    CHECK(error_of(path, from) ==
          path + ": contains passwords and is readable by others: chmod 600 " + path);
  }
  for (const mode_t mode : {0600, 0400})
    CHECK(error_of(folder.write("hosts.ini", "[h]\npasswd = x\n", mode), from).empty());
  CHECK(error_of(folder.write("hosts.ini", "[h]\npasswd =\n", 0644), from).empty());
  CHECK(error_of(folder.write("hosts.ini", "[h]\nport = 1\n", 0664), from).empty());
}

TEST_CASE("inventory file: with a password it must belong to the user or root", "[inventory]") {
  const Folder folder;
  Surroundings from = surroundings(folder);
  const std::string path = folder.write("hosts.ini", "[h]\npasswd = x\n", 0600);
  // Only root can give a file away, so the owner is made up.
  auto file = open_named(path);
  REQUIRE(file);
  file->status.st_uid = 4242;
  const auto refused = [&](uid_t user, Sensitive sensitive) {
    const auto result = check_rights(path, file->status, user, sensitive);
    return result ? "" : result.error().message;
  };
  CHECK(refused(4243, {.passwords = true, .runs_programs = false}) ==
        path + ": contains passwords and belongs to user 4242");
  CHECK(refused(0, {.passwords = true, .runs_programs = false}) ==
        path + ": contains passwords and belongs to user 4242");
  CHECK(refused(4242, {.passwords = true, .runs_programs = false}).empty());
  CHECK(refused(4243, {}).empty());
  file->status.st_uid = 0;
  CHECK(refused(4243, {.passwords = true, .runs_programs = false}).empty());

  if (geteuid() != 0) return;
  REQUIRE(chown(path.c_str(), 4242, 4242) == 0);
  CHECK(error_of(path, from) == path + ": contains passwords and belongs to user 4242");
  from.user_id = 4242;
  CHECK(error_of(path, from).empty());
}

TEST_CASE("inventory file: one that everybody may write is refused", "[inventory]") {
  const Folder folder;
  const std::string path = folder.write("hosts.ini", "[h]\nport = 1\n", 0646);
  CHECK(error_of(path, surroundings(folder)) ==
        path + ": everybody may write it: chmod o-w " + path);
}

TEST_CASE("inventory file: with commands nobody else may write or own it", "[inventory]") {
  const Folder folder;
  Surroundings from = surroundings(folder);
  for (const std::string_view text :
       {"[h]\npassword_command = pass h\n", "[defaults]\nsudo_password_command = pass h\n"}) {
    const std::string path = folder.write("hosts.ini", text, 0664);
    CHECK(error_of(path, from) ==
          path + ": it makes fanout run programs and its group may write it: chmod g-w " + path);
    CHECK(error_of(folder.write("hosts.ini", text, 0644), from).empty());
    if (geteuid() != 0) continue;
    REQUIRE(chown(path.c_str(), 4242, 4242) == 0);
    CHECK(error_of(path, from) == path + ": it makes fanout run programs and belongs to user 4242");
    from.user_id = 4242;
    CHECK(error_of(path, from).empty());
    from.user_id = geteuid();
    std::filesystem::remove(path);
  }
}

// Writes `text` to the FIFO from a process of its own, a moment later than it is opened for reading.
sys::Child write_later(const std::string &fifo, std::string_view text) {
  auto child = sys::fork_child([&] {
    usleep(50000);
    const sys::UniqueFd fd = sys::UniqueFd::adopt(open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
    usleep(50000);
    return sys::write_all(fd.get(), text) ? 0 : 1;
  });
  REQUIRE(child);
  return std::move(*child);
}

TEST_CASE("inventory file: a FIFO that is named is read until its writer closes it",
          "[inventory]") {
  const Folder folder;
  const Surroundings from = surroundings(folder);
  const std::string fifo = folder.path("fifo");
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  {
    sys::Child writer = write_later(fifo, "a\nb\n");
    CHECK(read_hosts_file(fifo) == "a\nb\n");
    CHECK(writer.reap_blocking().success());
  }
  {
    // More than the pipe holds.
    const std::string hosts(1 << 18, '\n');
    sys::Child writer = write_later(fifo, hosts);
    CHECK(read_hosts_file(fifo) == hosts);
    CHECK(writer.reap_blocking().success());
  }
  {
    sys::Child writer = write_later(fifo, std::string(2000, 'a'));
    auto file = open_named(fifo);
    REQUIRE(file);
    CHECK(read_unchanged(*file, 1000).error().message == fifo + ": larger than 1000 bytes");
  }
  {
    sys::Child writer = write_later(fifo, "[h]\npasswd = x\n");
    const auto inventory = load_inventory(fifo, from);
    REQUIRE(inventory);
    CHECK(inventory->file() == fifo);
  }
  // Its mode says that it is executable; it is read nevertheless.
  REQUIRE(chmod(fifo.c_str(), 0755) == 0);
  {
    sys::Child writer = write_later(fifo, "[h]\nport = 1\n");
    CHECK(load_inventory(fifo, from));
  }
  {
    sys::Child writer = write_later(fifo, "[h]\npasswd = x\n");
    CHECK(error_of(fifo, from) ==
          fifo + ": contains passwords and is readable by others: chmod 600 " + fifo);
  }
}

TEST_CASE(
    "inventory file: what a shell makes of <(COMMAND) is read, also when the command has ended",
    "[inventory]") {
  const Folder folder;
  const auto with_pipe = [](std::string_view text, auto use) {
    auto pipe = sys::make_pipe();
    REQUIRE(pipe);
    REQUIRE(sys::write_all(pipe->write_end.get(), text));
    pipe->write_end.close();
    use("/dev/fd/" + std::to_string(pipe->read_end.get()));
  };
  with_pipe("a\n", [](const std::string &path) { CHECK(read_hosts_file(path) == "a\n"); });
  with_pipe("", [](const std::string &path) { CHECK(read_hosts_file(path) == ""); });
  with_pipe("[h]\npasswd = x\npassword_command = y\n", [&](const std::string &path) {
    CHECK(error_of(path, surroundings(folder)).find("belongs") == std::string::npos);
  });
  with_pipe("[h]\npasswd = x\n",
            [&](const std::string &path) { CHECK(error_of(path, surroundings(folder)).empty()); });
}

TEST_CASE("inventory file: a FIFO that is merely found is refused, and nothing is waited for",
          "[inventory]") {
  const Folder folder;
  REQUIRE(mkdir(folder.path("cwd").c_str(), 0700) == 0);
  const std::string fifo = folder.path("cwd/hosts.ini");
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  const auto inventory = load_inventory(std::nullopt, surroundings(folder));
  REQUIRE(!inventory);
  CHECK(inventory.error().message ==
        "inventory: " + fifo + ": not a regular file (- is standard input)");
}

TEST_CASE("inventory file: a folder, a device and a socket are refused, and not waited for",
          "[inventory]") {
  const Folder folder;
  const Surroundings from = surroundings(folder);
  const auto begin = std::chrono::steady_clock::now();
  REQUIRE(mkdir(folder.path("folder").c_str(), 0700) == 0);
  CHECK(error_of(folder.path("folder"), from) ==
        "inventory: " + folder.path("folder") + ": a directory");
  CHECK(error_of("/dev/null", from) ==
        "inventory: /dev/null: not a regular file (- is standard input)");

  const int socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, folder.path("socket").c_str(), sizeof address.sun_path - 1);
  REQUIRE(bind(socket_fd, reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0);
  CHECK(error_of(folder.path("socket"), from) ==
        "inventory: " + folder.path("socket") + ": not a regular file");
  close(socket_fd);

  // A regular file without a size.
  CHECK(error_of("/proc/self/status", from).starts_with("/proc/self/status:1: "));
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
  CHECK(read_hosts_file("/dev/zero").error().message.find("not a regular file") !=
        std::string::npos);
}

TEST_CASE("inventory file: one that changes while it is read is refused", "[inventory]") {
  const Folder folder;
  const auto after = [&](auto change) {
    const std::string path = folder.write("hosts.ini", "[h]\nport = 1\n");
    auto file = open_named(path);
    REQUIRE(file);
    change(path);
    const auto text = read_unchanged(*file);
    return text ? *text : text.error().message;
  };
  CHECK(after([](const std::string &) {}) == "[h]\nport = 1\n");
  const std::string changed = folder.path("hosts.ini") + ": changed while it was read";
  CHECK(after([](const std::string &path) { std::ofstream(path, std::ios::app) << "[i]\n"; }) ==
        changed);
  CHECK(after([](const std::string &path) { std::filesystem::resize_file(path, 3); }) == changed);
  const std::string other = folder.write("new", "[h]\nport = 2\n");
  CHECK(after([&](const std::string &path) { std::filesystem::rename(other, path); }) == changed);
  CHECK(after([](const std::string &path) {
          const auto time = std::filesystem::last_write_time(path);
          usleep(20000);  // the clock of the file system ticks more slowly than this program runs
          std::ofstream(path, std::ios::in | std::ios::out) << "[x]";
          std::filesystem::last_write_time(path, time);
        }) == changed);
}

TEST_CASE("inventory file: the size is bounded", "[inventory]") {
  const Folder folder;
  const std::string path = folder.write("hosts.ini", "");
  REQUIRE(truncate(path.c_str(), (64 << 20) + 1) == 0);
  CHECK(error_of(path, surroundings(folder)) == path + ": larger than 67108864 bytes");
}

TEST_CASE("inventory program: its JSON is the inventory", "[inventory]") {
  const Folder folder;
  const std::string path = folder.write("inv.sh",
                                        "#!/bin/sh\n"
                                        "[ \"$1\" = --list ] || exit 9\n"
                                        "read line && exit 8\n"
                                        "echo '{\"db\": [\"db01\", \"db02\"]}'\n",
                                        0755);
  const auto inventory = load_inventory(path, surroundings(folder));
  if (!inventory) FAIL(inventory.error().message);
  core::Selection selection;
  selection.groups = {"db"};
  const auto hosts = select(*inventory, selection, {}, {});
  REQUIRE(hosts);
  CHECK(hosts->size() == 2);
}

TEST_CASE("inventory program: one that others could have written is not run", "[inventory]") {
  const Folder folder;
  const std::string mark = folder.path("was-run");
  const std::string text = "#!/bin/sh\ntouch " + mark + "\necho '{}'\n";
  for (const mode_t mode : {0757, 0775})
    CHECK(error_of(folder.write("inv.sh", text, mode), surroundings(folder)).find("may write it") !=
          std::string::npos);
  if (geteuid() == 0) {
    const std::string path = folder.write("inv.sh", text, 0755);
    REQUIRE(chown(path.c_str(), 4242, 4242) == 0);
    CHECK(error_of(path, surroundings(folder)).find("belongs to user 4242") != std::string::npos);
  }
  CHECK(!std::filesystem::exists(mark));
}

TEST_CASE("inventory program: how it fails is told", "[inventory]") {
  const Folder folder;
  const Surroundings from = surroundings(folder);
  std::string path = folder.write("inv.sh", "#!/bin/sh\nexit 3\n", 0755);
  CHECK(error_of(path, from) == path + " --list exited with status 3");
  path = folder.write("inv.sh", "#!/bin/sh\nkill -9 $$\n", 0755);
  CHECK(error_of(path, from).starts_with(path + " --list killed by signal 9"));
  path = folder.write("inv.sh", "#!/bin/sh\necho '{'\n", 0755);
  CHECK(error_of(path, from) == path + ": not JSON, from byte 3 on");
  path = folder.write("inv.sh", "#!/no/such/interpreter\n", 0755);
  CHECK(error_of(path, from) == "run " + path + ": No such file or directory");
  path = folder.write("hosts.ini", "[h]\nport = 1\n", 0755);
  CHECK(error_of(path, from) ==
        path + ": is executable but no program: if it is an INI file, chmod -x " + path);
}

// Whether the process ends soon. Nobody here reaps an orphan; it may be a zombie until init does.
bool ends(pid_t process) {
  for (int round = 0; round < 250; ++round) {
    std::ifstream status("/proc/" + std::to_string(process) + "/stat");
    std::string skipped;
    std::string state;
    if (!(status >> skipped >> skipped >> state) || state == "Z") return true;
    usleep(20000);
  }
  return false;
}

TEST_CASE(
    "inventory program: one that runs too long or prints too much is killed with its children",
    "[inventory]") {
  const Folder folder;
  const auto run = [&](const std::string &text, ProgramLimits limits) {
    auto file = open_named(folder.write("inv.sh", text, 0755));
    REQUIRE(file);
    const auto output = run_inventory_program(*file, limits);
    return output ? "" : output.error().message;
  };
  const std::string path = folder.path("inv.sh");
  const std::string pid_file = folder.path("pid");
  const auto begin = std::chrono::steady_clock::now();
  CHECK(run("#!/bin/sh\nsleep 600 &\necho $! > " + pid_file + "\nwait\n",
            {std::chrono::milliseconds(500), 1000}) == path + ": still runs after 500ms");
  CHECK(run("#!/bin/sh\nexec >&-\nexec sleep 600\n", {std::chrono::milliseconds(300), 1000}) ==
        path + ": still runs after 300ms");
  CHECK(run("#!/bin/sh\nyes\n", {std::chrono::seconds(60), 1000}) ==
        path + ": prints more than 1000 bytes");
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));

  pid_t sleeper = 0;
  REQUIRE(std::ifstream(pid_file) >> sleeper);
  CHECK(ends(sleeper));
}

TEST_CASE("inventory program: a signal that ends fanout ends it with its children", "[inventory]") {
  const Folder folder;
  const std::string pid_file = folder.path("pids");
  const std::string closing = GENERATE("", "exec >&-\n");
  const int number = GENERATE(SIGINT, SIGTERM, SIGHUP);
  INFO(closing << sys::signal_name(number));
  const std::string path =
      folder.write("inv.sh",
                   "#!/bin/sh\n" + closing + "trap '' INT TERM HUP\nsleep 60 &\necho $$ $! > " +
                       pid_file + ".new\nmv " + pid_file + ".new " + pid_file + "\nwait\n",
                   0755);
  auto fanout = sys::fork_child([&] { return load_inventory(path, surroundings(folder)) ? 0 : 1; });
  REQUIRE(fanout);
  for (int round = 0; round < 250 && !std::filesystem::exists(pid_file); ++round) usleep(20000);
  pid_t program = 0;
  pid_t sleeper = 0;
  std::ifstream pids(pid_file);
  REQUIRE(pids >> program >> sleeper);
  const auto begin = std::chrono::steady_clock::now();
  fanout->signal(number);
  const sys::ProcessStatus status = fanout->reap_blocking();
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
  CHECK(!status.exited);
  CHECK(status.signal == number);
  CHECK(ends(program));
  CHECK(ends(sleeper));
}

TEST_CASE("inventory program: when it has ended signals are blocked as little as before",
          "[inventory]") {
  const Folder folder;
  const auto blocked = [] {
    sigset_t mask;
    sigemptyset(&mask);
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    return std::vector<int>{sigismember(&mask, SIGINT), sigismember(&mask, SIGTERM),
                            sigismember(&mask, SIGHUP)};
  };
  const std::vector<int> before = blocked();
  CHECK(error_of(folder.write("inv.sh", "#!/bin/sh\necho '{}'\n", 0755), surroundings(folder))
            .empty());
  CHECK(blocked() == before);
  CHECK(
      !error_of(folder.write("inv.sh", "#!/bin/sh\nexit 3\n", 0755), surroundings(folder)).empty());
  CHECK(blocked() == before);
  CHECK(before == std::vector<int>{0, 0, 0});
}

}  // namespace
}  // namespace fanout::inventory
