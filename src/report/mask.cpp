// What is hard: text comes in pieces that are cut anywhere, and people write punctuation. A run of bytes that can be in a
// name or an address is therefore looked at as a whole, first as one address, then what stands between its colons.

#include "mask.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace fanout::report {

namespace {

constexpr std::size_t longest_word = 256;
constexpr std::string_view host_placeholder = "{host}";
constexpr std::string_view ip_placeholder = "{ip}";
constexpr std::string_view number_placeholder = "{number}";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hexadecimal(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Of words, and of addresses with their zones and ports.
bool makes_word(char c) {
  return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == ':' || c == '%';
}

// Names of hosts have no case (RFC 4343).
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
  std::string lowered(text);
  for (char &c : lowered) c = lower(c);
  return lowered;
}

// `lowered` is in lower case already.
bool begins_with(std::string_view text, std::string_view lowered) {
  return text.size() >= lowered.size() &&
         std::equal(lowered.begin(), lowered.end(), text.begin(),
                    [](char wanted, char c) { return wanted == lower(c); });
}

// As in packets; empty when it is none.
std::string parse_address(std::string_view text) {
  constexpr std::size_t longest_address = INET6_ADDRSTRLEN - 1;
  if (text.size() > longest_address || text.size() < 2) return {};
  const bool has_colons = text.find(':') != std::string_view::npos;
  if (!has_colons && (!is_digit(text.front()) || text.find('.') == std::string_view::npos))
    return {};
  if (!std::all_of(text.begin(), text.end(),
                   [](char c) { return is_hexadecimal(c) || c == ':' || c == '.'; }))
    return {};
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  std::copy(text.begin(), text.end(), terminated.begin());
  std::array<char, sizeof(in6_addr)> address{};
  if (::inet_pton(has_colons ? AF_INET6 : AF_INET, terminated.data(), address.data()) != 1)
    return {};
  return {address.data(), has_colons ? sizeof(in6_addr) : sizeof(in_addr)};
}

// "[2001:db8::1]:22", "web01:2222" and "fe80::1%eth0" as they stand in texts: the name or address alone.
std::string_view bare(std::string_view name) {
  if (name.starts_with('['))
    name = name.substr(1, name.find(']') - 1);
  else if (std::count(name.begin(), name.end(), ':') == 1)
    name = name.substr(0, name.find(':'));
  return name.find(':') == std::string_view::npos ? name : name.substr(0, name.find('%'));
}

std::string_view without_end(std::string_view word, std::string_view what) {
  return word.substr(0, word.find_last_not_of(what) + 1);
}

}  // namespace

Masker::Masker(core::Masking masking, const core::Host &host) : masking_(masking) {
  if (!masking_.host) return;
  for (const std::string_view name : {bare(host.name), bare(host.address)}) {
    if (name.empty()) continue;
    if (std::string address = parse_address(name); !address.empty())
      addresses_.push_back(std::move(address));
    else
      names_.push_back(lower(name));
  }
  const std::string_view name = bare(host.name);
  if (name.empty() || !parse_address(name).empty()) return;
  domain_start_ = lower(name) + ".";
  if (const std::size_t dot = name.find('.'); dot != std::string_view::npos && dot > 0)
    names_.push_back(lower(name.substr(0, dot)));
}

void Masker::feed(std::string_view bytes, std::string &masked) {
  while (!bytes.empty()) {
    const auto end = static_cast<std::size_t>(
        std::find_if_not(bytes.begin(), bytes.end(), makes_word) - bytes.begin());
    take_word(bytes.substr(0, end), masked);
    if (end == bytes.size()) return;
    finish(masked);
    bytes.remove_prefix(end);
    const auto gap = static_cast<std::size_t>(std::find_if(bytes.begin(), bytes.end(), makes_word) -
                                              bytes.begin());
    masked += bytes.substr(0, gap);
    bytes.remove_prefix(gap);
  }
}

void Masker::take_word(std::string_view word, std::string &masked) {
  if (!word_is_long_ && word_.size() + word.size() <= longest_word) {
    word_ += word;
    return;
  }
  word_is_long_ = true;
  copy(word_, masked);
  word_.clear();
  copy(word, masked);
}

void Masker::finish(std::string &masked) {
  mask_word(word_, masked);
  word_.clear();
  word_is_long_ = false;
  in_number_ = false;
}

void Masker::mask_word(std::string_view word, std::string &masked) {
  if (word.empty()) return;
  if (!masking_.host && !masking_.ip) {
    copy(word, masked);
    return;
  }
  // An address may end in colons of its own, and a sentence may go on after it.
  if (word.find(':') != std::string_view::npos) {
    const std::string_view with_zone = without_end(word, ".");
    const std::string_view without_colon =
        with_zone.substr(0, with_zone.size() - (with_zone.ends_with(':') ? 1 : 0));
    for (const std::string_view whole : {with_zone, without_end(without_colon, ".")}) {
      const std::size_t end = std::min(whole.find('%'), whole.size());
      const std::string_view placeholder = placeholder_of(whole.substr(0, end));
      if (placeholder.empty()) continue;
      masked += placeholder;
      copy(word.substr(end), masked);
      return;
    }
  }
  while (!word.empty()) {
    const std::size_t end = std::min(word.find_first_of(":%"), word.size());
    mask_simple_word(word.substr(0, end), masked);
    const std::size_t next = std::min(end + 1, word.size());
    copy(word.substr(end, next - end), masked);
    word.remove_prefix(next);
  }
}

void Masker::mask_simple_word(std::string_view word, std::string &masked) {
  const std::string_view name = without_end(word, ".");
  if (const std::string_view placeholder = placeholder_of(name); !placeholder.empty()) {
    masked += placeholder;
    word.remove_prefix(name.size());
  }
  copy(word, masked);
}

std::string_view Masker::placeholder_of(std::string_view word) const {
  if (word.empty()) return {};
  if (masking_.host && is_host(word)) return host_placeholder;
  if (masking_.ip && !parse_address(word).empty()) return ip_placeholder;
  return {};
}

bool Masker::is_host(std::string_view word) const {
  if (!domain_start_.empty() && begins_with(word, domain_start_) &&
      word.find(':') == std::string_view::npos)
    return true;
  if (std::any_of(names_.begin(), names_.end(), [word](const std::string &name) {
        return name.size() == word.size() && begins_with(word, name);
      }))
    return true;
  if (addresses_.empty()) return false;
  const std::string address = parse_address(word);
  return !address.empty() &&
         std::find(addresses_.begin(), addresses_.end(), address) != addresses_.end();
}

void Masker::copy(std::string_view text, std::string &masked) {
  if (!masking_.number) {
    masked += text;
    return;
  }
  for (const char c : text) {
    const bool begins = is_digit(c) && !in_number_;
    in_number_ = is_digit(c);
    if (begins) masked += number_placeholder;
    if (!in_number_) masked += c;
  }
}

std::string mask(core::Masking masking, const core::Host &host, std::string_view text) {
  std::string masked;
  Masker masker(masking, host);
  masker.feed(text, masked);
  masker.finish(masked);
  return masked;
}

}  // namespace fanout::report
