// The key holder: one loop over the control socket and the sockets of all slots.
//
// The order of one turn is part of the policy: after a slot was read and before it is answered, everything that the
// parent has said is taken in. So a worker that asks after its host key was accepted is served, and one slot's flood
// delays the parent by one request at most.
//
// Nothing here waits for anybody but, before the first slot, for the user. Signatures that take long, with RSA keys and by
// the agent, are made by threads, apart from each other: a hung agent holds up those that need it. The loop alone
// knows slots; a thread is given all it needs, and what comes back for a slot that is gone is dropped.
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "agent.hpp"
#include "channel.hpp"
#include "fanout/console/prompt.hpp"
#include "fanout/sandbox/confinement.hpp"
#include "fanout/sys/epoll.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/limits.hpp"
#include "fanout/sys/process.hpp"
#include "holder_process.hpp"
#include "host_signature.hpp"
#include "identities.hpp"
#include "locked_memory.hpp"
#include "requests.hpp"
#include "served_slot.hpp"
#include "signing_threads.hpp"

namespace fanout::keys {

using core::Error;
using core::ErrorKind;
using core::fail;
using core::Result;
using core::Secret;

namespace {

constexpr std::uint64_t control_tag = 0;
constexpr std::uint64_t tag_of(std::uint32_t slot) { return std::uint64_t{slot} + 1; }
constexpr std::uint64_t file_signers_tag = UINT64_MAX;
constexpr std::uint64_t agent_signers_tag = UINT64_MAX - 1;

constexpr unsigned max_signing_threads = 4;
constexpr std::size_t request_bytes_at_once = 16 * 1024;

class Holder {
public:
  Holder(sys::UniqueFd control, sys::Epoll epoll, const HolderOptions &options)
      : control_(std::move(control)),
        epoll_(std::move(epoll)),
        lock_(options.console_lock),
        terminal_(options.terminal),
        sandbox_(options.sandbox),
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
        if (ready.tag == file_signers_tag)
          serve_results(*file_signers_);
        else if (ready.tag == agent_signers_tag)
          serve_results(*agent_signers_);
        else if (ready.tag != control_tag)
          serve_slot(static_cast<std::uint32_t>(ready.tag - 1), ready.events);
      }
    }
    return broken_ ? 1 : 0;
  }

private:
  Result<Secret> ask_user(const std::string &question);

  void serve_control();
  void handle(ReceivedFrame &received);
  std::optional<Reply> handle(LoadIdentity &request);
  std::optional<Reply> handle(FinishLoading &request);
  std::optional<Reply> handle(DescribeIdentity &request);
  std::optional<Reply> handle(AskPassword &request);
  std::optional<Reply> handle(StorePassword &request);
  std::optional<Reply> handle(Seal &request);
  std::optional<Reply> handle(OpenSlot &request);
  std::optional<Reply> handle(AcceptHostKey &request);
  std::optional<Reply> handle(CloseSlot &request);
  Reply failed(Error error) {
    return Failed{std::move(error), std::exchange(interrupted_by_, std::uint8_t{0})};
  }
  // A parent that says what it cannot mean is not one to hold keys for.
  std::optional<Reply> end_broken() {
    ended_ = broken_ = true;
    return std::nullopt;
  }

  std::uint32_t keep_password(Secret password);
  Result<void> seal();
  Result<std::unique_ptr<SigningThreads>> start_signers(std::uint64_t tag);

  void serve_slot(std::uint32_t id, std::uint32_t events);
  std::optional<Reply> answer(std::uint32_t id, ServedSlot &slot, const SlotRequest &request);
  std::optional<Reply> sign(std::uint32_t id, ServedSlot &slot, const Sign &request);
  void serve_results(SigningThreads &signers);
  void deliver(std::uint32_t id, ServedSlot &slot, const Reply &reply);
  void close_slot(std::uint32_t id);
  void give_notice(std::uint32_t id, const std::string &what_it_did);
  void close_captured(std::uint32_t id, const std::string &what_it_did);

  sys::UniqueFd control_;
  sys::Epoll epoll_;
  std::vector<char> buffer_ = std::vector<char>(request_bytes_at_once);
  console::Lock *lock_;
  std::string terminal_;
  sandbox::Mode sandbox_;
  std::unique_ptr<Agent> agent_;
  Identities identities_;
  std::vector<Secret> passwords_;
  std::unordered_multimap<std::size_t, std::uint32_t> passwords_by_hash_;
  std::optional<std::uint32_t> asked_password_;
  std::unordered_map<std::uint32_t, ServedSlot> slots_;
  std::uint64_t next_ticket_ = 0;
  std::unordered_map<std::uint64_t, std::uint32_t> signing_;  // ticket to slot
  sys::UniqueFd passed_fd_;
  std::uint8_t interrupted_by_ = 0;
  bool sealed_ = false;
  bool ended_ = false;
  bool broken_ = false;
  // Last, so that they end first: they use keys and agent.
  std::unique_ptr<SigningThreads> file_signers_;
  std::unique_ptr<SigningThreads> agent_signers_;
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
  while (!ended_) {
    auto received = receive_frame_if_any(control_.get());
    if (received && !*received) return;
    if (received)
      handle(**received);
    else
      ended_ = true;
  }
}

void Holder::handle(ReceivedFrame &received) {
  Result<ControlRequest> request = decode_control_request(received.frame);
  core::wipe(received.frame.body);
  if (!request) {
    end_broken();
    return;
  }
  // What comes before Seal waits for an answer and may ask the user; the rest does neither.
  const bool of_loading = request->index() <= ControlRequest(Seal{}).index();
  if (of_loading == sealed_) {
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
                         identities_.agent_note(), lock_memory()};
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
  asked_password_ = keep_password(*std::move(password));
  return Numbered{*asked_password_};
}

std::optional<Reply> Holder::handle(StorePassword &request) {
  return Numbered{keep_password(std::move(request.password))};
}

// Its number, which is that of the same password if it is kept already. Each may be another, so none is compared with all.
std::uint32_t Holder::keep_password(Secret password) {
  const std::size_t hash = std::hash<std::string_view>()(password.reveal());
  const auto [first, last] = passwords_by_hash_.equal_range(hash);
  const auto same = std::find_if(first, last, [&](const auto &entry) {
    return passwords_[entry.second].reveal() == password.reveal();
  });
  if (same != last) return same->second;
  const auto id = static_cast<std::uint32_t>(passwords_.size());
  passwords_.push_back(std::move(password));
  passwords_by_hash_.emplace(hash, id);
  return id;
}

std::optional<Reply> Holder::handle(Seal &) {
  if (Result<void> done = seal(); !done) {
    ended_ = broken_ = true;
    return failed(std::move(done).error().within("key holder"));
  }
  sealed_ = true;
  return Done{};
}

// In this order: all threads and descriptors, and whatever OpenSSL reads at first use, before the files are given up.
Result<void> Holder::seal() {
  const auto signs_slowly = [](const KeyFile &file) {
    return file.key && file.key->public_key().type == "ssh-rsa";
  };
  const auto &files = identities_.files();
  const bool has_agent = !identities_.agent_keys().empty();
  const bool has_keys =
      has_agent || std::any_of(files.begin(), files.end(),
                               [](const KeyFile &file) { return file.key.has_value(); });
  if (std::any_of(files.begin(), files.end(), signs_slowly)) {
    TRY_ASSIGN(file_signers_, start_signers(file_signers_tag));
  }
  if (has_agent) {
    TRY_ASSIGN(agent_signers_, start_signers(agent_signers_tag));
  }
  if (has_keys) warm_host_signatures();
  // Passwords have come since; what cannot be locked was said when loading ended.
  static_cast<void>(lock_memory());
  return sandbox::confine_key_holder(sandbox_, has_agent);
}

Result<std::unique_ptr<SigningThreads>> Holder::start_signers(std::uint64_t tag) {
  const unsigned count = std::clamp(std::thread::hardware_concurrency(), 1U, max_signing_threads);
  TRY_ASSIGN(std::unique_ptr<SigningThreads> signers, SigningThreads::start(count, agent_.get()));
  TRY(epoll_.add(signers->results_fd(), EPOLLIN, tag));
  return signers;
}

std::optional<Reply> Holder::handle(OpenSlot &request) {
  const auto known = [&](std::uint32_t id) { return id < identities_.files().size(); };
  if (slots_.contains(request.slot) ||
      (request.password && *request.password >= passwords_.size()) ||
      !std::all_of(request.identities.begin(), request.identities.end(), known))
    return end_broken();
  // Without a descriptor we have run out of them. The worker finds its slot closed; the others go on.
  if (!passed_fd_ || !epoll_.add(passed_fd_.get(), EPOLLIN, tag_of(request.slot)))
    return std::nullopt;
  slots_.try_emplace(request.slot, next_ticket_++, std::move(passed_fd_), std::move(request.user),
                     identities_.offers(request.identities),
                     request.password ? request.password : asked_password_);
  return std::nullopt;
}

std::optional<Reply> Holder::handle(AcceptHostKey &request) {
  const auto slot = slots_.find(request.slot);
  // The slot may be closed by now, for its worker's fault.
  if (slot != slots_.end() && !slot->second.policy().accept_host_key(request.blob))
    return end_broken();
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
  const Result<std::optional<wire::Frame>> frame = found->second.read_request(buffer_);
  if (!frame) {
    if (frame.error().kind == ErrorKind::protocol)
      close_captured(id, frame.error().message);
    else
      close_slot(id);
    return;
  }
  if (!*frame) return;
  serve_control();
  found = slots_.find(id);
  if (ended_ || found == slots_.end()) return;

  const Result<SlotRequest> request = decode_slot_request(**frame);
  if (!request) {
    close_captured(id, "sent what is no request");
    return;
  }
  if (const std::optional<Reply> reply = answer(id, found->second, *request))
    deliver(id, found->second, *reply);
}

void Holder::deliver(std::uint32_t id, ServedSlot &slot, const Reply &reply) {
  const auto *refusal = std::get_if<Failed>(&reply);
  const bool attack = refusal != nullptr && refusal->error.kind == ErrorKind::protocol;
  // The notice first: the parent must have it before anything that the worker says afterwards.
  if (attack) give_notice(id, refusal->error.message);
  if (!slot.answer(reply) || attack ||
      (slot.wants_write() && !epoll_.change(slot.socket(), EPOLLOUT, tag_of(id))))
    close_slot(id);
}

std::optional<Reply> Holder::answer(std::uint32_t id, ServedSlot &slot,
                                    const SlotRequest &request) {
  if (std::holds_alternative<ListKeys>(request)) {
    // Names of keys are nobody's business before it is known who asks, and comments never are: they hold paths and names.
    if (!slot.policy().has_host_key())
      return Failed{{ErrorKind::protocol, "asked for keys before its host key was accepted"}};
    KeyList list{slot.policy().keys()};
    for (PublicKey &key : list.keys) key.comment.clear();
    return list;
  }
  if (const auto *wanted = std::get_if<Sign>(&request)) return sign(id, slot, *wanted);
  auto password = slot.password();
  if (!password) return Failed{std::move(password).error()};
  return Password{passwords_[*password].clone()};
}

std::optional<Reply> Holder::sign(std::uint32_t id, ServedSlot &slot, const Sign &request) {
  auto permitted = slot.policy().permit(request.blob, request.data, request.proof);
  if (!permitted) return Failed{std::move(permitted).error()};
  const Offer &offer = slot.offer(permitted->key);
  const PrivateKey *key = identities_.private_key(offer);
  SigningThreads *signers = key == nullptr                        ? agent_signers_.get()
                            : key->public_key().type == "ssh-rsa" ? file_signers_.get()
                                                                  : nullptr;
  if (signers == nullptr) {
    if (key == nullptr) return Failed{{ErrorKind::internal, "nobody holds this key"}};
    auto signature = key->sign(permitted->algorithm, request.data);
    if (!signature) return Failed{std::move(signature).error()};
    return Signature{*std::move(signature)};
  }
  SigningJob job;
  job.ticket = slot.ticket();
  job.algorithm = std::move(permitted->algorithm);
  job.data = request.data;
  job.key = key;
  if (key == nullptr) job.agent_key = *offer.agent_key;
  job.session = {std::move(permitted->session_id), request.proof};
  job.connection = slot.begin_signing();
  signing_.emplace(job.ticket, id);
  signers->submit(std::move(job));
  return std::nullopt;
}

void Holder::serve_results(SigningThreads &signers) {
  for (SigningResult &result : signers.take_results()) {
    const auto waiting = signing_.find(result.ticket);
    if (waiting == signing_.end()) continue;
    const std::uint32_t id = waiting->second;
    signing_.erase(waiting);
    ServedSlot &slot = slots_.at(id);
    slot.end_signing(std::move(result.connection));
    deliver(id, slot,
            result.signature ? Reply(Signature{*std::move(result.signature)})
                             : Reply(Failed{std::move(result.signature).error()}));
  }
}

void Holder::close_slot(std::uint32_t id) {
  const auto found = slots_.find(id);
  if (found == slots_.end()) return;
  if (found->second.signing()) {
    const std::uint64_t ticket = found->second.ticket();
    signing_.erase(ticket);
    for (SigningThreads *signers : {file_signers_.get(), agent_signers_.get()})
      if (signers != nullptr) signers->cancel(ticket);
  }
  epoll_.remove(found->second.socket());
  slots_.erase(found);
}

void Holder::close_captured(std::uint32_t id, const std::string &what_it_did) {
  give_notice(id, what_it_did);
  close_slot(id);
}

void Holder::give_notice(std::uint32_t id, const std::string &what_it_did) {
  const std::string frame = encode(Reply(Noticed{id, what_it_did}));
  // One message so small goes whole or not at all (unix(7)). A parent that does not read misses it.
  static_cast<void>(
      ::send(control_.get(), frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

}  // namespace

int run_holder(sys::UniqueFd control, const HolderOptions &options) {
  // No debugger of the same user, no memory in a core file.
  ::prctl(PR_SET_DUMPABLE, 0);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  keep_memory_together();
  // It shares the terminal's process group with the parent, which alone decides what Ctrl-C means; while a question is
  // open, console::ask_secret() catches them.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP}) ::signal(signal, SIG_IGN);
  if (!sys::null_standard_descriptors()) return 1;
  sys::close_all_but({control.get()});
  sys::set_process_title("fanout: key holder");
  sys::raise_open_file_limit(UINT64_MAX);  // a descriptor a slot, and one for its agent
  Result<sys::Epoll> epoll = sys::Epoll::create();
  if (!epoll) return 1;
  Holder holder(std::move(control), *std::move(epoll), options);
  const int status = holder.run();
  // Without destructors: a thread may be waiting for an agent that does not answer, and the kernel clears the memory of
  // whoever has ended.
  ::_exit(status);
}

}  // namespace fanout::keys
