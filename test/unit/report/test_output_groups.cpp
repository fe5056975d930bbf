#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "report/output_groups.hpp"

using namespace fanout;
using core::HostIndex;
using core::Outcome;
using core::Status;
using report::OutputGroup;
using report::OutputGroups;
using report::PrintedStream;
using report::Spill;
using Hosts = std::vector<HostIndex>;

namespace {

Outcome ok() {
  Outcome outcome;
  outcome.status = Status::ok;
  outcome.exit_status = 0;
  outcome.remote_end = core::RemoteEnd::exited;
  return outcome;
}

Outcome failed(int exit_status) {
  Outcome outcome = ok();
  outcome.status = Status::failed;
  outcome.exit_status = exit_status;
  return outcome;
}

Outcome timed_out() {
  Outcome outcome;
  outcome.status = Status::timeout;
  outcome.cause = "took too long";
  outcome.remote_end = core::RemoteEnd::killed;
  return outcome;
}

// Its text is its identity.
void add(OutputGroups &groups, Spill &spill, HostIndex host, const std::string &text,
         const Outcome &outcome = ok(), std::uint64_t missing_bytes = 0) {
  PrintedStream printed(spill);
  REQUIRE(printed.text.append(text));
  printed.missing_bytes = missing_bytes;
  groups.add(host, text, outcome, printed);
  CHECK(printed.text.empty());
}

std::string text_of(const OutputGroup &group) {
  auto text = group.text->whole();
  REQUIRE(text);
  return *text;
}

}  // namespace

TEST_CASE("groups: hosts with the same output are one, in the order of the selection", "[report]") {
  Spill spill;
  OutputGroups groups;
  add(groups, spill, 2, "same");
  add(groups, spill, 0, "other");
  add(groups, spill, 1, "same");
  groups.sort();
  REQUIRE(groups.sorted().size() == 2);
  CHECK(groups.sorted()[0]->hosts == Hosts{1, 2});
  CHECK(text_of(*groups.sorted()[0]) == "same");
  CHECK(groups.sorted()[1]->hosts == Hosts{0});
}

TEST_CASE("groups: of two that are as large that one is first whose first host is", "[report]") {
  Spill spill;
  OutputGroups groups;
  add(groups, spill, 3, "c");
  add(groups, spill, 1, "b");
  add(groups, spill, 2, "c");
  add(groups, spill, 4, "b");
  groups.sort();
  CHECK(groups.sorted()[0]->hosts == Hosts{1, 4});
  CHECK(groups.sorted()[1]->hosts == Hosts{2, 3});
}

TEST_CASE("groups: what ended how is counted, and told of a single host", "[report]") {
  Spill spill;
  OutputGroups groups;
  add(groups, spill, 0, "x");
  add(groups, spill, 1, "x", failed(3));
  add(groups, spill, 2, "x", timed_out());
  add(groups, spill, 3, "y", failed(4));
  groups.sort();
  const OutputGroup &group = *groups.sorted()[0];
  CHECK(group.statuses[static_cast<std::size_t>(Status::failed)] == 1);
  CHECK(group.statuses[static_cast<std::size_t>(Status::timeout)] == 1);
  CHECK_FALSE(group.all_ok());
  CHECK(group.comparable == 2);
  CHECK(group.end_of_one.empty());
  CHECK(groups.sorted()[1]->end_of_one == "failed, exit 4");
}

TEST_CASE("groups: the reference is the largest of those whose commands ended", "[report]") {
  Spill spill;
  OutputGroups groups;
  for (HostIndex host = 0; host < 5; ++host) add(groups, spill, host, "cut", timed_out());
  add(groups, spill, 5, "b");
  add(groups, spill, 6, "c");
  add(groups, spill, 7, "c", failed(1));
  groups.sort();
  CHECK(groups.sorted()[0]->hosts.size() == 5);
  CHECK(groups.largest_comparable()->hosts == Hosts{6, 7});

  OutputGroups none;
  add(none, spill, 0, "cut", timed_out());
  none.sort();
  CHECK(none.largest_comparable() == nullptr);
}

TEST_CASE("groups: one is found by its identity and by a host", "[report]") {
  Spill spill;
  OutputGroups groups;
  add(groups, spill, 4, "x");
  add(groups, spill, 2, "y");
  groups.sort();
  CHECK(groups.find("y")->hosts == Hosts{2});
  CHECK(groups.find(HostIndex{4})->hosts == Hosts{4});
  CHECK(groups.find("z") == nullptr);
  CHECK(groups.find(HostIndex{3}) == nullptr);
}

TEST_CASE("groups: of equal outputs the one of which most was kept stays", "[report]") {
  Spill spill;
  OutputGroups groups;
  for (const std::size_t kept : {2, 5, 3}) {
    PrintedStream printed(spill);
    REQUIRE(printed.text.append(std::string("abcdef").substr(0, kept)));
    printed.missing_bytes = 6 - kept;
    groups.add(static_cast<HostIndex>(kept), "all of it", ok(), printed);
  }
  groups.sort();
  REQUIRE(groups.sorted().size() == 1);
  CHECK(text_of(*groups.sorted()[0]) == "abcde");
  CHECK(groups.sorted()[0]->missing_bytes == 1);
  CHECK(groups.sorted()[0]->bytes() == 6);
  CHECK(groups.sorted()[0]->whose == 5);
}

TEST_CASE("groups: ten thousand hosts of 100 KiB take the place of one, or the disk's",
          "[report]") {
  const std::string text(std::size_t{100} << 10, 'x');
  Spill spill;
  OutputGroups groups;
  for (HostIndex host = 0; host < 10'000; ++host) add(groups, spill, host, text);
  CHECK(spill.segments_in_use() <= 2);
  CHECK(spill.resident_bytes() <= std::size_t{64} << 10);
  groups.sort();
  CHECK(groups.sorted()[0]->hosts.size() == 10'000);

  OutputGroups distinct;
  for (HostIndex host = 0; host < 300; ++host)
    add(distinct, spill, host, std::to_string(host) + text);
  CHECK(spill.resident_bytes() <= std::size_t{17} << 20);
  distinct.sort();
  CHECK(distinct.sorted().size() == 300);
  CHECK(text_of(*distinct.sorted()[299]) == "299" + text);
}
