// What a fuzzer says when its oracle and the program disagree, and how much memory is in use.
#pragma once

#include <malloc.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/allocator_interface.h>
#define FANOUT_FUZZ_ASAN 1
#endif
#endif

namespace fanout::fuzz {

// Ends the program as a crash would, which is what libFuzzer looks for: the input is then kept.
inline void must(bool holds, std::string_view promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %.*s\n", static_cast<int>(promise.size()), promise.data());
  std::abort();
}

// Both sides, with everything that is not printable as \xNN.
inline void must_equal(std::string_view ours, std::string_view expected, std::string_view promise) {
  if (ours == expected) return;
  const auto show = [](const char *name, std::string_view text) {
    std::fprintf(stderr, "%s: ", name);
    for (const char c : text)
      if (c == '\n' || (c >= 0x20 && c < 0x7f))
        std::fputc(c, stderr);
      else
        std::fprintf(stderr, "\\x%02x", static_cast<unsigned char>(c));
    std::fputc('\n', stderr);
  };
  show("ours", ours);
  show("expected", expected);
  must(false, promise);
}

// Bytes of the heap that are in use.
inline std::size_t allocated_bytes() {
#ifdef FANOUT_FUZZ_ASAN
  return __sanitizer_get_current_allocated_bytes();
#else
  const struct mallinfo2 heap = ::mallinfo2();
  return heap.uordblks + heap.hblkhd;
#endif
}

}  // namespace fanout::fuzz

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size);
