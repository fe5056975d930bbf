// Two texts a host: when the newer is full it becomes the older, whose place in the file is free then. So the end of a text
// is kept without ever copying it.

#include "live_texts.hpp"

#include <utility>

namespace fanout::report {

using core::HostIndex;

namespace {

constexpr SpillLimits limits{
    .text_bytes = std::size_t{4} << 10,
    .resident_bytes = std::size_t{8} << 20,
    .segment_bytes = std::size_t{32} << 10,
};

}  // namespace

LiveTexts::LiveTexts(std::size_t hosts, Spill::OpenFile open)
    : spill_(limits, std::move(open)), kept_(hosts) {}

void LiveTexts::Kept::forget(std::optional<HeldText> &part) {
  if (part) missing_bytes += part->size();
  part.reset();
}

// What is there would not be the end any more.
void LiveTexts::failed(Kept &kept, const core::Error &error) {
  if (failure_.empty()) failure_ = error.message;
  kept.forget(kept.older);
  kept.forget(kept.newer);
}

void LiveTexts::append(HostIndex host, std::string_view bytes) {
  if (!kept_[host]) kept_[host] = std::make_unique<Kept>();
  Kept &kept = *kept_[host];
  if (kept.newer && kept.newer->size() + bytes.size() > part_bytes) {
    kept.forget(kept.older);
    kept.older.emplace(std::move(*kept.newer));
    kept.newer.reset();
  }
  if (!kept.newer) kept.newer.emplace(spill_);
  const auto appended = kept.newer->append(bytes);
  if (appended) return;
  failed(kept, appended.error());
  kept.missing_bytes += bytes.size();
}

LiveTexts::End LiveTexts::end_of(HostIndex host) {
  End end;
  if (!kept_[host]) return end;
  Kept &kept = *kept_[host];
  for (const auto *part : {&kept.older, &kept.newer}) {
    if (!*part) continue;
    auto text = (*part)->whole();
    if (!text) {
      failed(kept, text.error());
      return {kept.missing_bytes, {}};
    }
    end.text += *text;
  }
  end.missing_bytes = kept.missing_bytes;
  return end;
}

}  // namespace fanout::report
