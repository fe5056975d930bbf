// The answer to a file's first line is always waited for: a receiver that cannot make the file reads what follows as its next
// line, and content would be taken for orders. The answer to its content is not: the next file's line is sent first, which
// saves a round trip for each.
#include "scp_stage.hpp"

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "destination.hpp"
#include "remote_command.hpp"
#include "remote_scripts.hpp"
#include "scp_lines.hpp"

namespace fanout::worker {

using core::ErrorKind;
using core::fail;
using core::Result;
using ssh::Session;

namespace {

constexpr std::size_t piece_bytes = 128 * 1024;
constexpr std::uint64_t pieces_a_second = 8;
constexpr std::uint64_t smallest_piece_bytes = 512;
constexpr std::uint32_t permissions = 0777;
constexpr std::uint32_t private_mode = 0700;
constexpr std::size_t max_listing_line_bytes = 4096;

class Stage {
public:
  Stage(Transfer &transfer, const files::Source &source, std::vector<StagedFile> &files,
        const std::string &staging, RunningCommand command)
      : transfer_(transfer),
        source_(source),
        files_(files),
        staging_(staging),
        command_(std::move(command)),
        buffer_(std::make_unique_for_overwrite<char[]>(piece_bytes)) {
    if (const std::uint64_t limit = transfer.card.transfer.limit_bytes_per_second; limit > 0)
      at_once_ =
          std::clamp<std::uint64_t>(limit / pieces_a_second, smallest_piece_bytes, piece_bytes);
  }

  Result<bool> run();

private:
  // Nothing: yes. Else what the host says is wrong with that file; what ends everything is an error.
  using Answer = std::optional<std::string>;
  Result<Answer> hear();
  Result<void> hear_pending();
  Result<bool> send(std::size_t number);
  Result<bool> send_content(const StagedFile &file, const files::Content &content);
  Result<void> compare_sizes();
  [[nodiscard]] std::uint32_t creation_mode(const StagedFile &file) const;
  void refuse(std::size_t number, const std::string &text);

  Transfer &transfer_;
  const files::Source &source_;
  std::vector<StagedFile> &files_;
  const std::string &staging_;
  RunningCommand command_;
  std::unique_ptr<char[]> buffer_;
  std::uint64_t at_once_ = piece_bytes;
  std::optional<std::size_t> pending_;  // whose content has not been answered yet
};

Result<Stage::Answer> Stage::hear() {
  for (;;) {
    std::string_view rest = command_.output();
    TRY_ASSIGN(std::optional<ScpItem> item, take_scp_item(rest));
    if (!item) {
      TRY_ASSIGN(const bool more, command_.receive());
      if (more) continue;
      return fail(ErrorKind::remote, fmt::format("scp: {}", command_.end().describe()));
    }
    command_.output().erase(0, command_.output().size() - rest.size());
    if (std::holds_alternative<ScpYes>(*item)) return Answer();
    auto *message = std::get_if<ScpMessage>(&*item);
    if (message == nullptr)
      return fail(ErrorKind::protocol, "the host's scp sends where it is to receive");
    if (message->fatal) return fail(ErrorKind::remote, fmt::format("scp: {}", message->text));
    return std::move(message->text);
  }
}

// In terms of the path that the user knows.
void Stage::refuse(std::size_t number, const std::string &text) {
  StagedFile &file = files_[number];
  if (std::exchange(file.settled, true)) return;
  const std::size_t colon = text.rfind(": ");
  transfer_.fail(
      {ErrorKind::remote, fmt::format("{}: {}", file.path,
                                      colon == std::string::npos ? text : text.substr(colon + 2))});
}

Result<void> Stage::hear_pending() {
  if (!pending_) return {};
  TRY_ASSIGN(Answer answer, hear());
  if (answer) refuse(*pending_, *std::move(answer));
  pending_.reset();
  return {};
}

std::uint32_t Stage::creation_mode(const StagedFile &file) const {
  // A file that takes the place of another must not be readable meanwhile for those who could not read that one.
  const core::TransferOptions &how = transfer_.card.transfer;
  if (how.mode) return *how.mode & private_mode;
  if (how.preserve) return file.entry.mode & permissions;
  return (file.existing ? file.existing->mode & private_mode : file.entry.mode) & permissions;
}

Result<bool> Stage::send_content(const StagedFile &file, const files::Content &content) {
  for (std::uint64_t offset = 0; offset < file.entry.size;) {
    const auto size = static_cast<std::size_t>(std::min(at_once_, file.entry.size - offset));
    TRY(wait_until(transfer_, transfer_.pace(size)));
    if (auto read = content.read(buffer_.get(), size, offset); !read) {
      transfer_.fail(std::move(read).error());
      return false;
    }
    TRY(command_.send({buffer_.get(), size}));
    offset += size;
    transfer_.record.sent_bytes += size;
    transfer_.advance(size);
  }
  return true;
}

// False when the stream cannot go on.
Result<bool> Stage::send(std::size_t number) {
  StagedFile &file = files_[number];
  auto content = source_.content(file.entry);
  if (!content) {
    file.settled = true;
    transfer_.fail(std::move(content).error());
    return true;
  }
  const bool with_time = transfer_.card.transfer.preserve;
  std::string lines;
  if (with_time) lines = scp_times_line(file.entry.mtime.seconds);
  lines += scp_file_line(creation_mode(file), file.entry.size, std::to_string(number));
  TRY(command_.send(lines));
  TRY(hear_pending());
  Answer refused;
  if (with_time) {
    TRY_ASSIGN(refused, hear());
  }
  TRY_ASSIGN(Answer answer, hear());
  if (!refused) refused = std::move(answer);
  if (refused) {
    refuse(number, *std::move(refused));
    return true;
  }
  TRY_ASSIGN(const bool sent, send_content(file, *content));
  if (!sent) {
    file.settled = true;
    return false;
  }
  std::string_view end("\0", 1);
  if (auto unchanged = content->check_unchanged(); !unchanged) {
    file.settled = true;
    transfer_.fail(std::move(unchanged).error());
    end = "\1source changed\n";
  }
  TRY(command_.send(end));
  pending_ = number;
  return true;
}

// What the host lists is what was sent, or is not used.
Result<void> Stage::compare_sizes() {
  std::vector<bool> right(files_.size());
  bool listing = false;
  std::string line;
  const auto take_line = [&] {
    if (line == listing_mark) listing = true;
    if (!listing || !line.starts_with('-')) return;
    std::vector<std::string_view> words;
    for (std::size_t begin = line.find_first_not_of(' '); begin < line.size();
         begin = line.find_first_not_of(' ', begin)) {
      const std::size_t end = std::min(line.find(' ', begin), line.size());
      words.push_back(std::string_view(line).substr(begin, end - begin));
      begin = end;
    }
    if (words.size() < 6) return;
    const auto number_of = [](std::string_view text, std::uint64_t &value) {
      const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      return error == std::errc() && stop == text.data() + text.size();
    };
    std::uint64_t size = 0;
    std::uint64_t number = 0;
    if (number_of(words[4], size) && number_of(words.back(), number) && number < files_.size())
      right[number] = size == files_[number].entry.size;
  };
  for (;;) {
    for (const char c : command_.output()) {
      if (c == '\n') {
        take_line();
        line.clear();
      } else if (line.size() < max_listing_line_bytes) {
        line += c;
      }
    }
    command_.output().clear();
    TRY_ASSIGN(const bool more, command_.receive());
    if (!more && command_.output().empty()) break;
  }
  for (std::size_t i = 0; i < files_.size(); ++i)
    if (!files_[i].settled && !right[i]) refuse(i, "not all of it has arrived");
  return {};
}

Result<bool> Stage::run() {
  auto first = hear();
  const CommandEnd end = command_.end();
  if (!first && command_.closed() && end.errors.starts_with("mkdir: ")) {
    // The folder that the user knows is the one that it was to be made in.
    const std::string folder = folder_of(staging_);
    const std::string why = end.describe();
    return fail(ErrorKind::remote, fmt::format("{}: {}", folder.empty() ? "." : folder,
                                               why.substr(why.rfind(": ") + 2)));
  }
  TRY_ASSIGN(Answer ready, std::move(first));
  if (ready) return fail(ErrorKind::remote, *std::move(ready));
  for (std::size_t i = 0; i < files_.size(); ++i) {
    if (files_[i].settled) continue;
    TRY_ASSIGN(const bool goes_on, send(i));
    if (!goes_on) return false;
  }
  TRY(hear_pending());
  for (;;) {
    TRY_ASSIGN(const bool finished, command_.finish_input());
    if (finished) break;
    TRY(command_.turn());
    TRY(command_.wait());
  }
  TRY(compare_sizes());
  return true;
}

}  // namespace

Result<bool> send_by_scp(Transfer &transfer, const files::Source &source,
                         std::vector<StagedFile> &files, const std::string &staging) {
  const bool exact = transfer.card.transfer.preserve;
  TRY_ASSIGN(auto command,
             RunningCommand::start(transfer,
                                   sh(receive_script, {as_operand(staging), exact ? "-p" : "",
                                                       pulse_of(transfer.card.stall_timeout)}),
                                   Session::Input::open));
  return Stage(transfer, source, files, staging, std::move(command)).run();
}

}  // namespace fanout::worker
