// Opening what is to be copied. In the parent.
#pragma once

#include <sys/stat.h>

#include <string>

#include "fanout/core/result.hpp"
#include "fanout/files/catalogue.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::files {

struct OpenedSource {
  sys::UniqueFd fd;
  struct stat status {};
  Kind kind = Kind::file;
  bool linked = false;  // it was reached through a link
};

// Opens `name` in `folder` (AT_FDCWD for a path as typed), through a link if it is one. Nothing but a regular file or a
// folder is opened. `type` is what readdir said of it, DT_UNKNOWN if nothing. `shown` stands in messages.
// ErrorKind::usage for what is wrong with it, ErrorKind::local when this machine is out of descriptors or its disk
// fails.
core::Result<OpenedSource> open_source(int folder, const std::string &name, unsigned char type,
                                       const std::string &shown);

// A failed call on a source.
core::Error source_error(std::string_view operation, const std::string &shown, int error_number);
core::Error changed_while_read(const std::string &shown);

}  // namespace fanout::files
