#include <random>

#include <catch2/catch_test_macros.hpp>

#include "fanout/wire/codec.hpp"
#include "fanout/wire/messages.hpp"

using namespace fanout;
using namespace fanout::wire;
using core::Phase;
using core::Status;

namespace {

Frame frame_of(const std::string &bytes) {
  FrameReader reader;
  reader.feed(bytes);
  return reader.next().value().value();
}

template <class M>
M back(const M &message) {
  return std::get<M>(decode_worker_message(frame_of(encode(WorkerMessage(message)))).value());
}

core::Outcome sample() {
  core::Outcome outcome;
  outcome.status = Status::failed;
  outcome.phase = Phase::run;
  outcome.exit_status = 3;
  outcome.signal = "KILL";
  outcome.cause = "killed by signal KILL";
  outcome.remote_end = core::RemoteEnd::exited;
  outcome.stopped_by = core::StopMethod::kill_command;
  outcome.turned_away = true;
  outcome.peer_address = "10.0.0.7";
  outcome.stdout_bytes = 1ULL << 40;
  outcome.stderr_bytes = 2;
  outcome.dropped_bytes = 3;
  for (std::size_t i = 0; i < outcome.phases.size(); ++i)
    outcome.phases[i] = std::chrono::microseconds(i * 1000);
  outcome.elapsed = std::chrono::seconds(9);
  return outcome;
}

core::TransferRecord transfer() {
  core::TransferRecord record;
  record.files = 3;
  record.bytes = 1ULL << 41;
  record.sent_bytes = 1ULL << 40;
  record.unchanged = 1;
  record.sha256 = std::string(64, 'a');
  record.verified_by = "reading back";
  record.used = "sftp and tar";
  record.leftovers = {"/tmp/.a.fanout-0123456789abcdef", "/tmp/\xff"};
  return record;
}

// A put that is ok.
core::Outcome copied() {
  core::Outcome outcome;
  outcome.status = Status::ok;
  outcome.phase = Phase::done;
  outcome.transfer = transfer();
  return outcome;
}

core::FetchedFile fetched() {
  return {"/var/log/\xff", 1ULL << 40, 04755, -1, std::string(64, '0')};
}

}  // namespace

TEST_CASE("messages: each kind arrives as it was sent", "[wire]") {
  CHECK(back(PhaseMessage{Phase::auth}).phase == Phase::auth);
  CHECK(back(HostKeyMessage{"blob"}).blob == "blob");
  CHECK(back(NoteMessage{"text"}).text == "text");
  CHECK(back(PasswordMessage{true}).accepted);
  CHECK_FALSE(back(PasswordMessage{false}).accepted);
  const auto output = back(OutputMessage{core::Stream::err, std::string("a\0b", 3)});
  CHECK(output.stream == core::Stream::err);
  CHECK(output.bytes == std::string("a\0b", 3));

  const core::Outcome sent = sample();
  const core::Outcome got = back(FinalMessage{sent}).outcome;
  CHECK(got.status == sent.status);
  CHECK(got.phase == sent.phase);
  CHECK(got.exit_status == sent.exit_status);
  CHECK(got.signal == sent.signal);
  CHECK(got.cause == sent.cause);
  CHECK(got.remote_end == sent.remote_end);
  CHECK(got.stopped_by == sent.stopped_by);
  CHECK(got.turned_away == sent.turned_away);
  CHECK(got.peer_address == sent.peer_address);
  CHECK(got.stdout_bytes == sent.stdout_bytes);
  CHECK(got.stderr_bytes == sent.stderr_bytes);
  CHECK(got.dropped_bytes == sent.dropped_bytes);
  CHECK(got.phases == sent.phases);
  CHECK(got.elapsed == sent.elapsed);
}

TEST_CASE("messages: what a transfer tells arrives as it was sent", "[wire]") {
  const auto progress = back(ProgressMessage{5, 1ULL << 50});
  CHECK(progress.done_bytes == 5);
  CHECK(progress.total_bytes == 1ULL << 50);

  const core::FetchedFile file = fetched();
  const core::FetchedFile got = back(FetchedMessage{file}).file;
  CHECK(got.path == file.path);
  CHECK(got.size == file.size);
  CHECK(got.mode == file.mode);
  CHECK(got.mtime == file.mtime);
  CHECK(got.sha256 == file.sha256);

  const core::TransferRecord sent = transfer();
  const auto record = back(FinalMessage{copied()}).outcome.transfer;
  REQUIRE(record);
  CHECK(record->files == sent.files);
  CHECK(record->bytes == sent.bytes);
  CHECK(record->sent_bytes == sent.sent_bytes);
  CHECK(record->unchanged == sent.unchanged);
  CHECK(record->sha256 == sent.sha256);
  CHECK(record->verified_by == sent.verified_by);
  CHECK(record->used == sent.used);
  CHECK(record->leftovers == sent.leftovers);
  CHECK_FALSE(back(FinalMessage{sample()}).outcome.transfer);
}

TEST_CASE("messages: what a transfer tells is cut to its bounds", "[wire]") {
  core::FetchedFile file = fetched();
  file.path = std::string(100'000, 'x');
  CHECK(back(FetchedMessage{file}).file.path.size() == core::max_path_bytes);
  file.mode = 0100644;
  CHECK(back(FetchedMessage{file}).file.mode == 0644);

  core::Outcome outcome = copied();
  outcome.cause = std::string(100'000, 'x');
  outcome.transfer->used = std::string(100, 'x');
  outcome.transfer->verified_by = std::string(100, 'x');
  outcome.transfer->leftovers.assign(100, "x");
  CHECK(back(FinalMessage{outcome}).outcome.transfer->used.size() == 64);
  CHECK(back(FinalMessage{outcome}).outcome.transfer->verified_by.size() == 64);
  CHECK(back(FinalMessage{outcome}).outcome.transfer->leftovers.size() == core::max_leftovers);
  // All of the longest names would not fit into a frame.
  outcome.transfer->leftovers.assign(core::max_leftovers, std::string(100'000, 'x'));
  const auto names = back(FinalMessage{outcome}).outcome.transfer->leftovers;
  CHECK(names == std::vector(8, std::string(core::max_path_bytes, 'x')));
}

TEST_CASE("messages: a transfer with a value that cannot be is refused", "[wire]") {
  const auto refused = [](auto &&spoil) {
    core::Outcome outcome = copied();
    spoil(*outcome.transfer);
    return !decode_worker_message(frame_of(encode(WorkerMessage(FinalMessage{outcome}))));
  };
  CHECK_FALSE(refused([](auto &) {}));
  CHECK_FALSE(refused([](auto &record) { record.sha256.clear(); }));
  CHECK(refused([](auto &record) { record.sha256.pop_back(); }));
  CHECK(refused([](auto &record) { record.sha256.back() = 'A'; }));
  CHECK(refused([](auto &record) { record.unchanged = record.files + 1; }));
  CHECK(refused([](auto &record) { record.used = "sftp\n"; }));
  CHECK(refused([](auto &record) { record.verified_by = "\xc3\xa4"; }));
  CHECK(refused([](auto &record) { record.leftovers = {""}; }));

  const auto refused_file = [](auto &&spoil) {
    core::FetchedFile file = fetched();
    spoil(file);
    return !decode_worker_message(frame_of(encode(WorkerMessage(FetchedMessage{file}))));
  };
  CHECK_FALSE(refused_file([](auto &) {}));
  CHECK(refused_file([](auto &file) { file.path.clear(); }));
  CHECK(refused_file([](auto &file) { file.sha256 = "0"; }));
  CHECK_FALSE(decode_worker_message(frame_of(encode(WorkerMessage(ProgressMessage{2, 1})))));
}

TEST_CASE("messages: what the parent says arrives as it was sent", "[wire]") {
  const auto verdict = decode_parent_message(
      frame_of(encode(ParentMessage(VerdictMessage{true, Status::internal, "why"}))));
  REQUIRE(verdict);
  CHECK(std::get<VerdictMessage>(*verdict).accepted);
  CHECK(std::get<VerdictMessage>(*verdict).cause == "why");
  CHECK(std::get<VerdictMessage>(*verdict).status == Status::internal);
  const auto stop = decode_parent_message(
      frame_of(encode(ParentMessage(StopMessage{Status::timeout, "the deadline has passed"}))));
  REQUIRE(stop);
  CHECK(std::get<StopMessage>(*stop).status == Status::timeout);
  CHECK(std::get<StopMessage>(*stop).why == "the deadline has passed");
}

TEST_CASE("messages: texts are cut to their bound and the largest output passes", "[wire]") {
  CHECK(back(NoteMessage{std::string(100'000, 'x')}).text.size() == max_text_bytes);
  core::Outcome outcome = sample();
  outcome.cause = std::string(100'000, 'x');
  outcome.signal = std::string(1000, 'x');
  CHECK(back(FinalMessage{outcome}).outcome.cause.size() == max_text_bytes);
  CHECK(back(OutputMessage{core::Stream::out, std::string(max_output_bytes, 'x')}).bytes.size() ==
        max_output_bytes);
}

TEST_CASE("messages: anything but exactly one message of a known type is refused", "[wire]") {
  Encoder empty_output;
  empty_output.byte(0).string("");
  Encoder third_stream;
  third_stream.byte(2).string("x");
  Encoder long_output;
  long_output.byte(0).string(std::string(max_output_bytes + 1, 'x'));
  Encoder long_key;
  long_key.string(std::string(17 * 1024, 'x'));
  const Frame bad[] = {
      {0, ""},
      {6, ""},
      {7, ""},
      {8, ""},
      {8, std::string(1, '\x02')},  // neither yes nor no
      {9, ""},
      {1, ""},
      {1, std::string(1, '\x09')},      // no such phase
      {1, std::string("\x01\x01", 2)},  // left over
      {2, long_key.bytes()},
      {3, empty_output.bytes()},
      {3, third_stream.bytes()},
      {3, long_output.bytes()},
      {5, ""},
      {65, ""},  // the parent's words from a worker
  };
  for (const Frame &frame : bad) CHECK_FALSE(decode_worker_message(frame));
  CHECK_FALSE(decode_parent_message({1, std::string(1, '\x01')}));
}

TEST_CASE("messages: an exit status that is not there is 0 on the way", "[wire]") {
  core::Outcome outcome = sample();
  outcome.exit_status.reset();
  Frame frame = frame_of(encode(WorkerMessage(FinalMessage{outcome})));
  REQUIRE(decode_worker_message(frame));
  constexpr std::size_t last_byte_of_exit_status = 8;
  frame.body[last_byte_of_exit_status] = 1;
  CHECK_FALSE(decode_worker_message(frame));
}

TEST_CASE("messages: a way to stop a command that nobody knows is refused", "[wire]") {
  Frame frame = frame_of(encode(WorkerMessage(FinalMessage{sample()})));
  constexpr std::size_t byte_of_the_method = 3;
  REQUIRE(frame.body[byte_of_the_method] == 2);
  frame.body[byte_of_the_method] = 3;
  CHECK_FALSE(decode_worker_message(frame));
}

TEST_CASE("messages: why a worker is to stop is cut to its bound, and refused over it", "[wire]") {
  const std::string_view long_text = "xxxxxxxxxxxxxxxx";
  std::string why;
  while (why.size() <= max_text_bytes) why += long_text;
  const auto cut =
      decode_parent_message(frame_of(encode(ParentMessage(StopMessage{Status::interrupted, why}))));
  REQUIRE(cut);
  CHECK(std::get<StopMessage>(*cut).why == why.substr(0, max_text_bytes));
  CHECK_FALSE(decode_parent_message({66, Encoder().byte(0).string(why).take()}));
  CHECK_FALSE(decode_parent_message({66, Encoder().byte(0).take()}));
}

TEST_CASE("messages: a verdict with a cause over the bound is refused", "[wire]") {
  const auto verdict = [](std::size_t size) {
    return decode_parent_message(
        {65, Encoder().boolean(false).byte(0).string(std::string(size, 'x')).take()});
  };
  CHECK(verdict(max_text_bytes));
  CHECK_FALSE(verdict(max_text_bytes + 1));
}

TEST_CASE("messages: a final record cut or with any byte changed never crashes the reader",
          "[wire]") {
  const Frame whole = frame_of(encode(WorkerMessage(FinalMessage{sample()})));
  for (std::size_t size = 0; size < whole.body.size(); ++size)
    CHECK_FALSE(decode_worker_message({whole.type, whole.body.substr(0, size)}));
  std::mt19937 random(3);
  for (int round = 0; round < 20'000; ++round) {
    Frame changed = whole;
    changed.body[random() % changed.body.size()] = static_cast<char>(random());
    const auto message = decode_worker_message(changed);
    if (!message) continue;
    const auto &outcome = std::get<FinalMessage>(*message).outcome;
    CHECK(outcome.cause.size() <= max_text_bytes);
    CHECK(outcome.elapsed.count() >= 0);
  }
}

TEST_CASE("protocol: a worker's life in order is accepted", "[wire]") {
  WorkerProtocol protocol;
  CHECK(protocol.accept(PhaseMessage{Phase::connect}));
  CHECK(protocol.accept(PhaseMessage{Phase::verify}));
  CHECK(protocol.accept(NoteMessage{"hello"}));
  CHECK(protocol.accept(HostKeyMessage{"blob"}));
  CHECK(protocol.accept(PhaseMessage{Phase::run}));
  CHECK(protocol.accept(OutputMessage{core::Stream::out, "x"}));
  CHECK(protocol.accept(FinalMessage{sample()}));
  CHECK(protocol.finished());
}

TEST_CASE("protocol: what became of the password is said once, while logging in", "[wire]") {
  const auto refused = [](Phase phase, int times) {
    WorkerProtocol protocol;
    REQUIRE(protocol.accept(PhaseMessage{phase}));
    for (int i = 1; i < times; ++i) REQUIRE(protocol.accept(PasswordMessage{false}));
    return !protocol.accept(PasswordMessage{true});
  };
  CHECK_FALSE(refused(Phase::auth, 1));
  CHECK(refused(Phase::auth, 2));
  CHECK(refused(Phase::verify, 1));
  CHECK(refused(Phase::run, 1));
}

TEST_CASE("protocol: a key scan has up to four keys and then its record", "[wire]") {
  WorkerProtocol protocol(core::TaskKind::keyscan);
  core::Outcome success;
  success.status = Status::ok;
  CHECK(protocol.accept(PhaseMessage{Phase::kex}));
  CHECK(protocol.accept(PhaseMessage{Phase::verify}));
  for (int i = 0; i < max_scanned_keys; ++i) CHECK(protocol.accept(HostKeyMessage{"blob"}));
  CHECK(protocol.accept(PhaseMessage{Phase::done}));
  CHECK(protocol.accept(FinalMessage{success}));
  CHECK(protocol.finished());
}

TEST_CASE("protocol: a key scan neither logs in nor runs anything", "[wire]") {
  const auto refused = [](std::vector<WorkerMessage> before, const WorkerMessage &last) {
    WorkerProtocol protocol(core::TaskKind::keyscan);
    for (const auto &message : before) REQUIRE(protocol.accept(message));
    return !protocol.accept(last);
  };
  const WorkerMessage verify = PhaseMessage{Phase::verify};
  const WorkerMessage key = HostKeyMessage{"blob"};
  core::Outcome success;
  success.status = Status::ok;
  CHECK(refused({PhaseMessage{Phase::kex}}, key));
  CHECK(refused({verify, key, key, key, key}, key));
  CHECK(refused({verify, PhaseMessage{Phase::done}}, key));
  CHECK(refused({verify}, PhaseMessage{Phase::auth}));
  CHECK(refused({verify}, PhaseMessage{Phase::run}));
  CHECK(refused({verify}, OutputMessage{core::Stream::out, "x"}));
  CHECK(refused({verify}, FinalMessage{success}));  // no key
  CHECK_FALSE(refused({verify, key}, FinalMessage{success}));
  core::Outcome ran = success;
  ran.exit_status = 0;
  CHECK(refused({verify, key}, FinalMessage{ran}));
  ran = success;
  ran.remote_end = core::RemoteEnd::exited;
  CHECK(refused({verify, key}, FinalMessage{ran}));
  core::Outcome failure;
  failure.status = Status::unreachable;
  CHECK_FALSE(refused({}, FinalMessage{failure}));
  failure.signal = "KILL";
  CHECK(refused({}, FinalMessage{failure}));
  failure.signal.clear();
  failure.status = Status::skipped;
  CHECK(refused({}, FinalMessage{failure}));
}

TEST_CASE("protocol: only a key scan ends well without a command", "[wire]") {
  WorkerProtocol protocol;
  core::Outcome success;
  success.status = Status::ok;
  REQUIRE(protocol.accept(PhaseMessage{Phase::verify}));
  REQUIRE(protocol.accept(HostKeyMessage{"blob"}));
  CHECK_FALSE(protocol.accept(FinalMessage{success}));
}

TEST_CASE("protocol: what is out of order is refused", "[wire]") {
  const auto refused = [](std::vector<WorkerMessage> before, const WorkerMessage &last) {
    WorkerProtocol protocol;
    for (const auto &message : before) REQUIRE(protocol.accept(message));
    return !protocol.accept(last);
  };
  core::Outcome success = sample();
  success.status = Status::ok;
  CHECK(refused({PhaseMessage{Phase::auth}}, PhaseMessage{Phase::connect}));
  CHECK(refused({PhaseMessage{Phase::auth}}, PhaseMessage{Phase::auth}));
  CHECK(refused({}, HostKeyMessage{"early"}));
  CHECK(refused({PhaseMessage{Phase::verify}, HostKeyMessage{"one"}}, HostKeyMessage{"two"}));
  CHECK(refused({PhaseMessage{Phase::auth}}, OutputMessage{core::Stream::out, "early"}));
  CHECK(refused({PhaseMessage{Phase::auth}}, FinalMessage{success}));
  // sample() has an exit status of 3 and a signal; nothing of this is a success.
  CHECK(refused({PhaseMessage{Phase::run}}, FinalMessage{success}));
  core::Outcome never_started = sample();
  never_started.status = Status::skipped;
  CHECK(refused({}, FinalMessage{never_started}));
  CHECK(refused({FinalMessage{sample()}}, NoteMessage{"after the end"}));
  CHECK(refused({FinalMessage{sample()}}, FinalMessage{sample()}));
}

namespace {

// Whether `last` is refused after `before`, of a worker with this task.
bool is_refused(core::TaskKind task, const std::vector<WorkerMessage> &before,
                const WorkerMessage &last) {
  WorkerProtocol protocol(task);
  for (const auto &message : before) REQUIRE(protocol.accept(message));
  return !protocol.accept(last);
}

const WorkerMessage running = PhaseMessage{Phase::run};

}  // namespace

TEST_CASE("protocol: a transfer tells how far it is, and the command after it prints", "[wire]") {
  for (const auto task : {core::TaskKind::put, core::TaskKind::get}) {
    core::Outcome end = copied();
    end.exit_status = 0;
    end.remote_end = core::RemoteEnd::exited;
    CHECK_FALSE(is_refused(task,
                           {running, ProgressMessage{0, 5}, ProgressMessage{5, 5},
                            ProgressMessage{5, 9}, OutputMessage{core::Stream::out, "x"}},
                           FinalMessage{end}));
    CHECK_FALSE(is_refused(task, {running}, FinalMessage{copied()}));
  }
  CHECK_FALSE(is_refused(core::TaskKind::get, {running}, FetchedMessage{fetched()}));
}

TEST_CASE("protocol: progress comes while a transfer runs and never goes back", "[wire]") {
  const auto task = core::TaskKind::put;
  CHECK(is_refused(task, {}, ProgressMessage{0, 1}));
  CHECK(is_refused(task, {PhaseMessage{Phase::done}}, ProgressMessage{0, 1}));
  CHECK(is_refused(task, {running, ProgressMessage{2, 3}}, ProgressMessage{1, 3}));
  CHECK(is_refused(core::TaskKind::exec, {running}, ProgressMessage{0, 1}));
  CHECK(is_refused(core::TaskKind::clean_up, {running}, ProgressMessage{0, 1}));
  WorkerProtocol protocol(task);
  REQUIRE(protocol.accept(running));
  int accepted = 0;
  while (protocol.accept(ProgressMessage{0, 1})) ++accepted;
  CHECK(accepted == max_progress);
}

TEST_CASE("protocol: only a get fetches, and while it runs", "[wire]") {
  const WorkerMessage file = FetchedMessage{fetched()};
  CHECK(is_refused(core::TaskKind::get, {}, file));
  CHECK(is_refused(core::TaskKind::get, {PhaseMessage{Phase::done}}, file));
  CHECK(is_refused(core::TaskKind::put, {running}, file));
  CHECK(is_refused(core::TaskKind::exec, {running}, file));
}

TEST_CASE("protocol: a transfer that says ok has copied, and what ran after it is ok", "[wire]") {
  const auto refused = [](auto &&spoil) {
    core::Outcome outcome = copied();
    spoil(outcome);
    return is_refused(core::TaskKind::put, {running}, FinalMessage{outcome});
  };
  CHECK_FALSE(refused([](auto &) {}));
  CHECK(refused([](auto &outcome) { outcome.transfer.reset(); }));
  CHECK(refused([](auto &outcome) { outcome.exit_status = 0; }));  // and nobody saw it exit
  CHECK(refused([](auto &outcome) {
    outcome.exit_status = 3;
    outcome.remote_end = core::RemoteEnd::exited;
  }));
  CHECK(refused([](auto &outcome) { outcome.remote_end = core::RemoteEnd::unknown; }));
  CHECK(refused([](auto &outcome) { outcome.signal = "KILL"; }));
  CHECK(refused([](auto &outcome) { outcome.status = Status::skipped; }));
  CHECK(is_refused(core::TaskKind::put, {}, FinalMessage{copied()}));
  // A failure need not have copied anything.
  core::Outcome failure;
  failure.status = Status::unreachable;
  CHECK_FALSE(is_refused(core::TaskKind::put, {}, FinalMessage{failure}));
}

TEST_CASE("protocol: nobody else has a transfer in his record", "[wire]") {
  core::Outcome ran = copied();
  ran.exit_status = 0;
  ran.remote_end = core::RemoteEnd::exited;
  CHECK(is_refused(core::TaskKind::exec, {running}, FinalMessage{ran}));
  ran.transfer.reset();
  CHECK_FALSE(is_refused(core::TaskKind::exec, {running}, FinalMessage{ran}));
  core::Outcome failure;
  failure.status = Status::unreachable;
  failure.transfer = transfer();
  CHECK(is_refused(core::TaskKind::keyscan, {}, FinalMessage{failure}));
}

TEST_CASE("protocol: a clean-up prints nothing and has no exit status", "[wire]") {
  const auto task = core::TaskKind::clean_up;
  core::Outcome end;
  end.status = Status::ok;
  CHECK(is_refused(task, {running}, OutputMessage{core::Stream::out, "x"}));
  CHECK(is_refused(task, {}, FinalMessage{end}));
  CHECK_FALSE(is_refused(task, {running}, FinalMessage{end}));
  end.exit_status = 0;
  CHECK(is_refused(task, {running}, FinalMessage{end}));
}

TEST_CASE("protocol: a worker has only so much to note", "[wire]") {
  wire::WorkerProtocol protocol;
  for (int i = 0; i < wire::max_notes; ++i) CHECK(protocol.accept(wire::NoteMessage{"n"}));
  CHECK_FALSE(protocol.accept(wire::NoteMessage{"n"}));
}
