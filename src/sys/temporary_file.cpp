#include "fanout/sys/temporary_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

namespace fanout::sys {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;

Result<UniqueFd> make_temporary_file() {
  const char *configured = ::secure_getenv("TMPDIR");
  const std::string folder = configured != nullptr && *configured != '\0' ? configured : "/tmp";
  UniqueFd file =
      UniqueFd::adopt(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600));
  if (file) return file;
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
    return fail(system_error(ErrorKind::local, "open a temporary file in " + folder, errno));
  std::string name = folder + "/fanout-XXXXXX";
  file = UniqueFd::adopt(::mkostemp(name.data(), O_CLOEXEC));
  if (!file)
    return fail(system_error(ErrorKind::local, "open a temporary file in " + folder, errno));
  ::unlink(name.c_str());
  return file;
}

}  // namespace fanout::sys
