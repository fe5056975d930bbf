// What a host prints, before it is compared: Masker with every choice of masks.
//
// Input: the text, then decisions: which masks, which host, and the seed of the cuts.
//
// Oracle: wherever the text is cut, it comes out the same; no digit is left where numbers are masked; and of the text nothing is
// left out but what a mask can stand for.
#include <array>
#include <cctype>
#include <string>
#include <string_view>

#include "input.hpp"
#include "oracle.hpp"
#include "report/mask.hpp"

using namespace fanout;
using fuzz::must;
using fuzz::must_equal;

namespace {

constexpr std::array<std::array<std::string_view, 2>, 5> hosts = {{
    {"web01", "10.0.0.7"},
    {"web01.example.com", "web01.example.com"},
    {"[2001:db8::1]:22", "2001:db8::1"},
    {"fe80::7%eth0", "fe80::7%eth0"},
    {"", ""},
}};

core::Host host_of(std::size_t which) {
  core::Host host;
  host.name = hosts[which % hosts.size()][0];
  host.address = hosts[which % hosts.size()][1];
  return host;
}

// Of the placeholders nothing is left.
std::string without(std::string text, std::string_view what) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at))
    text.erase(at, what.size());
  return text;
}

// No mask stands for any of it.
std::string gaps_of(std::string_view text) {
  std::string gaps;
  for (const char c : text)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.' && c != '-' && c != '_' &&
        c != ':')
      gaps += c;
  return gaps;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t which = input.decision();
  const core::Masking masking{(which & 1U) != 0, (which & 2U) != 0, (which & 4U) != 0};
  const core::Host host = host_of(input.decision());
  fuzz::Pieces pieces(input.decision());
  const std::string_view text = input.take_rest();

  const std::string whole = report::mask(masking, host, text);
  report::Masker masker(masking, host);
  std::string in_pieces;
  for (std::string_view left = text; !left.empty();) masker.feed(pieces.next(left), in_pieces);
  masker.finish(in_pieces);
  must_equal(in_pieces, whole, "the same text in other pieces comes out the same");

  std::string again;
  masker.feed(text, again);
  masker.finish(again);
  must_equal(again, whole, "after finish() the object is as new");

  if (!masking.any()) must_equal(whole, std::string(text), "nothing to mask, nothing changed");
  if (masking.number)
    must(whole.find_first_of("0123456789") == std::string::npos, "no digit is left");
  if (text.find('{') == std::string_view::npos) {
    const std::string rest = without(without(without(whole, "{host}"), "{ip}"), "{number}");
    must_equal(gaps_of(rest), gaps_of(text), "what no mask stands for is there");
  }
  return 0;
}
