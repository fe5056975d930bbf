#include <chrono>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "../../../src/report/json_text.hpp"
#include "fanout/core/base64.hpp"
#include "run.hpp"

using namespace fanout;
using namespace std::chrono_literals;
using report::Run;
using Json = nlohmann::ordered_json;

namespace {

report::ReportOptions json_options(core::TaskKind task = core::TaskKind::exec) {
  report::ReportOptions options;
  options.form = report::OutputForm::json;
  options.task = task;
  options.wall_clock = [] { return std::chrono::system_clock::time_point(1'769'860'800s); };
  return options;
}

std::vector<Json> lines_of(const std::string &text) {
  CHECK((text.empty() || text.back() == '\n'));
  std::vector<Json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(Json::parse(line));
  return lines;
}

std::vector<std::string> keys_of(const Json &object) {
  std::vector<std::string> keys;
  for (const auto &[key, value] : object.items()) keys.push_back(key);
  return keys;
}

}  // namespace

TEST_CASE("json: one object a host, its keys in their order", "[report]") {
  Run run({"a"}, json_options());
  run.start(0);
  run.out(0, "hello\n");
  run.err(0, "oh\n");
  core::Outcome outcome;
  outcome.status = core::Status::failed;
  outcome.exit_status = 3;
  outcome.phase = core::Phase::done;
  outcome.remote_end = core::RemoteEnd::exited;
  outcome.cause = "exit 3";
  outcome.elapsed = 1500ms;
  outcome.phases[static_cast<std::size_t>(core::Phase::kex)] = 20ms;
  outcome.phases[static_cast<std::size_t>(core::Phase::verify)] = 5ms;
  outcome.phases[static_cast<std::size_t>(core::Phase::run)] = 1s;
  run.end(0, outcome);
  CHECK(run.stdout_text() ==
        R"({"v":1,"host":"a","address":"a.example","port":22,"user":"","status":"failed","exit":3,)"
        R"("signal":null,"phase":"done","cause":"exit 3","attempts":1,)"
        R"("started":"2026-01-31T12:00:00Z","seconds":1.5,"phases":{"resolve":0.0,"connect":0.0,)"
        R"("kex":0.025,"auth":0.0,"run":1.0},"stdout":"hello\n","stderr":"oh\n","stdout_bytes":6,)"
        R"("stderr_bytes":3,"truncated":false,"remote_end":"exited","stopped_by":null})"
        "\n");
}

TEST_CASE("json: stdout has the objects and nothing else", "[report]") {
  Run run({"a", "b"}, json_options());
  run.start_all();
  run.end_ok(1);
  run.end_with(0, 1);
  REQUIRE(run.report().finish(1s));
  const auto lines = lines_of(run.stdout_text());
  REQUIRE(lines.size() == 2);
  CHECK(lines[0]["host"] == "b");
  CHECK(lines[1]["host"] == "a");
  CHECK(run.stderr_text().starts_with("fanout: 2 hosts, 1 ok, 1 failed"));
}

TEST_CASE("json: a host that was never started has its object too", "[report]") {
  Run run({"a", "b"}, json_options());
  run.start(0);
  run.end_ok(0);
  REQUIRE(run.report().finish(1s, "stopped by SIGINT"));
  const auto lines = lines_of(run.stdout_text());
  REQUIRE(lines.size() == 2);
  CHECK(lines[1]["status"] == "skipped");
  CHECK(lines[1]["cause"] == "stopped by SIGINT");
  CHECK(lines[1]["attempts"] == 0);
  CHECK(lines[1]["started"].is_null());
  CHECK(lines[1]["exit"].is_null());
  CHECK(lines[1]["remote_end"].is_null());
  CHECK(keys_of(lines[1]) == keys_of(lines[0]));
}

TEST_CASE("json: output that is not UTF-8 is Base64, each stream by itself", "[report]") {
  for (const std::string bytes : {"\xff", "a\xc3", "\xed\xa0\x80", "ab\xff"}) {
    Run run({"a"}, json_options());
    run.start(0);
    run.out(0, bytes);
    run.err(0, "\xc3\xa4");
    run.end_ok(0);
    const Json line = lines_of(run.stdout_text()).at(0);
    CHECK_FALSE(line.contains("stdout"));
    CHECK(line["stdout_base64"] == core::encode_base64(bytes));
    CHECK(line["stderr"] == "\xc3\xa4");
  }
}

TEST_CASE("json: large output arrives whole, wherever its pieces end", "[report]") {
  // Three bytes each, so that segments end inside characters, and a text that only Base64 can carry.
  for (const std::string unit : {"\xe2\x82\xac", "a\x80z"}) {
    report::ReportOptions options = json_options();
    options.spill = {64, 128, 100};
    Run run({"a"}, options);
    run.start(0);
    std::string all;
    for (int i = 0; i < 300; ++i) {
      run.out(0, unit.substr(0, 1));
      run.out(0, unit.substr(1));
      all += unit;
    }
    run.end_ok(0);
    const Json line = lines_of(run.stdout_text()).at(0);
    if (unit[0] == 'a')
      CHECK(line["stdout_base64"] == core::encode_base64(all));
    else
      CHECK(line["stdout"] == all);
    CHECK(line["stdout_bytes"] == all.size());
  }
}

TEST_CASE("json: output over the limit is counted and called truncated", "[report]") {
  report::ReportOptions options = json_options();
  options.max_output_bytes = 3;
  Run run({"a"}, options);
  run.start(0);
  run.out(0, "abcdef");
  run.end_ok(0);
  const Json line = lines_of(run.stdout_text()).at(0);
  CHECK(line["stdout"] == "abc");
  CHECK(line["stdout_bytes"] == 6);
  CHECK(line["truncated"] == true);
}

TEST_CASE("json: of a transfer there is what was copied", "[report]") {
  Run run({"a", "b"}, json_options(core::TaskKind::put));
  run.start_all();
  core::Outcome outcome;
  outcome.status = core::Status::ok;
  outcome.phases[static_cast<std::size_t>(core::Phase::run)] = 2s;
  outcome.transfer =
      core::TransferRecord{3, 30, 20, 1, std::string(64, 'a'), "sha256sum", "sftp", {}};
  run.end(0, outcome);
  run.end_as(1, core::Status::unreachable, "no route");
  const auto lines = lines_of(run.stdout_text());
  const std::string text = lines.at(0).dump();
  CHECK(text.ends_with(
      R"("remote_end":null,"stopped_by":null,"files":3,"bytes":30,"sent":20,"unchanged":1,"rate":10.0,)"
      R"("sha256":")" +
      std::string(64, 'a') + R"(","verified_by":"sha256sum","used":"sftp"})"));
  CHECK(lines.at(1).dump().ends_with(
      R"("files":0,"bytes":0,"sent":0,"unchanged":0,"rate":null,"sha256":null})"));
}

TEST_CASE("json: names that were left are listed, in Base64 if one of them needs it", "[report]") {
  Run run({"a", "b"}, json_options(core::TaskKind::put));
  run.start_all();
  core::Outcome outcome;
  outcome.status = core::Status::failed;
  outcome.transfer = core::TransferRecord();
  outcome.transfer->leftovers = {"/tmp/x"};
  run.end(0, outcome);
  outcome.transfer->leftovers = {"/tmp/x", "/\xff"};
  run.end(1, outcome);
  const auto lines = lines_of(run.stdout_text());
  CHECK(lines.at(0)["leftovers"] == Json::array({"/tmp/x"}));
  CHECK(lines.at(1)["leftovers_base64"] == Json::array({"L3RtcC94", "L/8="}));
}

TEST_CASE("json: on a terminal nothing can hide in it", "[report]") {
  Run run({"a"}, json_options(), {true, -1, sys::make_temporary_file});
  run.start(0);
  run.out(0,
          "\xc2\x9b"
          "31m\xe2\x80\xae\x1b");
  run.end_ok(0);
  for (const char byte : run.stdout_text()) CHECK((byte == '\n' || (byte >= ' ' && byte <= '~')));
  CHECK(lines_of(run.stdout_text()).at(0)["stdout"] ==
        "\xc2\x9b"
        "31m\xe2\x80\xae\x1b");
}

TEST_CASE("json: output that cannot be kept leaves an object, and a run that failed", "[report]") {
  report::ReportOptions options = json_options();
  options.spill = {4, 8, 16};
  Run run({"a"}, options, {false, -1, []() -> core::Result<sys::UniqueFd> {
                             return core::fail(core::ErrorKind::local, "no room");
                           }});
  run.start(0);
  run.out(0, "abc");
  run.out(0, "defghijkl");
  run.end_ok(0);
  const Json line = lines_of(run.stdout_text()).at(0);
  CHECK(line["stdout"] == "abc");
  CHECK(line["truncated"] == true);
  CHECK(run.report().local_failure());
}

TEST_CASE("json text: what is UTF-8 and what is not", "[report]") {
  for (const std::string good : {"", "a", "\x7f", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf",
                                 "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    CHECK(report::is_utf8(good));
  for (const std::string bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3", "\xe2\x82", "\xe2\x28\xa1"})
    CHECK_FALSE(report::is_utf8(bad));
  CHECK(report::whole_characters("ab") == 2);
  CHECK(report::whole_characters("ab\xe2\x82") == 2);
  CHECK(report::whole_characters("ab\xe2\x82\xac") == 5);
  CHECK(report::whole_characters("ab\xff") == 3);
  CHECK(report::whole_characters("\x80\x80\x80\x80") == 4);
}
