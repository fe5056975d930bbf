// One line at the end of what the terminal shows, drawn over again while a run goes on, and gone at its end.
//
// Lives in the parent, beside its Output, which takes the line away before it writes to the terminal itself; whoever has
// drawn it draws it again afterwards. Nothing here waits: where the terminal has no room (Ctrl-S), where another job has
// the foreground, or in the middle of somebody's line, it is not drawn this time.
//
// When a window gets narrower, most terminals wrap what stands in it anew, and a line becomes two. So the cursor waits at
// the beginning of the line and not at its end: wherever the terminal takes it, all of the line is behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
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

  // One line without control characters but those of colors.hpp, at most so wide. An empty one is not drawn.
  using Compose = std::function<std::string(std::size_t columns)>;

  // Asks for the line if one can be drawn, with the width that the terminal has at this moment.
  void draw(const Compose &compose);
  void erase();

private:
  Output &output_;
  Form form_;
};

}  // namespace fanout::console
