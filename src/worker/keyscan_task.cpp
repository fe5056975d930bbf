// One connection proves one key, and new sockets are forbidden once the first byte has been read, so all connections
// are made first. The first key exchange tells which families the server has; connections that are not needed are closed
// without a word. A server that lets only so many in at once (sshd_config(5), MaxStartups) meets them one after the
// other: each is closed before the next one speaks.
#include "keyscan_task.hpp"

#include <chrono>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "fanout/ssh/algorithms.hpp"
#include "fanout/ssh/name_list.hpp"
#include "fanout/ssh/session.hpp"
#include "fanout/sys/fd.hpp"
#include "fanout/sys/io.hpp"

namespace fanout::worker {

using core::Deadline;
using core::ErrorKind;
using core::Phase;
using core::Result;

namespace {

// What the further connections may take from the time of the first key exchange.
constexpr core::Milliseconds further_connect_limit{1'000};

// The algorithms of one family that both lists have, comma separated.
std::string common(std::string_view family, std::string_view ours, std::string_view theirs) {
  std::string names;
  for (const ssh::HostKeyType &type : ssh::host_key_types) {
    if (type.family != family) continue;
    for (std::string_view left = type.algorithms; !left.empty();) {
      const std::string_view algorithm = ssh::take_name(left);
      if (!ssh::lists(ours, algorithm) || !ssh::lists(theirs, algorithm)) continue;
      if (!names.empty()) names += ',';
      names += algorithm;
    }
  }
  return names;
}

struct Proven {
  std::string algorithm;   // that was agreed on
  std::string all_theirs;  // algorithms that the server lists
};

class Scan {
public:
  Scan(const Keyscan &scan, ParentLink &parent, core::Outcome &outcome)
      : scan_(scan), parent_(parent), outcome_(outcome) {}

  Result<void> run();

private:
  Result<void> connect();
  Result<Proven> prove(sys::UniqueFd socket, std::string algorithms);
  Result<void> prove_further(const Proven &first);

  const Keyscan &scan_;
  ParentLink &parent_;
  core::Outcome &outcome_;
  std::vector<sys::UniqueFd> sockets_;
};

Result<void> Scan::run() {
  scan_.enter(Phase::connect);
  TRY(connect());
  TRY(scan_.confine());
  scan_.enter(Phase::kex);
  TRY_ASSIGN(const Proven first, prove(std::move(sockets_.front()), scan_.host_key_algorithms));
  TRY(prove_further(first));
  outcome_.status = core::Status::ok;
  return {};
}

Result<void> Scan::connect() {
  TRY_ASSIGN(ssh::Connected connected,
             ssh::connect_to_any(scan_.addresses, scan_.deadline, scan_.wait));
  outcome_.peer_address = ssh::format_address(connected.peer);
  sockets_.push_back(std::move(connected.socket));
  // All to the same address: behind one name there may be several machines, with a key each. It need not be one machine
  // for that, so the keys do not vouch for each other.
  const Deadline limit = scan_.deadline.or_sooner(Deadline::in(further_connect_limit, sys::now()));
  while (sockets_.size() < ssh::host_key_families.size()) {
    auto further = ssh::connect_to_any({connected.peer}, limit, scan_.wait);
    if (!further && further.error().kind == ErrorKind::interrupted)
      return core::fail(std::move(further).error());
    if (!further) break;
    sockets_.push_back(std::move(further->socket));
  }
  return {};
}

// The library has verified the server's signature over this exchange by the key that is sent here.
Result<Proven> Scan::prove(sys::UniqueFd socket, std::string algorithms) {
  ssh::Session session(std::move(socket), scan_.wait, {std::move(algorithms)});
  session.set_deadline(scan_.deadline);
  TRY(session.handshake());
  if (outcome_.phase != Phase::verify) scan_.enter(Phase::verify);
  parent_.send(wire::NoteMessage{session.describe()});
  parent_.send(wire::HostKeyMessage{session.host_key()});
  return Proven{session.host_key_algorithm(), session.offered_host_keys()};
}

Result<void> Scan::prove_further(const Proven &first) {
  auto socket = sockets_.begin() + 1;
  for (const std::string_view family : ssh::host_key_families) {
    std::string algorithms = common(family, scan_.host_key_algorithms, first.all_theirs);
    if (algorithms.empty() || ssh::lists(algorithms, first.algorithm)) continue;
    if (socket == sockets_.end()) {
      parent_.send(
          wire::NoteMessage{fmt::format("{} key not fetched: no further connection", family)});
      continue;
    }
    const auto proven = prove(std::move(*socket++), std::move(algorithms));
    if (proven) continue;
    if (proven.error().kind == ErrorKind::interrupted) return core::fail(proven.error());
    parent_.send(
        wire::NoteMessage{fmt::format("{} key not fetched: {}", family, proven.error().message)});
  }
  return {};
}

}  // namespace

Result<void> run_keyscan(const Keyscan &scan, ParentLink &parent, core::Outcome &outcome) {
  return Scan(scan, parent, outcome).run();
}

}  // namespace fanout::worker
