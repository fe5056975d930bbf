// Signatures that take long, made beside the key holder's loop: with RSA keys of files, and by the agent.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "agent.hpp"
#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"
#include "private_key.hpp"

namespace fanout::keys {

struct SigningJob {
  std::uint64_t ticket = 0;  // whose it is; comes back with the signature
  std::string algorithm;
  std::string data;
  const PrivateKey *key = nullptr;  // borrowed until the threads have ended; null: the agent signs
  PublicKey agent_key;              // as the agent knows it
  ProvenSession session;
  AgentConnection connection;  // lent to the job, so that nobody closes it meanwhile
};

struct SigningResult {
  std::uint64_t ticket = 0;
  core::Result<std::string> signature;
  AgentConnection connection;
};

// Every call is the loop's and none blocks; the destructor does, for the jobs that have begun.
class SigningThreads {
public:
  // `agent` may be null if no job is for it; borrowed. Blocks until every thread waits for work: whoever confines the process
  // next must not meet one at its beginning, where it needs more. ErrorKind::local when there can be no thread.
  static core::Result<std::unique_ptr<SigningThreads>> start(unsigned count, Agent *agent);
  ~SigningThreads();
  SigningThreads(const SigningThreads &) = delete;
  SigningThreads &operator=(const SigningThreads &) = delete;

  // In order of arrival. The caller bounds how many there are.
  void submit(SigningJob job);
  // A job that has not begun is forgotten; one that has ends, and its result is still to be taken.
  void cancel(std::uint64_t ticket);

  // Readable when there are results.
  [[nodiscard]] int results_fd() const { return results_fd_.get(); }
  std::vector<SigningResult> take_results();

private:
  SigningThreads(sys::UniqueFd results_fd, Agent *agent)
      : results_fd_(std::move(results_fd)), agent_(agent) {}
  void work();
  [[nodiscard]] core::Result<std::string> sign(SigningJob &job) const;

  sys::UniqueFd results_fd_;
  Agent *agent_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable started_;
  std::size_t waiting_ = 0;
  std::deque<SigningJob> jobs_;
  std::vector<SigningResult> results_;
  bool ended_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace fanout::keys
