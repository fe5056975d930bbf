#include "fanout/worker/job_card.hpp"

#include "fanout/wire/codec.hpp"

namespace fanout::worker {

using core::ErrorKind;
using core::fail;
using core::Milliseconds;
using core::Result;

namespace {

std::uint64_t count(Milliseconds time) { return static_cast<std::uint64_t>(time.count()); }
Milliseconds time(wire::Decoder &fields) {
  return Milliseconds(static_cast<Milliseconds::rep>(fields.uint64()));
}

}  // namespace

std::string encode(const Setup &setup) {
  return wire::Encoder().byte(static_cast<std::uint8_t>(setup.sandbox)).uint32(setup.port).take();
}

std::string encode(const JobCard &card) {
  wire::Encoder fields;
  fields.byte(static_cast<std::uint8_t>(card.task)).byte(static_cast<std::uint8_t>(card.family));
  fields.string(card.host).string(card.address).uint32(card.port).string(card.user);
  fields.string(card.host_key_algorithms).boolean(card.has_password).string(card.command);
  fields.uint64(count(card.connect_timeout)).uint64(count(card.timeout));
  fields.uint64(count(card.stop_grace));
  return fields.take();
}

Result<Setup> decode_setup(std::string_view bytes) {
  wire::Decoder fields(bytes);
  const std::uint8_t mode = fields.byte();
  const std::uint32_t port = fields.uint32();
  if (!fields.finished() || mode > static_cast<std::uint8_t>(sandbox::Mode::off) || port == 0 ||
      port > 65535)
    return fail(ErrorKind::internal, "malformed setup");
  return Setup{static_cast<sandbox::Mode>(mode), static_cast<std::uint16_t>(port)};
}

Result<JobCard> decode_job_card(std::string_view bytes) {
  wire::Decoder fields(bytes);
  JobCard card;
  const std::uint8_t task = fields.byte();
  const std::uint8_t family = fields.byte();
  card.host = fields.string();
  card.address = fields.string();
  const std::uint32_t port = fields.uint32();
  card.user = fields.string();
  card.host_key_algorithms = fields.string();
  card.has_password = fields.boolean();
  card.command = fields.string();
  card.connect_timeout = time(fields);
  card.timeout = time(fields);
  card.stop_grace = time(fields);
  if (!fields.finished() || task > static_cast<std::uint8_t>(core::TaskKind::keyscan) ||
      family > static_cast<std::uint8_t>(ssh::AddressFamily::ipv6) || port == 0 || port > 65535)
    return fail(ErrorKind::internal, "malformed job card");
  card.task = static_cast<core::TaskKind>(task);
  card.family = static_cast<ssh::AddressFamily>(family);
  card.port = static_cast<std::uint16_t>(port);
  return card;
}

}  // namespace fanout::worker
