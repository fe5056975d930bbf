#include "fanout/inventory/inventory.hpp"

#include "ansible.hpp"
#include "build.hpp"
#include "data.hpp"
#include "ini.hpp"

namespace fanout::inventory {

using core::Result;

Inventory::Inventory() {
  auto empty = std::make_unique<InventoryData>();
  empty->group_starts.push_back(0);
  data_ = std::move(empty);
}
Inventory::Inventory(std::unique_ptr<const InventoryData> data) : data_(std::move(data)) {}
Inventory::Inventory(Inventory &&) noexcept = default;
Inventory &Inventory::operator=(Inventory &&) noexcept = default;
Inventory::~Inventory() = default;

const std::string &Inventory::file() const { return data_->file; }
std::size_t Inventory::host_count() const { return data_->hosts.size(); }
std::vector<std::string> Inventory::host_names() const {
  std::vector<std::string> names;
  names.reserve(data_->hosts.size());
  for (const NameId host : data_->hosts) names.push_back(data_->names.name(host));
  return names;
}
std::vector<std::string> Inventory::groups() const { return data_->group_names.names(); }

Result<Inventory> parse_ini(std::string_view text, const std::string &file) {
  TRY_ASSIGN(Draft draft, parse_ini_draft(text, file));
  TRY_ASSIGN(std::unique_ptr<const InventoryData> data, build(std::move(draft)));
  return Inventory(std::move(data));
}

Result<Inventory> parse_json(std::string_view text, const std::string &file) {
  TRY_ASSIGN(Draft draft, parse_ansible_draft(text, file));
  TRY_ASSIGN(std::unique_ptr<const InventoryData> data, build(std::move(draft)));
  return Inventory(std::move(data));
}

}  // namespace fanout::inventory
