// One loop: a packet with a card and descriptors in, a pid out. What is hard here is that nothing stays: the buffer is
// wiped before the next card comes, or that worker would read the card of this one.

#include "fanout/pool/spawner.hpp"

#include <poll.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "fanout/sandbox/limits.hpp"
#include "fanout/sys/heap.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/passing.hpp"
#include "fanout/sys/pipe.hpp"
#include "fanout/wire/codec.hpp"

namespace fanout::pool {

using core::Deadline;
using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

constexpr core::Milliseconds patience{10'000};
constexpr core::Milliseconds patience_when_stopped{2'000};
enum Type : char { type_prepare = 'p', type_spawn = 's' };
constexpr std::size_t max_answer_bytes = 4096;

// "pid, or 0 and why not".
std::string encode_answer(const Result<pid_t> &result) {
  wire::Encoder answer;
  answer.uint32(result ? static_cast<std::uint32_t>(*result) : 0)
      .string(result ? std::string() : result.error().message);
  return answer.take();
}

class Loop {
public:
  Loop(sys::UniqueFd control, const Spawner::Program &program)
      : control_(std::move(control)), program_(program), buffer_(Spawner::max_card_bytes + 1) {}

  int run() {
    for (;;) {
      auto packet = sys::receive_packet(control_.get(), buffer_.data(), buffer_.size());
      if (packet && packet->count == 0) return 0;
      const Result<pid_t> result = packet ? act_on(*packet) : fail(packet.error());
      explicit_bzero(buffer_.data(), packet ? packet->count : buffer_.size());
      if (!sys::send_packet(control_.get(), encode_answer(result))) return 1;
    }
  }

private:
  Result<pid_t> act_on(sys::Packet &packet) {
    const std::string_view body(buffer_.data() + 1, packet.count - 1);
    if (buffer_[0] == type_prepare) {
      TRY(program_.prepare(body));
      sys::settle_heap();
      return 0;
    }
    if (buffer_[0] != type_spawn || packet.fds.empty())
      return fail(ErrorKind::internal, "spawner: malformed request");
    if (program_.before_each) program_.before_each();
    return sys::fork_sibling([&] {
      control_.close();
      sys::UniqueFd link = std::move(packet.fds.front());
      packet.fds.erase(packet.fds.begin());
      return program_.run(body, std::move(link), std::move(packet.fds));
    });
  }

  sys::UniqueFd control_;
  const Spawner::Program &program_;
  std::vector<char> buffer_;
};

int run_spawner(sys::UniqueFd control, const Spawner::Program &program) {
  sys::set_process_title("fanout: spawner");
  // What the C library's resolver (resolver(3)), NSS, OpenSSL and the sanitizers' reports look at.
  sys::clear_environment({"LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES", "RESOLV_HOST_CONF", "TZ",
                          "OPENSSL_CONF", "OPENSSL_CONF_INCLUDE", "OPENSSL_MODULES",
                          "OPENSSL_ia32cap", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"});
  if (!sys::null_standard_descriptors() || !sandbox::hide_memory()) return 1;
  sys::close_all_but({control.get()});
  return Loop(std::move(control), program).run();
}

}  // namespace

Result<Spawner> Spawner::start(Program program) {
  TRY_ASSIGN(auto ends, sys::make_packet_socket_pair());
  TRY_ASSIGN(sys::Child child, sys::fork_child([&] {
               ends.first.close();
               return run_spawner(std::move(ends.second), program);
             }));
  return Spawner(std::move(child), std::move(ends.first));
}

// An answer has no number. Whoever asked again after one that did not come could be told the pid of another host's
// worker, so nobody asks again.
core::Error Spawner::lose(std::string_view why) {
  why_lost_ = fmt::format("spawner lost: {}", why);
  control_.close();
  child_ = sys::Child();  // killed and reaped, also when it was only stopped
  return {ErrorKind::internal, why_lost_};
}

bool Spawner::answers_in_time() const {
  const Deadline until = Deadline::in(patience, sys::now());
  pollfd entries[2] = {{control_.get(), POLLIN, 0}, {give_up_fd_, POLLIN, 0}};
  while (entries[0].revents == 0 && entries[1].revents == 0 && !until.passed(sys::now()))
    ::poll(entries, 2, until.poll_timeout(sys::now()));
  const bool stopped = entries[1].revents != 0;
  // It looks once more in any case: this process may itself have been stopped until the time was over.
  return sys::wait_ready(
      control_.get(), POLLIN,
      stopped ? until.or_sooner(Deadline::in(patience_when_stopped, sys::now())) : until);
}

Result<int> Spawner::answer() {
  if (!control_) return fail(ErrorKind::internal, why_lost_);
  const auto lost = [this](std::string_view why) { return fail(lose(why)); };
  std::array<char, max_answer_bytes> buffer{};
  if (!answers_in_time()) return lost("it does not answer");
  const auto packet = sys::receive_packet(control_.get(), buffer.data(), buffer.size());
  if (!packet) return lost(packet.error().message);
  if (packet->count == 0) return lost("it has ended");
  wire::Decoder fields({buffer.data(), packet->count});
  const std::uint32_t pid = fields.uint32();
  const std::string_view why = fields.string();
  if (!fields.finished()) return lost("malformed answer");
  if (!why.empty()) return fail(ErrorKind::local, std::string(why));
  return static_cast<int>(pid);
}

Result<void> Spawner::ask(char type, std::string_view body, std::span<const int> fds) {
  if (!control_) return fail(ErrorKind::internal, why_lost_);
  if (body.size() > max_card_bytes)
    return fail(ErrorKind::internal, "spawner: a request that is too long");
  std::string request(1, type);
  request += body;
  auto sent = sys::send_packet(control_.get(), request, fds);
  // A packet is sent whole or not at all. Nothing is due on this line but its end: else it was memory or descriptors that
  // the system did not have, and the spawner has heard nothing.
  if (!sent && sys::wait_ready(control_.get(), POLLIN, Deadline(sys::now())))
    return fail(lose(sent.error().message));
  return sent;
}

Result<void> Spawner::prepare(std::string_view setup) { return ask(type_prepare, setup, {}); }

Result<void> Spawner::await_prepared() {
  TRY(answer());
  return {};
}

Result<sys::Child> Spawner::spawn(std::string_view card, const sys::UniqueFd &link,
                                  std::span<const int> handed_down) {
  if (handed_down.size() > max_handed_down)
    return fail(ErrorKind::internal, "spawner: too many descriptors to hand down");
  std::vector<int> fds;
  fds.reserve(1 + handed_down.size());
  fds.push_back(link.get());
  fds.insert(fds.end(), handed_down.begin(), handed_down.end());
  TRY(ask(type_spawn, card, fds));
  TRY_ASSIGN(const int pid, answer());
  if (pid <= 0) return fail(lose("malformed answer"));
  return sys::adopt_sibling(pid);
}

}  // namespace fanout::pool
