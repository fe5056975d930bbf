// The list of a catalogue, byte by byte: a head of fixed size, then records, each a length (uint32) and an entry. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fanout/files/catalogue.hpp"

namespace fanout::files {

struct ListHead {
  std::uint64_t entries = 0;
  std::uint64_t files = 0;
  std::uint64_t packed_files = 0;
  std::uint64_t bytes = 0;
};

inline constexpr std::size_t list_head_bytes = 32;
// Of a record, its length included: two paths of core::max_path_bytes and what is beside them.
inline constexpr std::size_t max_record_bytes = 16 * 1024;

std::string format_list_head(const ListHead &head);
std::optional<ListHead> parse_list_head(std::string_view bytes);

std::string format_record(const Entry &entry);

// What the reader knows of the other descriptors.
struct ListBounds {
  std::uint64_t number = 0;  // that the entry must have
  std::size_t roots = 0;
  std::uint64_t pack_bytes = 0;
};

// How long the record is that begins here, with its length; nullopt when four bytes are not there. May be too large.
std::optional<std::uint64_t> record_bytes(std::string_view bytes);
// Takes a whole record apart. nullopt for anything that format_record() does not make, or that leads out of the bounds.
std::optional<Entry> parse_record(std::string_view record, const ListBounds &bounds);

}  // namespace fanout::files
