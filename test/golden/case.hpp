// Plays events into a report: the language of the events.txt files, and what comes out.
//
// One statement a line; "..." is text with the escapes \n \r \t \\ \" \0 and \xNN, # begins a comment. Settings and hosts
// come before the first event.
//
//     form block|line|merge|diff|json|none [merge]     the second word: after lines, the groups
//     task exec|put|get                                terminal [out] [err]        color (where a terminal is)
//     headers off      raw      sorted      verbosity N      max-output BYTES      mask [host] [ip] [number]
//     expect-same      diff-against NAME
//     host NAME ADDRESS                              in the order of the selection
//     hosts PREFIX COUNT                             web0001 to web1000, at 10.0.0.1 to 10.0.3.250
//
//     started NAME
//     phase NAME WORD                                resolve, connect, ... as in JSON
//     out NAME "TEXT"      err NAME "TEXT"      note NAME "TEXT"
//     missing NAME out|err BYTES                     more was printed, of which an old journal does not know
//     ended NAME STATUS [exit=N] [signal=NAME] [cause="TEXT"] [remote=WORD] [phase=WORD] [peer=ADDRESS]
//                       [elapsed=MILLISECONDS] [took-PHASE=MILLISECONDS]...
//                       of a transfer: [files=N] [bytes=N] [sent=N] [unchanged=N] [sha256=TEXT] [verified=TEXT]
//                       [used=TEXT] [left=NAME]...
//     running                                        the text for SIGINT goes to stderr
//     finish MILLISECONDS ["WHY SKIPPED"]
//     differ yes|no                                  what --expect-same finds, if it was asked
//
//     repeat N STATEMENT                             {round} is 1 to N in it
//     each [FIRST-LAST] STATEMENT                    for those hosts by number, or for all; {host} is the name, {ip} the
//                                                    address, {number} the number
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/console/output.hpp"
#include "fanout/report/report.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::golden {

// In memory.
class File {
public:
  File();
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] std::string text() const;

private:
  sys::UniqueFd fd_;
};

class Case {
public:
  explicit Case(console::Lock &lock) : lock_(lock) {}

  // Once or more, one after the other.
  void play(std::string_view statements);
  [[nodiscard]] std::string stdout_text() const { return out_.text(); }
  [[nodiscard]] std::string stderr_text() const { return err_.text(); }

private:
  using Words = std::vector<std::string>;

  void obey(const Words &words);
  void repeat(const Words &words);
  void each(const Words &words);
  // False for what is not a setting.
  bool set(const Words &words);
  bool set_form(const Words &words);
  bool add_hosts(const Words &words);
  core::Result<void> happen(const Words &words);
  core::Result<void> happen_to(core::HostIndex host, const Words &words);
  void begin();
  [[nodiscard]] core::HostIndex index_of(const std::string &name) const;

  console::Lock &lock_;
  report::ReportOptions options_;
  bool out_is_terminal_ = false;
  bool err_is_terminal_ = false;
  bool color_ = false;
  std::string diff_against_;
  std::vector<core::Host> hosts_;
  File out_;
  File err_;
  std::optional<console::Output> output_;
  std::optional<report::Report> report_;
};

}  // namespace fanout::golden
