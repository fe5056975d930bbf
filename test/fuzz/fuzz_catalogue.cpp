// The list of what put sends: Source, as a worker reads what the parent has handed down.
//
// Input: the records of a list, then decisions: how many entries its head promises, how many roots and how many blocks
// of packed files there are.
//
// Oracle: an entry that is accepted is written back as the bytes it was read from, and leads nowhere: a checker that
// looks at its paths in another way finds no way out, and its content can be read from the pack or has one of the
// roots. The list is read twice with the same result, and a byte that is missing at its end is noticed.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/files/source.hpp"
#include "files/list_format.hpp"
#include "input.hpp"
#include "oracle.hpp"

using namespace fanout;
using fuzz::must;
using fuzz::must_equal;

namespace {

sys::UniqueFd memory_with(std::string_view bytes) {
  sys::UniqueFd fd = sys::UniqueFd::adopt(::memfd_create("list", MFD_CLOEXEC));
  must(fd && ::write(fd.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
       "there is memory for a file");
  return fd;
}

void must_stay_inside(const std::string &text) {
  const std::filesystem::path path(text);
  must(path.is_relative() && path.lexically_normal() == path && path.has_filename(),
       "a path leads to one thing, beneath where it begins");
  for (const auto &component : path) must(component != ".." && component != ".", "no way out");
  must(text.find('\0') == std::string::npos, "a path does not end early");
}

void check(const files::Source &source, const files::Entry &entry, std::size_t roots) {
  must_stay_inside(entry.path);
  if (!entry.open_path.empty()) must_stay_inside(entry.open_path);
  if (entry.kind == files::Kind::directory) return;
  must(entry.packed || entry.root < roots, "a file has a place");
  if (!entry.packed) return;
  const auto content = source.content(entry);
  must(content.has_value(), "a packed file has content");
  must(entry.size <= 64 * 512, "a packed file is not larger than the pack");
  std::string bytes(entry.size, '\0');
  must(content->read(bytes.data(), bytes.size(), 0).has_value(), "packed content can be read");
}

// The records that were accepted, as they would be written; whether the list was read to its end.
std::string read_all(files::Source &source, std::size_t roots, bool &ended) {
  std::string records;
  for (;;) {
    const auto next = source.next();
    ended = next.has_value();
    if (!next || !*next) break;
    check(source, **next, roots);
    records += files::format_record(**next);
  }
  source.rewind();
  return records;
}

core::Result<files::Source> open(std::string_view list, std::size_t blocks, std::size_t roots) {
  std::vector<sys::UniqueFd> descriptors;
  descriptors.push_back(memory_with(list));
  descriptors.push_back(memory_with(std::string(blocks * 512, '\0')));
  for (std::size_t i = 0; i < roots; ++i) descriptors.push_back(memory_with(""));
  return files::Source::open(std::move(descriptors));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t entries = input.below(5);
  const std::size_t roots = input.below(4);
  const std::size_t blocks = input.below(65);
  const std::string records(input.take_rest());
  const std::string list = files::format_list_head({entries, 0, 0, 0}) + records;

  auto source = open(list, blocks, roots);
  must(source.has_value(), "a list with a head is opened");
  bool ended = false;
  const std::string accepted = read_all(*source, roots, ended);
  must_equal(accepted, std::string_view(records).substr(0, accepted.size()),
             "an entry has one form");
  bool again = false;
  must_equal(read_all(*source, roots, again), accepted, "a list can be read again");
  must(ended == again, "and ends as it did");

  if (!ended || accepted.empty()) return 0;
  auto cut = open(std::string_view(list).substr(0, files::list_head_bytes + accepted.size() - 1),
                  blocks, roots);
  must(cut.has_value(), "a list with a head is opened");
  read_all(*cut, roots, ended);
  must(!ended, "a list that is cut is noticed");
  return 0;
}
