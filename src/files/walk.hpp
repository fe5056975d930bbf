// What a LOCAL consists of: itself and, if it is a folder, all beneath it, a folder before what it holds, names in
// order of their bytes. In the parent; owns one descriptor a level, and the names of the folders above.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <string>

#include "fanout/core/result.hpp"
#include "fanout/files/catalogue.hpp"
#include "roots.hpp"

namespace fanout::files {

// Everything is borrowed for the time of the visit.
struct Found {
  Kind kind = Kind::file;
  int fd = -1;
  const struct stat &status;
  const std::string &path;   // of the entry
  const std::string &shown;  // as the user would write it, for messages
  // Files: the folder that it was found in, as a tree and a path beneath that; no tree for a LOCAL that is a file.
  Tree *tree = nullptr;
  const std::string &folder;
  const std::string &name;
  bool linked = false;  // there is a link in that folder, and the file is elsewhere
};

using Visit = std::function<core::Result<void>(const Found &)>;

inline constexpr int max_depth = 256;

// `name` is what the entry of `local` is called. The kind of `local` itself. Fails with what `visit` fails with, and as
// make_catalogue() says.
core::Result<Kind> walk(const std::string &local, const std::string &name, bool recursive,
                        const Visit &visit);

core::Error path_too_long(const std::string &shown);

}  // namespace fanout::files
