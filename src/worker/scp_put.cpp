// Files are sent in portions, as by SFTP: each portion is looked at, sent into the staging folder, flushed, and moved into
// its places before the next begins. What scp is told of are numbers; names travel only in scripts, as octal numbers.
//
// Hard here: whatever fails, the staging folder has to go, or to be named in the record.
#include "scp_put.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <deque>
#include <map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "destination.hpp"
#include "remote_command.hpp"
#include "remote_scripts.hpp"
#include "scp_stage.hpp"

namespace fanout::worker {

using core::Error;
using core::ErrorKind;
using core::fail;
using core::Result;
using files::Entry;
using files::Kind;

namespace {

constexpr std::uint32_t permissions = 0777;
constexpr std::uint32_t all_mode_bits = 07777;
constexpr std::uint32_t owner_may_all = 0700;
constexpr std::size_t portion = 2'048;            // files
constexpr std::uint64_t portion_bytes = 1 << 20;  // of paths, more or less: a worker stays small
constexpr std::size_t input_piece_bytes = 32 * 1024;
constexpr std::size_t names_in_a_line = 200;
// Of what is remembered as made; where that is not known, a move takes a step more.
constexpr std::size_t most_fresh = 10'000;

// "mv: cannot stat 'a': No such file" means the last part of it: the rest are names of ours.
std::string_view reason_in(std::string_view text) {
  const std::size_t colon = text.rfind(": ");
  return colon == std::string_view::npos ? text : text.substr(colon + 2);
}

Error refusal(std::string_view path, std::string_view text) {
  return {ErrorKind::remote, fmt::format("{}: {}", path, reason_in(text))};
}

std::optional<Standing> parse_standing(std::string_view words) {
  if (words.empty()) return std::nullopt;
  switch (words.front()) {
    case 'n': return Standing::nothing;
    case 'f': return Standing::file;
    case 'd': return Standing::directory;
    case 'l': return Standing::link_to_file;
    case 'L': return Standing::link_to_directory;
    case 'o': return Standing::other;
    default: return std::nullopt;
  }
}

// What "f MODE USER GROUP SIZE" says of a file.
std::optional<StagedFile::Existing> parse_existing(std::string_view words) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin < words.size();) {
    const std::size_t end = std::min(words.find(' ', begin), words.size());
    parts.push_back(words.substr(begin, end - begin));
    begin = end + 1;
  }
  if (parts.size() != 5) return std::nullopt;
  const auto number = [](std::string_view text, auto &value) {
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && stop == text.data() + text.size();
  };
  StagedFile::Existing existing;
  const auto mode = parse_ls_mode(parts[1]);
  if (!mode || !number(parts[2], existing.user) || !number(parts[3], existing.group) ||
      !number(parts[4], existing.size))
    return std::nullopt;
  existing.mode = *mode & permissions;
  return existing;
}

// "g-w,o-rwx": what a mode has less than all, for umask; empty for nothing.
std::string umask_for(std::uint32_t mode) {
  std::string text;
  for (int who = 0; who < 3; ++who) {
    std::string less;
    for (int what = 0; what < 3; ++what)
      if ((mode & (0400U >> (3 * who + what))) == 0) less += "rwx"[what];
    if (!less.empty()) text += fmt::format("{}{}-{}", text.empty() ? "" : ",", "ugo"[who], less);
  }
  return text;
}

// "u-w": what the owner was given for the time of the transfer only. What mkdir has made of the rest by the umask stays.
std::string owner_less(std::uint32_t mode) {
  std::string text = "u-";
  for (int what = 0; what < 3; ++what)
    if ((mode & (0400U >> what)) == 0) text += "rwx"[what];
  return text;
}

// [[CC]YY]MMDDhhmm.SS of POSIX's touch, in UTC; empty for a time that has no such form.
std::string touch_time(std::int64_t seconds) {
  const std::time_t time = std::max<std::int64_t>(seconds, 0);
  std::tm parts{};
  if (::gmtime_r(&time, &parts) == nullptr || parts.tm_year + 1900 > 9999) return {};
  return fmt::format("{:04}{:02}{:02}{:02}{:02}.{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

class ScpPut {
public:
  ScpPut(Transfer &transfer, files::Source &source)
      : transfer_(transfer), how_(transfer.card.transfer), source_(source) {}

  Result<void> run();
  Result<void> clean_up();

private:
  // Gives the next line of calls, an empty one at the end.
  using Lines = std::function<Result<std::string>()>;
  Result<void> ask(const Lines &lines, const ScriptOutput::Take &take);
  Result<void> ask_once(std::string line, const ScriptOutput::Take &take);
  Result<void> check_destination();
  Result<void> make_folders();
  Result<void> finish_folders();
  Result<std::vector<StagedFile>> next_files();
  Result<void> settle(std::vector<StagedFile> &files);
  Result<void> look(std::vector<StagedFile> &files);
  Result<void> compare_content(std::vector<StagedFile> &files);
  void count_unchanged(StagedFile &file);
  Result<void> verify(std::vector<StagedFile> &files);
  Result<void> place(std::vector<StagedFile> &files);
  std::vector<std::string> placing_lines(const std::vector<StagedFile> &files) const;
  [[nodiscard]] bool same_file_system(const std::string &path) const;
  void tidy_up(const std::vector<StagedFile> &files);
  [[nodiscard]] std::string staged(std::size_t number) const {
    return fmt::format("{}/{}", staging_, number);
  }
  void refuse(StagedFile &file, Error error) {
    file.settled = true;
    transfer_.fail(std::move(error));
  }

  Transfer &transfer_;
  const core::TransferOptions &how_;
  files::Source &source_;
  std::string remote_;
  std::string base_;  // the folder that the staging folder is in
  std::string staging_;
  std::unordered_set<std::string> fresh_;
};

// --- scripts -----------------------------------------------------------------------------------------------------------

Result<void> ScpPut::ask(const Lines &lines, const ScriptOutput::Take &take) {
  ScriptOutput answers(take);
  std::string piece(put_functions);
  bool first = true;
  bool over = false;
  const auto feed = [&]() -> Result<std::string_view> {
    if (!std::exchange(first, false)) piece.clear();
    while (!over && piece.size() < input_piece_bytes) {
      TRY_ASSIGN(const std::string line, lines());
      over = line.empty();
      piece += over ? "exit 0\n" : line;
    }
    return piece;
  };
  const auto drain = [&](std::string_view bytes) { return answers.add(bytes); };
  TRY_ASSIGN(const CommandEnd end, run_command(transfer_, "sh -s", feed, drain));
  if (!end.ok()) return fail(ErrorKind::remote, fmt::format("sh: {}", end.describe()));
  return {};
}

Result<void> ScpPut::ask_once(std::string line, const ScriptOutput::Take &take) {
  return ask([&]() -> Result<std::string> { return std::exchange(line, {}); }, take);
}

// --- folders -------------------------------------------------------------------------------------------------------------

Result<void> ScpPut::check_destination() {
  TRY_ASSIGN(remote_, path_of_remote(transfer_.card.remote.front()));
  remote_ = as_operand(remote_);
  source_.rewind();
  TRY_ASSIGN(const std::optional<Entry> first, source_.next());
  if (!first) return fail(ErrorKind::internal, "nothing to send");
  base_ =
      transfer_.card.into_folder || first->kind == Kind::directory ? remote_ : folder_of(remote_);
  staging_ = staging_folder(base_, transfer_.card.token);
  std::optional<Standing> standing;
  TRY(ask_once(fmt::format("l 0 {}\n", octal_word(remote_)),
               [&](std::uint64_t, std::string_view words) { standing = parse_standing(words); }));
  if (!standing)
    return fail(ErrorKind::protocol, fmt::format("{}: the host does not say what it is", remote_));
  if (transfer_.card.into_folder) return may_put_into(*standing, remote_);
  return may_put(first->kind, *standing, remote_);
}

Result<void> ScpPut::make_folders() {
  struct Asked {
    std::uint64_t number;
    std::string path;
  };
  std::deque<Asked> asked;  // answered in their order
  source_.rewind();
  const auto lines = [&]() -> Result<std::string> {
    for (;;) {
      TRY_ASSIGN(const std::optional<Entry> entry, source_.next());
      if (!entry) return std::string();
      if (entry->kind != Kind::directory) continue;
      asked.push_back(
          {entry->number, destination_of(remote_, transfer_.card.into_folder, entry->path)});
      return fmt::format("d {} '{}' {}\n", entry->number, umask_for(entry->mode | owner_may_all),
                         octal_word(asked.back().path));
    }
  };
  const auto take = [&](std::uint64_t number, std::string_view words) {
    if (asked.empty() || asked.front().number != number) return;
    Asked folder = std::move(asked.front());
    asked.pop_front();
    if (words == "made") {
      if (fresh_.size() < most_fresh) fresh_.insert(std::move(folder.path));
    } else if (words.starts_with("no ")) {
      transfer_.fail(refusal(folder.path, words.substr(3)));
    } else if (const auto standing = parse_standing(words); !standing) {
      transfer_.fail(refusal(folder.path, "the host does not say what it is"));
    } else if (auto may = may_put(Kind::directory, *standing, folder.path); !may) {
      transfer_.fail(std::move(may).error());
    }
  };
  TRY(ask(lines, take));
  if (!asked.empty() && !transfer_.failure())
    return fail(ErrorKind::protocol,
                fmt::format("{}: the host does not say whether it was made", asked.front().path));
  return {};
}

// Folders get their modes and times when everything is in them.
Result<void> ScpPut::finish_folders() {
  std::deque<std::string> asked;
  std::uint64_t count = 0;
  std::uint64_t answered = 0;
  source_.rewind();
  const auto lines = [&]() -> Result<std::string> {
    for (;;) {
      TRY_ASSIGN(const std::optional<Entry> entry, source_.next());
      if (!entry) return std::string();
      if (entry->kind != Kind::directory) continue;
      std::string path = destination_of(remote_, transfer_.card.into_folder, entry->path);
      const bool had_too_much =
          (entry->mode & owner_may_all) != owner_may_all && fresh_.contains(path);
      if (!how_.preserve && !had_too_much) continue;
      const std::string line = fmt::format(
          "t {} {} '{}' {}\n", count++,
          how_.preserve ? fmt::format("{:04o}", entry->mode & permissions)
                        : owner_less(entry->mode),
          how_.preserve ? touch_time(entry->mtime.seconds) : std::string(), octal_word(path));
      asked.push_back(std::move(path));
      return line;
    }
  };
  TRY(ask(lines, [&](std::uint64_t number, std::string_view words) {
    if (asked.empty() || number != answered) return;
    if (words.starts_with("no ")) transfer_.fail(refusal(asked.front(), words.substr(3)));
    asked.pop_front();
    ++answered;
  }));
  if (!asked.empty()) transfer_.fail(refusal(asked.front(), "no word about its mode and time"));
  return {};
}

// --- files -----------------------------------------------------------------------------------------------------------------

Result<std::vector<StagedFile>> ScpPut::next_files() {
  std::vector<StagedFile> files;
  std::uint64_t bytes = 0;
  while (files.size() < portion && bytes < portion_bytes) {
    TRY_ASSIGN(std::optional<Entry> entry, source_.next());
    if (!entry) break;
    if (entry->kind != Kind::file) continue;
    StagedFile file;
    file.path = destination_of(remote_, transfer_.card.into_folder, entry->path);
    bytes += 2 * file.path.size() + entry->open_path.size();
    file.entry = *std::move(entry);
    files.push_back(std::move(file));
  }
  return files;
}

Result<void> ScpPut::look(std::vector<StagedFile> &files) {
  std::size_t next = 0;
  std::vector<bool> known(files.size());
  const auto lines = [&]() -> Result<std::string> {
    // Whatever is in a folder of our own making is of our own making.
    while (next < files.size() && fresh_.contains(folder_of(files[next].path)))
      known[next++] = true;
    if (next == files.size()) return std::string();
    const std::size_t number = next++;
    return fmt::format("l {} {}\n", number, octal_word(files[number].path));
  };
  TRY(ask(lines, [&](std::uint64_t number, std::string_view words) {
    if (number >= files.size() || known[number]) return;
    const auto standing = parse_standing(words);
    if (!standing) return;
    known[number] = true;
    StagedFile &file = files[number];
    if (auto may = may_put(Kind::file, *standing, file.path); !may)
      return refuse(file, std::move(may).error());
    if (*standing == Standing::file) file.existing = parse_existing(words);
  }));
  for (std::size_t i = 0; i < files.size(); ++i)
    if (!known[i]) refuse(files[i], refusal(files[i].path, "the host does not say what it is"));
  return {};
}

void ScpPut::count_unchanged(StagedFile &file) {
  file.settled = true;
  ++transfer_.record.files;
  ++transfer_.record.unchanged;
  transfer_.record.bytes += file.entry.size;
  transfer_.advance(file.entry.size);
}

// --checksum: what has another size has another content.
Result<void> ScpPut::compare_content(std::vector<StagedFile> &files) {
  std::vector<StagedFile *> candidates;
  std::vector<std::string> paths;
  for (StagedFile &file : files)
    if (!file.settled && file.existing && file.existing->size == file.entry.size) {
      candidates.push_back(&file);
      paths.push_back(file.path);
    }
  if (candidates.empty()) return {};
  std::string tool;
  const auto hashes = hash_remotely(transfer_, paths, tool);
  if (!hashes && (transfer_.is_broken() || hashes.error().kind != ErrorKind::remote))
    return fail(hashes.error());
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    // Reading it back tells as well, and costs the line no more than sending it does.
    const auto read = hashes ? Result<std::string>()
                             : hash_by_reading(transfer_, paths[i], candidates[i]->entry.size);
    if (transfer_.is_broken()) return fail(read.error());
    const bool same = hashes ? (*hashes)[i] == candidates[i]->entry.sha256
                             : read && *read == candidates[i]->entry.sha256;
    if (same) count_unchanged(*candidates[i]);
  }
  return {};
}

Result<void> ScpPut::verify(std::vector<StagedFile> &files) {
  std::vector<StagedFile *> sent;
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < files.size(); ++i)
    if (!files[i].settled) {
      sent.push_back(&files[i]);
      paths.push_back(staged(i));
    }
  if (sent.empty()) return {};
  std::string tool;
  const auto hashes = hash_remotely(transfer_, paths, tool);
  if (!hashes && (transfer_.is_broken() || hashes.error().kind != ErrorKind::remote))
    return fail(hashes.error());
  const std::string by = hashes ? tool : "reading back";
  add_verifier(transfer_.record, by);
  for (std::size_t i = 0; i < sent.size(); ++i) {
    std::optional<std::string> hash;
    std::string why;
    if (hashes) {
      hash = (*hashes)[i];
    } else if (auto read = hash_by_reading(transfer_, paths[i], sent[i]->entry.size); read) {
      hash = *std::move(read);
    } else {
      if (transfer_.is_broken()) return fail(std::move(read).error());
      why = fmt::format(": {}", reason_in(read.error().message));
    }
    if (hash == sent[i]->entry.sha256) continue;
    refuse(*sent[i],
           {ErrorKind::remote,
            hash ? fmt::format("{}: what stands there is not what was sent ({})", sent[i]->path, by)
                 : fmt::format("{}: could not be read to be verified ({}){}", sent[i]->path, by,
                               why)});
  }
  return {};
}

// A folder that was there before may be in another file system, where a move is a copy; and a reader would see part of it.
bool ScpPut::same_file_system(const std::string &path) const {
  const std::string folder = folder_of(path);
  return folder == base_ || fresh_.contains(folder);
}

std::vector<std::string> ScpPut::placing_lines(const std::vector<StagedFile> &files) const {
  std::vector<std::string> lines{fmt::format("g {}\n", octal_word(staging_))};
  std::map<std::uint32_t, std::vector<std::size_t>> modes;
  std::map<std::string, std::vector<std::size_t>> owners;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto &existing = files[i].existing;
    if (files[i].settled) continue;
    if (existing) owners[fmt::format("{}:{}", existing->user, existing->group)].push_back(i);
    if (how_.mode)
      modes[*how_.mode & all_mode_bits].push_back(i);
    else if (existing && !how_.preserve)
      modes[existing->mode].push_back(i);
  }
  const auto add_groups = [&](char call, const std::string &value,
                              const std::vector<std::size_t> &numbers) {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (i % names_in_a_line == 0) lines.push_back(fmt::format("{} {}", call, value));
      lines.back() += fmt::format(" {}", numbers[i]);
      if (i + 1 == numbers.size() || (i + 1) % names_in_a_line == 0) lines.back() += '\n';
    }
  };
  // A change of the owner takes special bits away, so the mode comes after it.
  for (const auto &[owner, numbers] : owners) add_groups('o', owner, numbers);
  for (const auto &[mode, numbers] : modes) add_groups('c', fmt::format("{:04o}", mode), numbers);
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (files[i].settled) continue;
    const std::string path = octal_word(files[i].path);
    if (same_file_system(files[i].path))
      lines.push_back(fmt::format("f {} {}\n", i, path));
    else
      lines.push_back(
          fmt::format("x {} {} {}\n", i, path,
                      octal_word(temporary_beside(files[i].path,
                                                  fmt::format("{}-{}", transfer_.card.token, i)))));
  }
  lines.push_back(fmt::format("z {}\n", files.size()));
  return lines;
}

Result<void> ScpPut::place(std::vector<StagedFile> &files) {
  const std::vector<std::string> lines = placing_lines(files);
  std::size_t next = 0;
  bool removed = false;
  TRY(ask(
      [&]() -> Result<std::string> { return next < lines.size() ? lines[next++] : std::string(); },
      [&](std::uint64_t number, std::string_view words) {
        if (number == files.size()) removed = words == "ok";
        if (number >= files.size() || files[number].settled) return;
        StagedFile &file = files[number];
        if (words == "ok") {
          file.settled = true;
          ++transfer_.record.files;
          transfer_.record.bytes += file.entry.size;
        } else if (words == "d") {
          refuse(file, may_put(Kind::file, Standing::directory, file.path).error());
        } else {
          refuse(file, refusal(file.path, words.starts_with("no ") ? words.substr(3) : words));
        }
      }));
  for (StagedFile &file : files)
    if (!file.settled) refuse(file, refusal(file.path, "the host does not say what became of it"));
  if (!removed) transfer_.leave(staging_);
  return {};
}

// Removes what may be left of this portion; after a stop there is a little time for that.
void ScpPut::tidy_up(const std::vector<StagedFile> &files) {
  std::vector<std::string> folders{base_};
  for (const StagedFile &file : files)
    if (!file.settled && !same_file_system(file.path)) folders.push_back(folder_of(file.path));
  std::sort(folders.begin() + 1, folders.end());
  folders.erase(std::unique(folders.begin() + 1, folders.end()), folders.end());
  std::size_t next = 0;
  std::size_t removed = 0;
  const auto lines = [&]() -> Result<std::string> {
    if (next == folders.size()) return std::string();
    const std::size_t number = next++;
    return fmt::format("r {} {} {}\n", number, octal_word(as_operand(folders[number])),
                       octal_word(transfer_.card.token));
  };
  const auto done =
      ask(lines, [&](std::uint64_t, std::string_view words) { removed += words == "ok"; });
  if (!done || removed < folders.size()) transfer_.leave(staging_);
}

Result<void> ScpPut::settle(std::vector<StagedFile> &files) {
  TRY(look(files));
  if (how_.checksum) TRY(compare_content(files));
  bool any = false;
  for (const StagedFile &file : files) any = any || !file.settled;
  if (!any) return {};
  const auto send_all = [&]() -> Result<void> {
    // A source that fails in the middle of a file ends the stream that the others are in, so these are sent again.
    for (;;) {
      TRY_ASSIGN(const bool whole, send_by_scp(transfer_, source_, files, staging_));
      if (whole) break;
      tidy_up(files);
      if (transfer_.is_broken()) return fail(*transfer_.failure());
    }
    if (how_.verify) TRY(verify(files));
    return place(files);
  };
  auto sent = send_all();
  if (!sent) tidy_up(files);
  return sent;
}

// Every folder that a temporary name can be in. One that was never made has none.
Result<void> ScpPut::clean_up() {
  TRY_ASSIGN(const std::string remote, path_of_remote(transfer_.card.remote.front()));
  remote_ = as_operand(remote);
  std::deque<std::string> asked;
  std::uint64_t count = 0;
  std::uint64_t answered = 0;
  const auto line_for = [&](std::string folder) {
    std::string line = fmt::format("r {} {} {}\n", count++, octal_word(as_operand(folder)),
                                   octal_word(transfer_.card.token));
    asked.push_back(std::move(folder));
    return line;
  };
  source_.rewind();
  const auto lines = [&]() -> Result<std::string> {
    if (count == 0) return line_for(folder_of(remote_));
    if (count == 1) return line_for(remote_);
    for (;;) {
      TRY_ASSIGN(const std::optional<Entry> entry, source_.next());
      if (!entry) return std::string();
      if (entry->kind == Kind::directory)
        return line_for(destination_of(remote_, transfer_.card.into_folder, entry->path));
    }
  };
  TRY(ask(lines, [&](std::uint64_t number, std::string_view words) {
    if (asked.empty() || number != answered) return;
    if (words != "ok") {
      transfer_.leave(staging_folder(asked.front(), transfer_.card.token));
      transfer_.fail(refusal(asked.front(), words.starts_with("no ") ? words.substr(3) : words));
    }
    asked.pop_front();
    ++answered;
  }));
  if (!asked.empty()) return fail(ErrorKind::protocol, "the host does not say what it has removed");
  return {};
}

Result<void> ScpPut::run() {
  if (how_.update || how_.resume)
    return fail(ErrorKind::remote, fmt::format("{} needs SFTP, which the server does not have",
                                               how_.update ? "--update" : "--resume"));
  transfer_.expect(source_.bytes());
  TRY(check_destination());
  TRY(make_folders());
  // Nothing is sent into a tree that cannot be made.
  if (transfer_.failure()) return {};
  source_.rewind();
  for (;;) {
    TRY_ASSIGN(std::vector<StagedFile> files, next_files());
    if (files.empty()) break;
    TRY(settle(files));
  }
  return finish_folders();
}

}  // namespace

Result<void> clean_up_by_shell(Transfer &transfer, files::Source &source) {
  return ScpPut(transfer, source).clean_up();
}

void put_by_scp(Transfer &transfer, files::Source &source) {
  transfer.record.used = "scp";
  auto done = ScpPut(transfer, source).run();
  if (!done && !transfer.is_broken()) transfer.fail(std::move(done).error());
}

}  // namespace fanout::worker
