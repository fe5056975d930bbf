// The loop under Sftp: requests that are under way, by their ids, and the coroutines that wait for their answers.
#pragma once

#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "fanout/ssh/sftp.hpp"
#include "sftp_inbox.hpp"
#include "sftp_outbox.hpp"
#include "sftp_packets.hpp"
#include "sftp_schedule.hpp"
#include "sftp_stream.hpp"

namespace fanout::ssh::detail {

class SftpClient;

// What a Pending owns: the question until the answer is here, then the answer.
struct Answer {
  SftpClient *client = nullptr;  // while it is under way
  std::uint32_t id = 0;
  std::coroutine_handle<> waiting;
  bool done = false;

  const char *operation = "";  // for messages
  std::string object;

  std::optional<FileError> error;
  std::string text;       // handle, path, or the packet with content
  std::size_t begin = 0;  // of the content
  Attributes attributes;
  std::optional<std::vector<DirectoryEntry>> entries;
  sftp::Limits limits;
  FileSystem file_system;
};

class SftpClient {
public:
  explicit SftpClient(std::unique_ptr<SftpStream> stream);
  ~SftpClient();
  SftpClient(const SftpClient &) = delete;
  SftpClient &operator=(const SftpClient &) = delete;

  // Starts the server, and hears what it can. False when there is none, with `why`.
  core::Result<bool> open(std::string &why);

  // A request with an answer that may wait; `content` follows the body and is written by `fill`.
  struct Question {
    sftp::Request type;
    sftp::Wanted wanted;
    const char *operation;
    std::string_view object;
    std::string_view body;
    std::size_t asked_bytes = 0;
  };
  std::unique_ptr<Answer> ask(const Question &question, std::size_t content_bytes = 0,
                              const Sftp::Fill *fill = nullptr);
  // Its Pending is gone: whatever the answer will be, nobody wants it.
  void forget(const Answer &answer);

  void drive(const std::function<bool()> &ended,
             const std::function<void(const core::Error &)> &broken);
  core::Result<void> finish();

  [[nodiscard]] bool has_room() const;
  [[nodiscard]] bool dead() const { return dead_.has_value(); }
  [[nodiscard]] const sftp::Abilities &abilities() const { return abilities_; }
  [[nodiscard]] const sftp::Limits &limits() const { return limits_; }
  [[nodiscard]] core::Clock::duration round_trip() const { return round_trip_; }
  [[nodiscard]] std::uint64_t sent_bytes() const { return sent_bytes_; }
  [[nodiscard]] std::uint64_t received_bytes() const { return received_bytes_; }

  core::Milliseconds stall_timeout{0};
  sftp::Schedule schedule;
  std::unique_ptr<SftpStream> stream;

private:
  struct Request {
    Answer *answer;  // null: nobody wants it
    sftp::Wanted wanted;
    std::uint32_t asked_bytes;
    bool given_up;  // its time is over; an answer may come all the same
  };
  struct Trouble {
    core::Error error;
    bool for_good;
  };

  std::optional<Trouble> turn();
  core::Result<void> send();
  core::Result<void> hear();
  core::Result<void> take(std::string packet);
  std::optional<Trouble> wait();
  [[nodiscard]] std::size_t unanswered() const { return requests_.size() - given_up_; }
  [[nodiscard]] bool something_is_due() const;
  void fail_all(const core::Error &why);
  void settle(Answer &answer);
  std::unique_ptr<Answer> refused(const Question &question, core::Error error) const;
  core::Result<bool> greet(std::string &why);
  core::Result<void> measure();

  sftp::Outbox outbox_;
  sftp::Inbox inbox_;
  std::unordered_map<std::uint32_t, Request> requests_;
  std::size_t given_up_ = 0;  // of them
  std::uint32_t next_id_ = 0;
  std::optional<core::Error> dead_;
  bool broken_told_ = false;
  bool version_known_ = false;
  bool ended_ = false;

  sftp::Abilities abilities_;
  sftp::Limits limits_;
  core::Clock::duration round_trip_{};
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t received_bytes_ = 0;
  bool more_to_hear_ = false;
  bool answered_ = false;  // in this turn
  std::size_t unsent_before_ = 0;
  core::TimePoint moved_at_;  // when bytes have last gone either way
  core::TimePoint waited_at_;
};

}  // namespace fanout::ssh::detail
