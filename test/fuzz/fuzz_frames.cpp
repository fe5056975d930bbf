// What a captured worker may send to the parent: FrameReader, decode_worker_message() and WorkerProtocol, for three
// workers at once.
//
// Input: frames one after the other, then decisions: the seed of the cuts, how many bytes an unfinished frame goes on
// for, what the last worker is for, and for each frame, which of the three pipes it comes from. A length that lies takes what follows into its frame.
//
// Oracle: a reader that has each pipe's whole stream before it, a second table of the order in which a worker may speak,
// and that an accepted message is written back as the bytes it was read from.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fanout/wire/messages.hpp"
#include "input.hpp"
#include "oracle.hpp"

using namespace fanout;
using fuzz::must;
using fuzz::must_equal;

namespace {

constexpr std::size_t pipes = 3;

std::size_t length_at(std::string_view stream) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(stream[i]);
  return length;
}

constexpr std::array kinds{core::TaskKind::exec, core::TaskKind::keyscan, core::TaskKind::put,
                           core::TaskKind::get, core::TaskKind::clean_up};

// The order as src/wire/README.md has it.
class Order {
public:
  explicit Order(core::TaskKind task) : task_(task) {}

  bool may_come(const wire::WorkerMessage &message) {
    if (over_) return false;
    const bool runs = phase_ == static_cast<int>(core::Phase::run);
    if (const auto *m = std::get_if<wire::PhaseMessage>(&message)) {
      const int phase = static_cast<int>(m->phase);
      const bool known = !is(core::TaskKind::keyscan) ||
                         phase <= static_cast<int>(core::Phase::verify) ||
                         phase == static_cast<int>(core::Phase::done);
      if (phase <= phase_ || !known) return false;
      phase_ = phase;
      return true;
    }
    if (std::holds_alternative<wire::HostKeyMessage>(message)) {
      const int most = is(core::TaskKind::keyscan) ? 4 : 1;
      return phase_ == static_cast<int>(core::Phase::verify) && ++host_keys_ <= most;
    }
    if (std::holds_alternative<wire::OutputMessage>(message))
      return runs && (is(core::TaskKind::exec) || is_transfer());
    if (const auto *m = std::get_if<wire::ProgressMessage>(&message)) {
      if (!runs || !is_transfer() || m->done_bytes < done_bytes_) return false;
      done_bytes_ = m->done_bytes;
      return ++progress_ <= wire::max_progress;
    }
    if (std::holds_alternative<wire::FetchedMessage>(message))
      return runs && is(core::TaskKind::get);
    if (std::holds_alternative<wire::PasswordMessage>(message))
      return phase_ == static_cast<int>(core::Phase::auth) && ++passwords_ == 1;
    if (std::holds_alternative<wire::NoteMessage>(message)) return ++notes_ <= wire::max_notes;
    if (const auto *m = std::get_if<wire::FinalMessage>(&message)) {
      over_ = may_end(m->outcome);
      return over_;
    }
    return true;
  }

private:
  [[nodiscard]] bool is(core::TaskKind task) const { return task_ == task; }
  [[nodiscard]] bool is_transfer() const {
    return is(core::TaskKind::put) || is(core::TaskKind::get);
  }

  [[nodiscard]] bool may_end(const core::Outcome &record) const {
    const bool ok = record.status == core::Status::ok;
    const bool ran = phase_ >= static_cast<int>(core::Phase::run);
    const bool clean = record.exit_status == 0 && record.signal.empty() &&
                       record.remote_end == core::RemoteEnd::exited;
    const bool no_command = !record.exit_status && record.signal.empty();
    const bool nothing = no_command && record.remote_end == core::RemoteEnd::none;
    if (record.status == core::Status::skipped) return false;
    if (is(core::TaskKind::keyscan)) return nothing && !record.transfer && (!ok || host_keys_ > 0);
    if (is(core::TaskKind::clean_up)) return no_command && (!ok || ran);
    if (is_transfer()) return !ok || (ran && record.transfer && (clean || nothing));
    return !record.transfer && (!ok || (ran && clean));
  }

  core::TaskKind task_;
  int phase_ = 0;
  int host_keys_ = 0;
  int notes_ = 0;
  int passwords_ = 0;
  int progress_ = 0;
  std::uint64_t done_bytes_ = 0;
  bool over_ = false;
};

// What came of a pipe, one line a frame; it ends with the first fault, as a worker does.
class Listener {
public:
  explicit Listener(core::TaskKind task) : protocol_(task), order_(task) {}

  void take(const wire::Frame &frame) {
    if (ended_) return;
    auto message = wire::decode_worker_message(frame);
    if (!message) return end("refused");
    must(frame.body.size() <= wire::max_body_bytes, "no body is over the bound");
    must_equal(wire::encode(*message), wire::encode_frame(frame.type, frame.body),
               "an accepted message is written as it was read");
    const bool was_over = protocol_.finished();
    const bool expected = order_.may_come(*message);
    const bool accepted = protocol_.accept(*message).has_value();
    must(!(was_over && accepted), "nothing is accepted after the final message");
    must(accepted == expected, "a message is accepted exactly when its time is");
    if (!accepted) return end("out of order");
    story_ += "type " + std::to_string(frame.type) + ": " + frame.body + '\n';
  }
  void end(std::string_view how) {
    if (!ended_) story_ += how;
    ended_ = true;
  }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] const std::string &story() const { return story_; }

private:
  wire::WorkerProtocol protocol_;
  Order order_;
  std::string story_;
  bool ended_ = false;
};

// Without FrameReader: the whole stream is there.
std::string expected_story(std::string_view stream, core::TaskKind task) {
  Listener listener(task);
  while (stream.size() >= 4 && !listener.ended()) {
    const std::size_t length = length_at(stream);
    if (length > wire::max_body_bytes) {
      listener.end("too long");
      break;
    }
    if (stream.size() < wire::header_bytes + length) break;
    listener.take({static_cast<std::uint8_t>(stream[4]),
                   std::string(stream.substr(wire::header_bytes, length))});
    stream.remove_prefix(wire::header_bytes + length);
  }
  if (!stream.empty()) listener.end("inside a frame");
  return listener.story();
}

struct Pipe {
  explicit Pipe(core::TaskKind task_of_worker) : task(task_of_worker), listener(task_of_worker) {}

  core::TaskKind task;
  std::string stream;
  std::string_view left;
  wire::FrameReader reader;
  Listener listener;

  void deliver(std::string_view piece) {
    reader.feed(piece);
    for (;;) {
      auto frame = reader.next();
      if (!frame) {
        must(!reader.next(), "after a broken length there is no next frame");
        return listener.end("too long");
      }
      if (!*frame) return;
      listener.take(**frame);
      if (listener.ended()) return;
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  fuzz::Input input(data, size);
  fuzz::Pieces pieces(input.decision());
  const std::size_t unfinished = std::size_t{input.decision()} << 10;
  const core::TaskKind last = kinds[input.below(kinds.size())];
  std::array<Pipe, pipes> all{Pipe(core::TaskKind::exec), Pipe(core::TaskKind::exec), Pipe(last)};
  while (!input.rest().empty()) {
    Pipe &pipe = all[input.below(pipes)];
    const std::string_view rest = input.rest();
    std::size_t length = rest.size();
    if (rest.size() >= wire::header_bytes)
      length = std::min(length, wire::header_bytes + length_at(rest));
    pipe.stream += input.take(length);
  }
  all[0].stream.append(unfinished, 'x');
  for (Pipe &pipe : all) pipe.left = pipe.stream;

  // Round and round, a piece of each, as epoll would tell of them.
  for (bool more = true; more;) {
    more = false;
    for (Pipe &pipe : all) {
      if (pipe.left.empty() || pipe.listener.ended()) continue;
      more = true;
      const std::string_view piece = pieces.next(pipe.left);
      const std::size_t before = fuzz::allocated_bytes();
      const std::size_t story_before = pipe.listener.story().capacity();
      pipe.deliver(piece);
      const std::size_t after = fuzz::allocated_bytes();
      // Twice, because strings grow by doubling.
      const std::size_t bound = 2 * (wire::header_bytes + wire::max_body_bytes + piece.size()) +
                                pipe.listener.story().capacity() - story_before + 4096;
      must(after <= before + bound, "a reader keeps one frame and one read at most");
    }
  }
  for (Pipe &pipe : all) {
    if (pipe.reader.in_frame()) pipe.listener.end("inside a frame");
    must_equal(pipe.listener.story(), expected_story(pipe.stream, pipe.task),
               "what a pipe says depends neither on its cuts nor on the other pipes");
  }
  return 0;
}
