#include "transfer.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "sizes.hpp"

namespace fanout::report {

using core::Outcome;
using core::TaskKind;
using core::TransferRecord;

namespace {

std::string count_files(std::uint64_t files) {
  return fmt::format("{} {}", files, files == 1 ? "file" : "files");
}

// The numbers come through workers: their sum must not begin again at 0.
void add(std::uint64_t &sum, std::uint64_t number) {
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  sum = number > most - sum ? most : sum + number;
}

std::string describe_rate(double bytes_per_second) {
  constexpr double most = 1e18;
  return describe_bytes(static_cast<std::uint64_t>(std::min(bytes_per_second, most))) + "/s";
}

struct Sums {
  std::size_t hosts = 0;          // that have got what there is to copy, or a part of it
  std::size_t idle_hosts = 0;     // of these: nothing had to be sent
  bool all_alike = true;          // the same files and bytes on each
  const Outcome *only = nullptr;  // the first of them
  TransferRecord total;
};

bool is_idle(const TransferRecord &record) {
  return record.sent_bytes == 0 && record.files > 0 && record.unchanged == record.files;
}

Sums sum_up(std::span<const Outcome> outcomes) {
  Sums sums;
  for (const Outcome &outcome : outcomes) {
    if (!outcome.transfer) continue;
    const TransferRecord &record = *outcome.transfer;
    add(sums.total.sent_bytes, record.sent_bytes);
    if (record.files == 0 && !core::succeeded(outcome)) continue;
    if (sums.only == nullptr) sums.only = &outcome;
    const TransferRecord &first = *sums.only->transfer;
    sums.all_alike = sums.all_alike && record.files == first.files && record.bytes == first.bytes;
    ++sums.hosts;
    if (is_idle(record)) ++sums.idle_hosts;
    add(sums.total.files, record.files);
    add(sums.total.bytes, record.bytes);
    add(sums.total.unchanged, record.unchanged);
  }
  return sums;
}

std::string what_stands(const Sums &sums, std::size_t hosts_of_run) {
  if (sums.hosts == 0) return "no file is complete";
  const TransferRecord &shown = sums.all_alike ? *sums.only->transfer : sums.total;
  std::string files = fmt::format("{}, {}", count_files(shown.files), describe_bytes(shown.bytes));
  if (hosts_of_run == 1) return files;
  if (sums.hosts == 1) return files + " on 1 host";
  return fmt::format("{} on {}{} hosts", files, sums.all_alike ? "each of " : "", sums.hosts);
}

// Of one host the time in which it was copied is known; of several, what all of them took together.
std::optional<double> rate_of_all(std::span<const Outcome> outcomes, const Sums &sums,
                                  core::Milliseconds elapsed) {
  if (outcomes.size() == 1) return rate_of(outcomes.front());
  if (elapsed.count() <= 0 || sums.total.sent_bytes == 0) return std::nullopt;
  return static_cast<double>(sums.total.sent_bytes) /
         std::chrono::duration<double>(elapsed).count();
}

std::string what_travelled(TaskKind task, const Sums &sums, std::optional<double> rate) {
  const std::string_view verb = task == TaskKind::get ? "fetched" : "sent";
  if (sums.idle_hosts == sums.hosts && sums.total.sent_bytes == 0)
    return fmt::format("nothing had to be {}, all unchanged", verb);
  std::string text = fmt::format("{} {}", verb, describe_bytes(sums.total.sent_bytes));
  if (rate) text += " at " + describe_rate(*rate);
  if (sums.idle_hosts > 0)
    text +=
        fmt::format("; nothing had to be {} {} {} {}", verb, task == TaskKind::get ? "from" : "to",
                    sums.idle_hosts, sums.idle_hosts == 1 ? "host" : "hosts");
  if (sums.total.unchanged > 0)
    text += fmt::format("; {} unchanged", count_files(sums.total.unchanged));
  return text;
}

}  // namespace

bool is_transfer(TaskKind task) { return task == TaskKind::put || task == TaskKind::get; }

std::optional<double> rate_of(const Outcome &outcome) {
  const auto time = outcome.phases[static_cast<std::size_t>(core::Phase::run)];
  if (!outcome.transfer || outcome.transfer->sent_bytes == 0 || time.count() <= 0)
    return std::nullopt;
  return static_cast<double>(outcome.transfer->sent_bytes) /
         std::chrono::duration<double>(time).count();
}

std::string describe_transfer(const Outcome &outcome) {
  if (!outcome.transfer) return {};
  const TransferRecord &record = *outcome.transfer;
  std::string text = fmt::format("{}, {}", count_files(record.files), describe_bytes(record.bytes));
  if (is_idle(record)) {
    text += ", all unchanged";
  } else {
    text += ", sent " + describe_bytes(record.sent_bytes);
    if (const auto rate = rate_of(outcome)) text += " at " + describe_rate(*rate);
    if (record.unchanged > 0) text += fmt::format(", {} unchanged", record.unchanged);
  }
  if (!record.used.empty()) text += ", by " + record.used;
  if (!record.sha256.empty()) text += ", sha256 " + record.sha256;
  if (!record.verified_by.empty()) text += ", verified by " + record.verified_by;
  return text;
}

std::string describe_transfers(TaskKind task, std::span<const Outcome> outcomes,
                               core::Milliseconds elapsed) {
  const Sums sums = sum_up(outcomes);
  if (sums.hosts == 0 && sums.total.sent_bytes == 0) return {};
  return fmt::format("{}; {}", what_stands(sums, outcomes.size()),
                     what_travelled(task, sums, rate_of_all(outcomes, sums, elapsed)));
}

}  // namespace fanout::report
