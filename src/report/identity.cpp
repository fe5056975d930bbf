#include "identity.hpp"

#include <fmt/format.h>

#include "mask.hpp"

namespace fanout::report {

using core::Result;

namespace {

Result<std::string> masked_hash(const HeldText &text, const core::Masking &masking,
                                const core::Host &host) {
  files::Sha256 hash;
  Masker masker(masking, host);
  std::string masked;
  TRY(text.each_piece([&](std::string_view piece) -> Result<void> {
    masker.feed(piece, masked);
    hash.add(masked);
    masked.clear();
    return {};
  }));
  masker.finish(masked);
  hash.add(masked);
  return hash.finish();
}

}  // namespace

bool is_comparable(const core::Outcome &outcome) {
  const bool ended = outcome.status == core::Status::ok || outcome.status == core::Status::failed;
  return ended && outcome.remote_end == core::RemoteEnd::exited;
}

Identities::Identities(const core::Masking &masking, const std::optional<Reference> &reference)
    : masking_(masking) {
  if (!reference || reference->host) return;
  const std::string &text = reference->text;
  if (text.empty()) {
    of_reference_ = identity_of_nothing;
    return;
  }
  files::Sha256 hash;
  hash.add(masking.any() ? mask(masking, core::Host(), text) : text);
  of_reference_ = hash.finish();
}

Result<std::string_view> Identities::of(PrintedStream &stream, const core::Host &host) const {
  if (!stream.identity.empty()) return stream.identity;
  TRY_ASSIGN(std::string identity, compute(stream, host));
  // What is not known equals nothing else.
  stream.identity = identity.empty() ? fmt::format("only {}", host.name) : std::move(identity);
  return stream.identity;
}

Result<std::string> Identities::compute(const PrintedStream &stream, const core::Host &host) const {
  if (stream.bytes() == 0) return std::string(identity_of_nothing);
  if (!masking_.any() || stream.missing_bytes > 0 || stream.sha256.empty()) return stream.sha256;
  return masked_hash(stream.text, masking_, host);
}

}  // namespace fanout::report
