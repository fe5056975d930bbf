// Writing a journal. What is hard about it is the order: a host may run a command only after the disk has it that it was
// started, and a file that took half a line must never get another one behind it.
#include "fanout/report/journal.hpp"

#include <unistd.h>

#include <cerrno>
#include <chrono>

#include <fmt/format.h>

#include "fanout/sys/io.hpp"
#include "journal_file.hpp"
#include "journal_lines.hpp"
#include "journal_record.hpp"
#include "json_text.hpp"

namespace fanout::report {

using core::ErrorKind;
using core::fail;
using core::HostIndex;
using core::Outcome;
using core::Result;

namespace {

std::string wall_clock() {
  using std::chrono::floor;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto second = floor<std::chrono::seconds>(now);
  std::string time = format_time(second.count()).value_or("1970-01-01T00:00:00Z");
  time.pop_back();
  return time + fmt::format(".{:03}Z", (floor<core::Milliseconds>(now) - second).count());
}

Json begin(std::string_view run, std::string_view event) {
  Json line;
  line["v"] = journal_version;
  line["run"] = run;
  line["event"] = event;
  line["time"] = wall_clock();
  return line;
}

std::string dump(const Json &json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Result<Journal> Journal::open(const std::string &path) {
  TRY_ASSIGN(sys::UniqueFd fd, open_journal_to_add(path));
  const JournalPlace place = place_of(fd.get());
  return Journal(journal_name(path), std::move(fd), place);
}

Result<void> Journal::planned(const JournalHead &head, const std::vector<core::Host> &hosts) {
  run_ = head.run;
  copies_ = head.command != "exec";
  Json line = begin(run_, "planned");
  line["fanout"] = FANOUT_VERSION;
  line["command"] = head.command;
  line["text"] = head.text;
  line["order"] = head.order;
  line["batches"] = head.batches;
  line["local_user"] = head.local_user;
  line["rerun_of"] = or_null(head.rerun_of);
  // Host by host, because a value of the library is several times as large as its text.
  std::string text = dump(line);
  text.pop_back();
  text += ",\"hosts\":[";
  hosts_.reserve(hosts.size());
  for (const core::Host &host : hosts) {
    Json entry;
    entry["host"] = host.name;
    entry["address"] = host.address;
    entry["port"] = host.port;
    entry["user"] = host.user;
    if (!hosts_.empty()) text += ',';
    text += dump(entry);
    hosts_.push_back(host.name);
  }
  text += "]}\n";
  if (text.size() > longest_journal_line)
    return fail(ErrorKind::local, fmt::format("{}: {} hosts are too many", name_, hosts.size()));
  return write(text);
}

Result<void> Journal::starting(std::span<const Start> starts) {
  std::string lines;
  for (const Start &start : starts) {
    Json line = begin(run_, "started");
    line["host"] = hosts_[start.host];
    line["attempt"] = start.attempt;
    lines += dump(line) + "\n";
  }
  TRY(write(lines));
  return sync();
}

Result<void> Journal::retrying(HostIndex host, const Outcome &outcome) {
  Json line = begin(run_, "retrying");
  line["host"] = hosts_[host];
  line["status"] = to_string(outcome.status);
  line["cause"] = outcome.cause;
  return write(dump(line) + "\n");
}

Result<void> Journal::ended(HostIndex host, const Outcome &outcome) {
  Json line = begin(run_, "ended");
  line["host"] = hosts_[host];
  add_outcome(line, outcome, copies_);
  return write(dump(line) + "\n");
}

Result<void> Journal::printed(HostIndex host, const Printed &printed) {
  if (printed.out.bytes() == 0 && printed.err.bytes() == 0) return {};
  Json line = begin(run_, "output");
  line["host"] = hosts_[host];
  Json texts = Json::array();
  const auto tell = [&](const char *key, const PrintedStream &stream) -> Result<void> {
    const bool known = stream.bytes() > 0 && !stream.sha256.empty();
    line[key] = known ? Json(files::hexadecimal(stream.sha256)) : Json();
    if (!known) return {};
    // Of one host less may have been kept than of the next.
    const auto kept = std::min<std::uint64_t>(stream.text.size(), longest_journaled_text);
    const auto [before, is_new] = told_texts_.try_emplace(stream.sha256, kept);
    if (!is_new && before->second >= kept) return {};
    before->second = kept;
    TRY_ASSIGN(Json told, tell_text(stream, room_for_texts_));
    texts.push_back(std::move(told));
    return {};
  };
  TRY(tell("stdout", printed.out));
  TRY(tell("stderr", printed.err));
  line["texts"] = std::move(texts);
  return write(dump(line) + "\n");
}

Result<void> Journal::skipped(std::span<const HostIndex> hosts, std::string_view why) {
  Json line = begin(run_, "skipped");
  Json &names = line["hosts"] = Json::array();
  for (const HostIndex host : hosts) names.push_back(hosts_[host]);
  line["why"] = why;
  return write(dump(line) + "\n");
}

Result<void> Journal::finished(int exit_code) {
  Json line = begin(run_, "finished");
  line["exit"] = exit_code;
  TRY(write(dump(line) + "\n"));
  return sync();
}

Result<core::Deadline> Journal::flush(core::TimePoint now) {
  if (!unflushed_since_) return core::Deadline();
  const core::Deadline due = core::Deadline::in(flush_after, *unflushed_since_);
  if (!due.passed(now)) return due;
  TRY(sync());
  return core::Deadline();
}

Result<void> Journal::write(std::string_view lines) {
  // Behind half a line a whole one would be part of it.
  if (failure_) return fail(*failure_);
  if (!unflushed_since_) unflushed_since_ = sys::now();
  while (!lines.empty()) {
    const sys::Transfer wrote = sys::write_some(fd_.get(), lines);
    if (wrote.state != sys::Transfer::State::done || wrote.count == 0) {
      failure_ = core::system_error(ErrorKind::local, name_, wrote.error == 0 ? EIO : wrote.error);
      return fail(*failure_);
    }
    lines.remove_prefix(wrote.count);
  }
  return {};
}

Result<void> Journal::sync() {
  if (failure_) return fail(*failure_);
  int result = 0;
  do result = ::fdatasync(fd_.get());
  while (result != 0 && errno == EINTR);
  if (result != 0) {
    // A second call would say that all is well (fsync(2), "Notes"): the pages that could not be written count as clean.
    failure_ = core::system_error(ErrorKind::local, name_, errno);
    return fail(*failure_);
  }
  unflushed_since_.reset();
  return {};
}

}  // namespace fanout::report
