// SFTP, version 3 (draft-ietf-secsh-filexfer-02), with the extensions of OpenSSH that matter here (its PROTOCOL file,
// section 4): posix-rename, fsync, limits. Ours and not the library's: that one has a single request under way for
// everything but the content of a file, believes what a server says about lengths and counts, ends a listing at an empty
// name, and fails at a short read.
//
// Requests are sent in the order in which they are made and many are under way at once; each returns a Pending, which a
// coroutine (task.hpp) awaits whenever it likes. A server is believed nothing: an answer to no question, of a type that
// the question has not, longer than was asked for, or malformed, ends the connection with ErrorKind::protocol.
#pragma once

#include <algorithm>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "fanout/core/deadline.hpp"
#include "fanout/core/result.hpp"
#include "fanout/ssh/session.hpp"
#include "fanout/ssh/task.hpp"

namespace fanout::ssh {

// SSH_FX_* of an answer; `none` when the failure is not an answer (connection, deadline, stop).
enum class FileStatus : std::uint32_t {
  ok = 0,
  end_of_file = 1,
  no_such_file = 2,
  permission_denied = 3,
  failure = 4,
  bad_message = 5,
  no_connection = 6,
  connection_lost = 7,
  unsupported = 8,
  none = 0xffff'ffff,
};

struct FileError {
  FileStatus status = FileStatus::none;
  // ErrorKind::remote for an answer: its operation, path and the server's own words, as in
  // "open /srv/x: Permission denied". Else what ended the wait.
  core::Error error;
};

template <class T>
using FileResult = tl::expected<T, FileError>;

// What is set in a request, or known from an answer.
struct Attributes {
  std::optional<std::uint64_t> size;
  struct Owner {
    std::uint32_t user = 0;
    std::uint32_t group = 0;
  };
  std::optional<Owner> owner;
  std::optional<std::uint32_t> mode;  // with the type of the file in its high bits, in answers
  struct Times {
    std::uint32_t access = 0;  // seconds since 1970
    std::uint32_t modification = 0;
    // Both, of a time that may be one that version 3 has no room for (before 1970, after 2106): then the nearest.
    static Times of(std::int64_t seconds) {
      const auto nearest = static_cast<std::uint32_t>(
          std::clamp<std::int64_t>(seconds, 0, std::numeric_limits<std::uint32_t>::max()));
      return {nearest, nearest};
    }
  };
  std::optional<Times> times;

  enum class Type : std::uint8_t { unknown, file, directory, link, other };
  [[nodiscard]] Type type() const;  // of `mode`
  [[nodiscard]] bool is_file() const { return type() == Type::file; }
  [[nodiscard]] bool is_directory() const { return type() == Type::directory; }
};

// What keeps a file from being written, where the server only says that it failed.
struct FileSystem {
  bool is_full = false;  // no block or no file is left for an ordinary user
  bool is_read_only = false;
};

struct DirectoryEntry {
  std::string name;  // whatever the server sent, but "." and ".."; check it before use
  Attributes attributes;
};

// Bytes of a file, as a server sent them.
class FileData {
public:
  FileData() = default;
  FileData(std::string packet, std::size_t begin) : packet_(std::move(packet)), begin_(begin) {}
  [[nodiscard]] std::string_view view() const { return std::string_view(packet_).substr(begin_); }

private:
  std::string packet_;
  std::size_t begin_ = 0;
};

class Sftp;

class SftpStream;

namespace detail {
class SftpClient;
struct Answer;  // what a request is waiting for
// The part of a Pending that does not depend on what is awaited.
class PendingBase {
public:
  PendingBase(PendingBase &&other) noexcept;
  PendingBase &operator=(PendingBase &&other) noexcept;
  ~PendingBase();  // an answer that is still to come will be thrown away

  [[nodiscard]] bool await_ready() const noexcept;
  void await_suspend(std::coroutine_handle<> waiting) noexcept;

protected:
  explicit PendingBase(std::unique_ptr<Answer> answer);
  std::unique_ptr<Answer> answer_;
};
}  // namespace detail

// co_await gives a FileResult<T>. To be awaited by one coroutine, once; the Sftp must still live.
template <class T>
class [[nodiscard]] Pending : public detail::PendingBase {
public:
  FileResult<T> await_resume();  // defined for the types that Sftp uses, in sftp.cpp

private:
  friend class Sftp;
  explicit Pending(std::unique_ptr<detail::Answer> answer) : PendingBase(std::move(answer)) {}
};

template <>
FileResult<void> Pending<void>::await_resume();
template <>
FileResult<std::string> Pending<std::string>::await_resume();
template <>
FileResult<Attributes> Pending<Attributes>::await_resume();
template <>
FileResult<FileData> Pending<FileData>::await_resume();
template <>
FileResult<std::optional<std::vector<DirectoryEntry>>>
Pending<std::optional<std::vector<DirectoryEntry>>>::await_resume();

class Sftp {
public:
  struct Options {
    std::uint32_t window_bytes = 2 << 20;  // that the server may send unread
  };

  // Opens a channel, starts the subsystem and exchanges versions. Null when the server has none, with `why` for a note:
  // it refused the subsystem, or the program ended without a word. ErrorKind::protocol when something else than SFTP
  // comes, which says what (text from a shell's startup files).
  static core::Result<std::unique_ptr<Sftp>> open(Session &session, const Options &options,
                                                  std::string &why);
  // The same over any stream of bytes.
  static core::Result<std::unique_ptr<Sftp>> open(std::unique_ptr<SftpStream> stream,
                                                  std::string &why);
  ~Sftp();
  Sftp(const Sftp &) = delete;
  Sftp &operator=(const Sftp &) = delete;

  [[nodiscard]] bool has_posix_rename() const;
  [[nodiscard]] bool has_fsync() const;
  // The largest content of one write or read request: 32,768 bytes, or what the server allows, at most 255 KiB.
  [[nodiscard]] std::size_t max_write_bytes() const;
  [[nodiscard]] std::size_t max_read_bytes() const;
  // How many files the server lets us have open at once; 0 when it does not say.
  [[nodiscard]] std::size_t max_handles() const;
  // Between a request and its answer, measured once when opening.
  [[nodiscard]] core::Clock::duration round_trip() const;

  // --- requests ---------------------------------------------------------------------------------------------------
  // Paths are bytes; a relative one is below the directory that the server starts in. Handles are the server's.

  Pending<std::string> real_path(std::string_view path);
  Pending<Attributes> stat(std::string_view path);  // follows links
  Pending<Attributes> lstat(std::string_view path);
  Pending<Attributes> fstat(std::string_view handle, std::string_view path_for_messages);
  Pending<void> set_attributes(std::string_view path, const Attributes &attributes);
  // The same of what is there itself, if that should be a link (lsetstat@openssh.com). FileStatus::unsupported where the
  // server does not know it.
  Pending<void> set_own_attributes(std::string_view path, const Attributes &attributes);
  Pending<void> set_handle_attributes(std::string_view handle, const Attributes &attributes,
                                      std::string_view path_for_messages);

  // SSH_FXF_*; exclusive wants create.
  struct OpenFlags {
    bool read = false, write = false, create = false, truncate = false, exclusive = false;
  };
  // Gives a handle.
  Pending<std::string> open_file(std::string_view path, OpenFlags flags,
                                 const Attributes &attributes = {});
  Pending<std::string> open_directory(std::string_view path);
  Pending<void> close(std::string_view handle, std::string_view path_for_messages);

  // `fill` writes exactly `size` bytes, at most max_write_bytes(), into the request; when it fails, nothing is sent and its
  // error is the answer.
  using Fill = std::function<core::Result<void>(char *buffer, std::size_t size)>;
  Pending<void> write(std::string_view handle, std::uint64_t offset, std::size_t size,
                      const Fill &fill, std::string_view path_for_messages);
  // At most `size` bytes, at least one; fewer is no error. At the end of the file FileStatus::end_of_file.
  Pending<FileData> read(std::string_view handle, std::uint64_t offset, std::size_t size,
                         std::string_view path_for_messages);
  // Some entries of the directory; nullopt after the last.
  Pending<std::optional<std::vector<DirectoryEntry>>> read_directory(
      std::string_view handle, std::string_view path_for_messages);

  // Of the file system that the path is on (statvfs@openssh.com).
  Pending<FileSystem> file_system(std::string_view path);
  Pending<void> fsync(std::string_view handle, std::string_view path_for_messages);
  Pending<void> make_directory(std::string_view path, const Attributes &attributes);
  Pending<void> remove_directory(std::string_view path);
  Pending<void> remove(std::string_view path);
  // Replaces what is at `to` (rename(2)); only where has_posix_rename().
  Pending<void> posix_rename(std::string_view from, std::string_view to);
  // Fails where something is at `to` already.
  Pending<void> rename(std::string_view from, std::string_view to);

  // --- waiting ----------------------------------------------------------------------------------------------------

  // Ready when little waits to be sent, so that memory stays small whatever is sent; and when all that was under way has
  // failed, as are alarms.
  struct Room;
  [[nodiscard]] Room room();
  // Ready when the time has come.
  struct Alarm;
  [[nodiscard]] Alarm at(core::TimePoint time);

  // Begins the task at once and owns it until it has ended.
  void start(Task<void> task);
  [[nodiscard]] std::size_t running() const;  // of those
  // Ready when fewer than so many of those are running.
  struct Fewer;
  [[nodiscard]] Fewer fewer_than(std::size_t count);

  // Runs `task`, and all that was started, to the end; blocks. When the wait ends for another reason than the server
  // (deadline, stop, silence), or the connection is lost, `broken` is called with the reason, once, and then every answer
  // that is awaited fails with it. After a stop, a deadline or a silence, requests that are made then (to remove what was
  // begun) are sent and answered again, if `broken` has made that possible: by Session::set_deadline, and by waiting no more
  // for the stop.
  template <class T>
  T run(Task<T> task) {
    const auto ended = [&task] { return task.done(); };
    task.resume();
    drive(ended);
    return task.take();
  }
  std::function<void(const core::Error &)> broken;
  // No byte in either direction for so long is ErrorKind::timeout; 0 is no limit.
  core::Milliseconds stall_timeout{0};

  [[nodiscard]] std::uint64_t sent_bytes() const;  // of the channel, since the beginning
  [[nodiscard]] std::uint64_t received_bytes() const;

  // Lets the server send so much more than was read; only ever grows.
  void widen_window(std::uint32_t bytes);
  // Ends the channel, so that a server that allows only one has room for another. Nothing may be under way.
  core::Result<void> finish();

private:
  explicit Sftp(std::unique_ptr<detail::SftpClient> client);
  void drive(const std::function<bool()> &ended);
  std::unique_ptr<detail::SftpClient> client_;

public:
  struct Room {
    Sftp &sftp;
    [[nodiscard]] bool await_ready() const;
    void await_suspend(std::coroutine_handle<> waiting);
    void await_resume() const noexcept {}
  };
  struct Alarm {
    Sftp &sftp;
    core::TimePoint time;
    [[nodiscard]] bool await_ready() const;
    void await_suspend(std::coroutine_handle<> waiting);
    void await_resume() const noexcept {}
  };
  struct Fewer {
    Sftp &sftp;
    std::size_t count;
    [[nodiscard]] bool await_ready() const;
    void await_suspend(std::coroutine_handle<> waiting);
    void await_resume() const noexcept {}
  };
};

}  // namespace fanout::ssh
