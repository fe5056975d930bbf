// The timeline: one bar a host, from its first start to its end. What is hard is ten thousand of them: rows get thinner, then names
// are left out, and beyond a thousand hosts all bars of a colour are one path.
#include <algorithm>
#include <array>
#include <map>

#include "fanout/core/duration.hpp"
#include "fanout/report/reason.hpp"
#include "html_parts.hpp"
#include "html_time_scale.hpp"

namespace fanout::report {

using core::Milliseconds;
using core::Outcome;
using core::Phase;
using core::Status;

namespace {

constexpr double tallest_row = 22;        // pixels
constexpr double height_for_rows = 1320;  // of a picture with many
constexpr double height_of_name = 15;     // at least
constexpr std::size_t most_with_titles = 1000;
constexpr double least_bar_percent = 0.15;  // or nobody would see it
constexpr double axis_height = 24;
constexpr int tick_count = 5;
constexpr double room_for_word = 32;  // percent, on the screen of a phone
constexpr double most_before_word = 66;
constexpr std::size_t cause_columns = 120;

// In percent of the width.
struct Bar {
  double begin = 0;
  double end = 0;
  double login = 0;  // where the last attempt had its connection
  double run = 0;    // where the command began
  bool is_known = true;
};

double since(JournalTime from, JournalTime time) {
  return std::chrono::duration<double>(time - from).count();
}

double time_in(const Outcome &outcome, std::initializer_list<Phase> phases) {
  std::chrono::microseconds sum{0};
  for (const Phase phase : phases) sum += outcome.phases[static_cast<std::size_t>(phase)];
  return std::chrono::duration<double>(sum).count();
}

class Timeline {
public:
  explicit Timeline(const PastRun &run) : run_(run), scale_(scale_of(run)) {
    for (std::size_t i = 0; i < run.entries.size(); ++i) rows_.push_back(i);
    std::stable_sort(rows_.begin(), rows_.end(), [&](std::size_t a, std::size_t b) {
      const auto &one = run.entries[a].starts;
      const auto &other = run.entries[b].starts;
      if (one.empty() || other.empty()) return !one.empty() && other.empty();
      return one.front() < other.front();
    });
    const double fitting =
        height_for_rows / static_cast<double>(std::max<std::size_t>(rows_.size(), 1));
    pitch_ = rows_.size() <= most_with_titles ? std::clamp(fitting, 1.5, tallest_row)
                                              : std::min(fitting, 1.0);
    height_ = pitch_ * static_cast<double>(rows_.size());
  }

  Html section() const {
    Html html;
    html << "<section id=\"timeline\">\n<h2>Timeline</h2>\n" << legend();
    html << "<div class=\"timeline\">\n<div class=\"labels\" aria-hidden=\"true\">" << labels()
         << "</div>\n";
    html << "<svg class=\"bars\" role=\"img\" width=\"100%\" height=\"";
    html.decimal(height_ + axis_height, 1)
        << "\" aria-label=\"When each host was started and how long it took\">\n";
    html << axis();
    html << (rows_.size() <= most_with_titles ? rows() : paths());
    html << "</svg>\n</div>\n</section>\n";
    return html;
  }

private:
  static TimeScale scale_of(const PastRun &run) {
    std::vector<TimeScale::Span> busy;
    double total = std::chrono::duration<double>(run.elapsed()).count();
    for (const JournalEntry &entry : run.entries) {
      if (entry.starts.empty()) continue;
      const double begin = since(run.began, entry.starts.front());
      const double end = entry.ended ? begin + seconds_of(entry) : since(run.began, entry.latest);
      total = std::max(total, end);
      busy.push_back({begin, end});
    }
    return {total, std::move(busy)};
  }

  // Clocks are set; what was measured goes on evenly.
  static double seconds_of(const JournalEntry &entry) {
    return std::chrono::duration<double>(entry.outcome.elapsed).count();
  }

  [[nodiscard]] Bar bar_of(const JournalEntry &entry) const {
    Bar bar;
    const double begin = std::max(0.0, since(run_.began, entry.starts.front()));
    const double end = entry.ended ? begin + seconds_of(entry) : since(run_.began, entry.latest);
    const double run = time_in(entry.outcome, {Phase::open, Phase::run});
    const double login = time_in(entry.outcome, {Phase::kex, Phase::verify, Phase::auth});
    bar.begin = scale_.percent(begin);
    bar.end = std::max(scale_.percent(end), bar.begin + least_bar_percent);
    bar.run = std::clamp(scale_.percent(end - run), bar.begin, bar.end);
    if (run <= 0) bar.run = bar.end;
    bar.login = std::clamp(scale_.percent(end - run - login), bar.begin, bar.run);
    bar.is_known = entry.ended.has_value();
    return bar;
  }

  [[nodiscard]] Html legend() const {
    Html html;
    html << "<p class=\"note legend\">Hosts in the order of their starts, time from left to right; "
            "<span class=\"shade one\"></span> connecting and earlier attempts, "
            "<span class=\"shade two\"></span> key exchange and login, "
            "<span class=\"shade three\"></span> the command.</p>\n<p class=\"note legend\">";
    struct Key {
      Markup kind;
      Markup words;
    };
    constexpr std::array keys{Key{"ok", "ok"},
                              Key{"failed", "failed"},
                              Key{"timeout", "timeout"},
                              Key{"unreached", "not reached"},
                              Key{"internal", "internal"},
                              Key{"interrupted", "interrupted"},
                              Key{"skipped", "skipped"}};
    bool all_ok = true;
    std::array<bool, keys.size()> told{};
    for (const JournalEntry &entry : run_.entries) {
      all_ok = all_ok && core::succeeded(entry.outcome);
      for (std::size_t i = 0; i < keys.size(); ++i)
        if (class_of(entry.outcome.status).text() == keys[i].kind.text()) told[i] = true;
    }
    for (std::size_t i = 0; i < keys.size(); ++i)
      if (told[i]) html << "<span class=\"key " << keys[i].kind << "\"></span> " << keys[i].words;
    if (pitch_ < height_of_name && !all_ok) html << "; a mark beside the names: not ok";
    html << "</p>\n";
    return html;
  }

  // As many names as there is room for.
  [[nodiscard]] Html labels() const {
    const auto step = static_cast<std::size_t>(std::max(1.0, std::ceil(height_of_name / pitch_)));
    Html html;
    html << "<svg width=\"100%\" height=\"";
    html.decimal(height_ + axis_height, 1) << "\">\n";
    for (std::size_t row = 0; row < rows_.size(); row += step) {
      html << "<text x=\"0\" y=\"";
      html.decimal(top_of(row) + pitch_ / 2, 1) << "\">";
      html.line(run_.hosts[rows_[row]].name, longest_name);
      html << "</text>\n";
    }
    if (pitch_ < height_of_name) html << marks();
    html << "</svg>";
    return html;
  }

  // Where there is no room for words: what is not ok is seen by whom colours are not enough for.
  [[nodiscard]] Html marks() const {
    constexpr double least_height = 1.5;
    Html html;
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      const Status status = run_.entries[rows_[row]].outcome.status;
      if (status == Status::ok) continue;
      html << "<rect class=\"mark " << class_of(status) << "\" x=\"95%\" width=\"5%\" y=\"";
      html.decimal(top_of(row), 1) << "\" height=\"";
      html.decimal(std::max(pitch_, least_height), 1) << "\"/>";
    }
    return html;
  }

  [[nodiscard]] Html axis() const {
    Html html;
    html << "<g class=\"axis\">\n";
    for (const TimeScale::Break &each : scale_.breaks()) {
      html << "<rect class=\"break\" y=\"0\" x=\"";
      html.decimal(each.percent.begin, 3) << "%\" width=\"";
      html.decimal(each.percent.end - each.percent.begin, 3) << "%\" height=\"";
      html.decimal(height_ + axis_height, 1) << "\"><title>";
      html.line(core::describe_duration(
          Milliseconds(static_cast<std::int64_t>((each.time.end - each.time.begin) * 1000))));
      html << " in which nothing ran</title></rect>\n";
    }
    for (const double second : scale_.ticks(tick_count)) {
      const double at = scale_.percent(second);
      html << "<line y1=\"18\" y2=\"";
      html.decimal(height_ + axis_height, 1) << "\" x1=\"";
      html.decimal(at, 3) << "%\" x2=\"";
      html.decimal(at, 3) << "%\"/><text y=\"13\" class=\"" << anchor_at(at) << "\" x=\"";
      html.decimal(at, 3) << "%\">" << tick_text(second) << "</text>\n";
    }
    html << "</g>\n";
    return html;
  }

  // So that it stays within the picture.
  static Markup anchor_at(double percent) {
    if (percent < 4) return "start";
    return percent > 92 ? Markup("end") : Markup("middle");
  }

  static Html tick_text(double second) {
    constexpr double minute = 60;
    constexpr double hour = 3600;
    Html html;
    if (second >= 2 * hour && std::fmod(second, hour) == 0)
      html.decimal(second / hour, 0) << " h";
    else if (second >= 2 * minute && std::fmod(second, minute) == 0)
      html.decimal(second / minute, 0) << " min";
    else
      html.decimal(second, 3) << " s";
    return html;
  }

  [[nodiscard]] Html rows() const {
    Html html;
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      const JournalEntry &entry = run_.entries[rows_[row]];
      const double gap = pitch_ >= 8 ? 3 : 0;
      html << "<g class=\"" << class_of(entry.outcome.status) << "\"><title>" << title(rows_[row])
           << "</title>";
      if (entry.starts.empty())
        html << never_started(row);
      else
        html << bars(entry, top_of(row) + gap, pitch_ - 2 * gap);
      html << "</g>\n";
    }
    return html;
  }

  [[nodiscard]] Html bars(const JournalEntry &entry, double y, double height) const {
    const Bar bar = bar_of(entry);
    Html html;
    html << rect(bar.is_known ? Markup("bar one") : Markup("bar doubt"), bar.begin, bar.end, y,
                 height);
    if (bar.run > bar.login) html << rect("two", bar.login, bar.run, y, height);
    if (bar.end > bar.run) html << rect("three", bar.run, bar.end, y, height);
    for (std::size_t i = 1; i < entry.starts.size(); ++i) {
      const double at = scale_.percent(since(run_.began, entry.starts[i]));
      html << "<line class=\"again\" x1=\"";
      html.decimal(at, 3) << "%\" x2=\"";
      html.decimal(at, 3) << "%\" y1=\"";
      html.decimal(y - 1, 1) << "\" y2=\"";
      html.decimal(y + height + 1, 1) << "\"/>";
    }
    // What is not ok is said beside the bar, for whom colours are not enough.
    if (!core::succeeded(entry.outcome) && pitch_ >= height_of_name) {
      html << "<text class=\"" << place_of_word(bar) << "\" x=\"";
      html.decimal(bar.end > most_before_word && bar.begin >= room_for_word ? bar.begin : bar.end,
                   3)
          << "%\" y=\"";
      html.decimal(y + height / 2, 1) << "\">";
      html.line(to_string(entry.outcome.status));
      html << "</text>";
    }
    return html;
  }

  // Right of it, left of it, or within it: on the full colour or on a shade.
  static Markup place_of_word(const Bar &bar) {
    if (bar.end <= most_before_word) return "beside";
    if (bar.begin >= room_for_word) return "beside left";
    return bar.end - bar.run >= room_for_word ? Markup("within") : Markup("within shade");
  }

  static Html rect(Markup kind, double begin, double end, double y, double height) {
    Html html;
    html << "<rect class=\"" << kind << "\" x=\"";
    html.decimal(begin, 3) << "%\" width=\"";
    html.decimal(end - begin, 3) << "%\" y=\"";
    html.decimal(y, 1) << "\" height=\"";
    html.decimal(height, 1) << "\"/>";
    return html;
  }

  [[nodiscard]] Html never_started(std::size_t row) const {
    Html html;
    if (pitch_ < height_of_name) return rect("never", 0, 100, top_of(row), pitch_);
    html << "<text class=\"beside\" x=\"0\" y=\"";
    html.decimal(top_of(row) + pitch_ / 2, 1) << "\">not started</text>";
    return html;
  }

  [[nodiscard]] Html title(std::size_t host) const {
    const JournalEntry &entry = run_.entries[host];
    Html html;
    html.line(run_.hosts[host].name);
    html << ": ";
    html.line(to_string(entry.outcome.status));
    if (entry.ended) {
      html << ", ";
      html.line(fmt::format("{:.3f}", seconds_of(entry)));
      html << " s";
    }
    if (const std::string phases = describe_phases(entry.outcome); !phases.empty()) {
      html << " (";
      html.line(phases);
      html << ")";
    }
    if (const std::string why = reason(entry.outcome); !why.empty()) {
      html << "; ";
      html.line(why, cause_columns);
    }
    return html;
  }

  // A path for each colour and shade, in a picture of its own whose units are stretched to the width.
  [[nodiscard]] Html paths() const {
    constexpr double width = 10'000;
    constexpr double least_height = 2;  // of what is not ok: it must not vanish between the others
    std::map<std::pair<Status, int>, Html> shapes;
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      const JournalEntry &entry = run_.entries[rows_[row]];
      const auto status = entry.outcome.status;
      const double height =
          core::succeeded(entry.outcome) ? pitch_ : std::max(pitch_, least_height);
      const auto add = [&](int shade, double begin, double end) {
        if (end <= begin) return;
        Html &path = shapes[{status, shade}];
        path << "M";
        path.decimal(begin * width / 100, 0) << " ";
        path.decimal(top_of(row) - axis_height, 2) << "h";
        path.decimal(std::max(1.0, (end - begin) * width / 100), 0) << "v";
        path.decimal(height, 2) << "h-";
        path.decimal(std::max(1.0, (end - begin) * width / 100), 0) << "z";
      };
      if (entry.starts.empty()) {
        add(0, 0, 100);
        continue;
      }
      const Bar bar = bar_of(entry);
      add(1, bar.begin, bar.login);
      add(2, bar.login, bar.run);
      add(3, bar.run, bar.end);
    }
    Html html;
    html << "<svg y=\"";
    html.decimal(axis_height, 0) << "\" width=\"100%\" height=\"";
    html.decimal(height_, 1) << "\" viewBox=\"0 0 10000 ";
    html.decimal(height_, 1) << "\" preserveAspectRatio=\"none\">\n";
    constexpr std::array<Markup, 4> shades{"never", "one", "two", "three"};
    for (const auto &[kind, path] : shapes) {
      html << "<g class=\"" << class_of(kind.first) << "\"><path class=\""
           << shades[static_cast<std::size_t>(kind.second)] << "\" d=\"" << path << "\"/></g>\n";
    }
    html << "</svg>\n";
    return html;
  }

  [[nodiscard]] double top_of(std::size_t row) const {
    return axis_height + pitch_ * static_cast<double>(row);
  }

  static constexpr std::size_t longest_name = 40;

  const PastRun &run_;
  TimeScale scale_;
  std::vector<std::size_t> rows_;  // hosts
  double pitch_ = tallest_row;
  double height_ = 0;
};

}  // namespace

Html timeline_section(const PastRun &run) { return Timeline(run).section(); }

}  // namespace fanout::report
