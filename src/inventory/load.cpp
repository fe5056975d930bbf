// Which file is the inventory, and what must be true of it before it is believed.
#include <unistd.h>

#include "data.hpp"
#include "fanout/inventory/inventory.hpp"
#include "file.hpp"
#include "program.hpp"

namespace fanout::inventory {

namespace {

using core::Result;

// Whatever the file is, there may be passwords in it.
class Wiped {
public:
  explicit Wiped(std::string text) : text_(std::move(text)) {}
  Wiped(const Wiped &) = delete;
  Wiped &operator=(const Wiped &) = delete;
  ~Wiped() { core::wipe(text_); }
  [[nodiscard]] std::string_view get() const { return text_; }

private:
  std::string text_;
};

Result<Inventory> read(const OpenedFile &file, uid_t user) {
  constexpr mode_t anybody_may_execute = S_IXUSR | S_IXGRP | S_IXOTH;
  if (S_ISREG(file.status.st_mode) && (file.status.st_mode & anybody_may_execute) != 0) {
    TRY(check_rights(file.path, file.status, user, {.passwords = false, .runs_programs = true}));
    TRY_ASSIGN(std::string output, run_inventory_program(file));
    const Wiped text(std::move(output));
    return parse_json(text.get(), file.path);
  }
  TRY(check_rights(file.path, file.status, user, {}));
  TRY_ASSIGN(std::string content, read_unchanged(file));
  const Wiped text(std::move(content));
  TRY_ASSIGN(Inventory inventory, parse_ini(text.get(), file.path));
  const InventoryData &data = inventory.data();
  TRY(check_rights(
      file.path, file.status, user,
      {.passwords = data.password_line != 0, .runs_programs = data.command_line != 0}));
  return inventory;
}

// `what` names the option or variable, for the case that the file cannot be opened.
Result<Inventory> read_named(std::string_view what, const std::string &path,
                             const Surroundings &surroundings) {
  if (path == "-") {
    TRY_ASSIGN(std::string content, read_standard_input(STDIN_FILENO));
    const Wiped text(std::move(content));
    return parse_ini(text.get(), "standard input");
  }
  auto file = open_named(path);
  if (!file) return core::fail(file.error().within(what));
  return read(*file, surroundings.user_id);
}

}  // namespace

Result<Inventory> load_inventory(const std::optional<std::string> &named,
                                 const Surroundings &surroundings) {
  if (named) return read_named("inventory", *named, surroundings);
  if (const auto &variable = surroundings.inventory_variable; variable && !variable->empty())
    return read_named("$FANOUT_INVENTORY", *variable, surroundings);

  std::vector<std::string> paths;
  paths.push_back(surroundings.folder.empty() ? "./hosts.ini" : surroundings.folder + "/hosts.ini");
  if (!surroundings.home.empty()) paths.push_back(surroundings.home + "/.config/fanout/hosts.ini");
  paths.push_back(surroundings.system_file);
  for (const std::string &path : paths) {
    auto file = open_if_there(path);
    if (!file) return core::fail(file.error().within("inventory"));
    if (*file) return read(**file, surroundings.user_id);
  }
  Inventory none;
  none.set_looked_for(std::move(paths));
  return none;
}

}  // namespace fanout::inventory
