#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "fanout/report/html.hpp"
#include "whole_file.hpp"

namespace fanout::report {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

struct Place {
  sys::UniqueFd fd;
  WholeFileFolder folder;
  std::string name;
};

// It holds what hosts have printed, as the journals do that it was made from.
constexpr mode_t ours_alone = 0600;

core::Error as_usage(const core::Error &error) {
  return {ErrorKind::usage, "--html " + error.message};
}

Result<Place> place_of(const std::string &file) {
  Place place;
  const std::size_t slash = file.rfind('/');
  place.name = file.substr(slash == std::string::npos ? 0 : slash + 1);
  std::string folder = ".";
  if (slash != std::string::npos) folder = slash == 0 ? "/" : file.substr(0, slash);
  if (place.name.empty()) return fail(ErrorKind::local, file + ": is a folder");
  place.fd = sys::UniqueFd::adopt(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!place.fd) return fail(core::system_error(ErrorKind::local, file, errno));
  place.folder = {place.fd.get(), folder, ours_alone, false};
  TRY(try_to_make_files(place.folder));
  return place;
}

}  // namespace

Result<void> check_page_file(const std::string &file) {
  const auto check = [&]() -> Result<void> {
    TRY_ASSIGN(const Place place, place_of(file));
    return check_is_replaceable(place.folder, place.name);
  };
  return check().map_error(as_usage);
}

Result<void> write_page(const std::string &file, std::string_view page) {
  TRY_ASSIGN(const Place place, place_of(file));
  TRY_ASSIGN(WholeFile whole, WholeFile::make(place.folder, place.name));
  TRY(whole.write(page));
  return whole.take_name();
}

}  // namespace fanout::report
