#include "sftp_outbox.hpp"

#include <algorithm>
#include <cstring>

namespace fanout::ssh::sftp {

char *Outbox::add(std::uint32_t id, std::size_t size) {
  const std::size_t used = end_ - begin_;
  if (capacity_ - end_ < size) {
    if (capacity_ - used >= size) {
      std::memmove(memory_.get(), memory_.get() + begin_, used);
    } else {
      const std::size_t larger = std::max(used + size, std::min(capacity_ * 2, used + (1 << 20)));
      auto memory = std::make_unique_for_overwrite<char[]>(larger);
      if (used > 0) std::memcpy(memory.get(), memory_.get() + begin_, used);
      memory_ = std::move(memory);
      capacity_ = larger;
    }
    begin_ = 0;
    end_ = used;
  }
  packets_.push_back({id, size, true});
  char *place = memory_.get() + end_;
  end_ += size;
  return place;
}

void Outbox::take_back() {
  end_ -= packets_.back().unsent_bytes;
  packets_.pop_back();
}

void Outbox::sent(std::size_t bytes) {
  begin_ += bytes;
  while (bytes > 0) {
    Packet &first = packets_.front();
    const std::size_t part = std::min(bytes, first.unsent_bytes);
    first.unsent_bytes -= part;
    first.whole = false;
    bytes -= part;
    if (first.unsent_bytes == 0) packets_.pop_front();
  }
  if (begin_ == end_) begin_ = end_ = 0;
}

std::vector<std::uint32_t> Outbox::drop(std::size_t kept_bytes) {
  std::size_t kept = 0;
  auto packet = packets_.begin();
  while (packet != packets_.end() && (!packet->whole || kept < kept_bytes))
    kept += (packet++)->unsent_bytes;
  std::vector<std::uint32_t> ids;
  for (auto dropped = packet; dropped != packets_.end(); ++dropped) ids.push_back(dropped->id);
  packets_.erase(packet, packets_.end());
  end_ = begin_ + kept;
  return ids;
}

}  // namespace fanout::ssh::sftp
