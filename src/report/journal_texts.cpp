#include "fanout/report/journal_texts.hpp"

#include <utility>

namespace fanout::report {

using core::Result;

Result<void> JournalTexts::add(const std::string &sha256, std::uint64_t bytes,
                               std::string_view beginning) {
  const auto known = texts_.find(sha256);
  if (known != texts_.end()) {
    if (known->second.beginning.size() >= beginning.size()) return {};
    texts_.erase(known);
  }
  Text text{HeldText(spill_), bytes};
  TRY(text.beginning.append(beginning));
  texts_.emplace(sha256, std::move(text));
  return {};
}

const JournalTexts::Text *JournalTexts::find(const std::string &sha256) const {
  const auto known = texts_.find(sha256);
  return known == texts_.end() ? nullptr : &known->second;
}

}  // namespace fanout::report
