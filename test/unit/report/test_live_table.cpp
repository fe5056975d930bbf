#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "report/live_table.hpp"

using namespace fanout;
using core::HostIndex;
using core::Phase;
using core::Status;
using core::Stream;
using report::compare_naturally;
using report::LastLine;
using report::LiveOrder;
using report::LiveRow;
using report::LiveTable;
using State = LiveRow::State;

namespace {

constexpr core::TimePoint begin{std::chrono::hours(1)};
core::TimePoint after(int seconds) { return begin + std::chrono::seconds(seconds); }

std::vector<core::Host> hosts_named(const std::vector<std::string> &names) {
  std::vector<core::Host> hosts(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) hosts[i].name = names[i];
  return hosts;
}

core::Event ended(HostIndex host, Status status, int seconds = 1) {
  core::Ended event{host, {}, 0};
  event.outcome.status = status;
  event.outcome.phase = Phase::run;
  event.outcome.elapsed = std::chrono::seconds(seconds);
  if (status == Status::failed) event.outcome.exit_status = 3;
  return event;
}

std::vector<HostIndex> all(LiveTable &table, core::TimePoint now = begin, std::size_t rows = 100) {
  const auto sight = table.in_sight(rows, now);
  return {sight.begin(), sight.end()};
}

using Hosts = std::vector<HostIndex>;

std::string last_of(const std::vector<std::pair<Stream, std::string>> &pieces) {
  LastLine line;
  for (const auto &[stream, bytes] : pieces) line.feed(stream, bytes);
  return line.text();
}

}  // namespace

TEST_CASE("last line: it is the one that was printed last, whole or not", "[report]") {
  CHECK(last_of({}).empty());
  CHECK(last_of({{Stream::out, "one\ntwo\nthree\n"}}) == "three");
  CHECK(last_of({{Stream::out, "one\ntwo\nthr"}}) == "thr");
  CHECK(last_of({{Stream::out, "one\nth"}, {Stream::out, "ree"}, {Stream::out, "\n"}}) == "three");
  CHECK(last_of({{Stream::out, "one\n"}, {Stream::out, "two"}}) == "two");
  CHECK(last_of({{Stream::out, "one"}, {Stream::out, "\ntwo\n"}}) == "two");
}

TEST_CASE("last line: empty lines do not hide the one before", "[report]") {
  CHECK(last_of({{Stream::out, "one\n\n\n"}, {Stream::out, "\n"}, {Stream::out, "\r\n"}}) == "one");
  CHECK(last_of({{Stream::out, "one\n"}, {Stream::out, "\n"}, {Stream::out, "two"}}) == "two");
}

TEST_CASE("last line: a carriage return begins it anew, as a bar of progress does", "[report]") {
  CHECK(last_of({{Stream::out, "10%\r20%\r30%"}}) == "30%");
  CHECK(last_of({{Stream::out, "10%\r"}, {Stream::out, "20%\r"}}) == "20%");
  CHECK(last_of({{Stream::out, "dos\r\n"}}) == "dos");
}

TEST_CASE("last line: the two streams do not run into each other", "[report]") {
  CHECK(last_of({{Stream::out, "open"}, {Stream::err, "error\n"}}) == "error");
  CHECK(last_of({{Stream::out, "open"}, {Stream::err, "err"}, {Stream::err, "or"}}) == "error");
}

TEST_CASE("last line: of an endless one the beginning is kept", "[report]") {
  LastLine line;
  line.feed(Stream::out, "begin ");
  for (int i = 0; i < 1000; ++i) line.feed(Stream::out, std::string(1000, 'x'));
  CHECK(line.text().size() == LastLine::longest_bytes);
  CHECK(line.text().starts_with("begin xxx"));
  line.feed(Stream::out, "x\nnext");
  CHECK(line.text() == "next");
}

TEST_CASE("live table: a host goes from waiting over running to its end", "[report]") {
  const auto hosts = hosts_named({"a", "b", "c"});
  LiveTable table(hosts);
  CHECK(table.row(0).state == State::waiting);
  CHECK(table.row(0).elapsed(after(9)).count() == 0);
  table.observe(core::Started{0}, begin);
  table.observe(core::PhaseEntered{0, Phase::kex}, after(1));
  CHECK(table.row(0).state == State::running);
  CHECK(table.row(0).phase == Phase::kex);
  CHECK(table.row(0).elapsed(after(5)) == std::chrono::seconds(5));
  CHECK(table.can_be_stopped(0));
  CHECK_FALSE(table.can_be_stopped(1));
  table.observe(core::OutputReceived{0, Stream::out, "hello\n"}, after(2));
  table.observe(core::OutputReceived{0, Stream::err, "wor"}, after(2));
  CHECK(table.row(0).last.text() == "wor");
  CHECK(table.row(0).printed_bytes == 9);
  table.observe(ended(0, Status::failed, 7), after(7));
  CHECK(table.row(0).state == State::ended);
  CHECK(table.row(0).status == Status::failed);
  CHECK(table.row(0).reason == "exit 3");
  CHECK(table.row(0).elapsed(after(100)) == std::chrono::seconds(7));
  CHECK_FALSE(table.can_be_stopped(0));
}

TEST_CASE("live table: hosts are counted once, also those that are tried again", "[report]") {
  const auto hosts = hosts_named({"a", "b", "c", "d"});
  LiveTable table(hosts);
  const auto counts = [&table] {
    const LiveTable::Counts &now = table.counts();
    return fmt::format("{} {} {} {}", now.hosts, now.running, now.ended, now.failed);
  };
  CHECK(counts() == "4 0 0 0");
  table.observe(core::Started{0}, begin);
  table.observe(core::Started{1}, begin);
  CHECK(counts() == "4 2 0 0");
  core::Retrying again{0, {}, core::Milliseconds(500)};
  again.outcome.status = Status::unreachable;
  again.outcome.cause = "connect: Connection refused";
  table.observe(again, after(1));
  CHECK(counts() == "4 2 0 0");
  CHECK(table.row(0).state == State::retrying);
  CHECK(table.row(0).reason == "connect: Connection refused");
  CHECK_FALSE(table.can_be_stopped(0));
  table.observe(core::Started{0}, after(2));
  CHECK(table.row(0).elapsed(after(3)) == std::chrono::seconds(3));
  table.observe(ended(0, Status::ok), after(3));
  table.observe(ended(0, Status::ok), after(3));
  table.observe(ended(1, Status::timeout), after(3));
  CHECK(counts() == "4 0 2 1");
  table.observe(ended(2, Status::skipped), after(3));
  CHECK(counts() == "4 0 3 1");
}

TEST_CASE("live table: a host that is not in the run is ignored", "[report]") {
  const auto hosts = hosts_named({"a"});
  LiveTable table(hosts);
  table.observe(core::Started{7}, begin);
  CHECK(table.counts().running == 0);
}

TEST_CASE(
    "live table: by state those that run come first, the furthest before the others, and ok last",
    "[report]") {
  const auto hosts = hosts_named({"waits", "ok", "connects", "failed", "runs", "also runs"});
  LiveTable table(hosts);
  for (const HostIndex host : {1U, 2U, 3U, 4U, 5U}) table.observe(core::Started{host}, begin);
  table.observe(core::PhaseEntered{2, Phase::connect}, begin);
  table.observe(core::PhaseEntered{4, Phase::run}, begin);
  table.observe(core::PhaseEntered{5, Phase::run}, begin);
  table.observe(ended(1, Status::ok), begin);
  table.observe(ended(3, Status::failed), begin);
  CHECK(all(table) == Hosts{0, 1, 2, 3, 4, 5});
  table.change_order();
  REQUIRE(table.order() == LiveOrder::state);
  CHECK(all(table) == Hosts{4, 5, 2, 3, 0, 1});
}

TEST_CASE("live table: by time who runs overtakes who has ended", "[report]") {
  const auto hosts = hosts_named({"waits", "ended", "runs"});
  LiveTable table(hosts);
  table.observe(core::Started{1}, begin);
  table.observe(ended(1, Status::ok, 10), after(10));
  table.observe(core::Started{2}, after(10));
  table.change_order();
  table.change_order();
  REQUIRE(table.order() == LiveOrder::elapsed);
  CHECK(all(table, after(15)) == Hosts{1, 2, 0});
  CHECK(all(table, after(25)) == Hosts{2, 1, 0});
}

TEST_CASE("live table: by name digits are numbers", "[report]") {
  const auto hosts = hosts_named({"web10", "web2", "db", "web2b", "web02"});
  LiveTable table(hosts);
  while (table.order() != LiveOrder::name) table.change_order();
  CHECK(all(table) == Hosts{2, 4, 1, 3, 0});
  CHECK(compare_naturally("a1b2", "a1b10") < 0);
  CHECK(compare_naturally("a", "a1") < 0);
  CHECK(compare_naturally("a99999999999999999999999", "a100000000000000000000000") < 0);
  CHECK(compare_naturally("x", "x") == 0);
  CHECK(compare_naturally("a0", "a00") < 0);
}

TEST_CASE("live table: the order goes round", "[report]") {
  const auto hosts = hosts_named({"a"});
  LiveTable table(hosts);
  for (int i = 0; i < 4; ++i) table.change_order();
  CHECK(table.order() == LiveOrder::selection);
}

TEST_CASE("live table: the first row is selected until somebody has moved it", "[report]") {
  const auto hosts = hosts_named({"a", "b", "c"});
  LiveTable table(hosts);
  table.change_order();
  table.observe(core::Started{2}, begin);
  CHECK(table.selected(begin) == 2);
  table.observe(core::Started{0}, begin);
  CHECK(table.selected(begin) == 0);
  table.move_selection(1, begin);
  CHECK(table.selected(begin) == 2);
}

TEST_CASE("live table: the selected host stays selected when rows move", "[report]") {
  const auto hosts = hosts_named({"a", "b", "c"});
  LiveTable table(hosts);
  table.change_order();
  table.move_selection(2, begin);
  REQUIRE(table.selected(begin) == 2);
  table.observe(core::Started{2}, begin);
  CHECK(all(table).front() == 2);
  CHECK(table.selected(begin) == 2);
  table.observe(ended(2, Status::ok), begin);
  CHECK(all(table).back() == 2);
  CHECK(table.selected(begin) == 2);
}

TEST_CASE("live table: the selection moves as far as there are hosts", "[report]") {
  const auto hosts = hosts_named({"a", "b", "c"});
  LiveTable table(hosts);
  table.move_selection(PTRDIFF_MAX, begin);
  CHECK(table.selected(begin) == 2);
  table.move_selection(PTRDIFF_MIN + 1, begin);
  CHECK(table.selected(begin) == 0);
  const std::vector<core::Host> nobody;
  LiveTable empty(nobody);
  empty.move_selection(1, begin);
  CHECK(empty.in_sight(10, begin).empty());
}

TEST_CASE("live table: what is selected is in sight, and no more moves than has to", "[report]") {
  const auto hosts = hosts_named({"a", "b", "c", "d", "e", "f"});
  LiveTable table(hosts);
  CHECK(all(table, begin, 3) == Hosts{0, 1, 2});
  table.move_selection(2, begin);
  CHECK(all(table, begin, 3) == Hosts{0, 1, 2});
  table.move_selection(1, begin);
  CHECK(all(table, begin, 3) == Hosts{1, 2, 3});
  table.move_selection(-1, begin);
  CHECK(all(table, begin, 3) == Hosts{1, 2, 3});
  table.move_selection(3, begin);
  CHECK(all(table, begin, 3) == Hosts{3, 4, 5});
  // More room: no row stays empty.
  CHECK(all(table, begin, 5) == Hosts{1, 2, 3, 4, 5});
  CHECK(all(table, begin, 100).size() == 6);
  CHECK(all(table, begin, 0).empty());
}

TEST_CASE("live table: a flood of output costs the same however many hosts there are", "[report]") {
  const auto hosts = hosts_named(std::vector<std::string>(10'000, "host"));
  LiveTable table(hosts);
  table.change_order();
  table.observe(core::Started{9'999}, begin);
  const core::Event line = core::OutputReceived{9'999, Stream::out, "a line of text\n"};
  const auto before = std::chrono::steady_clock::now();
  for (int i = 0; i < 100'000; ++i) {
    table.observe(line, begin);
    // Sorting 10,000 hosts each time would take minutes.
    table.in_sight(50, begin);
  }
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(10));
  CHECK(table.row(9'999).printed_bytes == 1'500'000);
}
