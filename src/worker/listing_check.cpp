#include "listing_check.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "fanout/files/folder.hpp"
#include "fanout/sys/random.hpp"

namespace fanout::worker {

using core::Error;
using core::ErrorKind;
using core::Result;

namespace {

constexpr std::size_t first_places = 64;
// The first part may hold nothing but "." and "..", which do not arrive here.
constexpr int most_empty_parts = 16;
// A server that lists the same for ever.
constexpr int most_faults = 1'000;
// Of a name in a message: it is the server's.
constexpr std::size_t quoted_bytes = 64;

// SipHash-2-4. Whoever names files on the host must not be able to choose two names of one hash, or many that lie close
// together in the table: that takes a key which he does not know, and a function that keeps it.
class KeyedHash {
public:
  KeyedHash() {
    for (std::uint64_t &half : key_) {
      const std::string digits = sys::random_hexadecimal(16);
      std::from_chars(digits.data(), digits.data() + digits.size(), half, 16);
    }
  }

  std::uint64_t operator()(std::string_view bytes) const {
    State v{key_[0] ^ 0x736f6d6570736575, key_[1] ^ 0x646f72616e646f6d,
            key_[0] ^ 0x6c7967656e657261, key_[1] ^ 0x7465646279746573};
    const std::uint64_t size = bytes.size();
    for (; bytes.size() >= 8; bytes.remove_prefix(8)) take(v, word(bytes.substr(0, 8)));
    take(v, word(bytes) | size << 56U);
    v[2] ^= 0xffU;
    for (int i = 0; i < 4; ++i) mix(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
  }

private:
  using State = std::array<std::uint64_t, 4>;

  static std::uint64_t word(std::string_view bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = bytes.size(); i-- > 0;)
      value = value << 8U | static_cast<unsigned char>(bytes[i]);
    return value;
  }
  static void take(State &v, std::uint64_t word) {
    v[3] ^= word;
    mix(v);
    mix(v);
    v[0] ^= word;
  }
  static void mix(State &v) {
    v[0] += v[1];
    v[1] = std::rotl(v[1], 13) ^ v[0];
    v[0] = std::rotl(v[0], 32);
    v[2] += v[3];
    v[3] = std::rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = std::rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = std::rotl(v[1], 17) ^ v[2];
    v[2] = std::rotl(v[2], 32);
  }

  std::array<std::uint64_t, 2> key_{};
};

std::uint64_t hash_of(std::string_view name) {
  static const KeyedHash hash;  // made in the worker: no two have the same key
  return hash(name);
}

}  // namespace

Result<void> ListingCheck::part(std::string_view directory, std::size_t entries) {
  entries_ += entries;
  if (entries_ > max_entries_of_directory)
    return core::fail(ErrorKind::remote, fmt::format("{}: has more than {} entries", directory,
                                                     max_entries_of_directory));
  if ((entries == 0 && ++empty_parts_ > most_empty_parts) || faults_ > most_faults)
    return core::fail(ErrorKind::protocol,
                      fmt::format("{}: the server's listing does not end", directory));
  return {};
}

std::optional<Error> ListingCheck::fault_of(std::string_view directory, std::string_view name) {
  const auto error = [&](std::string_view why) {
    ++faults_;
    const std::string_view dots = name.size() > quoted_bytes ? "..." : "";
    return Error{ErrorKind::protocol,
                 fmt::format("{}: the server lists the name \"{}{}\": {}", directory,
                             name.substr(0, quoted_bytes), dots, why)};
  };
  if (const auto wrong = files::wrong_with_entry_name(name)) return error(*wrong);
  if (!insert(hash_of(name))) return error("for the second time");
  return {};
}

bool ListingCheck::insert(std::uint64_t hash) {
  if (2 * (seen_count_ + 1) > seen_.size()) grow();
  if (hash == 0) hash = 1;
  const std::size_t mask = seen_.size() - 1;
  std::size_t place = hash & mask;
  for (; seen_[place] != 0; place = (place + 1) & mask)
    if (seen_[place] == hash) return false;
  seen_[place] = hash;
  ++seen_count_;
  return true;
}

void ListingCheck::grow() {
  const std::vector<std::uint64_t> old = std::exchange(
      seen_, std::vector<std::uint64_t>(seen_.empty() ? first_places : 2 * seen_.size()));
  seen_count_ = 0;
  for (const std::uint64_t hash : old)
    if (hash != 0) insert(hash);
}

}  // namespace fanout::worker
