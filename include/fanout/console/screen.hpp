// The whole terminal as a sheet of cells that is written to and then shown, and the keys that are pressed meanwhile; for a
// live view. Lives in the parent. It works on the terminal itself ("/dev/tty"), whatever standard input and output are.
// There can be one at a time.
//
// Nothing here waits: a terminal that takes no text (Ctrl-S) is not drawn to this time. Only giving it back does, for what
// it must get first.
//
// Ctrl-Z stops the program as it would without a view: it happens in next_key(), with the terminal given back. In the
// background nothing is drawn and no key is read. While this lives SIGTSTP, SIGCONT and SIGWINCH are taken from a descriptor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fanout/console/colors.hpp"
#include "fanout/core/result.hpp"

namespace fanout::console {

// A key that was pressed: a character of ASCII as it is, or one of these.
struct Key {
  enum class Kind : std::uint8_t {
    character,
    up,
    down,
    left,
    right,
    page_up,
    page_down,
    home,
    end,
    enter,
    escape,
    backspace,
  };
  Kind kind = Kind::character;
  char character = 0;  // of Kind::character
};

class Screen {
public:
  // Takes the terminal over: the alternate screen, no echo, keys at once; Ctrl-C and Ctrl-Z still are signals.
  // ErrorKind::usage when there is none, or TERM names none that can do it.
  static core::Result<Screen> open(const std::string &terminal);

  Screen(Screen &&other) noexcept;
  Screen &operator=(Screen &&) = delete;
  // Gives it back as it was, with what it showed before.
  ~Screen();

  // A terminal that takes no text is waited for before it is given back: for two seconds, or, as with Output::give_up_on(),
  // until two seconds after `fd` has become readable.
  void give_up_on(int fd);

  [[nodiscard]] int fd()
      const;  // readable when next_key() should be asked, or is_stale() has changed

  // What begin() has found; a window can change its size at any time.
  [[nodiscard]] std::size_t lines() const;
  [[nodiscard]] std::size_t columns() const;

  // Whether what the terminal shows is not what was shown last: its size has changed, it was away, or it took nothing.
  [[nodiscard]] bool is_stale() const;

  // Every cell blank; takes a new size of the window into account.
  void begin();
  // One line of text without control characters, from `column` on, cut to the width between two characters; `style` for all
  // of it. A highlighted line is inverse as far as the last column. Outside of the sheet nothing happens.
  struct Look {
    std::optional<Style> style;
    bool highlighted = false;
  };
  void put(std::size_t line, std::string_view text, Look look) { put(line, 0, text, look); }
  void put(std::size_t line, std::size_t column, std::string_view text, Look look);
  // Sends what has changed to the terminal.
  void show();

  // The next key that waits; nothing if there is none.
  std::optional<Key> next_key();

private:
  struct State;
  explicit Screen(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace fanout::console
