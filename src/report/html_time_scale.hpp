// Where a moment of the run stands on the page, from 0 at its left to 100 at its right: times in which nothing ran take hardly any
// room, so that a rerun of the next day can stand beside its run. Pure.
#pragma once

#include <vector>

namespace fanout::report {

class TimeScale {
public:
  struct Span {
    double begin = 0;  // seconds since the run began
    double end = 0;
  };
  // A time in which nothing ran.
  struct Break {
    Span time;
    Span percent;
  };

  // `total` seconds, in which hosts ran at these times; in any order, and they may overlap.
  TimeScale(double total, std::vector<Span> busy);

  [[nodiscard]] double percent(double second) const;
  [[nodiscard]] const std::vector<Break> &breaks() const { return breaks_; }
  // Round moments, about `count` of them, none within a break.
  [[nodiscard]] std::vector<double> ticks(int count) const;

private:
  double total_;
  double shown_;  // seconds, without what the breaks leave out
  std::vector<Break> breaks_;
};

// 1, 2 or 5 times a power of ten, so that `range` has no more than `count` of them; of minutes and hours above a minute.
double round_step(double range, int count);

}  // namespace fanout::report
