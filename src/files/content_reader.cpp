#include "content_reader.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "beneath.hpp"
#include "fanout/files/sha256.hpp"
#include "holes.hpp"
#include "open_source.hpp"
#include "status.hpp"

namespace fanout::files {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

constexpr std::size_t piece_bytes = 1024 * 1024;
// Of a hole: no reading, but hashing.
constexpr std::uint64_t hole_piece_bytes = 16 * 1024 * 1024;
constexpr std::uint64_t bytes_between_questions = 4 * 1024 * 1024;
constexpr std::uint64_t bytes_for_an_entry = 64 * 1024;

std::uint64_t size_of(const ReadFile &file) {
  return static_cast<std::uint64_t>(file.status.st_size);
}

Result<void> check_unchanged(const ReadFile &file) {
  struct stat after {};
  if (status_of(file.fd, after) != 0) return fail(source_error("fstat", file.shown, errno));
  if (!same_content(file.status, after)) return fail(changed_while_read(file.shown));
  return {};
}

Result<std::string> digest_of(Sha256 &sum) {
  std::string digest = sum.finish();
  if (digest.empty()) return fail(ErrorKind::internal, "SHA-256: libcrypto failed");
  return digest;
}

}  // namespace

Result<void> Interruption::after(std::uint64_t bytes) {
  since_ += bytes_for_an_entry + bytes;
  if (since_ < bytes_between_questions) return {};
  since_ = 0;
  if (interrupted_ && interrupted_()) return fail(ErrorKind::interrupted, "interrupted");
  return {};
}

ContentReader::ContentReader(const std::function<bool()> &interrupted)
    : buffer_(piece_bytes, '\0'), interruption_(interrupted) {}

// At least one byte of [offset, end), as many as a piece has at most.
Result<std::string_view> ContentReader::read(const ReadFile &file, std::uint64_t offset,
                                             std::uint64_t end) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes, end - offset));
  for (;;) {
    const ssize_t count = ::pread(file.fd, buffer_.data(), size, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(source_error("read", file.shown, errno));
    if (count == 0) return fail(changed_while_read(file.shown));
    return std::string_view(buffer_).substr(0, static_cast<std::size_t>(count));
  }
}

Result<std::string> ContentReader::hash(const ReadFile &file) {
  // A larger read-ahead; a refusal costs time and nothing else.
  (void)::posix_fadvise(file.fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  Sha256 sum;
  Content::Run run;
  for (std::uint64_t offset = 0; offset < size_of(file);) {
    if (offset >= run.end) run = find_run(file.fd, offset, size_of(file));
    std::uint64_t size = std::min(run.end - offset, hole_piece_bytes);
    if (run.hole) {
      sum.add_zeros(size);
    } else {
      TRY_ASSIGN(const std::string_view bytes, read(file, offset, run.end));
      sum.add(bytes);
      size = bytes.size();
    }
    offset += size;
    TRY(interruption_.after(size));
  }
  TRY(check_unchanged(file));
  return digest_of(sum);
}

Result<std::string> ContentReader::copy(const ReadFile &file, Spool &pack, bool wants_hash) {
  Sha256 sum;
  for (std::uint64_t offset = 0; offset < size_of(file);) {
    TRY_ASSIGN(const std::string_view bytes, read(file, offset, size_of(file)));
    TRY(pack.append(bytes));
    if (wants_hash) sum.add(bytes);
    offset += bytes.size();
    TRY(interruption_.after(bytes.size()));
  }
  TRY(check_unchanged(file));
  if (!wants_hash) return std::string();
  return digest_of(sum);
}

}  // namespace fanout::files
