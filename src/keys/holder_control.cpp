// The parent's side: what it says to the key holder, and what it makes of the answers.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "channel.hpp"
#include "fanout/console/prompt.hpp"
#include "fanout/keys/holder.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/passing.hpp"
#include "fanout/sys/pipe.hpp"
#include "holder_process.hpp"
#include "quoted.hpp"
#include "requests.hpp"

namespace fanout::keys {

using core::Deadline;
using core::Error;
using core::ErrorKind;
using core::fail;
using core::Milliseconds;
using core::Result;
using core::Secret;

namespace {

// Messages without an answer: the parent must not stand still for long because the holder was stopped.
constexpr Milliseconds room_timeout{30'000};
constexpr Milliseconds end_timeout{500};
constexpr Milliseconds death_timeout{200};

Result<void> check_size(std::string_view what, std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return {};
  return fail(ErrorKind::usage, fmt::format("{} of more than {} bytes", what, limit));
}

}  // namespace

std::vector<IdentityRequest> default_identities(const std::string &home) {
  std::vector<IdentityRequest> requests;
  for (const char *name : {"id_ed25519", "id_ecdsa", "id_rsa"})
    requests.push_back({fmt::format("{}/.ssh/{}", home, name), false});
  return requests;
}

Result<KeyHolder> KeyHolder::start(const HolderOptions &options) {
  TRY_ASSIGN(auto ends, sys::make_socket_pair());
  TRY_ASSIGN(sys::Child child,
             sys::fork_child([&] { return run_holder(std::move(ends.second), options); },
                             sys::ProcessGroup::inherited));
  return KeyHolder(std::move(child), std::move(ends.first), options.terminal);
}

KeyHolder::~KeyHolder() {
  control_.close();
  if (child_.running() &&
      sys::wait_ready(child_.pidfd(), POLLIN, Deadline::in(end_timeout, sys::now())))
    child_.reap();
}

Error KeyHolder::lost() {
  control_.close();
  Error error{ErrorKind::internal, "key holder lost"};
  if (!child_.running() ||
      !sys::wait_ready(child_.pidfd(), POLLIN, Deadline::in(death_timeout, sys::now())))
    return error;
  if (const auto status = child_.reap()) error.message += ": " + sys::describe(*status);
  return error;
}

template <class Expected, class Request>
Result<Expected> KeyHolder::ask(const Request &request) {
  if (!control_) return fail(lost());
  if (!send_frame(control_.get(), encode(request))) return fail(lost());
  Result<ReceivedFrame> received = receive_frame(control_.get());
  if (!received) return fail(lost());
  Result<Reply> reply = decode_reply(received->frame);
  if (!reply) return fail(lost());
  if (auto *failed = std::get_if<Failed>(&*reply)) {
    if (failed->interrupted_by != 0) interrupted_by_ = failed->interrupted_by;
    return fail(std::move(failed->error));
  }
  auto *expected = std::get_if<Expected>(&*reply);
  if (expected == nullptr) return fail(lost());
  return std::move(*expected);
}

template <class Request>
Result<void> KeyHolder::tell(const Request &request, int fd) {
  if (!control_) return fail(lost());
  if (!sys::wait_ready(control_.get(), POLLOUT, Deadline::in(room_timeout, sys::now())))
    return fail(ErrorKind::internal, "key holder does not answer");
  const std::string frame = encode(request);
  const Result<void> sent =
      fd >= 0 ? sys::send_with_fd(control_.get(), frame, fd) : send_frame(control_.get(), frame);
  if (!sent) return fail(lost());
  return {};
}

// Its answer could not be told from a notice any more, and the holder would not give one.
Result<void> KeyHolder::not_sealed() const {
  if (sealed_) return fail(ErrorKind::internal, "the key holder takes no more keys and passwords");
  return {};
}

Result<LoadReport> KeyHolder::load(const std::vector<IdentityRequest> &requests) {
  TRY(not_sealed());
  const auto settings = console::TerminalSettings::remember(terminal_);
  const auto guarded = [&](auto result) {
    // A holder that died over its question could not put the terminal back.
    if (!control_) settings.put_back();
    return result;
  };
  LoadReport report;
  for (const IdentityRequest &request : requests) {
    TRY(check_size("the path of a key", request.path, max_path_bytes));
    TRY_ASSIGN(const Numbered added, guarded(ask<Numbered>(ControlRequest(LoadIdentity{
                                         request.path, request.explicitly_configured}))));
    identity_count_ = std::max(identity_count_, added.id + 1);
    report.identities.push_back({added.id, request.path, {}, false, false});
  }
  TRY_ASSIGN(LoadingFinished finished,
             guarded(ask<LoadingFinished>(ControlRequest(FinishLoading{}))));
  report.agent_keys = finished.agent_keys;
  if (!finished.agent_note.empty()) report.notes.push_back(std::move(finished.agent_note));
  if (!finished.memory_note.empty()) report.notes.push_back(std::move(finished.memory_note));
  for (LoadedIdentity &identity : report.identities) {
    TRY_ASSIGN(IdentityDescription description,
               ask<IdentityDescription>(ControlRequest(DescribeIdentity{identity.id})));
    identity.type = std::move(description.type);
    identity.usable = description.usable;
    identity.in_agent = description.in_agent;
    if (!description.note.empty()) report.notes.push_back(std::move(description.note));
  }
  return report;
}

Result<PasswordId> KeyHolder::ask_password(const std::string &question) {
  TRY(not_sealed());
  TRY(check_size("a question", question, max_name_bytes));
  const auto settings = console::TerminalSettings::remember(terminal_);
  const auto asked = ask<Numbered>(ControlRequest(AskPassword{question}));
  if (!control_) settings.put_back();
  if (!asked) return fail(asked.error().within("password"));
  password_count_ = std::max(password_count_, asked->id + 1);
  return asked->id;
}

Result<PasswordId> KeyHolder::store_password(Secret password) {
  TRY(not_sealed());
  TRY(check_size("a password", password.reveal(), max_password_bytes));
  TRY_ASSIGN(const Numbered stored,
             ask<Numbered>(ControlRequest(StorePassword{std::move(password)})));
  password_count_ = std::max(password_count_, stored.id + 1);
  return stored.id;
}

Result<OpenedSlot> KeyHolder::open_slot(const SlotOptions &options) {
  TRY(check_size("a user name", options.user, max_name_bytes));
  if (options.identities.size() > max_slot_identities)
    return fail(ErrorKind::usage,
                fmt::format("{}: more than {} keys", quoted(options.host), max_slot_identities));
  for (const IdentityId id : options.identities)
    if (id >= identity_count_)
      return fail(ErrorKind::internal, fmt::format("no key has the number {}", id));
  if (options.password && *options.password >= password_count_)
    return fail(ErrorKind::internal,
                fmt::format("no password has the number {}", *options.password));
  TRY_ASSIGN(auto ends, sys::make_socket_pair());
  if (!sealed_) {
    TRY(ask<Done>(ControlRequest(Seal{})));
    sealed_ = true;
  }
  const SlotId id = next_slot_++;
  TRY(tell(ControlRequest(OpenSlot{id, options.user, options.identities, options.password}),
           ends.second.get()));
  return OpenedSlot{id, std::move(ends.first)};
}

Result<void> KeyHolder::accept_host_key(SlotId slot, std::string_view blob) {
  if (blob.empty() || blob.size() > max_host_key_bytes)
    return fail(ErrorKind::protocol, fmt::format("a host key of {} bytes; 1 to {} are accepted",
                                                 blob.size(), max_host_key_bytes));
  return tell(ControlRequest(AcceptHostKey{slot, std::string(blob)}));
}

std::vector<Notice> KeyHolder::take_notices() {
  std::vector<Notice> notices;
  std::array<char, 4096> buffer;
  while (notice_fd() >= 0) {
    const ssize_t got = ::recv(control_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    // Its end; what it ended with is pidfd()'s to tell.
    if (got <= 0) notices_ended_ = true;
    if (got > 0) notice_reader_.feed({buffer.data(), static_cast<std::size_t>(got)});
    for (;;) {
      auto frame = notice_reader_.next();
      if (!frame) notices_ended_ = true;
      if (!frame || !*frame) break;
      auto reply = decode_reply(**frame);
      auto *noticed = reply ? std::get_if<Noticed>(&*reply) : nullptr;
      if (noticed != nullptr) notices.push_back({noticed->slot, std::move(noticed->text)});
    }
  }
  return notices;
}

void KeyHolder::close_slot(SlotId slot) {
  // A holder that is lost has no slots either.
  if (const auto told = tell(ControlRequest(CloseSlot{slot})); !told) return;
}

}  // namespace fanout::keys
