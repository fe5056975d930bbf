// Result<T>: a T or an Error. TRY and TRY_ASSIGN hand the error to the caller.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "fanout/core/error.hpp"

namespace fanout::core {

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }
inline tl::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return tl::unexpected<Error>(Error{kind, std::move(message)});
}

}  // namespace fanout::core

#define FANOUT_CONCAT_(a, b) a##b
#define FANOUT_CONCAT(a, b) FANOUT_CONCAT_(a, b)

// TRY(call()): returns the error of call() from this function, if there is one.
#define TRY(expression)                                           \
  do {                                                            \
    if (auto try_result = (expression); !try_result)              \
      return ::fanout::core::fail(std::move(try_result).error()); \
  } while (false)

// TRY_ASSIGN(auto x, call()): as TRY, else x is the value.
#define TRY_ASSIGN(target, expression) \
  TRY_ASSIGN_(FANOUT_CONCAT(try_value_, __LINE__), target, expression)
#define TRY_ASSIGN_(name, target, expression)                      \
  auto name = (expression);                                        \
  if (!name) return ::fanout::core::fail(std::move(name).error()); \
  target = std::move(*name)
