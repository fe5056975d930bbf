// A worker's life in one straight line. The order is the security design: what needs rights comes first, then the rights
// go, then the first byte of the server is read, and nothing secret is sent before the parent has accepted its key.

#include "fanout/worker/worker.hpp"

#include <optional>

#include <fmt/format.h>

#include "clean_up_task.hpp"
#include "exec_task.hpp"
#include "fanout/core/duration.hpp"
#include "fanout/files/folder.hpp"
#include "fanout/files/source.hpp"
#include "fanout/keys/slot.hpp"
#include "fanout/sandbox/confinement.hpp"
#include "fanout/ssh/session.hpp"
#include "fanout/sys/heap.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/process.hpp"
#include "get_task.hpp"
#include "keyscan_task.hpp"
#include "parent_link.hpp"
#include "put_task.hpp"

namespace fanout::worker {

using core::Deadline;
using core::Error;
using core::ErrorKind;
using core::fail;
using core::Outcome;
using core::Phase;
using core::Result;

namespace {

sandbox::Profile profile_of(const Setup &setup) {
  switch (setup.task) {
    case core::TaskKind::exec:
    case core::TaskKind::keyscan: return sandbox::Profile::exec;
    case core::TaskKind::put:
    case core::TaskKind::clean_up: return sandbox::Profile::put;
    case core::TaskKind::get:
      return setup.compares ? sandbox::Profile::get_again : sandbox::Profile::get;
  }
  return sandbox::Profile::exec;
}

class Worker {
public:
  Worker(const sandbox::Confinement *confinement, JobCard card, Channels channels)
      : confinement_(confinement),
        card_(std::move(card)),
        parent_(std::move(channels.link)),
        slot_(std::move(channels.key_slot)),
        files_(std::move(channels.files)),
        phase_started_(sys::now()),
        deadline_(Deadline::in(card_.connect_timeout, phase_started_)) {}

  void run();

private:
  void enter(Phase phase, Urgency urgency = Urgency::at_once);
  Result<void> connect_and_execute();
  Result<void> take_files();
  Result<void> perform(ssh::Session &session);
  Result<void> ask_for_verdict(ssh::Session &session);
  Result<void> log_in(ssh::Session &session);
  void record(const Error &error);

  const sandbox::Confinement *confinement_;  // none only if it could not be prepared
  JobCard card_;
  ParentLink parent_;
  keys::Slot slot_;
  std::vector<sys::UniqueFd> files_;
  // put and clean_up; get
  std::optional<files::Source> source_;
  std::optional<files::Folder> folder_;
  std::vector<int> folders_;  // that the sandbox leaves
  Outcome outcome_;
  core::TimePoint phase_started_;
  Deadline deadline_;  // until logged in and the command accepted
};

void Worker::enter(Phase phase, Urgency urgency) {
  const core::TimePoint now = sys::now();
  outcome_.phases[static_cast<std::size_t>(outcome_.phase)] =
      std::chrono::duration_cast<std::chrono::microseconds>(now - phase_started_);
  phase_started_ = now;
  outcome_.phase = phase;
  if (phase != Phase::done) parent_.send(wire::PhaseMessage{phase}, urgency);
}

Result<void> Worker::connect_and_execute() {
  const ssh::Wait wait = [this](int fd, short events, Deadline deadline) {
    return parent_.wait(fd, events, deadline);
  };

  if (confinement_ == nullptr) return fail(ErrorKind::internal, "no sandbox was prepared");
  TRY(take_files());
  TRY(confinement_->before_connecting(card_.port, folders_));
  enter(Phase::resolve);
  TRY_ASSIGN(const std::vector<ssh::Address> addresses,
             ssh::resolve(card_.address, card_.port, card_.family));
  if (card_.task == core::TaskKind::keyscan)
    return run_keyscan(
        {addresses, card_.host_key_algorithms, deadline_, wait,
         [this](Phase phase) { enter(phase); }, [this] { return confinement_->before_reading(); }},
        parent_, outcome_);
  enter(Phase::connect, Urgency::with_the_next);
  TRY_ASSIGN(ssh::Connected connected, ssh::connect_to_any(addresses, deadline_, wait));
  outcome_.peer_address = ssh::format_address(connected.peer);
  // The last thing that needed files or new sockets. Nothing of the server has been read yet.
  TRY(confinement_->before_reading(folders_));

  enter(Phase::kex);
  // Never destroyed: it would say farewell and free its memory piece by piece, and the end of the process does both.
  ssh::Session &session =
      *std::make_unique<ssh::Session>(std::move(connected.socket), wait,
                                      ssh::Session::Options{card_.host_key_algorithms})
           .release();
  session.set_deadline(deadline_);
  if (auto greeted = session.handshake(); !greeted) {
    outcome_.turned_away = greeted.error().kind == ErrorKind::unreachable && session.turned_away();
    return fail(std::move(greeted).error());
  }
  enter(Phase::verify, Urgency::with_the_next);
  TRY(ask_for_verdict(session));
  enter(Phase::auth);
  TRY(log_in(session));
  return perform(session);
}

// What is sent, or where what is fetched goes: descriptors that only this task has.
Result<void> Worker::take_files() {
  switch (card_.task) {
    case core::TaskKind::exec:
    case core::TaskKind::keyscan: break;
    case core::TaskKind::put:
    case core::TaskKind::clean_up: {
      TRY_ASSIGN(files::Source source, files::Source::open(std::move(files_)));
      source_.emplace(std::move(source));
      folders_ = source_->roots();
      break;
    }
    case core::TaskKind::get:
      if (files_.size() != 1) return fail(ErrorKind::internal, "no folder to write to");
      folder_.emplace(std::move(files_.front()),
                      files::folder_name_of(card_.host).value_or(card_.host), card_.token);
      folders_ = {folder_->fd()};
      break;
  }
  return {};
}

Result<void> Worker::perform(ssh::Session &session) {
  if (card_.task == core::TaskKind::exec) {
    enter(Phase::open);
    if (parent_.stop()) return fail(ErrorKind::interrupted, "stopped");
    // Once the request is on its way the command may run, and only who has its channel can stop it.
    parent_.ignore_stop();
    TRY_ASSIGN(ssh::ExecChannel channel, session.exec(card_.command));
    parent_.heed_stop();
    enter(Phase::run);
    run_exec(session, channel, parent_, {card_.timeout, card_.stop_grace, card_.stall_timeout},
             outcome_);
    return {};
  }
  enter(Phase::run);
  sys::reuse_large_blocks();
  if (card_.task == core::TaskKind::put) run_put(session, parent_, card_, *source_, outcome_);
  if (card_.task == core::TaskKind::clean_up)
    run_clean_up(session, parent_, card_, *source_, outcome_);
  if (card_.task == core::TaskKind::get) run_get(session, parent_, card_, *folder_, outcome_);
  return {};
}

Result<void> Worker::ask_for_verdict(ssh::Session &session) {
  parent_.send(wire::NoteMessage{session.describe()}, Urgency::with_the_next);
  parent_.send(wire::HostKeyMessage{session.host_key()});
  // A parent that is slow to answer (its reader has stopped) is not the host's fault.
  const core::TimePoint asked = sys::now();
  TRY_ASSIGN(const wire::VerdictMessage verdict, parent_.wait_for_verdict({}));
  deadline_ = deadline_.postponed(sys::now() - asked);
  session.set_deadline(deadline_);
  if (!verdict.accepted)
    return fail(verdict.status == core::Status::host_key ? ErrorKind::host_key : ErrorKind::local,
                verdict.cause);
  return {};
}

Result<void> Worker::log_in(ssh::Session &session) {
  TRY_ASSIGN(std::vector<keys::PublicKey> keys, slot_.list(deadline_));
  ssh::Credentials credentials;
  for (keys::PublicKey &key : keys)
    credentials.keys.push_back({std::move(key.blob), std::move(key.type)});
  credentials.sign = [&](std::string_view blob, std::string_view data) {
    return slot_.sign(blob, data, session.proof(), deadline_);
  };
  if (card_.has_password) credentials.password = [this] { return slot_.password(deadline_); };
  auto done = session.login(card_.user, credentials);
  if (std::string banner = session.login_banner(); !banner.empty())
    parent_.send(wire::NoteMessage{std::move(banner)});
  // The next phase, or the record, leaves right after.
  if (const std::optional<bool> taken = session.password_taken())
    parent_.send(wire::PasswordMessage{*taken}, Urgency::with_the_next);
  return done;
}

void Worker::record(const Error &error) {
  outcome_.status = core::status_of(error.kind);
  outcome_.cause = error.message;
  if (outcome_.phase >= Phase::open) outcome_.remote_end = core::RemoteEnd::unknown;
  const bool host_was_late =
      outcome_.phase != Phase::connect && !error.message.starts_with("key holder");
  if (error.kind == ErrorKind::timeout && host_was_late)
    outcome_.cause =
        fmt::format("no answer within {} while {}", core::format_duration(card_.connect_timeout),
                    core::describe(outcome_.phase));
  if (error.kind == ErrorKind::interrupted) {
    const auto &stop = parent_.stop();
    if (stop) outcome_.status = stop->status;
    outcome_.cause = fmt::format("{} while {}", stop && !stop->why.empty() ? stop->why : "stopped",
                                 core::describe(outcome_.phase));
  }
}

void Worker::run() {
  if (auto done = connect_and_execute(); !done) record(done.error());
  const Phase last = outcome_.phase;
  enter(Phase::done);
  outcome_.phase = last;
  parent_.send(wire::FinalMessage{outcome_});
  parent_.drain();
}

}  // namespace

Program::Program() = default;
Program::~Program() = default;

Result<void> Program::prepare(std::string_view bytes) {
  TRY_ASSIGN(const Setup setup, decode_setup(bytes));
  // In this order: the first leaves little behind, and what stays of the second lies where it has been, close together.
  TRY_ASSIGN(sandbox::Confinement confinement,
             sandbox::Confinement::prepare(setup.sandbox, profile_of(setup)));
  TRY(ssh::start_library());
  confinement_ = std::make_unique<sandbox::Confinement>(std::move(confinement));
  port_ = setup.port;
  return {};
}

void Program::before_each() const {
  if (confinement_) confinement_->make_ready(port_);
}

int Program::run(std::string_view bytes, Channels channels) const {
  auto card = decode_job_card(bytes);
  if (!card) return 1;
  sys::set_process_title("fanout: worker " + card->host);
  // Never destroyed: the link to the parent closes with the process, so that whoever sees it closed finds the process ended.
  std::make_unique<Worker>(confinement_.get(), *std::move(card), std::move(channels))
      .release()
      ->run();
  return 0;
}

}  // namespace fanout::worker
