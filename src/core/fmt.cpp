// The parts of fmt that are not templates, in the program itself instead of in a shared library. Forking a worker copies
// every mapping of the spawner, and a shared library is five of them; with this one go libstdc++, libm and libgcc_s, which
// it alone keeps (meson.build). What is missing here, in another version of fmt, the shared library still gives.

#define FMT_HEADER_ONLY
#include <fmt/format.h>

template char fmt::detail::decimal_point_impl<char>(fmt::detail::locale_ref);
template fmt::detail::thousands_sep_result<char> fmt::detail::thousands_sep_impl<char>(
    fmt::detail::locale_ref);

namespace {

// Naming them is what makes the compiler put them here.
[[gnu::used]] const auto vformat =
    static_cast<std::string (*)(fmt::string_view, fmt::format_args)>(&fmt::vformat);
[[gnu::used]] std::string every_kind(double number, float smaller, std::string_view text) {
  return fmt::format("{} {} {:?} {:L} {}", number, smaller, text, number,
                     fmt::format_error("").what());
}

}  // namespace
