// --retries: what may be tried again, and when. Pure.
#pragma once

#include <cstdint>
#include <random>

#include "fanout/core/deadline.hpp"
#include "fanout/core/event.hpp"

namespace fanout::plan {

// Nothing has been run, nobody's password been spent, and no worker may have been attacked: the attempt was lost on the way
// to the login.
bool may_be_repeated(const core::Ended &ended, bool password_was_sent);

// The server has accepted the connection and closed it before keys were exchanged, which is how it says that it has too many.
bool was_dropped(const core::Outcome &outcome);

// Doubles from one attempt to the next, times a random factor of 0.5 to 1.5: hosts that were lost together should not come
// back together.
class BackOff {
public:
  explicit BackOff(std::uint64_t seed) : random_(seed) {}

  core::Milliseconds of_retry(std::uint32_t number);  // from 1; 1 s to 30 s
  core::Milliseconds of_drop(std::uint32_t number);   // from 1; 100 ms to 2 s

private:
  core::Milliseconds jittered(core::Milliseconds shortest, core::Milliseconds longest,
                              std::uint32_t number);

  std::mt19937_64 random_;
};

}  // namespace fanout::plan
