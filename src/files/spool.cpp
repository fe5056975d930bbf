// Workers get the file, and a worker may be taken over by its server. With a descriptor that can be written it could
// change what the other hosts are sent, so they get one that cannot.

#include "spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "fanout/sys/io.hpp"
#include "fanout/sys/temporary_file.hpp"

namespace fanout::files {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;
using sys::UniqueFd;

namespace {

constexpr std::size_t buffer_bytes = 256 * 1024;

}  // namespace

Result<Spool> Spool::make() {
  TRY_ASSIGN(UniqueFd file, sys::make_temporary_file());
  return Spool(std::move(file));
}

Result<void> Spool::append(std::string_view bytes) {
  if (buffer_.size() + bytes.size() > buffer_bytes) TRY(flush());
  buffer_.append(bytes);
  return {};
}

Result<void> Spool::flush() {
  if (auto done = sys::write_all(file_.get(), buffer_); !done)
    return fail(done.error().within("temporary file"));
  written_ += buffer_.size();
  buffer_.clear();
  return {};
}

Result<UniqueFd> Spool::finish(std::string_view head) {
  TRY(flush());
  if (::lseek(file_.get(), 0, SEEK_SET) != 0)
    return fail(system_error(ErrorKind::local, "temporary file", errno));
  if (auto done = sys::write_all(file_.get(), head); !done)
    return fail(done.error().within("temporary file"));
  const std::string path = "/proc/self/fd/" + std::to_string(file_.get());
  UniqueFd reader = UniqueFd::adopt(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!reader) return fail(system_error(ErrorKind::local, "open a temporary file again", errno));
  file_.close();
  return reader;
}

}  // namespace fanout::files
