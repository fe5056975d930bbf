#include "signing_threads.hpp"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "fanout/sys/io.hpp"

namespace fanout::keys {

using core::ErrorKind;
using core::fail;
using core::Result;

Result<std::unique_ptr<SigningThreads>> SigningThreads::start(unsigned count, Agent *agent) {
  sys::UniqueFd results_fd = sys::UniqueFd::adopt(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!results_fd) return fail(core::system_error(ErrorKind::local, "eventfd", errno));
  std::unique_ptr<SigningThreads> self(new SigningThreads(std::move(results_fd), agent));
  try {
    for (unsigned i = 0; i < count; ++i)
      self->threads_.emplace_back([threads = self.get()] { threads->work(); });
  } catch (const std::system_error &error) {
    // With fewer it takes longer.
    if (self->threads_.empty())
      return fail(core::system_error(ErrorKind::local, "thread", error.code().value()));
  }
  std::unique_lock lock(self->mutex_);
  self->started_.wait(lock, [&] { return self->waiting_ == self->threads_.size(); });
  lock.unlock();
  return self;
}

SigningThreads::~SigningThreads() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    jobs_.clear();
  }
  wake_.notify_all();
  for (std::thread &thread : threads_) thread.join();
}

void SigningThreads::submit(SigningJob job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void SigningThreads::cancel(std::uint64_t ticket) {
  const std::lock_guard lock(mutex_);
  std::erase_if(jobs_, [ticket](const SigningJob &job) { return job.ticket == ticket; });
}

std::vector<SigningResult> SigningThreads::take_results() {
  const std::lock_guard lock(mutex_);
  // Reading sets the counter to zero; under the lock, so that no later result goes unannounced.
  std::uint64_t count = 0;
  static_cast<void>(
      sys::read_some(results_fd_.get(), reinterpret_cast<char *>(&count), sizeof count));
  return std::exchange(results_, {});
}

Result<std::string> SigningThreads::sign(SigningJob &job) const {
  if (job.key != nullptr) return job.key->sign(job.algorithm, job.data);
  if (agent_ == nullptr) return fail(ErrorKind::internal, "nobody holds this key");
  return agent_->sign(job.connection, job.session, job.agent_key, job.algorithm, job.data);
}

void SigningThreads::work() {
  std::unique_lock lock(mutex_);
  ++waiting_;
  started_.notify_one();
  for (;;) {
    wake_.wait(lock, [this] { return ended_ || !jobs_.empty(); });
    if (ended_) return;
    SigningJob job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    Result<std::string> signature = sign(job);
    lock.lock();
    results_.push_back({job.ticket, std::move(signature), std::move(job.connection)});
    const std::uint64_t one = 1;
    static_cast<void>(
        sys::write_some(results_fd_.get(), {reinterpret_cast<const char *>(&one), sizeof one}));
  }
}

}  // namespace fanout::keys
