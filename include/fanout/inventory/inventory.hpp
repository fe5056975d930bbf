// The hosts and groups that are written down somewhere: hosts.ini, or what an executable inventory prints.
//
// Loaded once by the parent, before anything is forked; never changes afterwards. Holds passwords.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/result.hpp"

namespace fanout::inventory {

struct InventoryData;  // src/inventory/data.hpp

class Inventory {
public:
  // No hosts, no groups: everything that is asked for is taken as it is.
  Inventory();
  explicit Inventory(std::unique_ptr<const InventoryData> data);
  Inventory(Inventory &&) noexcept;
  Inventory &operator=(Inventory &&) noexcept;
  ~Inventory();

  // The file it was read from; empty when there is none.
  [[nodiscard]] const std::string &file() const;
  [[nodiscard]] std::size_t host_count() const;
  [[nodiscard]] std::vector<std::string> host_names()
      const;  // in the order of the file, as groups()
  [[nodiscard]] std::vector<std::string> groups() const;
  [[nodiscard]] const InventoryData &data() const { return *data_; }

  // Where load_inventory() has looked, for the message that a group was asked for and there is no inventory.
  [[nodiscard]] const std::vector<std::string> &looked_for() const { return looked_for_; }
  void set_looked_for(std::vector<std::string> paths) { looked_for_ = std::move(paths); }

private:
  std::unique_ptr<const InventoryData> data_;
  std::vector<std::string> looked_for_;
};

// Pure: text to inventory. `file` is for messages, which read "FILE:LINE: ..."; all are ErrorKind::usage. The limits of
// rights and size that hold for files are load_inventory()'s business.
core::Result<Inventory> parse_ini(std::string_view text, const std::string &file);
// What `ansible-inventory --list` prints. Variables of groups and hosts that do not concern the login are left alone.
core::Result<Inventory> parse_json(std::string_view text, const std::string &file);

// What load_inventory() needs to know of the process; run.cpp fills it in, tests what they like.
struct Surroundings {
  std::optional<std::string>
      inventory_variable;  // $FANOUT_INVENTORY; an empty one counts as not set
  std::string folder;      // in which ./hosts.ini is looked for; empty is the current one
  std::string home;        // $HOME; empty: there is none
  std::string system_file = "/etc/fanout/hosts.ini";
  uid_t user_id = 0;  // the effective one
};

// Reads the file of -i, else $FANOUT_INVENTORY, else the first of ./hosts.ini, ~/.config/fanout/hosts.ini and
// /etc/fanout/hosts.ini that exists; without any of them the inventory is empty. "-" is standard input.
//
// Takes regular files, and a FIFO if it is named by -i or the variable: that is INI, and its writer is waited for.
// Everything is checked on the opened descriptor: a file that all may write is refused; one with passwords that others may
// read is refused; one that makes programs run (an executable, *_command) is refused if its group may write it; one with
// either if it belongs to somebody else than root and the user; one that changes while it is read is refused. An executable
// file is run with --list, for at most 60 s, and may print 64 MiB; that is also the limit of a file. May fork, so the caller
// is single-threaded; SIGINT, SIGTERM and SIGHUP end the program and then this process. Errors are ErrorKind::usage.
core::Result<Inventory> load_inventory(const std::optional<std::string> &named,
                                       const Surroundings &surroundings);

}  // namespace fanout::inventory
