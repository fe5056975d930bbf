// The other direction: names back to ranges, `web[01-06,08-20]`, wherever a list of hosts is printed.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace fanout::inventory {

// A pattern that stands for exactly these names, each once; "" for none. Zero padding is kept. Numbers are folded where
// they differ: `r[1-4]n[01-16]` if all 64 are there, `127.0.0.[1-20]`, `127.0.0.1:[2201-2203]`. In order of the first
// mention of the text around the numbers, then of the numbers. Pure; n log n in the number of names.
std::string fold(std::span<const std::string_view> names);
std::string fold(std::span<const std::string> names);

}  // namespace fanout::inventory
