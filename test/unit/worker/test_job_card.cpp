#include <string>

#include <catch2/catch_test_macros.hpp>

#include "fanout/worker/job_card.hpp"

using namespace fanout;
using namespace std::chrono_literals;
using worker::JobCard;

namespace {

JobCard sample() {
  JobCard card;
  card.task = core::TaskKind::keyscan;
  card.host = "web01";
  card.address = "2001:db8::1";
  card.port = 65535;
  card.user = "www";
  card.family = ssh::AddressFamily::ipv6;
  card.host_key_algorithms = "ssh-ed25519,rsa-sha2-512";
  card.has_password = true;
  card.command = std::string("printf 'a\0b'\n", 13);
  card.connect_timeout = 1'500ms;
  card.timeout = 0ms;
  card.stop_grace = 5s;
  return card;
}

}  // namespace

TEST_CASE("job card: a worker reads what the parent has written", "[worker]") {
  const JobCard written = sample();
  const auto read = worker::decode_job_card(worker::encode(written));
  REQUIRE(read);
  CHECK(read->task == written.task);
  CHECK(read->host == written.host);
  CHECK(read->address == written.address);
  CHECK(read->port == written.port);
  CHECK(read->user == written.user);
  CHECK(read->family == written.family);
  CHECK(read->host_key_algorithms == written.host_key_algorithms);
  CHECK(read->has_password == written.has_password);
  CHECK(read->command == written.command);
  CHECK(read->connect_timeout == written.connect_timeout);
  CHECK(read->timeout == written.timeout);
  CHECK(read->stop_grace == written.stop_grace);
}

TEST_CASE("job card: a transfer travels with every option", "[worker]") {
  JobCard written = sample();
  written.task = core::TaskKind::put;
  written.transfer.method = core::TransferMethod::scp;
  written.transfer.recursive = true;
  written.transfer.mode = 0640;
  written.transfer.verify = true;
  written.transfer.checksum = true;
  written.transfer.limit_bytes_per_second = 1ULL << 40;
  written.transfer.then = "systemctl reload x";
  written.remote = {"/srv/a b", "~/c\n"};
  written.into_folder = true;
  written.token = "0123456789abcdef";
  written.stall_timeout = 60s;
  const std::string bytes = worker::encode(written);
  const auto read = worker::decode_job_card(bytes);
  REQUIRE(read);
  CHECK(read->task == core::TaskKind::put);
  CHECK(read->transfer.method == core::TransferMethod::scp);
  CHECK(read->transfer.recursive);
  CHECK_FALSE(read->transfer.preserve);
  CHECK(read->transfer.mode == 0640);
  CHECK(read->transfer.verify);
  CHECK_FALSE(read->transfer.update);
  CHECK(read->transfer.checksum);
  CHECK_FALSE(read->transfer.resume);
  CHECK_FALSE(read->transfer.hash);
  CHECK(read->transfer.limit_bytes_per_second == written.transfer.limit_bytes_per_second);
  CHECK(read->transfer.then == written.transfer.then);
  CHECK(read->remote == written.remote);
  CHECK(read->into_folder);
  CHECK(read->token == written.token);
  CHECK_FALSE(read->wants_list);
  CHECK(read->stall_timeout == written.stall_timeout);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(worker::decode_job_card(std::string_view(bytes).substr(0, size)));
}

TEST_CASE("job card: bytes that are cut, longer or out of range are refused", "[worker]") {
  const std::string whole = worker::encode(sample());
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_FALSE(worker::decode_job_card(std::string_view(whole).substr(0, size)));
  CHECK_FALSE(worker::decode_job_card(whole + "x"));
  for (const std::size_t place : {0, 1}) {
    std::string wrong = whole;
    wrong[place] = 9;  // no such task, no such family
    CHECK_FALSE(worker::decode_job_card(wrong));
  }
  JobCard card = sample();
  card.port = 0;
  CHECK_FALSE(worker::decode_job_card(worker::encode(card)));
}

TEST_CASE("setup: each mode of the sandbox arrives, and nothing else", "[worker]") {
  for (const auto mode : {sandbox::Mode::automatic, sandbox::Mode::require, sandbox::Mode::off}) {
    const auto read = worker::decode_setup(worker::encode(worker::Setup{mode}));
    REQUIRE(read);
    CHECK(read->sandbox == mode);
  }
  CHECK_FALSE(worker::decode_setup(""));
  CHECK_FALSE(worker::decode_setup("\x07"));
  CHECK_FALSE(worker::decode_setup(std::string(2, '\0')));
}
