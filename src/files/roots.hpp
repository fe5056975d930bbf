// The descriptors that a worker reads its sources through. In the parent.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fanout/core/result.hpp"
#include "fanout/files/catalogue.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::files {

// A folder that is being walked, and that workers may open files beneath: a LOCAL, or what a link to elsewhere led to.
struct Tree {
  int folder = -1;  // borrowed
  // Where it really is; empty when that is not known. A hint: what is found by it is compared.
  std::string real_path;
  Tree *outer = nullptr;                // where the link was that led here
  std::optional<std::uint32_t> number;  // of its root, once it has one
};

struct InTree {
  Tree *tree = nullptr;
  std::string path;  // empty for the folder itself
};

// Where a worker finds a file: `path` beneath a root, or the root itself.
struct RootedPath {
  std::uint32_t root = 0;
  std::string path;
};

std::string real_path_of(int fd);

// What a link inside `tree` led to, seen from the nearest tree around that it lies in: a worker follows no link, but it
// need not. nullopt when it lies in none of them.
std::optional<InTree> find_in_trees(int fd, const struct stat &status, Tree &tree);

class Roots {
public:
  // A tree takes one of the roots when the first of its files needs one.
  core::Result<RootedPath> place(Tree &tree, std::string path);
  // Of a file that is in no tree.
  core::Result<RootedPath> place(int file, const struct stat &status);

  std::vector<sys::UniqueFd> take();

private:
  struct Root {
    sys::UniqueFd fd;
    dev_t device = 0;
    ino_t inode = 0;
  };
  core::Result<std::uint32_t> number_of(int fd, const struct stat &status);
  std::vector<Root> roots_;
};

}  // namespace fanout::files
