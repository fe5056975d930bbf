// Each turn sends what waits, takes what has come, and then waits only if no coroutine can go on. A coroutine is resumed
// from the loop alone, so that its stack does not grow with the number of those that are ready.

#include "sftp_client.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "fanout/core/duration.hpp"
#include "fanout/sys/io.hpp"

namespace fanout::ssh::detail {

using core::Deadline;
using core::Error;
using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

constexpr std::size_t room_bytes = 256 * 1024;
constexpr std::size_t room_requests = 1'024;
constexpr std::size_t bytes_per_turn = 1 << 20;
// How long a server that never pauses can keep us from hearing that we are to stop.
constexpr core::Milliseconds deaf_at_most{20};
// Less than that are answers to keep-alive messages and window adjustments, not requests that make their way.
constexpr std::size_t counted_backlog_bytes = 4 * 1024;

}  // namespace

SftpClient::SftpClient(std::unique_ptr<SftpStream> chosen) : stream(std::move(chosen)) {}

SftpClient::~SftpClient() {
  schedule.end_all();
  for (auto &[id, request] : requests_)
    if (request.answer != nullptr) request.answer->client = nullptr;
}

Result<bool> SftpClient::open(std::string &why) {
  auto there = greet(why);
  if (there && *there) return true;
  // What the server has instead may need the channel that it would count. Why there is none is what matters.
  const auto finished = stream->finish();
  if (there && !finished) return fail(finished.error());
  return there;
}

Result<bool> SftpClient::greet(std::string &why) {
  const std::string greeting = sftp::init();
  TRY_ASSIGN(const bool there, stream->begin(greeting, why));
  if (!there) return false;
  sent_bytes_ += greeting.size();
  while (!version_known_) {
    const auto trouble = turn();
    if (!trouble) continue;
    if (!ended_ || !inbox_.untouched()) return fail(trouble->error);
    const std::string words = stream->last_words();
    why = "the server's SFTP program ended without a word" + (words.empty() ? "" : ": " + words);
    return false;
  }
  TRY(measure());
  return true;
}

// The first question is one whose answer is worth having.
Result<void> SftpClient::measure() {
  const core::TimePoint asked_at = sys::now();
  const bool limits = abilities_.limits;
  const std::string body = limits ? wire::Encoder().string("limits@openssh.com").take()
                                  : wire::Encoder().string(".").take();
  const auto answer = ask({limits ? sftp::Request::extended : sftp::Request::realpath,
                           limits ? sftp::Wanted::limits : sftp::Wanted::path,
                           limits ? "limits" : "realpath", ".", body});
  while (!answer->done) {
    if (auto trouble = turn()) {
      forget(*answer);
      return fail(std::move(trouble->error));
    }
  }
  round_trip_ = sys::now() - asked_at;
  if (!answer->error) limits_ = answer->limits;
  return {};
}

std::unique_ptr<Answer> SftpClient::refused(const Question &question, Error error) const {
  auto answer = std::make_unique<Answer>();
  answer->operation = question.operation;
  answer->done = true;
  answer->error = FileError{FileStatus::none, std::move(error)};
  return answer;
}

std::unique_ptr<Answer> SftpClient::ask(const Question &question, std::size_t content_bytes,
                                        const Sftp::Fill *fill) {
  if (dead_) return refused(question, *dead_);
  while (requests_.contains(next_id_)) ++next_id_;
  const std::uint32_t id = next_id_++;
  const std::string head = sftp::request(question.type, id, question.body, content_bytes);
  char *place = outbox_.add(id, head.size() + content_bytes);
  place = std::copy(head.begin(), head.end(), place);
  if (fill != nullptr) {
    if (auto filled = (*fill)(place, content_bytes); !filled) {
      outbox_.take_back();
      return refused(question, std::move(filled).error());
    }
  }
  auto answer = std::make_unique<Answer>();
  answer->client = this;
  answer->id = id;
  answer->operation = question.operation;
  answer->object = question.object;
  if (unanswered() == 0) moved_at_ = sys::now();
  requests_.emplace(id, Request{answer.get(), question.wanted,
                                static_cast<std::uint32_t>(question.asked_bytes), false});
  return answer;
}

void SftpClient::forget(const Answer &answer) {
  const auto request = requests_.find(answer.id);
  if (request == requests_.end() || request->second.answer != &answer) return;
  request->second.answer = nullptr;
}

void SftpClient::settle(Answer &answer) {
  answer.client = nullptr;
  answer.done = true;
  if (answer.waiting) schedule.wake(answer.waiting);
}

bool SftpClient::has_room() const {
  return dead_ || (outbox_.unsent().size() < room_bytes && unanswered() < room_requests);
}

bool SftpClient::something_is_due() const {
  return schedule.has_ready() || (schedule.somebody_waits_for_room() && has_room());
}

void SftpClient::drive(const std::function<bool()> &ended,
                       const std::function<void(const Error &)> &broken) {
  moved_at_ = sys::now();
  for (;;) {
    schedule.run([this] { return has_room(); });
    if (schedule.running() == 0 && ended()) return;
    // Nobody is left who could resume whoever still waits.
    if (dead_ && schedule.next_alarm().never()) std::terminate();
    auto trouble = turn();
    if (!trouble) continue;
    if (trouble->for_good && !dead_) dead_ = trouble->error;
    if (!std::exchange(broken_told_, true) && broken) broken(trouble->error);
    fail_all(trouble->error);
  }
}

void SftpClient::fail_all(const Error &why) {
  // What has not left need not leave any more: what comes now is to tidy up.
  for (const std::uint32_t id : outbox_.drop(stream->committed_bytes())) {
    const auto request = requests_.find(id);
    if (Answer *answer = request->second.answer) {
      answer->error = FileError{FileStatus::none, why};
      settle(*answer);
    }
    if (request->second.given_up) --given_up_;
    requests_.erase(request);
  }
  for (auto &[id, request] : requests_) {
    request.given_up = true;
    if (request.answer == nullptr) continue;
    request.answer->error = FileError{FileStatus::none, why};
    settle(*std::exchange(request.answer, nullptr));
  }
  if (dead_) requests_.clear();
  given_up_ = requests_.size();
  schedule.wake_all();
  moved_at_ = sys::now();
}

std::optional<SftpClient::Trouble> SftpClient::turn() {
  if (dead_) return Trouble{*dead_, true};
  if (auto sent = send(); !sent) return Trouble{std::move(sent).error(), true};
  if (auto heard = hear(); !heard) return Trouble{std::move(heard).error(), true};
  return wait();
}

Result<void> SftpClient::send() {
  const std::string_view unsent = outbox_.unsent();
  std::size_t sent = 0;
  // An answer is due to each request that has left as a whole.
  TRY_ASSIGN(sent, stream->send(unsent, requests_.size() > outbox_.packets()));
  if (sent > 0) {
    outbox_.sent(sent);
    sent_bytes_ += sent;
    moved_at_ = sys::now();
  }
  return {};
}

Result<void> SftpClient::hear() {
  std::size_t heard = 0;
  more_to_hear_ = false;
  answered_ = false;
  for (;;) {
    for (;;) {
      TRY_ASSIGN(std::optional<std::string> packet, inbox_.next());
      if (!packet) break;
      TRY(take(std::move(*packet)));
    }
    if (heard >= bytes_per_turn) {
      more_to_hear_ = true;
      break;
    }
    TRY_ASSIGN(const std::size_t count, inbox_.read(*stream));
    if (count == 0) break;
    heard += count;
  }
  if (heard > 0) {
    received_bytes_ += heard;
    moved_at_ = sys::now();
  }
  if (more_to_hear_ || !stream->ended()) return {};
  ended_ = true;
  const std::string words = stream->last_words();
  return fail(ErrorKind::unreachable,
              "the server's SFTP program ended" + (words.empty() ? "" : ": " + words));
}

Result<void> SftpClient::take(std::string packet) {
  answered_ = true;
  if (!version_known_) {
    TRY_ASSIGN(abilities_, sftp::parse_version(packet));
    version_known_ = true;
    return {};
  }
  TRY_ASSIGN(const sftp::Head head, sftp::parse_head(packet));
  const auto request = requests_.find(head.id);
  if (request == requests_.end() || outbox_.holds(head.id))
    return fail(ErrorKind::protocol, "the SFTP server answered what nobody had asked");
  TRY_ASSIGN(sftp::Reply reply,
             sftp::parse_reply(request->second.wanted, request->second.asked_bytes, head));
  Answer *answer = request->second.answer;
  const sftp::Wanted wanted = request->second.wanted;
  if (request->second.given_up) --given_up_;
  requests_.erase(request);
  if (answer == nullptr) return {};
  // A part without entries is none of the ways in which a listing ends.
  const bool listing_ended = wanted == sftp::Wanted::entries && reply.status &&
                             reply.status->code == FileStatus::end_of_file;
  if (listing_ended) {
    answer->entries.reset();
  } else if (reply.status && reply.status->code != FileStatus::ok) {
    answer->error = FileError{reply.status->code,
                              {ErrorKind::remote, fmt::format("{} {}: {}", answer->operation,
                                                              answer->object, reply.status->text)}};
  } else {
    answer->attributes = reply.attributes;
    answer->limits = reply.limits;
    answer->file_system = reply.file_system;
    if (wanted == sftp::Wanted::entries) answer->entries = std::move(reply.entries);
    if (wanted == sftp::Wanted::data) {
      answer->begin = static_cast<std::size_t>(reply.text.data() - packet.data());
      answer->text = std::move(packet);
    } else {
      answer->text = reply.text;
    }
  }
  settle(*answer);
  return {};
}

std::optional<SftpClient::Trouble> SftpClient::wait() {
  const core::TimePoint now = sys::now();
  const bool due = more_to_hear_ || answered_ || something_is_due();
  if (due && now - waited_at_ < deaf_at_most) return std::nullopt;
  // A long backlog that shrinks is a slow network, not a silent server.
  const std::size_t unsent = stream->unsent_bytes();
  if (unsent < unsent_before_ && unsent_before_ > counted_backlog_bytes) moved_at_ = now;
  unsent_before_ = unsent;
  const bool answers_are_due = unanswered() > 0 || !version_known_ || !outbox_.unsent().empty();
  const Deadline silence = answers_are_due ? Deadline::in(stall_timeout, moved_at_) : Deadline();
  if (silence.passed(now))
    return Trouble{{ErrorKind::timeout, fmt::format("no answer from the server for {}",
                                                    core::format_duration(stall_timeout))},
                   false};
  const auto waited = stream->wait(schedule.next_alarm().or_sooner(silence), due);
  waited_at_ = sys::now();
  if (waited) return std::nullopt;
  const ErrorKind kind = waited.error().kind;
  return Trouble{waited.error(), kind != ErrorKind::timeout && kind != ErrorKind::interrupted};
}

Result<void> SftpClient::finish() {
  if (dead_) return {};
  dead_ = Error{ErrorKind::internal, "SFTP has been closed"};
  fail_all(*dead_);
  return stream->finish();
}

}  // namespace fanout::ssh::detail
