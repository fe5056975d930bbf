// The key holder: one loop over the control socket and the sockets of all slots.
//
// The order of one turn is part of the policy: after a slot was read and before it is answered, everything that the
// parent has said is taken in. So a password that was released before the worker asked is given, and one slot's flood
// delays the parent by one request at most. The agent is asked in place: while it thinks, everybody waits, but never for
// longer than its timeout.
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "agent.hpp"
#include "channel.hpp"
#include "fanout/console/prompt.hpp"
#include "fanout/sys/epoll.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/limits.hpp"
#include "fanout/sys/pipe.hpp"
#include "fanout/sys/process.hpp"
#include "holder_process.hpp"
#include "identities.hpp"
#include "requests.hpp"
#include "served_slot.hpp"

namespace fanout::keys {

using core::Error;
using core::ErrorKind;
using core::fail;
using core::Result;
using core::Secret;

namespace {

constexpr std::uint64_t control_tag = 0;
constexpr std::uint64_t tag_of(std::uint32_t slot) { return std::uint64_t{slot} + 1; }

class Holder {
public:
  Holder(sys::UniqueFd control, sys::Epoll epoll, const HolderOptions &options)
      : control_(std::move(control)),
        epoll_(std::move(epoll)),
        lock_(options.console_lock),
        terminal_(options.terminal),
        agent_(options.agent_socket.empty()
                   ? nullptr
                   : std::make_unique<Agent>(options.agent_socket, options.agent_timeout)),
        identities_(agent_.get(),
                    [this](const std::string &question) { return ask_user(question); }) {}

  int run() {
    if (!epoll_.add(control_.get(), EPOLLIN, control_tag)) return 1;
    while (!ended_) {
      serve_control();
      if (ended_) break;
      for (const sys::Epoll::Ready &ready : epoll_.wait({})) {
        if (ended_) break;
        if (ready.tag != control_tag)
          serve_slot(static_cast<std::uint32_t>(ready.tag - 1), ready.events);
      }
    }
    return broken_ ? 1 : 0;
  }

private:
  Result<Secret> ask_user(const std::string &question);

  void serve_control();
  void handle(ReceivedFrame received);
  std::optional<Reply> handle(LoadIdentity &request);
  std::optional<Reply> handle(FinishLoading &request);
  std::optional<Reply> handle(DescribeIdentity &request);
  std::optional<Reply> handle(AskPassword &request);
  std::optional<Reply> handle(StorePassword &request);
  std::optional<Reply> handle(OpenSlot &request);
  std::optional<Reply> handle(ReleasePassword &request);
  std::optional<Reply> handle(CloseSlot &request);
  Reply failed(Error error) {
    return Failed{std::move(error), std::exchange(interrupted_by_, std::uint8_t{0})};
  }
  // A parent that says what it cannot mean is not one to hold keys for.
  std::optional<Reply> end_broken() {
    ended_ = broken_ = true;
    return std::nullopt;
  }

  void serve_slot(std::uint32_t id, std::uint32_t events);
  Reply answer(ServedSlot &slot, const SlotRequest &request);
  void close_slot(std::uint32_t id);

  sys::UniqueFd control_;
  sys::Epoll epoll_;
  console::Lock *lock_;
  std::string terminal_;
  std::unique_ptr<Agent> agent_;
  Identities identities_;
  std::vector<Secret> passwords_;
  std::optional<std::uint32_t> asked_password_;
  std::unordered_map<std::uint32_t, ServedSlot> slots_;
  sys::UniqueFd passed_fd_;
  std::uint8_t interrupted_by_ = 0;
  bool ended_ = false;
  bool broken_ = false;
};

// --- the parent ---------------------------------------------------------------------------------------------------

Result<Secret> Holder::ask_user(const std::string &question) {
  if (lock_ == nullptr) return fail(ErrorKind::usage, "there is no terminal to ask on");
  // Killed with the parent, it would leave the terminal without echo; a signal that can be caught ends the question.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  Result<console::Answer> answer = console::ask_secret(*lock_, terminal_, question);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (!answer) return fail(std::move(answer).error());
  if (const auto *interrupted = std::get_if<console::Interrupted>(&*answer)) {
    interrupted_by_ = static_cast<std::uint8_t>(interrupted->signal);
    return fail(ErrorKind::local,
                fmt::format("interrupted by {}", sys::signal_name(interrupted->signal)));
  }
  return std::get<Secret>(std::move(*answer));
}

// The parent is trusted: once a frame has begun, the rest is waited for.
void Holder::serve_control() {
  const core::Deadline at_once(core::TimePoint::min());
  while (!ended_ && sys::wait_ready(control_.get(), POLLIN, at_once)) {
    Result<ReceivedFrame> received = receive_frame(control_.get());
    if (received)
      handle(*std::move(received));
    else
      ended_ = true;
  }
}

void Holder::handle(ReceivedFrame received) {
  Result<ControlRequest> request = decode_control_request(received.frame);
  core::wipe(received.frame.body);
  if (!request) {
    end_broken();
    return;
  }
  passed_fd_ = std::move(received.fd);
  const std::optional<Reply> reply =
      std::visit([this](auto &each) { return handle(each); }, *request);
  passed_fd_.close();
  if (reply && !send_frame(control_.get(), encode(*reply))) ended_ = true;
}

std::optional<Reply> Holder::handle(LoadIdentity &request) {
  auto id = identities_.add(request.path, request.configured);
  if (!id) return failed(std::move(id).error());
  return Numbered{*id};
}

std::optional<Reply> Holder::handle(FinishLoading &) {
  if (auto finished = identities_.finish(); !finished) return failed(std::move(finished).error());
  return LoadingFinished{static_cast<std::uint32_t>(identities_.agent_keys().size()),
                         identities_.agent_note()};
}

std::optional<Reply> Holder::handle(DescribeIdentity &request) {
  if (request.id >= identities_.files().size()) return end_broken();
  const KeyFile &file = identities_.files()[request.id];
  return IdentityDescription{file.public_key ? file.public_key->type : "", file.usable(),
                             file.in_agent, file.note};
}

std::optional<Reply> Holder::handle(AskPassword &request) {
  Result<Secret> password = ask_user(request.question);
  if (password && password->empty()) password = fail(ErrorKind::usage, "no password was given");
  if (!password) return failed(std::move(password).error());
  asked_password_ = static_cast<std::uint32_t>(passwords_.size());
  passwords_.push_back(*std::move(password));
  return Numbered{*asked_password_};
}

std::optional<Reply> Holder::handle(StorePassword &request) {
  passwords_.push_back(std::move(request.password));
  return Numbered{static_cast<std::uint32_t>(passwords_.size() - 1)};
}

std::optional<Reply> Holder::handle(OpenSlot &request) {
  const auto known = [&](std::uint32_t id) { return id < identities_.files().size(); };
  if (slots_.contains(request.slot) ||
      (request.password && *request.password >= passwords_.size()) ||
      !std::all_of(request.identities.begin(), request.identities.end(), known))
    return end_broken();
  // Without a descriptor we have run out of them. The worker finds its slot closed; the others go on.
  const int socket = passed_fd_.get();
  if (!passed_fd_ || !sys::set_nonblocking(socket) ||
      !epoll_.add(socket, EPOLLIN, tag_of(request.slot)))
    return std::nullopt;
  slots_.try_emplace(request.slot, std::move(passed_fd_), std::move(request.user),
                     identities_.offers(request.identities),
                     request.password ? request.password : asked_password_);
  return std::nullopt;
}

std::optional<Reply> Holder::handle(ReleasePassword &request) {
  if (const auto slot = slots_.find(request.slot); slot != slots_.end())
    slot->second.release_password();
  return std::nullopt;
}

std::optional<Reply> Holder::handle(CloseSlot &request) {
  close_slot(request.slot);
  return std::nullopt;
}

// --- the workers --------------------------------------------------------------------------------------------------

void Holder::serve_slot(std::uint32_t id, std::uint32_t events) {
  auto found = slots_.find(id);
  if (found == slots_.end()) return;
  if (found->second.wants_write()) {
    const bool alive = (events & (EPOLLERR | EPOLLHUP)) == 0 && found->second.flush();
    if (!alive || (!found->second.wants_write() &&
                   !epoll_.change(found->second.socket(), EPOLLIN, tag_of(id))))
      close_slot(id);
    return;
  }
  const Result<std::optional<wire::Frame>> frame = found->second.read_request();
  if (!frame) {
    close_slot(id);
    return;
  }
  if (!*frame) return;
  serve_control();
  found = slots_.find(id);
  if (ended_ || found == slots_.end()) return;

  ServedSlot &slot = found->second;
  const Result<SlotRequest> request = decode_slot_request(**frame);
  const Reply reply = request ? answer(slot, *request) : Failed{request.error()};
  const auto *refusal = std::get_if<Failed>(&reply);
  const bool attack = refusal != nullptr && refusal->error.kind == ErrorKind::protocol;
  if (!slot.answer(reply) || attack ||
      (slot.wants_write() && !epoll_.change(slot.socket(), EPOLLOUT, tag_of(id))))
    close_slot(id);
}

Reply Holder::answer(ServedSlot &slot, const SlotRequest &request) {
  if (std::holds_alternative<ListKeys>(request)) return KeyList{slot.policy().keys()};
  if (const auto *sign = std::get_if<Sign>(&request)) {
    auto permitted = slot.policy().permit(sign->blob, sign->data);
    if (!permitted) return Failed{std::move(permitted).error()};
    auto signature = identities_.sign(slot.offer(permitted->key), permitted->algorithm, sign->data);
    if (!signature) return Failed{std::move(signature).error()};
    return Signature{*std::move(signature)};
  }
  auto password = slot.password();
  if (!password) return Failed{std::move(password).error()};
  return Password{passwords_[*password].clone()};
}

void Holder::close_slot(std::uint32_t id) {
  const auto found = slots_.find(id);
  if (found == slots_.end()) return;
  epoll_.remove(found->second.socket());
  slots_.erase(found);
}

}  // namespace

int run_holder(sys::UniqueFd control, const HolderOptions &options) {
  // No debugger of the same user, no memory in a core file.
  ::prctl(PR_SET_DUMPABLE, 0);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  // It shares the terminal's process group with the parent, which alone decides what Ctrl-C means; while a question is
  // open, console::ask_secret() catches them.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGUSR1, SIGUSR2})
    ::signal(signal, SIG_IGN);
  if (!sys::null_standard_descriptors()) return 1;
  sys::close_all_but({control.get()});
  sys::set_process_title("fanout: key holder");
  sys::raise_open_file_limit(UINT64_MAX);  // a descriptor a slot
  Result<sys::Epoll> epoll = sys::Epoll::create();
  if (!epoll) return 1;
  return Holder(std::move(control), *std::move(epoll), options).run();
}

}  // namespace fanout::keys
