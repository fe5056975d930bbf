// What --output merge and diff have in common: hosts are gathered by what they have printed, and shown when all have ended.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "form.hpp"
#include "outliers.hpp"
#include "output_groups.hpp"

namespace fanout::report {

class GroupForm : public Form {
public:
  explicit GroupForm(const FormTools &tools) : tools_(tools), outliers_(tools.hosts.size()) {}

  core::Result<void> ended(core::HostIndex host, const core::Outcome &outcome,
                           Printed &printed) final;
  core::Result<void> finished() final;

protected:
  [[nodiscard]] const FormTools &tools() const { return tools_; }
  [[nodiscard]] const OutputGroups &groups(core::Stream stream) const {
    return groups_[static_cast<std::size_t>(stream)];
  }
  // Whether the command of this host has ended by itself.
  [[nodiscard]] bool has_compared(core::HostIndex host) const;

  // Before the first stream is printed.
  virtual void all_ended() {}
  virtual core::Result<void> print(core::Stream stream) = 0;

  // One header line, "== web[01-06] (6 hosts, stderr): 2 failed ==", in its colours; or nothing without headers.
  [[nodiscard]] std::string header(core::Stream stream, const OutputGroup &group) const;
  // "web07", "web[01-06]".
  [[nodiscard]] std::string name_of(const std::vector<core::HostIndex> &hosts) const;
  // The header and the text, masked if that is wanted.
  core::Result<void> print_whole(core::Stream stream, const OutputGroup &group) const;
  // For texts that are known to be small.
  [[nodiscard]] core::Result<std::string> whole_text(const OutputGroup &group) const;
  // The hosts that have printed nothing at all, if another one has printed on stdout.
  void print_silent() const;
  // For stderr, on a line of its own.
  void say(std::string_view text) const;

private:
  void name_outliers(core::HostIndex host, std::string_view identity);

  FormTools tools_;
  std::array<OutputGroups, 2> groups_;
  std::vector<core::HostIndex> compared_;  // sorted once all have ended
  OutputGroup silent_;                     // without a text
  Outliers outliers_;
};

// Calls `print` for every element, also after an error, which is handed on at the end: what can be shown is shown. But when
// the user wants to leave (Output::is_given_up()), nothing more is.
template <class Elements, class Print>
core::Result<void> print_each(const console::Output &output, const Elements &elements,
                              const Print &print) {
  core::Result<void> result;
  for (const auto &element : elements) {
    if (output.is_given_up()) break;
    if (auto printed = print(element); !printed && result) result = std::move(printed);
  }
  return result;
}

}  // namespace fanout::report
