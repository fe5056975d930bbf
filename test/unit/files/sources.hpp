// A folder with sources for a test, and what comes out of a catalogue of them.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "fanout/files/catalogue.hpp"
#include "fanout/files/source.hpp"

namespace fanout::files {

class Sources {
public:
  Sources() {
    std::string name = std::filesystem::temp_directory_path() / "fanout-sources-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = std::filesystem::canonical(name);
  }
  Sources(const Sources &) = delete;
  Sources &operator=(const Sources &) = delete;
  ~Sources() { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::string path(const std::string &name) const { return path_ / name; }
  std::string write(const std::string &name, const std::string &content, mode_t mode = 0644) const {
    std::ofstream(path(name), std::ios::binary) << content;
    REQUIRE(::chmod(path(name).c_str(), mode) == 0);
    return path(name);
  }
  std::string folder(const std::string &name, mode_t mode = 0755) const {
    REQUIRE(::mkdir(path(name).c_str(), mode) == 0);
    return path(name);
  }
  std::string link(const std::string &target, const std::string &name) const {
    REQUIRE(::symlink(target.c_str(), path(name).c_str()) == 0);
    return path(name);
  }

private:
  std::filesystem::path path_;
};

inline Catalogue catalogue_of(const std::vector<std::string> &locals,
                              const CatalogueOptions &options = {}) {
  auto made = make_catalogue(locals, options);
  INFO((made ? "" : made.error().message));
  REQUIRE(made);
  return std::move(*made);
}

inline core::Error failure_of(const std::vector<std::string> &locals,
                              const CatalogueOptions &options = {.recursive = true}) {
  const auto made = make_catalogue(locals, options);
  REQUIRE_FALSE(made);
  return made.error();
}

// As a worker has it: with descriptors of its own.
inline Source source_of(const Catalogue &catalogue) {
  std::vector<sys::UniqueFd> descriptors;
  for (const int fd : catalogue.descriptors())
    descriptors.push_back(sys::UniqueFd::adopt(::fcntl(fd, F_DUPFD_CLOEXEC, 0)));
  auto source = Source::open(std::move(descriptors));
  REQUIRE(source);
  return std::move(*source);
}

inline std::vector<Entry> entries_of(Source &source) {
  std::vector<Entry> entries;
  for (;;) {
    auto next = source.next();
    REQUIRE(next);
    if (!*next) return entries;
    entries.push_back(std::move(**next));
  }
}

inline std::vector<Entry> entries_of(const Catalogue &catalogue) {
  Source source = source_of(catalogue);
  return entries_of(source);
}

// "path" for a file, "path/" for a folder.
inline std::vector<std::string> paths_of(const Catalogue &catalogue) {
  std::vector<std::string> paths;
  for (const Entry &entry : entries_of(catalogue))
    paths.push_back(entry.path + (entry.kind == Kind::directory ? "/" : ""));
  return paths;
}

inline std::string content_of(const Source &source, const Entry &entry) {
  const auto content = source.content(entry);
  INFO((content ? entry.path : content.error().message));
  REQUIRE(content);
  std::string bytes(entry.size, '\0');
  REQUIRE(content->read(bytes.data(), bytes.size(), 0));
  REQUIRE(content->check_unchanged());
  return bytes;
}

}  // namespace fanout::files
