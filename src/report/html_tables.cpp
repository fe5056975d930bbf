// What the page has as tables: the failures by reason, every host, and the runs.
#include "failure_groups.hpp"
#include "fanout/report/reason.hpp"
#include "html_parts.hpp"

namespace fanout::report {

using core::Outcome;

namespace {

constexpr std::size_t cause_columns = 300;
constexpr std::size_t most_groups = 100;
constexpr std::size_t most_columns_of_names = 2000;

Html open_table(Markup label, Markup kind) {
  Html html;
  // Who has no mouse scrolls it by keys, for which it must be able to have the focus.
  html << "<div class=\"box " << kind << "\" tabindex=\"0\" role=\"region\" aria-label=\"" << label
       << "\">\n<table>\n";
  return html;
}

double seconds_of(const Outcome &outcome) {
  return std::chrono::duration<double>(outcome.elapsed).count();
}

std::string way_to(const core::Host &host) {
  return host.port == 22 ? fmt::format("{}@{}", host.user, host.address)
                         : fmt::format("{}@{} port {}", host.user, host.address, host.port);
}

Html exit_of(const Outcome &outcome) {
  Html html;
  if (!outcome.signal.empty())
    html.line(outcome.signal);
  else if (outcome.exit_status)
    html.number(*outcome.exit_status);
  return html;
}

Html host_row(const core::Host &host, const JournalEntry &entry) {
  const Outcome &outcome = entry.outcome;
  Html html;
  html << "<tr><th scope=\"row\">";
  html.line(host.name);
  html << "<small>";
  html.line(way_to(host));
  html << "</small></th><td>" << chip(outcome.status) << "</td><td class=\"number\">"
       << exit_of(outcome) << "</td><td class=\"number\">";
  if (entry.ended) html.line(fmt::format("{:.2f}", seconds_of(outcome)));
  html << "</td><td class=\"number\">";
  if (outcome.attempts > 0) html.number(outcome.attempts);
  html << "</td><td class=\"cause\">";
  html.line(reason(outcome), cause_columns);
  if (outcome.remote_end == core::RemoteEnd::unknown) html << " (it may still run)";
  html << "</td></tr>\n";
  return html;
}

}  // namespace

Html failures_section(const PastRun &run, const FoldHosts &fold) {
  std::vector<Outcome> outcomes;
  outcomes.reserve(run.entries.size());
  for (const JournalEntry &entry : run.entries) outcomes.push_back(entry.outcome);
  const std::vector<FailureGroup> groups = group_failures(run.hosts, outcomes);
  Html html;
  if (groups.empty()) return html;
  html << "<section id=\"not-ok\">\n<h2>Not ok</h2>\n<ul class=\"reasons\">\n";
  const std::size_t shown = std::min(groups.size(), most_groups);
  for (std::size_t i = 0; i < shown; ++i) {
    html << "<li><p>" << chip(groups[i].status) << " <b>" << count_hosts(groups[i].hosts.size())
         << "</b> <span class=\"cause\">";
    html.line(groups[i].cause, cause_columns);
    html << "</span></p><p class=\"names\">";
    html.line(fold(groups[i].hosts), most_columns_of_names);
    html << "</p></li>\n";
  }
  html << "</ul>\n";
  if (shown < groups.size()) {
    html << "<p class=\"note\">and " << grouped(groups.size() - shown)
         << " more causes, see the table of all hosts</p>\n";
  }
  html << "</section>\n";
  return html;
}

Html hosts_section(const PastRun &run) {
  Html html;
  html << "<section id=\"hosts\">\n<h2>All hosts</h2>\n" << open_table("All hosts", "long");
  html << "<thead><tr><th scope=\"col\">Host</th><th scope=\"col\">Status</th>"
          "<th scope=\"col\" class=\"number\">Exit</th><th scope=\"col\" class=\"number\">Seconds"
          "</th><th scope=\"col\" class=\"number\">Attempts</th><th scope=\"col\">Cause</th></tr>"
          "</thead>\n<tbody>\n";
  for (std::size_t i = 0; i < run.hosts.size(); ++i) html << host_row(run.hosts[i], run.entries[i]);
  html << "</tbody>\n</table>\n</div>\n</section>\n";
  return html;
}

Html runs_section(const PastRun &run) {
  Html html;
  html << "<section id=\"runs\">\n<h2>"
       << (run.runs.size() == 1 ? Markup("The run") : Markup("The runs")) << "</h2>\n"
       << open_table("The runs", "short");
  html << "<thead><tr><th scope=\"col\">Began</th><th scope=\"col\">Ended</th><th scope=\"col\">By"
          "</th><th scope=\"col\">Command</th><th scope=\"col\">Order</th>"
          "<th scope=\"col\" class=\"number\">Exit status</th><th scope=\"col\">Run</th></tr>"
          "</thead>\n<tbody>\n";
  for (const JournalRun &each : run.runs) {
    html << "<tr><td class=\"moment\">" << moment(each.planned) << "</td><td class=\"moment\">"
         << moment(each.latest) << "</td><td>";
    html.line(each.head.local_user);
    html << "<small>fanout ";
    html.line(each.fanout);
    html << "</small></td><td class=\"command\">";
    html.line(each.head.command + " " + each.head.text, cause_columns);
    html << "</td><td>";
    html.line(each.head.order);
    html << "</td><td class=\"number\">";
    if (each.exit_code)
      html.number(*each.exit_code);
    else
      html << "not finished";
    html << "</td><td class=\"id\">";
    html.line(each.head.run);
    if (!each.head.rerun_of.empty()) {
      html << "<small>rerun of ";
      html.line(each.head.rerun_of);
      html << "</small>";
    }
    html << "</td></tr>\n";
  }
  html << "</tbody>\n</table>\n</div>\n</section>\n";
  return html;
}

}  // namespace fanout::report
