// Every name once, with a dense number: 0 for the first, in order of first mention.
//
// A flat table (open addressing, linear probing) because a run may name a million hosts, and a node for each of them would
// cost more than the names.
#pragma once

#include <bit>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fanout::inventory {

using NameId = std::uint32_t;

class NameTable {
public:
  // The number of `name`, which is new if it was not known. `added` tells which.
  struct Interned {
    NameId id;
    bool added;
  };
  Interned intern(std::string_view name) {
    if (2 * (names_.size() + 1) > slots_.size()) grow(slots_.empty() ? 64 : 2 * slots_.size());
    const std::uint32_t hash = hash_of(name);
    Slot &slot = slots_[slot_of(name, hash)];
    if (slot.stored != 0) return {slot.stored - 1, false};
    names_.emplace_back(name);
    slot = {hash, static_cast<NameId>(names_.size())};
    return {slot.stored - 1, true};
  }
  [[nodiscard]] std::optional<NameId> find(std::string_view name) const {
    if (slots_.empty()) return std::nullopt;
    const NameId stored = slots_[slot_of(name, hash_of(name))].stored;
    if (stored == 0) return std::nullopt;
    return stored - 1;
  }
  // Makes room for so many names in all.
  void reserve(std::size_t count) {
    names_.reserve(count);
    if (2 * count > slots_.size()) grow(std::bit_ceil(2 * count + 2));
  }
  [[nodiscard]] const std::string &name(NameId id) const { return names_[id]; }
  [[nodiscard]] const std::vector<std::string> &names() const { return names_; }
  [[nodiscard]] std::size_t size() const { return names_.size(); }

private:
  // The hash too: most comparisons and all moves do without looking at the name, which lies elsewhere in memory.
  struct Slot {
    std::uint32_t hash = 0;
    NameId stored = 0;  // number + 1; 0 is free
  };

  static std::uint32_t hash_of(std::string_view name) {
    return static_cast<std::uint32_t>(std::hash<std::string_view>{}(name));
  }
  // Where `name` is, or the free slot where it belongs.
  [[nodiscard]] std::size_t slot_of(std::string_view name, std::uint32_t hash) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = hash & mask;
    while (slots_[slot].stored != 0 &&
           (slots_[slot].hash != hash || names_[slots_[slot].stored - 1] != name))
      slot = (slot + 1) & mask;
    return slot;
  }
  void grow(std::size_t size) {
    std::vector<Slot> old(size);
    old.swap(slots_);
    const std::size_t mask = size - 1;
    for (const Slot &moved : old) {
      if (moved.stored == 0) continue;
      std::size_t slot = moved.hash & mask;
      while (slots_[slot].stored != 0) slot = (slot + 1) & mask;
      slots_[slot] = moved;
    }
  }

  std::vector<std::string> names_;
  std::vector<Slot> slots_;  // the size is a power of two
};

}  // namespace fanout::inventory
