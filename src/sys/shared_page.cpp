#include "fanout/sys/shared_page.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace fanout::sys {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;

std::size_t SharedPage::size_bytes() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

Result<SharedPage> SharedPage::map() {
  void *address =
      ::mmap(nullptr, size_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED) return fail(system_error(ErrorKind::local, "mmap", errno));
  return SharedPage(address);
}

SharedPage &SharedPage::operator=(SharedPage &&other) noexcept {
  std::swap(address_, other.address_);
  return *this;
}

SharedPage::~SharedPage() {
  if (address_ != nullptr) ::munmap(address_, size_bytes());
}

Result<void> SharedPage::hide_from_children() {
  if (::madvise(address_, size_bytes(), MADV_DONTFORK) != 0)
    return fail(system_error(ErrorKind::local, "madvise", errno));
  return {};
}

}  // namespace fanout::sys
