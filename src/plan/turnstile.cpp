#include "fanout/plan/turnstile.hpp"

#include <algorithm>
#include <functional>

namespace fanout::plan {

Turnstiles::Number Turnstiles::add(std::uint32_t limit) {
  all_.push_back({.limit = limit});
  return static_cast<Number>(all_.size() - 1);
}

void Turnstiles::list_if_useful(Number number) {
  Turnstile &turnstile = all_[number];
  if (turnstile.is_listed || turnstile.first == nobody || !has_place(number)) return;
  turnstile.is_listed = true;
  listed_.emplace_back(turnstile.first, number);
  std::push_heap(listed_.begin(), listed_.end(), std::greater<>());
}

void Turnstiles::set_limit(Number number, std::uint32_t limit) {
  all_[number].limit = limit;
  list_if_useful(number);
}

void Turnstiles::leave(Number number) {
  --all_[number].inside;
  list_if_useful(number);
}

void Turnstiles::wait(Number number, Position host) {
  Turnstile &turnstile = all_[number];
  next_[host] = nobody;
  (turnstile.first == nobody ? turnstile.first : next_[turnstile.last]) = host;
  turnstile.last = host;
}

std::optional<Position> Turnstiles::take_first() {
  while (!listed_.empty()) {
    const Number number = listed_.front().second;
    std::pop_heap(listed_.begin(), listed_.end(), std::greater<>());
    listed_.pop_back();
    Turnstile &turnstile = all_[number];
    turnstile.is_listed = false;
    // The place has been taken since. Whoever leaves lists it again.
    if (!has_place(number)) continue;
    const Position host = turnstile.first;
    turnstile.first = next_[host];
    list_if_useful(number);
    return host;
  }
  return std::nullopt;
}

}  // namespace fanout::plan
