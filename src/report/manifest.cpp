#include "fanout/report/manifest.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "fanout/core/base64.hpp"
#include "fanout/sys/io.hpp"
#include "json_text.hpp"

namespace fanout::report {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;

namespace {

constexpr std::size_t write_bytes = std::size_t{64} << 10;
constexpr mode_t usual_mode = 0666;

// Where a link leads to, because a rename would replace the link itself; FILE as it is where nothing stands yet.
Result<std::string> place_of(const std::string &file) {
  struct stat facts {};
  if (::stat(file.c_str(), &facts) != 0) {
    if (errno == ENOENT) return file;
    return fail(system_error(ErrorKind::usage, "--manifest " + file, errno));
  }
  if (!S_ISREG(facts.st_mode))
    return fail(ErrorKind::usage, fmt::format("--manifest {}: not a regular file", file));
  char place[PATH_MAX];
  if (::realpath(file.c_str(), place) == nullptr)
    return fail(system_error(ErrorKind::usage, "--manifest " + file, errno));
  return std::string(place);
}

mode_t current_umask() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return mask;
}

}  // namespace

std::string format_fetched(std::string_view host, const core::FetchedFile &file) {
  nlohmann::ordered_json line;
  line["host"] = host;
  if (is_utf8(file.path))
    line["path"] = file.path;
  else
    line["path_base64"] = core::encode_base64(file.path);
  line["size"] = file.size;
  line["mode"] = fmt::format("{:04o}", file.mode);
  // Unknown is null.
  line["time"] = nullptr;
  if (const auto time = format_time(file.mtime)) line["time"] = *time;
  line["sha256"] = nullptr;
  if (!file.sha256.empty()) line["sha256"] = file.sha256;
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Result<Manifest> Manifest::open(const std::string &file) {
  TRY_ASSIGN(std::string place, place_of(file));
  Manifest manifest(file, std::move(place));
  const std::size_t name = manifest.target_.rfind('/') + 1;  // 0 without a slash
  std::string pattern = manifest.target_.substr(0, name) + ".fanout-manifest-XXXXXX";
  manifest.fd_ = sys::UniqueFd::adopt(::mkostemp(pattern.data(), O_CLOEXEC));
  if (!manifest.fd_) return fail(system_error(ErrorKind::usage, "--manifest " + file, errno));
  manifest.temporary_ = std::move(pattern);
  if (::fchmod(manifest.fd_.get(), usual_mode & ~current_umask()) != 0)
    return fail(system_error(ErrorKind::usage, "--manifest " + file, errno));
  return manifest;
}

Manifest::Manifest(Manifest &&other) noexcept
    : shown_(std::move(other.shown_)),
      target_(std::move(other.target_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::move(other.fd_)),
      text_(std::move(other.text_)),
      broken_(other.broken_) {}

Manifest::~Manifest() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<void> Manifest::add(std::string_view host, const core::FetchedFile &file) {
  text_ += format_fetched(host, file);
  return text_.size() < write_bytes ? Result<void>() : write_out();
}

Result<void> Manifest::write_out() {
  if (broken_) return fail(ErrorKind::local, shown_ + ": the list is not complete");
  auto written = sys::write_all(fd_.get(), text_);
  text_.clear();
  broken_ = !written;
  if (!written) return fail(std::move(written).error().within(shown_));
  return {};
}

Result<void> Manifest::finish() {
  TRY(write_out());
  // A full disk may be told of here only, and a rename that is on the disk before the content would leave an empty list.
  if (::fsync(fd_.get()) != 0) return fail(system_error(ErrorKind::local, shown_, errno));
  if (::rename(temporary_.c_str(), target_.c_str()) != 0)
    return fail(system_error(ErrorKind::local, shown_, errno));
  temporary_.clear();
  return {};
}

}  // namespace fanout::report
