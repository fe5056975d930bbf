// The page: that it is whole, and that no text of a host can become a part of it.
#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "fanout/report/html.hpp"
#include "report/html_text.hpp"

namespace fanout::report {
namespace {

using core::HostIndex;
using core::Status;

constexpr JournalTime noon{std::chrono::sys_days(std::chrono::January / 31 / 2026) +
                           std::chrono::hours(12)};

PastRun run_of(std::size_t hosts) {
  PastRun run;
  run.texts = std::make_unique<JournalTexts>();
  run.began = noon;
  run.ended = noon + std::chrono::seconds(4);
  JournalRun &facts = run.runs.emplace_back();
  facts.head = {"0123456789abcdef", "", "exec", "uptime", "fifo", "operator", {hosts}};
  facts.fanout = "0.1.0";
  facts.planned = run.began;
  facts.latest = run.ended;
  for (std::size_t i = 0; i < hosts; ++i) {
    core::Host &host = run.hosts.emplace_back();
    host.name = fmt::format("host{:05}", i);
    host.address = "10.0.0.1";
    host.user = "root";
    JournalEntry &entry = run.entries.emplace_back();
    entry.outcome.status = Status::ok;
    entry.outcome.phase = core::Phase::done;
    entry.outcome.remote_end = core::RemoteEnd::exited;
    entry.outcome.elapsed = std::chrono::milliseconds(1000 + i % 7 * 100);
    entry.outcome.phases[static_cast<std::size_t>(core::Phase::run)] =
        std::chrono::milliseconds(800);
    entry.state = JournalEntry::State::ended;
    entry.starts = {noon + std::chrono::milliseconds(i % 1000)};
    entry.ended = entry.starts.front() + std::chrono::seconds(1);
  }
  return run;
}

void prints(PastRun &run, HostIndex host, const std::string &sha256, const std::string &text) {
  run.entries[host].stdout_sha256 = sha256;
  run.entries[host].outcome.stdout_bytes = text.size();
  REQUIRE(run.texts->add(sha256, text.size(), text));
}

std::string page_of(const PastRun &run) {
  const auto page = format_page(run, [&](const std::vector<HostIndex> &hosts) {
    std::string names;
    for (const HostIndex host : hosts) names += (names.empty() ? "" : ",") + run.hosts[host].name;
    return names;
  });
  REQUIRE(page);
  return *page;
}

bool has(const std::string &page, std::string_view text) {
  return page.find(text) != std::string::npos;
}

std::size_t count(const std::string &page, std::string_view text) {
  std::size_t times = 0;
  for (std::size_t at = 0; (at = page.find(text, at)) != std::string::npos; ++at) ++times;
  return times;
}

// Everything between '<' and '>', in order: what texts say must not change it.
std::string tags_of(const std::string &page) {
  std::string tags;
  bool within = false;
  for (const char c : page) {
    if (c == '<') within = true;
    // What stands in attributes are numbers of this page.
    if (within && !(c >= '0' && c <= '9') && c != '.') tags += c;
    if (c == '>') within = false;
  }
  return tags;
}

TEST_CASE("html: text is escaped and made safe", "[report]") {
  Html html;
  html << "<p>";
  html.text("a<b>&\"'\x1b[2J\xff\ttab\nnew");
  html << "</p>";
  CHECK(std::move(html).take() == "<p>a&lt;b&gt;&amp;&quot;&#39;\\x1b[2J\\xff\ttab\nnew</p>");
}

TEST_CASE("html: numbers have no zeros at their end", "[report]") {
  const auto decimal = [](double number, int decimals) {
    Html html;
    html.decimal(number, decimals);
    return std::move(html).take();
  };
  CHECK(decimal(1.500, 3) == "1.5");
  CHECK(decimal(100, 2) == "100");
  CHECK(decimal(-0.0001, 2) == "0");
  CHECK(decimal(0.126, 2) == "0.13");
}

TEST_CASE("html: no text of a host or a user becomes markup", "[report]") {
  const auto fill = [](const std::string &text) {
    PastRun run = run_of(4);
    run.runs[0].head.text = text;
    run.runs[0].head.local_user = text;
    run.runs[0].head.order = text;
    run.runs[0].fanout = text;
    for (std::size_t i = 0; i < run.hosts.size(); ++i) {
      run.hosts[i].name = text + std::to_string(i);
      run.hosts[i].user = text;
      run.hosts[i].address = text;
    }
    run.entries[1].outcome.status = Status::failed;
    run.entries[1].outcome.cause = text;
    run.entries[2].outcome.status = Status::timeout;
    run.entries[2].outcome.signal = text;
    run.entries[2].outcome.cause = text;
    prints(run, 0, "one", text);
    return page_of(run);
  };
  const std::string tags = tags_of(fill("plain"));
  const std::string hostile =
      GENERATE(as<std::string>{}, "<script>alert(1)</script>", "</pre></details></main><h1>",
               "\"><img src=x onerror=alert(1)>", "' onmouseover='x",
               "</style><style>*{display:none}", "<!--", "--><b>", "&lt;b&gt;<b>",
               "]]><svg onload=x>", "\xe2\x80\xae<i>\xe2\x81\xa6", "\x01<a>", "\xff\xfe<b\x1b[31m>",
               "<\xc2\x85script>", "{{x}}${x}`<%= %>", "</title><base href=//x>");
  INFO(hostile);
  const std::string page = fill(hostile);
  CHECK(tags_of(page) == tags);
  CHECK_FALSE(has(page, "\x1b"));
  CHECK_FALSE(has(page, "\xe2\x80\xae"));
}

TEST_CASE("html: the page asks nobody for anything", "[report]") {
  const std::string page = page_of(run_of(30));
  for (const char *word : {"http:", "https:", "src=", "href=", "@import", "<script", "<link",
                           "<iframe", "<form", "javascript:"})
    CHECK_FALSE(has(page, word));
  // The one address in it is that of its own pattern.
  CHECK(count(page, "url(") == count(page, "url(#hatch)"));
  CHECK(has(page,
            "<meta http-equiv=\"Content-Security-Policy\" "
            "content=\"default-src 'none'; style-src 'unsafe-inline'\">"));
  CHECK(has(page, "<html lang=\"en\">"));
  CHECK(has(page, "<meta charset=\"utf-8\">"));
  CHECK(has(page, "name=\"viewport\""));
}

TEST_CASE("html: every host stands in it, at any size", "[report]") {
  const std::size_t hosts = GENERATE(1U, 20U, 61U, 1000U, 1001U);
  const PastRun run = run_of(hosts);
  const std::string page = page_of(run);
  for (const core::Host &host : run.hosts)
    REQUIRE(has(page, "<tr><th scope=\"row\">" + host.name + "<small>"));
  CHECK(count(page, "<section") == count(page, "</section>"));
  CHECK(count(page, "<svg") == count(page, "</svg>"));
}

TEST_CASE("html: what went wrong stands in it with its word, not only its colour", "[report]") {
  PastRun run = run_of(20);
  for (int status = 0; status < core::status_count; ++status) {
    core::Outcome &outcome = run.entries[static_cast<std::size_t>(status)].outcome;
    outcome.status = static_cast<Status>(status);
    outcome.cause = status == 0 ? "" : "cause of " + std::to_string(status);
  }
  run.entries[8].starts.clear();  // skipped
  run.entries[8].ended.reset();
  run.entries[9].outcome.remote_end = core::RemoteEnd::unknown;
  const std::string page = page_of(run);
  for (int status = 1; status < core::status_count; ++status) {
    const std::string word(to_string(static_cast<Status>(status)));
    CHECK(has(page, ">" + word + "</span> <b>1 host</b>"));
    CHECK(has(page, "cause of " + std::to_string(status) + "</span>"));
  }
  CHECK(has(page, ">not started</text>"));
  CHECK(has(page, "(it may still run)"));
  CHECK(has(page, "<b>20</b> hosts"));
  CHECK(has(page, "<b>10</b> ok"));
  CHECK(has(page, "<b>8</b> failed"));
}

TEST_CASE("html: each output once, the most frequent first, and what is missing is said",
          "[report]") {
  PastRun run = run_of(6);
  prints(run, 0, "rare", "\nrare text\n");
  for (const HostIndex host : {1U, 2U, 3U}) prints(run, host, "usual", "usual text\n");
  run.entries[4].stdout_sha256 = "unknown";
  run.entries[4].outcome.stdout_bytes = 5000;
  const std::string page = page_of(run);
  CHECK(count(page, "usual text") == 1);
  CHECK(page.find("usual text") < page.find("rare text"));
  CHECK(has(page, "<span class=\"number\">3 hosts</span>"));
  // A parser takes the first newline of a pre away.
  CHECK(has(page, "<pre tabindex=\"0\">\n\nrare text\n</pre>"));
  CHECK(has(page, "5.0 kB that the journal does not have"));
  CHECK(has(page, "1 host printed nothing: <span class=\"names\">host00005</span>"));
}

TEST_CASE("html: ten thousand hosts that all printed something else make a page of a few megabytes",
          "[report]") {
  constexpr std::size_t hosts = 10'000;
  PastRun run = run_of(hosts);
  for (HostIndex host = 0; host < hosts; ++host)
    prints(run, host, std::to_string(host), std::to_string(host) + std::string(1024, '<') + "\n");
  const std::string page = page_of(run);
  CHECK(page.size() < (std::size_t{6} << 20));
  CHECK(has(page, "and 9,800 more different outputs of 9,800 hosts, not on this page"));
}

}  // namespace
}  // namespace fanout::report
