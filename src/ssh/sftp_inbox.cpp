#include "sftp_inbox.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "fanout/wire/codec.hpp"
#include "sftp_packets.hpp"

namespace fanout::ssh::sftp {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

constexpr std::size_t length_bytes = 4;
constexpr std::size_t shown_bytes = 80;

bool is_text(char c) {
  return c == '\t' || c == '\n' || c == '\r' || c == '\x1b' ||
         (static_cast<unsigned char>(c) >= 0x20 && c != '\x7f');
}

}  // namespace

Result<std::size_t> Inbox::read(SftpStream &stream) {
  if (in_large_) {
    TRY_ASSIGN(const std::size_t count,
               stream.receive(large_.data() + large_bytes_, large_.size() - large_bytes_));
    large_bytes_ += count;
    return count;
  }
  if (begin_ > 0) {
    std::memmove(small_.data(), small_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  TRY_ASSIGN(const std::size_t count, stream.receive(small_.data() + end_, small_.size() - end_));
  end_ += count;
  if (count > 0) untouched_ = false;
  return count;
}

// Four characters, taken for a length, are far more than any packet has.
core::Error Inbox::no_packet(std::size_t length) const {
  std::string_view text(small_.data() + begin_, end_ - begin_);
  text = text.substr(0, static_cast<std::size_t>(
                            std::find_if_not(text.begin(), text.end(), is_text) - text.begin()));
  if (!first_ || text.empty())
    return {ErrorKind::protocol, fmt::format("the SFTP server sent a packet of {} bytes", length)};
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  text = text.substr(0, std::min(text.find_first_of("\r\n"), shown_bytes));
  std::string sentence = "the server's shell startup files print text before SFTP starts";
  if (!text.empty()) sentence += fmt::format(": '{}'", text);
  return {ErrorKind::protocol, std::move(sentence)};
}

Result<std::optional<std::string>> Inbox::next() {
  if (in_large_) {
    if (large_bytes_ < large_.size()) return std::nullopt;
    in_large_ = false;
    return std::move(large_);
  }
  const std::string_view here(small_.data() + begin_, end_ - begin_);
  if (here.size() < length_bytes) return std::nullopt;
  const std::size_t length = wire::Decoder(here).uint32();
  if (length == 0 || length > max_packet_bytes) return fail(no_packet(length));
  first_ = false;
  const std::string_view part = here.substr(length_bytes, length);
  begin_ += length_bytes + part.size();
  if (part.size() == length) return std::string(part);
  large_.assign(length, '\0');
  std::memcpy(large_.data(), part.data(), part.size());
  large_bytes_ = part.size();
  in_large_ = true;
  return std::nullopt;
}

}  // namespace fanout::ssh::sftp
