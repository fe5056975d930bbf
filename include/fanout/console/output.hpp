// The program's standard output and standard error. Whoever prints builds the text first and hands it over whole; it
// goes out under the console lock, so that neither the key holder's questions nor another block can stand inside it.
//
// One object, in the parent, which is its only user. It does not own the descriptors. Writing blocks until the reader
// has taken everything: that is how a slow reader slows the hosts down instead of filling our memory.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string_view>

#include "fanout/console/lock.hpp"
#include "fanout/core/result.hpp"
#include "fanout/core/status.hpp"
#include "fanout/sys/fd.hpp"
#include "fanout/sys/temporary_file.hpp"

namespace fanout::console {

class Output {
public:
  struct Sink {
    int fd = -1;
    bool terminal = false;  // text from elsewhere must be made safe before it goes there
  };

  Output(Lock &lock, Sink out, Sink err) : lock_(lock), sinks_{out, err} {}
  // Descriptors 1 and 2 of this process.
  static Output standard(Lock &lock);

  [[nodiscard]] bool is_terminal(core::Stream stream) const { return sink(stream).terminal; }
  // Width of the terminal behind `stream`; asked anew each time.
  [[nodiscard]] std::size_t columns(core::Stream stream) const;

  // `text` at once and whole. A failure is ErrorKind::local, "standard output: Broken pipe". It is final: every further
  // write to that stream fails with the same error without trying, so that one lost reader is one message.
  core::Result<void> write(core::Stream stream, std::string_view text);

  // From now on a write does not wait for ever: once `fd` is readable (signals have come), a write that cannot go on
  // for two seconds fails. A program whose reader has stopped could otherwise be left by SIGKILL alone.
  void give_up_on(int fd);
  // The same for every write that comes, whether `fd` is readable or not: who has read what made it so calls this.
  void give_up_soon() { gives_up_soon_ = true; }
  // Whether it is readable: who has much to print asks now and then, and ends.
  [[nodiscard]] bool is_given_up() const;

  // From now on what is written to a terminal waits in a file, because somebody else draws on it (screen.hpp); the line of
  // progress.hpp is not drawn. What is written to anything else passes. What the file has no room
  // for is lost, which is no failure of the stream: lost_while_held() has it.
  using OpenFile = std::function<core::Result<sys::UniqueFd>()>;
  core::Result<void> hold(const OpenFile &open = sys::make_temporary_file);
  // What has waited comes out, both streams in their order; not the rest of it once is_given_up().
  void release();
  [[nodiscard]] const std::optional<core::Error> &lost_while_held() const {
    return lost_while_held_;
  }
  [[nodiscard]] bool is_holding() const { return held_.is_open(); }

  // Whether what was written last to `stream` did not end a line. Two streams that lead to a terminal have one line.
  [[nodiscard]] bool line_is_open(core::Stream stream) const {
    return line_is_open_[line_of(stream)];
  }

  // What became of `stream`, if a write to it has failed.
  [[nodiscard]] const std::optional<core::Error> &failure(core::Stream stream) const {
    return failures_[static_cast<std::size_t>(stream)];
  }

  // Holds the lock over several writes, for text that is larger than what one likes to have in memory. While it lives
  // Output::write() must not be called.
  class Block {
  public:
    explicit Block(Output &output);
    // As Output::write().
    core::Result<void> write(core::Stream stream, std::string_view text);

  private:
    Output &output_;
    Lock::Guard guard_;
    bool line_to_finish_;
  };

private:
  friend class ProgressLine;

  [[nodiscard]] const Sink &sink(core::Stream stream) const {
    return sinks_[static_cast<std::size_t>(stream)];
  }
  [[nodiscard]] std::size_t line_of(core::Stream stream) const {
    return sinks_[0].terminal && sinks_[1].terminal ? 0 : static_cast<std::size_t>(stream);
  }
  core::Result<void> write_unlocked(core::Stream stream, std::string_view text);
  core::Result<void> send(core::Stream stream, std::string_view text);
  void keep(core::Stream stream, std::string_view text);
  core::Result<void> release_from(int file);

  // The line of progress.hpp at the end of the terminal behind stderr. `text` draws it anew from the first column.
  void draw_line(std::string_view text);
  void erase_line();
  void erase_line_unlocked();

  // False when the wait was given up.
  [[nodiscard]] bool wait_for_room(int fd) const;

  Lock &lock_;
  std::array<Sink, 2> sinks_;
  std::array<std::optional<core::Error>, 2> failures_;
  std::array<bool, 2> can_block_ = {true, true};  // not a regular file
  int give_up_fd_ = -1;
  bool gives_up_soon_ = false;
  // The terminals once more, as files of our own that never block: poll(2) promises room for a byte of one, and a write of more
  // would sleep through every signal.
  std::array<sys::UniqueFd, 2> unblocked_;
  std::array<bool, 2> line_is_open_{};
  bool line_is_drawn_ = false;
  sys::UniqueFd held_;  // what waits
  std::optional<core::Error> lost_while_held_;
};

}  // namespace fanout::console
