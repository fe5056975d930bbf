// The page as a whole: what stands above its sections.
#include <array>
#include <cstdlib>

#include "fanout/core/duration.hpp"
#include "html_parts.hpp"
#include "json_text.hpp"

namespace fanout::report {

using core::Result;
using core::Status;

namespace {

constexpr std::size_t longest_title = 100;  // columns

struct Counts {
  std::size_t ok = 0;
  std::size_t failed = 0;
  std::size_t interrupted = 0;
  std::size_t skipped = 0;
};

Counts count(const PastRun &run) {
  Counts counts;
  for (const JournalEntry &entry : run.entries) {
    const Status status = entry.outcome.status;
    if (status == Status::ok) ++counts.ok;
    if (status == Status::interrupted) ++counts.interrupted;
    if (status == Status::skipped) ++counts.skipped;
    if (is_failure(status)) ++counts.failed;
  }
  return counts;
}

Html tile(std::size_t number, Markup word, Markup kind) {
  Html html;
  html << "<li class=\"" << kind << "\"><b>" << grouped(number) << "</b> " << word << "</li>\n";
  return html;
}

Html tiles(const PastRun &run) {
  const Counts counts = count(run);
  Html html;
  html << "<ul class=\"tiles\">\n";
  html << tile(run.entries.size(), run.entries.size() == 1 ? Markup("host") : Markup("hosts"),
               "all");
  html << tile(counts.ok, "ok", "ok");
  html << tile(counts.failed, "failed", counts.failed > 0 ? Markup("failed") : Markup("none"));
  if (counts.interrupted > 0) html << tile(counts.interrupted, "interrupted", "interrupted");
  if (counts.skipped > 0) html << tile(counts.skipped, "skipped", "skipped");
  html << "<li class=\"all time\"><b>";
  html.line(core::describe_duration(run.elapsed()));
  html << "</b> from start to end</li>\n</ul>\n";
  return html;
}

Html heading(const PastRun &run) {
  const JournalHead &head = run.runs.front().head;
  Html html;
  html << "<header>\n<p class=\"what\">fanout ";
  html.line(head.command);
  html << "</p>\n<h1>";
  html.text(head.text);
  html << "</h1>\n<p class=\"who\">run by ";
  html.line(head.local_user);
  html << ", " << moment(run.began);
  if (run.runs.size() > 1) {
    html << ", ";
    html.number(run.runs.size()) << " runs together";
  }
  html << "</p>\n</header>\n";
  return html;
}

}  // namespace

Html moment(JournalTime time) {
  Html html;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  std::string text = format_time(seconds).value_or("");  // "2026-01-31T12:00:00Z"
  if (text.size() == std::string_view("2026-01-31T12:00:00Z").size()) {
    text[10] = ' ';
    text.replace(19, 1, " UTC");
  }
  html.line(text);
  return html;
}

Markup class_of(Status status) {
  switch (status) {
    case Status::ok: return "ok";
    case Status::failed: return "failed";
    case Status::timeout: return "timeout";
    case Status::resolve:
    case Status::unreachable:
    case Status::host_key:
    case Status::auth:
    case Status::protocol: return "unreached";
    case Status::skipped: return "skipped";
    case Status::interrupted: return "interrupted";
    case Status::internal: return "internal";
  }
  return "internal";
}

Html chip(Status status) {
  Html html;
  html << "<span class=\"chip " << class_of(status) << "\">";
  html.line(to_string(status));
  html << "</span>";
  return html;
}

Html grouped(std::uint64_t number) {
  std::string digits = fmt::format("{}", number);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  Html html;
  html.line(digits);
  return html;
}

Html count_hosts(std::size_t hosts) {
  Html html;
  html << grouped(hosts) << (hosts == 1 ? Markup(" host") : Markup(" hosts"));
  return html;
}

Result<std::string> format_page(const PastRun &run, const FoldHosts &fold) {
  Html html;
  html << "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" "
          "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n<title>";
  html.line(run.runs.front().head.text, longest_title);
  html << "</title>\n<style>\n" << html_style() << "</style>\n</head>\n<body>\n<main>\n";
  html << heading(run) << tiles(run);
  html << failures_section(run, fold) << timeline_section(run) << durations_section(run);
  TRY_ASSIGN(const Html outputs, outputs_section(run, fold));
  html << outputs << hosts_section(run) << runs_section(run);
  html << "</main>\n</body>\n</html>\n";
  return std::move(html).take();
}

}  // namespace fanout::report
