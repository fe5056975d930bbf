// The console lock. What is hard about it: an owner can die at any instruction, and then the next one has to notice and
// to go on. The kernel keeps a list of the robust mutexes that a thread holds (set_robust_list(2)) and marks them when
// the thread ends, whatever ended it; pthread_mutex_lock(3) then answers EOWNERDEAD.
//
// There is no time limit. The only other owner is the key holder, forked from this very program, and it holds the lock
// for one write or for one question to a person, who may take minutes. Killing it after some seconds would kill a login.

#include "fanout/console/lock.hpp"

#include <pthread.h>

#include <cerrno>
#include <new>

namespace fanout::console {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;

namespace {

class MutexAttributes {
public:
  MutexAttributes() { ::pthread_mutexattr_init(&attributes_); }
  ~MutexAttributes() { ::pthread_mutexattr_destroy(&attributes_); }
  MutexAttributes(const MutexAttributes &) = delete;
  MutexAttributes &operator=(const MutexAttributes &) = delete;
  pthread_mutexattr_t *get() { return &attributes_; }

private:
  pthread_mutexattr_t attributes_;
};

pthread_mutex_t *mutex_in(const sys::SharedPage &page) {
  return static_cast<pthread_mutex_t *>(page.address());
}

}  // namespace

Result<Lock> Lock::create() {
  TRY_ASSIGN(sys::SharedPage page, sys::SharedPage::map());
  MutexAttributes attributes;
  ::pthread_mutexattr_setpshared(attributes.get(), PTHREAD_PROCESS_SHARED);
  ::pthread_mutexattr_setrobust(attributes.get(), PTHREAD_MUTEX_ROBUST);
  // A second guard in one thread is a mistake that must not hang the program.
  ::pthread_mutexattr_settype(attributes.get(), PTHREAD_MUTEX_ERRORCHECK);
  auto *mutex = new (page.address()) pthread_mutex_t;
  if (const int error = ::pthread_mutex_init(mutex, attributes.get()); error != 0)
    return fail(system_error(ErrorKind::local, "create the console lock", error));
  return Lock(std::move(page));
}

Result<void> Lock::hide_from_children() { return page_.hide_from_children(); }

Lock::Guard::Guard(Lock &lock) : lock_(lock) {
  pthread_mutex_t *mutex = mutex_in(lock_.page_);
  const int error = ::pthread_mutex_lock(mutex);
  if (error == EOWNERDEAD) {
    // Nothing but the terminal is guarded, and what stands there half written is finished by whoever writes next.
    ::pthread_mutex_consistent(mutex);
    took_over_ = true;
  }
  // Any other failure means that the mutex is useless. To write without it is better than to be silent.
  held_ = error == 0 || error == EOWNERDEAD;
}

Lock::Guard::~Guard() {
  if (held_) ::pthread_mutex_unlock(mutex_in(lock_.page_));
}

}  // namespace fanout::console
