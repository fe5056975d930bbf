#include "fanout/worker/job_card.hpp"

#include "fanout/wire/codec.hpp"

namespace fanout::worker {

using core::ErrorKind;
using core::fail;
using core::Milliseconds;
using core::Result;
using core::TaskKind;

namespace {

constexpr auto last_task = static_cast<std::uint8_t>(TaskKind::clean_up);

std::uint64_t count(Milliseconds time) { return static_cast<std::uint64_t>(time.count()); }
Milliseconds time(wire::Decoder &fields) {
  return Milliseconds(static_cast<Milliseconds::rep>(fields.uint64()));
}

bool is_transfer(TaskKind task) { return task != TaskKind::exec && task != TaskKind::keyscan; }

void encode_transfer(const JobCard &card, wire::Encoder &fields) {
  const core::TransferOptions &how = card.transfer;
  fields.byte(static_cast<std::uint8_t>(how.method)).boolean(how.recursive).boolean(how.preserve);
  fields.boolean(how.mode.has_value()).uint32(how.mode.value_or(0)).boolean(how.verify);
  fields.boolean(how.update).boolean(how.checksum).boolean(how.resume).boolean(how.hash);
  fields.uint64(how.limit_bytes_per_second).string(how.then);
  fields.uint32(static_cast<std::uint32_t>(card.remote.size()));
  for (const std::string &path : card.remote) fields.string(path);
  fields.boolean(card.into_folder).string(card.token).boolean(card.wants_list);
}

// False when a value is none.
bool decode_transfer(wire::Decoder &fields, JobCard &card) {
  core::TransferOptions &how = card.transfer;
  const std::uint8_t method = fields.byte();
  how.recursive = fields.boolean();
  how.preserve = fields.boolean();
  const bool has_mode = fields.boolean();
  const std::uint32_t mode = fields.uint32();
  if (has_mode) how.mode = mode;
  how.verify = fields.boolean();
  how.update = fields.boolean();
  how.checksum = fields.boolean();
  how.resume = fields.boolean();
  how.hash = fields.boolean();
  how.limit_bytes_per_second = fields.uint64();
  how.then = fields.string();
  const std::uint32_t paths = fields.uint32();
  for (std::uint32_t i = 0; i < paths && fields.ok(); ++i)
    card.remote.emplace_back(fields.string());
  card.into_folder = fields.boolean();
  card.token = fields.string();
  card.wants_list = fields.boolean();
  how.method = static_cast<core::TransferMethod>(method);
  return method <= static_cast<std::uint8_t>(core::TransferMethod::scp) && !card.remote.empty();
}

}  // namespace

std::string encode(const Setup &setup) {
  return wire::Encoder()
      .byte(static_cast<std::uint8_t>(setup.sandbox))
      .uint32(setup.port)
      .byte(static_cast<std::uint8_t>(setup.task))
      .boolean(setup.compares)
      .take();
}

std::string encode(const JobCard &card) {
  wire::Encoder fields;
  fields.byte(static_cast<std::uint8_t>(card.task)).byte(static_cast<std::uint8_t>(card.family));
  fields.string(card.host).string(card.address).uint32(card.port).string(card.user);
  fields.string(card.host_key_algorithms).boolean(card.has_password).string(card.command);
  if (is_transfer(card.task)) encode_transfer(card, fields);
  fields.uint64(count(card.connect_timeout)).uint64(count(card.timeout));
  fields.uint64(count(card.stop_grace)).uint64(count(card.stall_timeout));
  return fields.take();
}

Result<Setup> decode_setup(std::string_view bytes) {
  wire::Decoder fields(bytes);
  const std::uint8_t mode = fields.byte();
  const std::uint32_t port = fields.uint32();
  const std::uint8_t task = fields.byte();
  const bool compares = fields.boolean();
  if (!fields.finished() || mode > static_cast<std::uint8_t>(sandbox::Mode::off) || port == 0 ||
      port > 65535 || task > last_task)
    return fail(ErrorKind::internal, "malformed setup");
  return Setup{static_cast<sandbox::Mode>(mode), static_cast<std::uint16_t>(port),
               static_cast<TaskKind>(task), compares};
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
  const bool good_transfer = task > last_task || !is_transfer(static_cast<TaskKind>(task)) ||
                             decode_transfer(fields, card);
  card.connect_timeout = time(fields);
  card.timeout = time(fields);
  card.stop_grace = time(fields);
  card.stall_timeout = time(fields);
  if (!fields.finished() || task > last_task || !good_transfer ||
      family > static_cast<std::uint8_t>(ssh::AddressFamily::ipv6) || port == 0 || port > 65535)
    return fail(ErrorKind::internal, "malformed job card");
  card.task = static_cast<TaskKind>(task);
  card.family = static_cast<ssh::AddressFamily>(family);
  card.port = static_cast<std::uint16_t>(port);
  return card;
}

}  // namespace fanout::worker
