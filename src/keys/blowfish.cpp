// The tables are not written down but computed: the first 33,344 bits of the fraction of pi, by Machin's formula in fixed
// point. That costs some 30 ms, once, and only in a run that opens an encrypted key file, where deriving the key
// costs several times as much by design.
#include "blowfish.hpp"

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include <openssl/bn.h>

namespace fanout::keys {

namespace {

constexpr std::size_t word_count = Blowfish::subkey_count + 4UL * 256;
// Every term is cut off below; 15,000 terms err by less than 2^14 of the last place, which these bits absorb.
constexpr int guard_bits = 64;
constexpr int scale_bits = static_cast<int>(word_count) * 32 + guard_bits;

struct FreeBn {
  void operator()(BIGNUM *number) const { BN_free(number); }
};
using Number = std::unique_ptr<BIGNUM, FreeBn>;

Number make_number() {
  Number number(BN_new());
  if (!number) throw std::bad_alloc();
  return number;
}

// BIGNUM calls fail only for want of memory.
void must(bool succeeded) {
  if (!succeeded) throw std::bad_alloc();
}

// multiplier * atan(1/x) as a fixed-point number, by its Taylor series.
Number scaled_arctan(BN_ULONG multiplier, BN_ULONG x) {
  Number power = make_number();
  must(BN_set_bit(power.get(), scale_bits) == 1);
  must(BN_mul_word(power.get(), multiplier) == 1);
  BN_div_word(power.get(), x);
  Number sum(BN_dup(power.get()));
  Number term = make_number();
  must(sum != nullptr);
  bool negative = true;
  for (BN_ULONG divisor = 3;; divisor += 2, negative = !negative) {
    BN_div_word(power.get(), x * x);
    if (BN_is_zero(power.get())) return sum;
    must(BN_copy(term.get(), power.get()) != nullptr);
    BN_div_word(term.get(), divisor);
    must((negative ? BN_sub : BN_add)(sum.get(), sum.get(), term.get()) == 1);
  }
}

std::array<std::uint32_t, word_count> fraction_of_pi() {
  // pi = 16 atan(1/5) - 4 atan(1/239)
  Number pi = scaled_arctan(16, 5);
  const Number second = scaled_arctan(4, 239);
  must(BN_sub(pi.get(), pi.get(), second.get()) == 1);
  must(BN_rshift(pi.get(), pi.get(), guard_bits) == 1);
  must(BN_mask_bits(pi.get(), scale_bits - guard_bits) == 1);
  std::vector<unsigned char> bytes(word_count * 4);
  must(BN_bn2binpad(pi.get(), bytes.data(), static_cast<int>(bytes.size())) > 0);
  std::array<std::uint32_t, word_count> words{};
  for (std::size_t i = 0; i < bytes.size(); ++i) words[i / 4] = words[i / 4] << 8 | bytes[i];
  return words;
}

// Reads a string as an endless sequence of big-endian words, starting over at its end.
class WordStream {
public:
  explicit WordStream(std::string_view bytes) : bytes_(bytes) {}
  std::uint32_t next() {
    std::uint32_t word = 0;
    for (int i = 0; i < 4; ++i) {
      word = word << 8 | static_cast<unsigned char>(bytes_[position_]);
      position_ = (position_ + 1) % bytes_.size();
    }
    return word;
  }

private:
  std::string_view bytes_;
  std::size_t position_ = 0;
};

}  // namespace

Blowfish::Blowfish() {
  static const std::array<std::uint32_t, word_count> words = fraction_of_pi();
  std::size_t next = 0;
  for (std::uint32_t &subkey : subkeys_) subkey = words[next++];
  for (auto &box : boxes_)
    for (std::uint32_t &entry : box) entry = words[next++];
}

Blowfish::~Blowfish() {
  explicit_bzero(subkeys_.data(), sizeof subkeys_);
  explicit_bzero(boxes_.data(), sizeof boxes_);
}

void Blowfish::encrypt(std::uint32_t &left, std::uint32_t &right) const {
  std::uint32_t l = left;
  std::uint32_t r = right;
  const auto round = [&](std::uint32_t value) {
    return ((boxes_[0][value >> 24] + boxes_[1][value >> 16 & 0xff]) ^
            boxes_[2][value >> 8 & 0xff]) +
           boxes_[3][value & 0xff];
  };
  for (std::size_t i = 0; i < 16; i += 2) {
    l ^= subkeys_[i];
    r ^= round(l);
    r ^= subkeys_[i + 1];
    l ^= round(r);
  }
  left = r ^ subkeys_[17];
  right = l ^ subkeys_[16];
}

void Blowfish::expand(std::string_view key, std::string_view salt) {
  WordStream key_words(key);
  for (std::uint32_t &subkey : subkeys_) subkey ^= key_words.next();
  WordStream salt_words(salt);
  std::uint32_t left = 0;
  std::uint32_t right = 0;
  const auto replace = [&](std::uint32_t *entries, std::size_t count) {
    for (std::size_t i = 0; i < count; i += 2) {
      if (!salt.empty()) {
        left ^= salt_words.next();
        right ^= salt_words.next();
      }
      encrypt(left, right);
      entries[i] = left;
      entries[i + 1] = right;
    }
  };
  replace(subkeys_.data(), subkeys_.size());
  for (auto &box : boxes_) replace(box.data(), box.size());
}

}  // namespace fanout::keys
