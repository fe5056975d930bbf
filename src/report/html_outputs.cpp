// What hosts printed, each text once, under the names of its hosts.
#include <algorithm>
#include <unordered_map>

#include "html_parts.hpp"
#include "sizes.hpp"

namespace fanout::report {

using core::HostIndex;
using core::Result;
using core::Stream;

namespace {

// A page is to be mailed.
constexpr std::size_t most_bytes = std::size_t{3} << 20;
constexpr std::size_t most_groups = 200;             // of one stream
constexpr std::size_t columns_of_names = 60;         // in the line of a group
constexpr std::size_t most_columns_of_names = 4000;  // within it

struct Group {
  std::vector<HostIndex> hosts;
  const JournalTexts::Text *text = nullptr;
  std::uint64_t bytes = 0;
  std::size_t not_ok = 0;
};

struct Groups {
  std::vector<Group> known;
  Group unknown;  // they have printed what no journal has
  Group silent;   // their command has ended and printed nothing
};

bool ended_by_itself(const core::Outcome &outcome) {
  return (outcome.status == core::Status::ok || outcome.status == core::Status::failed) &&
         outcome.remote_end == core::RemoteEnd::exited;
}

Groups groups_of(const PastRun &run, Stream stream) {
  Groups groups;
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < run.entries.size(); ++i) {
    const JournalEntry &entry = run.entries[i];
    const bool out = stream == Stream::out;
    const std::string &sha256 = out ? entry.stdout_sha256 : entry.stderr_sha256;
    const std::uint64_t bytes = out ? entry.outcome.stdout_bytes : entry.outcome.stderr_bytes;
    Group *group = &groups.unknown;
    if (!sha256.empty()) {
      const auto [place, is_new] = places.emplace(sha256, groups.known.size());
      if (is_new) {
        Group &made = groups.known.emplace_back();
        made.text = run.texts->find(sha256);
        made.bytes = made.text == nullptr ? bytes : made.text->bytes;
      }
      group = &groups.known[place->second];
    } else if (bytes == 0) {
      if (!ended_by_itself(entry.outcome)) continue;
      group = &groups.silent;
    } else {
      group->bytes += bytes;
    }
    group->hosts.push_back(static_cast<HostIndex>(i));
    if (!core::succeeded(entry.outcome)) ++group->not_ok;
  }
  std::stable_sort(groups.known.begin(), groups.known.end(),
                   [](const auto &a, const auto &b) { return a.hosts.size() > b.hosts.size(); });
  return groups;
}

class Outputs {
public:
  Outputs(const PastRun &run, const FoldHosts &fold) : run_(run), fold_(fold) {}

  Result<Html> section() {
    const Groups out = groups_of(run_, Stream::out);
    const Groups err = groups_of(run_, Stream::err);
    Html html;
    const auto is_empty = [](const Groups &groups) {
      return groups.known.empty() && groups.unknown.hosts.empty();
    };
    if (is_empty(out) && is_empty(err)) return html;
    html << "<section id=\"output\">\n<h2>Output</h2>\n";
    if (!is_empty(out)) {
      TRY_ASSIGN(const Html part, of("Standard output", out));
      html << part;
    }
    if (!is_empty(err)) {
      TRY_ASSIGN(const Html part, of("Standard error", err));
      html << part;
    }
    html << "</section>\n";
    return html;
  }

private:
  Result<Html> of(Markup name, const Groups &groups) {
    Html html;
    html << "<h3>" << name << "</h3>\n";
    const std::size_t shown = std::min(groups.known.size(), most_groups);
    for (std::size_t i = 0; i < shown; ++i) {
      TRY_ASSIGN(const Html group, details(groups.known[i], i == 0));
      html << group;
    }
    if (shown < groups.known.size()) {
      std::size_t hosts = 0;
      for (std::size_t i = shown; i < groups.known.size(); ++i)
        hosts += groups.known[i].hosts.size();
      html << "<p class=\"note\">and " << grouped(groups.known.size() - shown)
           << " more different outputs of " << count_hosts(hosts) << ", not on this page</p>\n";
    }
    if (!groups.unknown.hosts.empty()) {
      html << "<p class=\"note\">" << count_hosts(groups.unknown.hosts.size()) << " printed ";
      html.line(describe_bytes(groups.unknown.bytes));
      html << " that the journal does not have: <span class=\"names\">";
      html.line(fold_(groups.unknown.hosts), columns_of_names);
      html << "</span></p>\n";
    }
    if (!groups.silent.hosts.empty()) {
      html << "<p class=\"note\">" << count_hosts(groups.silent.hosts.size())
           << " printed nothing: <span class=\"names\">";
      html.line(fold_(groups.silent.hosts), columns_of_names);
      html << "</span></p>\n";
    }
    return html;
  }

  Result<Html> details(const Group &group, bool open) {
    const std::string names = fold_(group.hosts);
    Html html;
    html << (open ? Markup("<details open><summary>") : Markup("<details><summary>"))
         << "<span class=\"number\">" << count_hosts(group.hosts.size())
         << "</span> <span class=\"names\">";
    html.line(names, columns_of_names);
    html << "</span> <span class=\"size\">";
    html.line(describe_bytes(group.bytes));
    if (group.not_ok > 0) html << ", " << grouped(group.not_ok) << " not ok";
    html << "</span></summary>\n";
    // The line has cut them.
    if (names.size() > columns_of_names) {
      html << "<p class=\"names all\">";
      html.line(names, most_columns_of_names);
      html << "</p>\n";
    }
    TRY_ASSIGN(const Html body, text_of(group));
    html << body << "</details>\n";
    return html;
  }

  Result<Html> text_of(const Group &group) {
    Html html;
    const std::uint64_t kept = group.text == nullptr ? 0 : group.text->beginning.size();
    if (kept > room_) {
      html << "<p class=\"note\">there is no more room for it on this page</p>\n";
      return html;
    }
    room_ -= static_cast<std::size_t>(kept);
    if (kept > 0) {
      TRY_ASSIGN(const std::string text, group.text->beginning.whole());
      html << "<pre tabindex=\"0\">";
      // A parser drops a newline that comes first.
      if (text.front() == '\n') html << "\n";
      html.text(text);
      html << "</pre>\n";
    }
    if (kept < group.bytes) {
      html << "<p class=\"note\">";
      html.line(describe_bytes(group.bytes - kept));
      html << (kept > 0 ? Markup(" more that the journal does not have</p>\n")
                        : Markup(" that the journal does not have</p>\n"));
    }
    return html;
  }

  const PastRun &run_;
  const FoldHosts &fold_;
  std::size_t room_ = most_bytes;
};

}  // namespace

Result<Html> outputs_section(const PastRun &run, const FoldHosts &fold) {
  return Outputs(run, fold).section();
}

}  // namespace fanout::report
