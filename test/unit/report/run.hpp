// A report between hosts that the test plays and two files in memory that it reads.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "fanout/console/lock.hpp"
#include "fanout/console/output.hpp"
#include "fanout/report/report.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::report {

inline std::string join(std::span<const std::string> names) {
  std::string text;
  for (const std::string &name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

class Run {
public:
  struct Surroundings {
    bool terminal = false;  // both streams
    int stdout_fd = -1;     // instead of a file in memory
    Spill::OpenFile open_spill = sys::make_temporary_file;
  };

  explicit Run(std::initializer_list<std::string> names, ReportOptions options = {})
      : Run(names, options, Surroundings()) {}
  Run(std::initializer_list<std::string> names, ReportOptions options, Surroundings around)
      : lock_(make_lock()), out_(make_file()), err_(make_file()) {
    for (const std::string &name : names) {
      core::Host &host = hosts_.emplace_back();
      host.name = name;
      host.address = name + ".example";
    }
    const int out = around.stdout_fd >= 0 ? around.stdout_fd : out_.get();
    output_.emplace(lock_, console::Output::Sink{out, around.terminal},
                    console::Output::Sink{err_.get(), around.terminal});
    report_.emplace(options, hosts_, *output_, join, std::nullopt, std::move(around.open_spill));
  }

  Report &report() { return *report_; }
  core::Result<void> observe(const core::Event &event) { return report_->observe(event); }

  void start(core::HostIndex host) { REQUIRE(observe(core::Started{host})); }
  void start_all() {
    for (core::HostIndex host = 0; host < hosts_.size(); ++host) start(host);
  }
  core::Result<void> print(core::HostIndex host, core::Stream stream, std::string text) {
    return observe(core::OutputReceived{host, stream, std::move(text)});
  }
  void out(core::HostIndex host, std::string text) {
    REQUIRE(print(host, core::Stream::out, std::move(text)));
  }
  void err(core::HostIndex host, std::string text) {
    REQUIRE(print(host, core::Stream::err, std::move(text)));
  }
  void end(core::HostIndex host, core::Outcome outcome) {
    REQUIRE(observe(core::Ended{host, std::move(outcome)}));
  }
  void end_ok(core::HostIndex host) {
    core::Outcome outcome;
    outcome.status = core::Status::ok;
    outcome.exit_status = 0;
    end(host, outcome);
  }
  void end_with(core::HostIndex host, int exit_status) {
    core::Outcome outcome;
    outcome.status = core::Status::failed;
    outcome.exit_status = exit_status;
    end(host, outcome);
  }
  void end_as(core::HostIndex host, core::Status status, std::string cause) {
    core::Outcome outcome;
    outcome.status = status;
    outcome.cause = std::move(cause);
    end(host, outcome);
  }

  [[nodiscard]] std::string stdout_text() const { return text_of(out_.get()); }
  [[nodiscard]] std::string stderr_text() const { return text_of(err_.get()); }

private:
  static console::Lock make_lock() {
    auto lock = console::Lock::create();
    REQUIRE(lock);
    return std::move(*lock);
  }
  static sys::UniqueFd make_file() {
    return sys::UniqueFd::adopt(::memfd_create("output", MFD_CLOEXEC));
  }
  static std::string text_of(int fd) {
    std::string text(static_cast<std::size_t>(::lseek(fd, 0, SEEK_END)), '\0');
    const ssize_t count = ::pread(fd, text.data(), text.size(), 0);
    text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return text;
  }

  std::vector<core::Host> hosts_;
  console::Lock lock_;
  sys::UniqueFd out_;
  sys::UniqueFd err_;
  std::optional<console::Output> output_;
  std::optional<Report> report_;
};

}  // namespace fanout::report
