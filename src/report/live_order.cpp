#include "live_order.hpp"

#include <algorithm>
#include <tuple>

namespace fanout::report {

namespace {

bool is_digit(char character) { return character >= '0' && character <= '9'; }

// The digits at the beginning of `text`, without zeros that count nothing; they are taken from it.
std::string_view take_number(std::string_view &text) {
  std::size_t end = 0;
  while (end < text.size() && is_digit(text[end])) ++end;
  std::string_view digits = text.substr(0, end);
  text.remove_prefix(end);
  while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
  return digits;
}

int sign(int value) { return value < 0 ? -1 : value > 0 ? 1 : 0; }

}  // namespace

LiveOrder next_order(LiveOrder order) {
  switch (order) {
    case LiveOrder::selection: return LiveOrder::state;
    case LiveOrder::state: return LiveOrder::elapsed;
    case LiveOrder::elapsed: return LiveOrder::name;
    case LiveOrder::name: return LiveOrder::selection;
  }
  return LiveOrder::selection;
}

std::string_view to_string(LiveOrder order) {
  switch (order) {
    case LiveOrder::selection: return "selection";
    case LiveOrder::state: return "state";
    case LiveOrder::elapsed: return "time";
    case LiveOrder::name: return "name";
  }
  return "selection";
}

int compare_naturally(std::string_view one, std::string_view other) {
  const std::string_view whole_one = one;
  const std::string_view whole_other = other;
  while (!one.empty() && !other.empty()) {
    if (is_digit(one.front()) && is_digit(other.front())) {
      const std::string_view number = take_number(one);
      const std::string_view other_number = take_number(other);
      if (number.size() != other_number.size()) return number.size() < other_number.size() ? -1 : 1;
      if (const int order = sign(number.compare(other_number)); order != 0) return order;
      continue;
    }
    if (one.front() != other.front()) return one.front() < other.front() ? -1 : 1;
    one.remove_prefix(1);
    other.remove_prefix(1);
  }
  if (one.empty() != other.empty()) return one.empty() ? -1 : 1;
  return sign(whole_one.compare(whole_other));
}

void sort_hosts(std::vector<SortKey> &keys) {
  std::sort(keys.begin(), keys.end(), [](const SortKey &one, const SortKey &other) {
    return std::tie(one.value, one.host) < std::tie(other.value, other.host);
  });
}

}  // namespace fanout::report
