// Reading whole files while the catalogue is made: to pack them, and to hash them.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <string>

#include "fanout/core/result.hpp"
#include "spool.hpp"

namespace fanout::files {

// Asks whether to go on, now and then.
class Interruption {
public:
  explicit Interruption(const std::function<bool()> &interrupted) : interrupted_(interrupted) {}
  // After an entry, or a piece of content.
  core::Result<void> after(std::uint64_t bytes);

private:
  const std::function<bool()> &interrupted_;
  std::uint64_t since_ = 0;
};

// An open file that is read from its beginning to its end. A change between `status`, a settled one, and the end of
// reading is an error.
struct ReadFile {
  int fd = -1;
  const struct stat &status;
  const std::string &shown;
};

class ContentReader {
public:
  explicit ContentReader(const std::function<bool()> &interrupted);

  // Its SHA-256, 32 raw bytes.
  core::Result<std::string> hash(const ReadFile &file);
  // Appends the content to `pack`; hashes on the way if wanted, else the result is empty.
  core::Result<std::string> copy(const ReadFile &file, Spool &pack, bool wants_hash);

  Interruption &interruption() { return interruption_; }

private:
  core::Result<std::string_view> read(const ReadFile &file, std::uint64_t offset,
                                      std::uint64_t end);
  std::string buffer_;
  Interruption interruption_;
};

}  // namespace fanout::files
