// A file of a folder that has its name once it is whole, or never.
//
// It has no name before, where the file system can do that (O_TMPFILE, open(2)), so that nothing of it is left whatever kills
// the program; only to replace a file it needs another name first, for the time between two system calls. Where it cannot,
// as on NFS, that name is its own from the beginning, and is all that a kill can leave.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::report {

// Where the files are made. Whoever has it keeps it open longer than they are.
struct WholeFileFolder {
  int fd = -1;
  std::string shown;      // before '/' and a name, in errors
  mode_t mode = 0600;     // of the files
  bool nameless = false;  // they have no name before they are whole
};

// Makes a file and lets it go again: an error says why there can be none. Finds out whether they can be nameless.
core::Result<void> try_to_make_files(WholeFileFolder &folder);

// Success if nothing or a regular file stands under this name. Else ErrorKind::local: "DIR/name is a symbolic link".
core::Result<void> check_is_replaceable(const WholeFileFolder &folder, const std::string &name);

class WholeFile {
public:
  // `name` is that of a file in the folder, which is not touched before.
  static core::Result<WholeFile> make(const WholeFileFolder &folder, std::string name);

  WholeFile(WholeFile &&other) noexcept;
  WholeFile &operator=(WholeFile &&) = delete;
  ~WholeFile();

  // All of `bytes`; after an error there is nothing to be done with it but to let it go.
  core::Result<void> write(std::string_view bytes);
  // Replaces a regular file, and nothing else. The last call.
  core::Result<void> take_name();

private:
  WholeFile(const WholeFileFolder &folder, std::string name);
  [[nodiscard]] core::Error error() const;  // from errno
  core::Result<void> name_temporarily();

  const WholeFileFolder *folder_;
  std::string name_;
  std::string temporary_;  // the name that it has instead, if any
  sys::UniqueFd fd_;
};

}  // namespace fanout::report
