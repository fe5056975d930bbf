// The terminal while the program has all of it: its modes, its size, and writing to it without ever waiting.
//
// It has an open file of its own: O_NONBLOCK is a property of the open file, and that of standard output is shared with the
// shell. It is borrowed while this job has the foreground; in the background nothing is read, written or set.
#pragma once

#include <termios.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::console {

class BorrowedTerminal {
public:
  struct Size {
    std::size_t lines = 24;
    std::size_t columns = 80;
    bool operator==(const Size &) const = default;
  };

  static core::Result<BorrowedTerminal> open(const std::string &path);

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] Size size() const;
  [[nodiscard]] bool has_foreground() const;
  [[nodiscard]] bool is_taken() const { return taken_; }
  [[nodiscard]] bool is_gone() const { return gone_; }  // the window was closed

  // Keys at once and without echo; false from the background. What signals are sent by stays, but for SIGQUIT.
  bool take();
  // The modes that were there before. Keys that nobody has read were not meant for whoever reads next.
  void give_back();

  // Sends what it takes at once, and keeps the rest; what is sent later comes after it.
  void send(std::string_view bytes);
  [[nodiscard]] bool has_unsent() const { return !unsent_.empty(); }
  // Waits until the rest has been taken: at most two seconds, or, if there is `give_up_fd`, at most that long once it is
  // readable. What was not taken is dropped.
  void settle(int give_up_fd);

private:
  BorrowedTerminal(sys::UniqueFd fd, const termios &before) : fd_(std::move(fd)), before_(before) {}
  void apply(const termios &modes) const;

  sys::UniqueFd fd_;
  termios before_;
  bool taken_ = false;
  bool gone_ = false;
  std::string unsent_;
};

}  // namespace fanout::console
