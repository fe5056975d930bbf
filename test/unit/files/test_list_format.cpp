#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "files/list_format.hpp"

using namespace fanout::files;

namespace {

Entry packed_entry() {
  Entry entry;
  entry.path = "conf/a\nb";
  entry.mode = 06755;
  entry.size = 700;
  entry.mtime = {-5, 999'999'999};
  entry.ctime = {1'700'000'000, 1};
  entry.sha256 = std::string(32, '\xff');
  entry.number = 7;
  entry.packed = true;
  entry.member_offset = 1'024;
  entry.member_bytes = 1'536;
  entry.device = 1;
  entry.inode = ~std::uint64_t{0};
  return entry;
}

Entry opened_entry() {
  Entry entry = packed_entry();
  entry.packed = false;
  entry.member_offset = entry.member_bytes = 0;
  entry.root = 2;
  entry.open_path = "sub/file";
  return entry;
}

constexpr ListBounds bounds{7, 3, 2'560};

bool is_taken(const Entry &entry) { return parse_record(format_record(entry), bounds).has_value(); }

}  // namespace

TEST_CASE("list: an entry comes back as it was written", "[files]") {
  for (const Entry &entry : {packed_entry(), opened_entry()}) {
    const std::string record = format_record(entry);
    CHECK(record_bytes(record) == record.size());
    const auto read = parse_record(record, bounds);
    REQUIRE(read);
    CHECK(read->kind == entry.kind);
    CHECK(read->path == entry.path);
    CHECK(read->mode == entry.mode);
    CHECK(read->size == entry.size);
    CHECK(read->mtime == entry.mtime);
    CHECK(read->ctime == entry.ctime);
    CHECK(read->sha256 == entry.sha256);
    CHECK(read->number == entry.number);
    CHECK(read->packed == entry.packed);
    CHECK(read->member_offset == entry.member_offset);
    CHECK(read->member_bytes == entry.member_bytes);
    CHECK(read->root == entry.root);
    CHECK(read->open_path == entry.open_path);
    CHECK(read->device == entry.device);
    CHECK(read->inode == entry.inode);
  }
}

TEST_CASE("list: a record that was cut, or has something behind it, is none", "[files]") {
  const std::string record = format_record(opened_entry());
  for (std::size_t size = 0; size < record.size(); ++size)
    CHECK_FALSE(parse_record(record.substr(0, size), bounds));
  CHECK_FALSE(parse_record(record + '\0', bounds));
}

TEST_CASE("list: a path that leads out is refused", "[files]") {
  for (const char *path : {"", "/", "/etc/passwd", "..", "a/..", "../a", "a/../b", "a//b", "a/",
                           ".", "./a", "a/./b"}) {
    CAPTURE(path);
    Entry entry = opened_entry();
    entry.path = path;
    CHECK_FALSE(is_taken(entry));
    entry = opened_entry();
    entry.open_path = path;
    CHECK(is_taken(entry) == (*path == '\0'));  // the root itself
  }
  Entry entry = opened_entry();
  entry.path = std::string("a\0b", 3);
  CHECK_FALSE(is_taken(entry));
  entry.path = std::string(4096, 'a');
  CHECK_FALSE(is_taken(entry));
  for (const char *path : {"...", "..a", "a..", ".a", "a/.../b", "-", "\xff", "\n"}) {
    entry.path = path;
    CHECK(is_taken(entry));
  }
}

TEST_CASE("list: what was not handed down is not read", "[files]") {
  Entry entry = opened_entry();
  entry.root = 3;
  CHECK_FALSE(is_taken(entry));
  entry = packed_entry();
  CHECK(is_taken(entry));
  entry.member_offset = 1'025;
  CHECK_FALSE(is_taken(entry));
  entry.member_offset = ~std::uint64_t{0};
  CHECK_FALSE(is_taken(entry));
  entry = packed_entry();
  entry.member_bytes = ~std::uint64_t{0};
  CHECK_FALSE(is_taken(entry));
  entry = packed_entry();
  entry.size = 1'025;
  CHECK_FALSE(is_taken(entry));
  entry = packed_entry();
  entry.member_bytes = 511;
  entry.size = 0;
  CHECK_FALSE(is_taken(entry));
}

TEST_CASE("list: other values that no entry has are refused", "[files]") {
  Entry entry = opened_entry();
  entry.number = 8;
  CHECK_FALSE(is_taken(entry));
  entry = opened_entry();
  entry.mode = 0100644;
  CHECK_FALSE(is_taken(entry));
  entry = opened_entry();
  entry.sha256.pop_back();
  CHECK_FALSE(is_taken(entry));
  entry = opened_entry();
  entry.mtime.nanoseconds = 1'000'000'000;
  CHECK_FALSE(is_taken(entry));
  entry = opened_entry();
  entry.kind = Kind::directory;
  CHECK_FALSE(is_taken(entry));
  entry = packed_entry();
  entry.kind = Kind::directory;
  CHECK_FALSE(is_taken(entry));
}

TEST_CASE("list: the head comes back, and one that contradicts itself does not", "[files]") {
  const auto head = parse_list_head(format_list_head({10, 8, 5, 123}));
  REQUIRE(head);
  CHECK(head->entries == 10);
  CHECK(head->files == 8);
  CHECK(head->packed_files == 5);
  CHECK(head->bytes == 123);
  CHECK(format_list_head({}).size() == list_head_bytes);
  CHECK_FALSE(parse_list_head(format_list_head({10, 11, 5, 123})));
  CHECK_FALSE(parse_list_head(format_list_head({10, 8, 9, 123})));
  CHECK_FALSE(parse_list_head(format_list_head({}).substr(1)));
  CHECK_FALSE(parse_list_head(format_list_head({}) + '\0'));
}
