// One file on its way to the host by SFTP: its content under a temporary name beside the target, whole and flushed, and
// then the target's name. A reader sees the old file or the new one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "fanout/core/result.hpp"
#include "fanout/files/source.hpp"
#include "fanout/ssh/sftp.hpp"
#include "fanout/ssh/task.hpp"
#include "transfer.hpp"

namespace fanout::worker {

struct Item {
  files::Entry entry;
  std::string path;                         // where it is to stand
  std::optional<ssh::Attributes> existing;  // of the regular file that it replaces
  bool is_new = true;                       // nothing is there, not even a link
  bool looks_the_same = false;              // --update would leave it as it is
  bool settled = false;                     // done or failed: nothing is left to do
  std::string temporary;                    // where its content is, while it is not in its place
  bool kept = false;                        // for --resume, `temporary` stays whatever happens
};

class Upload {
public:
  // Borrowed, as are the items, for as long as their tasks run.
  Upload(Transfer &transfer, ssh::Sftp &sftp, const files::Source &source)
      : transfer_(transfer), sftp_(sftp), source_(source) {}

  // Writes the content under a temporary name, flushes it, compares sizes, sets mode, owner and times. Failures are
  // recorded, their temporary name is removed, and the item is settled.
  ssh::Task<> stage(Item &item);
  // Renames what has been staged, or unpacked, to its path, and counts it.
  ssh::Task<> place(Item &item);
  // Adds the item, which stands in its place, to the record.
  void count(const Item &item);
  // Records the failure, removes the temporary name, settles the item.
  ssh::Task<> give_up(Item &item, core::Error why);
  // SHA-256 of what stands at `item.temporary`, read back.
  ssh::Task<core::Result<std::string>> read_back(const Item &item);
  // Content that was staged and turned out to be wrong is written once more from the beginning.
  ssh::Task<> stage_again(Item &item);

private:
  using Handle = ssh::FileResult<std::string>;
  ssh::Task<core::Result<void>> send(Item &item, bool may_resume);
  ssh::Task<Handle> create(Item &item);
  ssh::Task<Handle> open_partial(Item &item, std::uint64_t &size);
  ssh::Task<core::Result<void>> write_content(const Item &item, const std::string &handle,
                                              const files::Content &content, std::uint64_t offset);
  ssh::Task<core::Error> explained(const Item &item, core::Error why);
  ssh::Task<core::Result<void>> end_with_a_hole(const Item &item, const std::string &handle,
                                                std::uint64_t data_end);
  [[nodiscard]] ssh::Attributes final_attributes(const Item &item,
                                                 const ssh::Attributes &found) const;
  [[nodiscard]] std::uint32_t creation_mode(const Item &item) const;

  Transfer &transfer_;
  ssh::Sftp &sftp_;
  const files::Source &source_;
};

// The failure as the user knows the file: by the name that it was to get.
core::Error in_terms_of(const Item &item, core::Error error);

}  // namespace fanout::worker
