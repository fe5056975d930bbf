// The file of --manifest: what a get has fetched, one JSON object a line.
//
//     {"host":"db01","path":"/var/log/a","size":12,"mode":"0644","time":"2026-01-31T12:00:00Z","sha256":"..."}
//
// Lives in the parent. A path that is not UTF-8 stands in "path_base64" instead. The lines go to a temporary name beside
// FILE, which takes FILE's place at the end of the run, so FILE is the list of one run, and whole; also of a run with
// failures, of which it lists what was fetched.
#pragma once

#include <string>
#include <string_view>

#include "fanout/core/result.hpp"
#include "fanout/core/transfer.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::report {

class Manifest {
public:
  // Before the first host is contacted. ErrorKind::usage when no file can be made there, or when FILE is anything but a
  // regular file.
  static core::Result<Manifest> open(const std::string &file);

  Manifest(Manifest &&other) noexcept;
  Manifest &operator=(Manifest &&) = delete;
  ~Manifest();  // without finish() nothing is left behind

  // Errors are ErrorKind::local ("manifest.jsonl: No space left on device"); after one, finish() fails as well.
  core::Result<void> add(std::string_view host, const core::FetchedFile &file);
  core::Result<void> finish();

private:
  Manifest(std::string shown, std::string target)
      : shown_(std::move(shown)), target_(std::move(target)) {}
  core::Result<void> write_out();

  std::string shown_;   // FILE as it was given
  std::string target_;  // and where that is
  std::string temporary_;
  sys::UniqueFd fd_;
  std::string text_;  // not written yet
  bool broken_ = false;
};

// One line of it.
std::string format_fetched(std::string_view host, const core::FetchedFile &file);

}  // namespace fanout::report
