// A file descriptor with an owner.
#pragma once

#include <utility>

namespace fanout::sys {

class UniqueFd {
public:
  UniqueFd() = default;
  // Takes over a descriptor that nobody else closes.
  static UniqueFd adopt(int fd) { return UniqueFd(fd); }
  UniqueFd(const UniqueFd &) = delete;
  UniqueFd &operator=(const UniqueFd &) = delete;
  UniqueFd(UniqueFd &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd &operator=(UniqueFd &&other) noexcept {
    if (this != &other) {
      close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~UniqueFd() { close(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  explicit operator bool() const { return is_open(); }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void close();

private:
  explicit UniqueFd(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace fanout::sys
