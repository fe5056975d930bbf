// Asking the user on the terminal: for a secret, which only the key holder does, or for a yes, which the parent does.
#pragma once

#include <termios.h>

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "fanout/console/lock.hpp"
#include "fanout/core/result.hpp"
#include "fanout/core/secret.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::console {

// The question was left by a signal: SIGINT, SIGTERM, SIGHUP or SIGQUIT. A terminal that hangs up is SIGHUP, whoever
// of us the kernel sends it to.
struct Interrupted {
  int signal = 0;
};
using Answer = std::variant<core::Secret, Interrupted>;

inline constexpr std::size_t max_answer_bytes = 1024;

// Writes `question` to `terminal` ("/dev/tty") and reads one line without echo. Blocks, and holds the console lock until
// it is answered. However it ends, the terminal is put back first; also while the process is suspended from the
// keyboard, after which the question is asked again. The signals above reach nobody else meanwhile. ErrorKind::usage
// when there is no such terminal or it ends without an answer. The process must be in the foreground group or becomes
// subject to job control (termios(3)).
core::Result<Answer> ask_secret(Lock &lock, const std::string &terminal, std::string_view question);

using YesOrNo = std::variant<bool, Interrupted>;

// As ask_secret(), but what is typed is seen. Only "y" and "yes", in whatever case, are a yes. No answer (Ctrl-D, or no
// terminal at all) is a no.
// What was typed before the question counts for nothing. `lines_before`, which must be safe for a terminal, are shown
// above the first question.
core::Result<YesOrNo> ask_yes_no(Lock &lock, const std::string &terminal, std::string_view question,
                                 std::string_view lines_before);

// Whether there is a terminal to ask on.
bool can_ask(const std::string &terminal);

// The settings of a terminal as they were, for putting them back after another process died while asking.
class TerminalSettings {
public:
  // Holds nothing when there is no such terminal.
  static TerminalSettings remember(const std::string &terminal);
  void put_back() const;

private:
  sys::UniqueFd terminal_;
  std::optional<termios> settings_;
};

}  // namespace fanout::console
