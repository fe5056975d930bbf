// Replaces what is particular to one host in what it prints (--mask), so that outputs that are the same but for that are
// the same: {host}, {ip} and {number}, in this order. Pure.
//
//     {host}    a word that is the host's name, its address, the first label of its name, or begins with its name and a dot
//     {ip}      a word that is an IPv4 or IPv6 address; a zone, the length of a prefix and a port stay
//     {number}  each run of decimal digits, also within a word; sign and point stay: "-1.5" is "-{number}.{number}"
//
// A word is a run of letters, digits, '-', '.' and '_' of ASCII, without dots at its end; an IPv6 address has colons too. A
// run of more than 256 bytes of all these holds neither a host nor an address.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/host.hpp"
#include "fanout/core/masking.hpp"

namespace fanout::report {

class Masker {
public:
  // Keeps nothing of `host`. One without a name has no {host}.
  Masker(core::Masking masking, const core::Host &host);

  // Appends to `masked` what is certain so far: a word that may go on waits for the next piece.
  void feed(std::string_view bytes, std::string &masked);
  // The text is over. The object is as new afterwards.
  void finish(std::string &masked);

private:
  void take_word(std::string_view word, std::string &masked);
  void mask_word(std::string_view word, std::string &masked);
  // One without colons.
  void mask_simple_word(std::string_view word, std::string &masked);
  void copy(std::string_view text, std::string &masked);
  [[nodiscard]] bool is_host(std::string_view word) const;
  [[nodiscard]] std::string_view placeholder_of(std::string_view word) const;

  core::Masking masking_;
  std::vector<std::string> names_;      // in lower case
  std::vector<std::string> addresses_;  // as in packets (4 or 16 bytes)
  std::string domain_start_;            // the name and a dot, in lower case; or empty
  std::string word_;                    // that has begun
  bool word_is_long_ = false;           // too long, and has been copied as far as it was there
  bool in_number_ = false;
};

std::string mask(core::Masking masking, const core::Host &host, std::string_view text);

}  // namespace fanout::report
