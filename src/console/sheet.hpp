// A sheet of cells that is drawn by ncurses: text in, the bytes for the terminal out; bytes of the terminal in, keys out.
// Writes to nobody but its caller, sets no modes, handles no signals. There can be one at a time, because ncurses has
// global variables.
#pragma once

#include <cstddef>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fanout/console/screen.hpp"
#include "fanout/core/result.hpp"

namespace fanout::console {

class Sheet {
public:
  // For a terminal that the environment calls `term`; keys are read from `input`, which must not block. ErrorKind::usage.
  static core::Result<Sheet> create(const std::string &term, int input);

  Sheet(Sheet &&other) noexcept;
  Sheet &operator=(Sheet &&) = delete;
  ~Sheet();

  void resize(std::size_t lines, std::size_t columns);
  [[nodiscard]] std::size_t lines() const { return lines_; }
  [[nodiscard]] std::size_t columns() const { return columns_; }

  void clear();
  void put(std::size_t line, std::size_t column, std::string_view text, Screen::Look look);

  // What turns what the terminal shows into this.
  core::Result<std::string> draw();
  // The next draw() takes nothing for granted.
  void forget_shown();
  // What brings the terminal back to what it showed before; draw() takes it over again.
  core::Result<std::string> leave();

  // Never blocks for longer than it takes to tell the key Escape from the beginning of another.
  std::optional<Key> next_key();

private:
  struct Curses;
  explicit Sheet(std::unique_ptr<Curses> curses);
  core::Result<std::string> drawn();

  std::unique_ptr<Curses> curses_;
  std::size_t lines_ = 0;
  std::size_t columns_ = 0;
};

}  // namespace fanout::console
