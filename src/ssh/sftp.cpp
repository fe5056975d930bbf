// Requests as functions, and what they give.

#include "fanout/ssh/sftp.hpp"

#include <algorithm>
#include <utility>

#include "fanout/sys/io.hpp"
#include "sftp_channel.hpp"
#include "sftp_client.hpp"

namespace fanout::ssh {

using core::Result;
using detail::SftpClient;
using sftp::Request;
using sftp::Wanted;
using wire::Encoder;

namespace detail {

PendingBase::PendingBase(std::unique_ptr<Answer> answer) : answer_(std::move(answer)) {}
PendingBase::PendingBase(PendingBase &&other) noexcept = default;

PendingBase &PendingBase::operator=(PendingBase &&other) noexcept {
  std::swap(answer_, other.answer_);
  return *this;
}

PendingBase::~PendingBase() {
  if (answer_ && answer_->client != nullptr) answer_->client->forget(*answer_);
}

bool PendingBase::await_ready() const noexcept { return answer_->done; }

void PendingBase::await_suspend(std::coroutine_handle<> waiting) noexcept {
  answer_->waiting = waiting;
}

}  // namespace detail

template <>
FileResult<void> Pending<void>::await_resume() {
  if (answer_->error) return tl::make_unexpected(std::move(*answer_->error));
  return {};
}

template <>
FileResult<std::string> Pending<std::string>::await_resume() {
  if (answer_->error) return tl::make_unexpected(std::move(*answer_->error));
  return std::move(answer_->text);
}

template <>
FileResult<FileSystem> Pending<FileSystem>::await_resume() {
  if (answer_->error) return tl::make_unexpected(std::move(*answer_->error));
  return answer_->file_system;
}

template <>
FileResult<Attributes> Pending<Attributes>::await_resume() {
  if (answer_->error) return tl::make_unexpected(std::move(*answer_->error));
  return answer_->attributes;
}

template <>
FileResult<FileData> Pending<FileData>::await_resume() {
  if (answer_->error) return tl::make_unexpected(std::move(*answer_->error));
  return FileData(std::move(answer_->text), answer_->begin);
}

template <>
FileResult<std::optional<std::vector<DirectoryEntry>>>
Pending<std::optional<std::vector<DirectoryEntry>>>::await_resume() {
  if (answer_->error) return tl::make_unexpected(std::move(*answer_->error));
  return std::move(answer_->entries);
}

Sftp::Sftp(std::unique_ptr<SftpClient> client) : client_(std::move(client)) {}
Sftp::~Sftp() = default;

Result<std::unique_ptr<Sftp>> Sftp::open(Session &session, const Options &options,
                                         std::string &why) {
  return open(std::make_unique<SftpChannel>(*session.state_, options.window_bytes), why);
}

Result<std::unique_ptr<Sftp>> Sftp::open(std::unique_ptr<SftpStream> stream, std::string &why) {
  auto client = std::make_unique<SftpClient>(std::move(stream));
  TRY_ASSIGN(const bool there, client->open(why));
  if (!there) return nullptr;
  return std::unique_ptr<Sftp>(new Sftp(std::move(client)));
}

bool Sftp::has_posix_rename() const { return client_->abilities().posix_rename; }
bool Sftp::has_fsync() const { return client_->abilities().fsync; }

namespace {

// A request has a handle and an offset around its content.
constexpr std::uint64_t around_content_bytes = 1024;

std::size_t content_limit(std::uint64_t content_bytes, std::uint64_t packet_bytes) {
  if (content_bytes == 0) return sftp::default_content_bytes;
  std::uint64_t limit = std::min<std::uint64_t>(content_bytes, sftp::max_content_bytes);
  if (packet_bytes > around_content_bytes)
    limit = std::min(limit, packet_bytes - around_content_bytes);
  return static_cast<std::size_t>(limit);
}

}  // namespace

std::size_t Sftp::max_write_bytes() const {
  return content_limit(client_->limits().write_bytes, client_->limits().packet_bytes);
}

std::size_t Sftp::max_read_bytes() const {
  return content_limit(client_->limits().read_bytes, client_->limits().packet_bytes);
}

std::size_t Sftp::max_handles() const {
  return static_cast<std::size_t>(std::min<std::uint64_t>(client_->limits().handles, SIZE_MAX));
}

core::Clock::duration Sftp::round_trip() const { return client_->round_trip(); }

Pending<std::string> Sftp::real_path(std::string_view path) {
  return Pending<std::string>(client_->ask(
      {Request::realpath, Wanted::path, "realpath", path, Encoder().string(path).bytes()}));
}

Pending<Attributes> Sftp::stat(std::string_view path) {
  return Pending<Attributes>(client_->ask(
      {Request::stat, Wanted::attributes, "stat", path, Encoder().string(path).bytes()}));
}

Pending<Attributes> Sftp::lstat(std::string_view path) {
  return Pending<Attributes>(client_->ask(
      {Request::lstat, Wanted::attributes, "stat", path, Encoder().string(path).bytes()}));
}

Pending<Attributes> Sftp::fstat(std::string_view handle, std::string_view path_for_messages) {
  return Pending<Attributes>(client_->ask({Request::fstat, Wanted::attributes, "stat",
                                           path_for_messages, Encoder().string(handle).bytes()}));
}

Pending<void> Sftp::set_attributes(std::string_view path, const Attributes &attributes) {
  Encoder body;
  body.string(path);
  sftp::append(body, attributes);
  return Pending<void>(client_->ask(
      {Request::setstat, Wanted::status, "set the attributes of", path, body.bytes()}));
}

Pending<void> Sftp::set_handle_attributes(std::string_view handle, const Attributes &attributes,
                                          std::string_view path_for_messages) {
  Encoder body;
  body.string(handle);
  sftp::append(body, attributes);
  return Pending<void>(client_->ask({Request::fsetstat, Wanted::status, "set the attributes of",
                                     path_for_messages, body.bytes()}));
}

Pending<std::string> Sftp::open_file(std::string_view path, OpenFlags flags,
                                     const Attributes &attributes) {
  Encoder body;
  body.string(path).uint32(sftp::flags_of(flags));
  sftp::append(body, attributes);
  return Pending<std::string>(
      client_->ask({Request::open, Wanted::handle, "open", path, body.bytes()}));
}

Pending<std::string> Sftp::open_directory(std::string_view path) {
  return Pending<std::string>(client_->ask(
      {Request::opendir, Wanted::handle, "open", path, Encoder().string(path).bytes()}));
}

Pending<void> Sftp::close(std::string_view handle, std::string_view path_for_messages) {
  return Pending<void>(client_->ask({Request::close, Wanted::status, "close", path_for_messages,
                                     Encoder().string(handle).bytes()}));
}

Pending<void> Sftp::write(std::string_view handle, std::uint64_t offset, std::size_t size,
                          const Fill &fill, std::string_view path_for_messages) {
  Encoder body;
  body.string(handle).uint64(offset).uint32(static_cast<std::uint32_t>(size));
  return Pending<void>(client_->ask(
      {Request::write, Wanted::status, "write", path_for_messages, body.bytes()}, size, &fill));
}

Pending<FileData> Sftp::read(std::string_view handle, std::uint64_t offset, std::size_t size,
                             std::string_view path_for_messages) {
  Encoder body;
  body.string(handle).uint64(offset).uint32(static_cast<std::uint32_t>(size));
  return Pending<FileData>(
      client_->ask({Request::read, Wanted::data, "read", path_for_messages, body.bytes(), size}));
}

Pending<std::optional<std::vector<DirectoryEntry>>> Sftp::read_directory(
    std::string_view handle, std::string_view path_for_messages) {
  return Pending<std::optional<std::vector<DirectoryEntry>>>(
      client_->ask({Request::readdir, Wanted::entries, "list", path_for_messages,
                    Encoder().string(handle).bytes()}));
}

Pending<void> Sftp::fsync(std::string_view handle, std::string_view path_for_messages) {
  return Pending<void>(
      client_->ask({Request::extended, Wanted::status, "flush", path_for_messages,
                    Encoder().string("fsync@openssh.com").string(handle).bytes()}));
}

Pending<void> Sftp::make_directory(std::string_view path, const Attributes &attributes) {
  Encoder body;
  body.string(path);
  sftp::append(body, attributes);
  return Pending<void>(
      client_->ask({Request::mkdir, Wanted::status, "make the folder", path, body.bytes()}));
}

Pending<void> Sftp::remove_directory(std::string_view path) {
  return Pending<void>(client_->ask(
      {Request::rmdir, Wanted::status, "remove the folder", path, Encoder().string(path).bytes()}));
}

Pending<void> Sftp::remove(std::string_view path) {
  return Pending<void>(client_->ask(
      {Request::remove, Wanted::status, "remove", path, Encoder().string(path).bytes()}));
}

Pending<FileSystem> Sftp::file_system(std::string_view path) {
  return Pending<FileSystem>(
      client_->ask({Request::extended, Wanted::file_system, "look at the file system of", path,
                    Encoder().string("statvfs@openssh.com").string(path).bytes()}));
}

Pending<void> Sftp::set_own_attributes(std::string_view path, const Attributes &attributes) {
  Encoder body;
  body.string("lsetstat@openssh.com").string(path);
  sftp::append(body, attributes);
  return Pending<void>(client_->ask(
      {Request::extended, Wanted::status, "set the attributes of", path, body.bytes()}));
}

Pending<void> Sftp::posix_rename(std::string_view from, std::string_view to) {
  return Pending<void>(
      client_->ask({Request::extended, Wanted::status, "rename to", to,
                    Encoder().string("posix-rename@openssh.com").string(from).string(to).bytes()}));
}

Pending<void> Sftp::rename(std::string_view from, std::string_view to) {
  return Pending<void>(client_->ask({Request::rename, Wanted::status, "rename to", to,
                                     Encoder().string(from).string(to).bytes()}));
}

Sftp::Room Sftp::room() { return {*this}; }
Sftp::Alarm Sftp::at(core::TimePoint time) { return {*this, time}; }
Sftp::Fewer Sftp::fewer_than(std::size_t count) { return {*this, count}; }

bool Sftp::Room::await_ready() const {
  return !sftp.client_->schedule.somebody_waits_for_room() && sftp.client_->has_room();
}
void Sftp::Room::await_suspend(std::coroutine_handle<> waiting) {
  sftp.client_->schedule.when_room(waiting);
}

bool Sftp::Alarm::await_ready() const { return time <= sys::now() || sftp.client_->dead(); }
void Sftp::Alarm::await_suspend(std::coroutine_handle<> waiting) {
  sftp.client_->schedule.when(time, waiting);
}

bool Sftp::Fewer::await_ready() const { return sftp.client_->schedule.running() < count; }
void Sftp::Fewer::await_suspend(std::coroutine_handle<> waiting) {
  sftp.client_->schedule.when_fewer(count, waiting);
}

void Sftp::start(Task<void> task) { client_->schedule.start(std::move(task)); }
std::size_t Sftp::running() const { return client_->schedule.running(); }

void Sftp::drive(const std::function<bool()> &ended) {
  client_->stall_timeout = stall_timeout;
  client_->drive(ended, [this](const core::Error &why) {
    if (broken) broken(why);
  });
}

std::uint64_t Sftp::sent_bytes() const { return client_->sent_bytes(); }
std::uint64_t Sftp::received_bytes() const { return client_->received_bytes(); }
void Sftp::widen_window(std::uint32_t bytes) { client_->stream->widen_window(bytes); }
Result<void> Sftp::finish() { return client_->finish(); }

}  // namespace fanout::ssh
