// Where in a folder of get something is to stand: the checks of a path and of what is there already.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::files {

// "a folder", "a symbolic link", ...; of stat(2)'s st_mode.
std::string_view kind_name(std::uint32_t mode);

// "OPERATION SHOWN: why", of a call on a path beneath a folder that failed with this errno.
core::Error path_error(std::string_view operation, std::string_view shown, int error_number);

inline constexpr std::size_t max_name_bytes = 255;  // NAME_MAX of Linux

// "a/b/c" as "a/b" and "c".
struct Place {
  std::string parent;
  std::string name;
};
// ErrorKind::protocol for a path with a component that wrong_with_entry_name() finds fault with.
core::Result<Place> split(std::string_view path);
core::Result<void> check_path(std::string_view path);

// The folder `parent` beneath `folder`, which is meant by an empty one, to make calls with names in it (O_PATH).
core::Result<sys::UniqueFd> open_parent(int folder, const std::string &parent,
                                        std::string_view operation, std::string_view shown);

// What is called `name` in `parent`, without opening it: nullopt for nothing, ErrorKind::local for anything that is no
// regular file.
core::Result<std::optional<struct stat>> regular_file(int parent, const std::string &name,
                                                      std::string_view operation,
                                                      std::string_view shown);

}  // namespace fanout::files
