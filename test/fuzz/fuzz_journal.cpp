// The journal of an earlier run: read_journal(), pick().
//
// Input: the text of the file; the last byte says where it is cut.
//
// Oracle: a host is picked once, by a name that its run planned, and with all sets and those in doubt together each host
// is there; every failure is ErrorKind::usage with one line that names the journal; a file whose end is missing says
// nothing of a host that the whole one does not say, but that less is known; with the texts the same is read, and a text that
// is whole is what its hash says. libFuzzer bounds time and memory.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "fanout/files/sha256.hpp"
#include "fanout/report/journal.hpp"
#include "fanout/sys/fd.hpp"
#include "input.hpp"
#include "oracle.hpp"
#include "report/journal_reader.hpp"

using namespace fanout;
using fuzz::must;
using report::JournalEntry;
using report::ReadJournal;

namespace {

core::Result<ReadJournal> read(std::string_view text, report::JournalTexts *texts = nullptr) {
  const auto file = sys::UniqueFd::adopt(::memfd_create("journal", MFD_CLOEXEC));
  must(file.is_open(), "there is a file to read");
  must(::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()),
       "the file takes the text");
  return report::read_journal(file.get(), "journal j", texts);
}

void check_error(const core::Error &error) {
  must(error.kind == core::ErrorKind::usage, "a wrong file is a wrong usage");
  must(error.message.starts_with("journal j:"), "a message names the journal");
  for (const char c : error.message)
    must(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "a message is safe to print");
}

void check_sets(const ReadJournal &journal) {
  std::map<std::string, int> seen;
  for (const auto what : {core::Rerun::failed, core::Rerun::unreached, core::Rerun::unfinished})
    for (const core::NamedHost &host : pick(journal, what).hosts) ++seen[host.name];
  const report::Picked rest = pick(journal, core::Rerun::not_ok);
  for (const std::string &name : rest.unknown) ++seen[name];
  for (const auto &[name, times] : seen) must(times == 1, "a host is in one set");
  must(seen.size() == rest.hosts.size(), "what is not ok is in a set or in doubt");
  std::set<std::string> names;
  for (const JournalEntry &entry : journal.hosts) names.insert(entry.host.name);
  must(names.size() == journal.hosts.size(), "a host is there once");
}

void check_text(const report::JournalTexts &texts, const std::string &sha256) {
  const report::JournalTexts::Text *text = sha256.empty() ? nullptr : texts.find(sha256);
  if (text == nullptr) return;
  must(text->beginning.size() <= report::longest_journaled_text, "a text is bounded");
  must(text->beginning.size() <= text->bytes, "a beginning is not longer than its text");
  if (text->beginning.size() < text->bytes) return;
  const auto whole = text->beginning.whole();
  must(whole.has_value(), "a text can be read back");
  files::Sha256 hash;
  hash.add(*whole);
  must(files::hexadecimal(hash.finish()) == sha256, "a text is what its hash says");
}

void check_texts(std::string_view text, const ReadJournal &without) {
  report::JournalTexts texts;
  const auto journal = read(text, &texts);
  must(journal.has_value(), "texts are no reason to refuse a journal");
  must(journal->hosts.size() == without.hosts.size(), "with its texts it has the same hosts");
  for (std::size_t i = 0; i < without.hosts.size(); ++i) {
    const JournalEntry &entry = journal->hosts[i];
    must(entry.host.name == without.hosts[i].host.name && entry.state == without.hosts[i].state,
         "with its texts it says the same");
    check_text(texts, entry.stdout_sha256);
    check_text(texts, entry.stderr_sha256);
  }
}

// Within one run, what is known of a host only grows.
void check_shortened(const ReadJournal &whole, const ReadJournal &shorter) {
  if (whole.run != shorter.run) return;
  must(whole.hosts.size() == shorter.hosts.size(), "a run has its hosts from its first line on");
  for (std::size_t i = 0; i < whole.hosts.size(); ++i) {
    const JournalEntry &before = shorter.hosts[i];
    const JournalEntry &after = whole.hosts[i];
    must(before.host.name == after.host.name, "hosts keep their order");
    if (before.state != JournalEntry::State::ended) continue;
    must(after.state == JournalEntry::State::ended && after.outcome.status == before.outcome.status,
         "an end is the last word");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t cut = input.decision();
  const std::string_view text = input.take_rest();
  const auto journal = read(text);
  if (!journal) {
    check_error(journal.error());
    return 0;
  }
  check_sets(*journal);
  check_texts(text, *journal);
  const auto shorter = read(text.substr(0, text.size() - text.size() * cut / 256));
  if (!shorter) {
    check_error(shorter.error());
    must(shorter.error().message == "journal j: no run is in it",
         "the beginning of a journal is one");
    return 0;
  }
  check_sets(*shorter);
  check_shortened(*journal, *shorter);
  return 0;
}
