// Where does a LOCAL go on the host, and may it? The rules are here once, for SFTP and for scp. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fanout/core/result.hpp"
#include "fanout/files/catalogue.hpp"
#include "fanout/worker/remote_path.hpp"

namespace fanout::worker {

// What stands at a path of the host.
enum class Standing : std::uint8_t {
  nothing,
  file,
  directory,
  link_to_file,  // also one that leads nowhere
  link_to_directory,
  other,  // FIFO, device, socket
};

// ErrorKind::remote, "File name too long", for a path with a component of more than 255 bytes, which no host takes.
core::Result<void> check_names(std::string_view path);

// The destination of an entry: REMOTE, or REMOTE/NAME when it is a folder that LOCALs go into, then what is beneath.
std::string destination_of(std::string_view remote_path, bool into_folder,
                           std::string_view entry_path);

// Whether an entry of this kind may be put where that stands; the error says what to write instead where that is the
// mistake ("/tmp: is a directory; write /tmp/ to copy into it"). For a directory, "may" means that it is made, or that what
// is there is merged with. ErrorKind::remote.
core::Result<void> may_put(files::Kind kind, Standing standing, std::string_view path);
// The folder that LOCALs go into, when REMOTE says that it is one.
core::Result<void> may_put_into(Standing standing, std::string_view path);

// ".NAME.fanout-TAG" beside `path`, cut to 255 bytes.
std::string temporary_beside(std::string_view path, std::string_view tag);
// The directory part of a path: "" for a relative path of one component, "/" for one below the root.
std::string folder_of(std::string_view path);
std::string staging_folder(std::string_view folder, std::string_view token);

}  // namespace fanout::worker
