// The folder of --outdir: what each host of this run has printed, in files of its own, and a list of them.
//
//     DIR/web01.out  DIR/web01.err  DIR/index.jsonl
//
// Lives in the parent. A file is made without a name or under a temporary one and takes its name whole, when its host has ended; so does
// the list, at the end of the run. A host that this run has not made run anything has no files: those of an earlier run are
// removed, or they would be taken for its output. Names of hosts become names of files one to one: what is not a letter, a
// digit, '-', '_' or '.', and a '.' at the beginning, is %XX.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/host.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::report {

struct Printed;

// "web01", "%2Eweb01", "[2001:db8::1]:22" as "%5B2001%3Adb8%3A%3A1%5D%3A22"; what would be too long for a file is cut and
// ends in a hash of the whole.
std::string file_name_of(std::string_view host);

class OutputFolder {
public:
  // Makes the folder if there is none. Before the first host is contacted. ErrorKind::usage when it is not a folder, or a
  // link, nothing can be made in it, or one of the files of these hosts is anything but a regular file.
  static core::Result<OutputFolder> open(const std::string &path,
                                         const std::vector<core::Host> &hosts);

  OutputFolder(OutputFolder &&) noexcept;
  OutputFolder &operator=(OutputFolder &&) = delete;
  ~OutputFolder();  // without finish() there is no list of this run, and nothing temporary is left

  // After the host has ended. `record` is its JSON record without what it printed. Errors are ErrorKind::local ("DIR/web01.out:
  // No space left on device"): that file is then not there at all.
  core::Result<void> add(const core::Host &host, const core::Outcome &outcome,
                         const Printed &printed, std::string_view record);
  core::Result<void> finish();

private:
  struct State;
  explicit OutputFolder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace fanout::report
