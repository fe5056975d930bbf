// How long hosts took, as a histogram.
#include <algorithm>
#include <cmath>

#include "html_parts.hpp"
#include "html_time_scale.hpp"

namespace fanout::report {

namespace {

constexpr int most_bins = 12;
constexpr double height = 140;     // of the tallest column, pixels
constexpr double room_above = 18;  // for its number
constexpr double room_below = 22;  // for the axis
constexpr std::size_t fewest_hosts = 3;

struct Bin {
  std::size_t ok = 0;
  std::size_t others = 0;
  [[nodiscard]] std::size_t all() const { return ok + others; }
};

struct Histogram {
  double begin = 0;
  double step = 1;
  bool is_open = false;  // the last bin has all that is longer
  std::vector<Bin> bins;
};

struct Duration {
  double seconds = 0;
  bool ok = false;
};

// Shortest first.
std::vector<Duration> durations_of(const PastRun &run) {
  std::vector<Duration> durations;
  for (const JournalEntry &entry : run.entries)
    if (entry.ended)
      durations.push_back({std::chrono::duration<double>(entry.outcome.elapsed).count(),
                           core::succeeded(entry.outcome)});
  std::sort(durations.begin(), durations.end(),
            [](const auto &a, const auto &b) { return a.seconds < b.seconds; });
  return durations;
}

double at_share(const std::vector<Duration> &durations, double share) {
  const auto last = static_cast<double>(durations.size() - 1);
  return durations[static_cast<std::size_t>(std::llround(last * share))].seconds;
}

// A few that took far longer than the others must not push those into one column.
Histogram histogram_of(const std::vector<Duration> &durations) {
  constexpr double most = 0.95;
  constexpr double far = 2.5;
  const double first = durations.front().seconds;
  const double usual = at_share(durations, most);
  const double longest = durations.back().seconds;
  Histogram histogram;
  histogram.is_open = longest - first > far * (usual - first) && usual > first;
  const double range = (histogram.is_open ? usual : longest) - first;
  histogram.step = round_step(range, most_bins - 2);
  histogram.begin = std::floor(first / histogram.step) * histogram.step;
  const double end = histogram.is_open ? usual : longest;
  const auto closed =
      static_cast<std::size_t>(std::floor((end - histogram.begin) / histogram.step)) + 1;
  histogram.bins.resize(closed + (histogram.is_open ? 1 : 0));
  for (const Duration &each : durations) {
    const double place = (each.seconds - histogram.begin) / histogram.step;
    Bin &bin = histogram.bins[std::min(static_cast<std::size_t>(std::max(place, 0.0)),
                                       histogram.bins.size() - 1)];
    ++(each.ok ? bin.ok : bin.others);
  }
  return histogram;
}

Html seconds_text(double seconds) {
  Html html;
  html.decimal(seconds, seconds < 10 ? 2 : 1) << " s";
  return html;
}

Html facts(const std::vector<Duration> &durations) {
  Html html;
  html << "<dl class=\"facts\">\n";
  const auto fact = [&](Markup name, double seconds) {
    html << "<div><dt>" << name << "</dt><dd>" << seconds_text(seconds) << "</dd></div>\n";
  };
  fact("shortest", durations.front().seconds);
  fact("median", at_share(durations, 0.5));
  fact("95 % within", at_share(durations, 0.95));
  fact("longest", durations.back().seconds);
  html << "</dl>\n";
  return html;
}

Html column(const Histogram &histogram, std::size_t index, std::size_t tallest) {
  const Bin &bin = histogram.bins[index];
  const double width = 100.0 / static_cast<double>(histogram.bins.size());
  const double x = width * static_cast<double>(index);
  const double unit = height / static_cast<double>(tallest);
  const double bottom = room_above + height;
  Html html;
  const auto part = [&](Markup kind, double y, double tall) {
    html << "<rect class=\"" << kind << "\" x=\"";
    html.decimal(x + width * 0.06, 3) << "%\" width=\"";
    html.decimal(width * 0.88, 3) << "%\" y=\"";
    html.decimal(y, 1) << "\" height=\"";
    html.decimal(tall, 1) << "\"/>";
  };
  const double ok = unit * static_cast<double>(bin.ok);
  const double others = unit * static_cast<double>(bin.others);
  const bool is_last = histogram.is_open && index + 1 == histogram.bins.size();
  const double from = histogram.begin + histogram.step * static_cast<double>(index);
  html << "<g><title>" << seconds_text(from);
  if (is_last)
    html << " and longer";
  else
    html << " to " << seconds_text(from + histogram.step);
  html << ": " << count_hosts(bin.all()) << ", " << grouped(bin.others) << " not ok</title>";
  if (bin.ok > 0) part("ok", bottom - ok, ok);
  if (bin.others > 0) {
    part("failed", bottom - ok - others, others);
    part("hatched", bottom - ok - others, others);
  }
  if (bin.all() > 0) {
    html << "<text class=\"middle\" x=\"";
    html.decimal(x + width / 2, 3) << "%\" y=\"";
    html.decimal(bottom - ok - others - 8, 1) << "\">" << grouped(bin.all()) << "</text>";
  }
  html << "</g>\n";
  return html;
}

Html edges(const Histogram &histogram) {
  const std::size_t bins = histogram.bins.size();
  const std::size_t every = bins > 6 ? (bins + 4) / 5 : 1;
  Html html;
  for (std::size_t i = 0; i < bins; i += every) {
    html << "<text class=\"start\" x=\"";
    html.decimal(100.0 * static_cast<double>(i) / static_cast<double>(bins), 3) << "%\" y=\"";
    html.decimal(room_above + height + room_below - 6, 1)
        << "\">" << seconds_text(histogram.begin + histogram.step * static_cast<double>(i))
        << "</text>\n";
  }
  return html;
}

}  // namespace

Html durations_section(const PastRun &run) {
  const std::vector<Duration> durations = durations_of(run);
  Html html;
  if (durations.size() < fewest_hosts) return html;
  html << "<section id=\"durations\">\n<h2>How long hosts took</h2>\n" << facts(durations);
  const Histogram histogram = histogram_of(durations);
  std::size_t tallest = 1;
  for (const Bin &bin : histogram.bins) tallest = std::max(tallest, bin.all());
  html << "<svg class=\"histogram\" role=\"img\" width=\"100%\" height=\"";
  html.decimal(room_above + height + room_below, 0)
      << "\" aria-label=\"Number of hosts by duration\">\n";
  // Not by the colour alone.
  html << "<defs><pattern id=\"hatch\" width=\"6\" height=\"6\" "
          "patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
          "<rect class=\"stripe\" width=\"2\" height=\"6\"/></pattern></defs>\n";
  for (std::size_t i = 0; i < histogram.bins.size(); ++i) html << column(histogram, i, tallest);
  html << "<line class=\"base\" x1=\"0\" x2=\"100%\" y1=\"";
  html.decimal(room_above + height, 1) << "\" y2=\"";
  html.decimal(room_above + height, 1) << "\"/>\n" << edges(histogram) << "</svg>\n";
  html << "<p class=\"note legend\"><span class=\"key ok\"></span> ok "
          "<span class=\"key failed hatched\"></span> not ok, hatched";
  if (histogram.is_open) html << "; the last column is all that took longer";
  html << "</p>\n</section>\n";
  return html;
}

}  // namespace fanout::report
