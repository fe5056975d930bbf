// One line at the end of what the terminal shows, drawn over again while a run goes on, and gone at its end.
//
// Lives in the parent, beside its Output, which takes the line away before it writes to the terminal itself; whoever has
// drawn it draws it again afterwards. Nothing here waits: where the terminal has no room (Ctrl-S), where another job has
// the foreground, or in the middle of somebody's line, it is not drawn this time.
#pragma once

#include <cstdint>
#include <string_view>

#include "fanout/console/output.hpp"

namespace fanout::console {

class ProgressLine {
public:
  enum class Form : std::uint8_t {
    none,   // nothing is shown
    drawn,  // one line of a terminal, over and over
    lines,  // to a file: one line each time
  };

  // When it is to be shown, as on the command line.
  enum class When : std::uint8_t { automatic, always, never };

  // `terminal` says whether there is one behind stderr, `term` is the environment's TERM. A terminal that cannot erase a
  // line ("dumb") counts as a file.
  static Form choose(When when, bool terminal, std::string_view term);

  // `output` must outlive this.
  ProgressLine(Output &output, Form form) : output_(output), form_(form) {}
  ~ProgressLine() { erase(); }
  ProgressLine(const ProgressLine &) = delete;
  ProgressLine &operator=(const ProgressLine &) = delete;

  [[nodiscard]] Form form() const { return form_; }

  // `text` is one line without control characters, what matters most first: it is cut to the width that the terminal has
  // at this moment.
  void draw(std::string_view text);
  void erase();

private:
  Output &output_;
  Form form_;
};

}  // namespace fanout::console
