// A line is shortened by saying the same in fewer words as long as that is enough, and then by saying less. A number is never
// cut: half of it would be another number.

#include "progress_words.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include <fmt/format.h>

#include "fanout/console/columns.hpp"

namespace fanout::report {

using console::Colors;
using console::Style;

namespace {

enum class Counts : std::uint8_t {
  full,             // 12 of 20 hosts, 7 running, 1 failed
  brief,            // 12/20, 7 running, 1 failed
  terse,            // 12/20 7 run 1 fail
  without_running,  // 12/20 1 fail
  ended_alone,      // 12/20
};

struct Layout {
  Counts counts;
  bool amount = false;
  bool rate = false;
  bool left = false;
  bool slowest = false;
};

// The most complete comes first.
constexpr Layout layouts[] = {
    {Counts::full, true, true, true, true},
    {Counts::brief, true, true, true, true},
    {Counts::terse, true, true, true, true},
    {Counts::brief, true, false, true, true},
    {Counts::terse, true, false, true, true},
    {Counts::brief, true, false, true, false},
    {Counts::terse, true, false, true, false},
    {Counts::brief, false, false, true, false},
    {Counts::terse, false, false, true, false},
    {Counts::brief},
    {Counts::terse},
    {Counts::without_running},
    {Counts::ended_alone},
};

std::string counts_of(const ProgressWords &words, Counts counts, const Colors &colors) {
  const auto failed = [&](const char *before, const char *word) {
    if (words.failed == 0) return std::string();
    return before + colors.paint(Style::bad, fmt::format("{} {}", words.failed, word));
  };
  std::string ended = fmt::format("{}/{}", words.ended, words.hosts);
  switch (counts) {
    case Counts::full:
      return fmt::format("{} of {} {}, {} running{}", words.ended, words.hosts,
                         words.hosts == 1 ? "host" : "hosts", words.running,
                         failed(", ", "failed"));
    case Counts::brief:
      return fmt::format("{}, {} running{}", ended, words.running, failed(", ", "failed"));
    case Counts::terse:
      return fmt::format("{} {} run{}", ended, words.running, failed(" ", "fail"));
    case Counts::without_running: return ended + failed(" ", "fail");
    case Counts::ended_alone: return ended;
  }
  return ended;
}

std::string compose(const ProgressWords &words, const Layout &layout, const Colors &colors) {
  std::string text = counts_of(words, layout.counts, colors);
  const char *before = "; ";
  const auto add = [&](bool wanted, const std::string &part) {
    if (!wanted || part.empty()) return;
    text += before + part;
    before = ", ";
  };
  add(layout.amount, words.amount);
  add(layout.rate, words.rate);
  add(layout.left, words.left);
  before = "; ";
  add(layout.slowest, words.slowest);
  return text;
}

}  // namespace

std::string fit(const ProgressWords &words, std::size_t columns, const Colors &colors) {
  const auto *const found =
      std::find_if(std::begin(layouts), std::end(layouts), [&](const Layout &layout) {
        return console::columns(compose(words, layout, Colors())) <= columns;
      });
  return found == std::end(layouts) ? std::string() : compose(words, *found, colors);
}

}  // namespace fanout::report
