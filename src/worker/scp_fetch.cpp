// scp sends files in the order of its operands, and for each either times, mode, size and content, or one message. So the
// file whose turn it is is known, and the name that comes with it only has to be right.
#include "scp_fetch.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "fanout/sys/io.hpp"
#include "fetched_modes.hpp"
#include "remote_command.hpp"
#include "remote_scripts.hpp"

namespace fanout::worker {

using core::ErrorKind;
using core::fail;
using core::Result;
using ssh::Session;

namespace {

constexpr std::uint32_t all_mode_bits = 07777;
constexpr std::string_view yes("\0", 1);
constexpr std::uint64_t pieces_a_second = 8;
constexpr std::uint64_t smallest_piece_bytes = 512;
constexpr std::size_t largest_piece_bytes = 256 * 1024;
constexpr std::uint64_t most_held_bytes = 256U << 20U;

std::string_view name_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// "scp: /x/y: Permission denied" says which program it was, and that is known.
std::string without_program(std::string_view text) {
  constexpr std::string_view program = "scp: ";
  if (text.starts_with(program)) text.remove_prefix(program.size());
  return std::string(text);
}

}  // namespace

ScpFetch::ScpFetch(Transfer &transfer, files::Folder &folder, Fetched &fetched)
    : transfer_(transfer), how_(transfer.card.transfer), folder_(folder), fetched_(fetched) {}

void ScpFetch::add_folder(std::string path, std::string place, bool is_new) {
  folders_.push_back({std::move(path), std::move(place), is_new});
}

// --checksum: what the host says of a file may be here already.
Result<void> ScpFetch::hash_what_stands_here(std::vector<File> &files) {
  std::vector<File *> asked;
  std::vector<std::optional<std::uint64_t>> bounds;
  for (File &file : files) {
    const auto standing = folder_.look(file.place);
    if (!standing || !*standing || (*standing)->kind != files::Kind::file) continue;
    bounds.emplace_back((*standing)->size);
    asked.push_back(&file);
  }
  return hash(asked, bounds);
}

Result<void> ScpFetch::hash(const std::vector<File *> &asked,
                            const std::vector<std::optional<std::uint64_t>> &bounds) {
  if (asked.empty()) return {};
  std::vector<std::string> paths;
  paths.reserve(asked.size());
  for (File *file : asked) {
    file->hash.reset();
    paths.push_back(file->path);
  }
  std::string tool;
  auto hashes = hash_remotely(transfer_, paths, tool);
  if (!hashes && (transfer_.is_broken() || hashes.error().kind != ErrorKind::remote))
    return fail(std::move(hashes).error());
  if (how_.verify)
    add_verifier(transfer_.record, hashes ? std::string_view(tool) : "reading twice");
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (hashes) {
      asked[i]->hash = std::move((*hashes)[i]);
    } else if (auto read = hash_by_reading(transfer_, paths[i], bounds[i]); read) {
      asked[i]->hash = *std::move(read);
    } else if (transfer_.is_broken()) {
      return fail(std::move(read).error());
    }
  }
  return {};
}

bool ScpFetch::stands_already(const File &file) {
  if (!how_.checksum || !file.hash) return false;
  const auto found = folder_.look(file.place);
  if (!found || !*found || (*found)->kind != files::Kind::file) return false;
  const auto hashed = folder_.hash(file.place, [this] {
    transfer_.parent.wait_for_anything(-1, 0, core::Deadline(core::TimePoint::min()));
    return transfer_.parent.stop().has_value();
  });
  if (!hashed || *hashed != *file.hash) return false;
  transfer_.expect((*found)->size);
  transfer_.advance((*found)->size);
  fetched_.stands({file.path, (*found)->size, (*found)->mode & all_mode_bits,
                   (*found)->mtime.seconds, files::hexadecimal(*hashed)},
                  true);
  return true;
}

Result<ScpItem> ScpFetch::hear(RunningCommand &command) {
  for (;;) {
    std::string_view rest = command.output();
    TRY_ASSIGN(std::optional<ScpItem> item, take_scp_item(rest));
    if (item) {
      command.output().erase(0, command.output().size() - rest.size());
      return *std::move(item);
    }
    TRY_ASSIGN(const bool more, command.receive());
    if (!more) return fail(ErrorKind::remote, fmt::format("scp: {}", command.end().describe()));
  }
}

Result<void> ScpFetch::receive_content(RunningCommand &command, File &file, const ScpEntry &entry,
                                       const std::optional<ScpTimes> &times) {
  TRY_ASSIGN(const auto standing, folder_.look(file.place));
  TRY_ASSIGN(files::Incoming incoming, folder_.create(file.place));
  const bool hashes = how_.verify || how_.hash || transfer_.card.wants_list;
  Arrival arrival(&incoming, hashes);
  transfer_.expect(entry.size);
  TRY(command.send(yes));
  // Slow lines are read in small pieces: what is not read closes the window, and the host waits.
  std::uint64_t at_once = largest_piece_bytes;
  if (const std::uint64_t limit = how_.limit_bytes_per_second; limit > 0)
    at_once = std::clamp<std::uint64_t>(limit / pieces_a_second, smallest_piece_bytes, at_once);
  while (arrival.size() < entry.size) {
    if (command.output().empty()) {
      TRY_ASSIGN(const bool more, command.receive());
      if (!more && command.output().empty())
        return fail(ErrorKind::remote,
                    fmt::format("{}: {} bytes came of {}: {}", file.path, arrival.size(),
                                entry.size, command.end().describe()));
    }
    const auto size = static_cast<std::size_t>(
        std::min<std::uint64_t>({at_once, command.output().size(), entry.size - arrival.size()}));
    TRY(wait_until(transfer_, transfer_.pace(size)));
    TRY(arrival.take(std::string_view(command.output()).substr(0, size)));
    command.output().erase(0, size);
    transfer_.record.sent_bytes += size;
    transfer_.advance(size);
  }
  TRY_ASSIGN(const ScpItem end, hear(command));
  if (const auto *message = std::get_if<ScpMessage>(&end)) {
    // The host could not read all of it, and has sent zeros for the rest.
    fetched_.failed({ErrorKind::remote, without_program(message->text)});
    return command.send(yes);
  }
  if (!std::holds_alternative<ScpYes>(end))
    return fail(ErrorKind::protocol,
                fmt::format("{}: the host sent more than it had said", file.path));
  held_bytes_ += entry.size;
  held_.push_back(
      {&file, std::move(incoming), entry, times, arrival.finish(), standing.has_value(), {}});
  return command.send(yes);
}

// scp has said size and time when it opened the file; whoever writes to it later changes one of them.
Result<void> ScpFetch::look_again() {
  std::vector<std::string> paths;
  paths.reserve(held_.size());
  for (const Held &held : held_) paths.push_back(as_operand(held.file->path));
  ScriptOutput answers([this](std::uint64_t number, std::string_view words) {
    if (number < held_.size()) held_[number].seen = words;
  });
  TRY_ASSIGN(const CommandEnd end,
             run_command(transfer_, sh(look_again_script, paths), {},
                         [&](std::string_view bytes) { return answers.add(bytes); }));
  if (!end.ok()) return fail(ErrorKind::remote, fmt::format("sh: {}", end.describe()));
  return {};
}

Result<void> ScpFetch::settle() {
  if (held_.empty()) return {};
  std::vector<File *> asked;
  std::vector<std::optional<std::uint64_t>> bounds;
  for (const Held &held : held_) {
    asked.push_back(held.file);
    bounds.emplace_back(held.entry.size);
  }
  Result<void> done;
  // Hashes first: what is written while they are made is seen as a change.
  if (how_.verify) done = hash(asked, bounds);
  if (done) done = look_again();
  if (done)
    for (Held &held : held_)
      if (auto settled = settle_one(held); !settled) fetched_.failed(std::move(settled).error());
  held_.clear();
  held_bytes_ = 0;
  return done;
}

Result<void> ScpFetch::settle_one(Held &held) {
  const File &file = *held.file;
  // Without a stat there, the size alone.
  const std::string size = std::to_string(held.entry.size);
  bool same = held.seen == size || (!held.times && held.seen.starts_with(size + ' '));
  if (held.times && held.seen.starts_with(size + ' ')) {
    std::int64_t time = 0;
    const std::string_view text = std::string_view(held.seen).substr(size.size() + 1);
    const auto read = std::from_chars(text.data(), text.data() + text.size(), time);
    // scp has no times before 1970.
    same = read.ec == std::errc() && read.ptr == text.data() + text.size() &&
           std::max<std::int64_t>(time, 0) == held.times->modification;
  }
  if (!same) return fail(ErrorKind::remote, file.path + ": changed while it was fetched");
  if (how_.verify && held.hash != file.hash.value_or(std::string()))
    return fail(ErrorKind::remote, fmt::format("{}: what came is not what stands there ({})",
                                               file.path, transfer_.record.verified_by));
  std::optional<std::int64_t> mtime;
  if (how_.preserve && held.times) mtime = held.times->modification;
  TRY(held.incoming.put_in_place(
      held.entry.size, mode_of_fetched_file(how_, held.entry.mode, held.replaces, folder_.umask()),
      mtime));
  fetched_.stands({file.path, held.entry.size, held.entry.mode & all_mode_bits,
                   held.times ? held.times->modification : 0, files::hexadecimal(held.hash)},
                  false);
  return {};
}

Result<void> ScpFetch::fetch_one(RunningCommand &command, File &file) {
  std::optional<ScpTimes> times;
  for (;;) {
    TRY_ASSIGN(ScpItem item, hear(command));
    if (auto *message = std::get_if<ScpMessage>(&item)) {
      if (message->fatal) return fail(ErrorKind::remote, without_program(message->text));
      fetched_.failed({ErrorKind::remote, without_program(message->text)});
      return {};
    }
    if (const auto *sent = std::get_if<ScpTimes>(&item); sent != nullptr && !times) {
      times = *sent;
      TRY(command.send(yes));
      continue;
    }
    const auto *entry = std::get_if<ScpEntry>(&item);
    if (entry == nullptr || entry->directory)
      return fail(ErrorKind::protocol,
                  fmt::format("{}: the host's scp sent something else than a file", file.path));
    // Of a path with a newline the name does not travel as it is: each scp has its own way to write it.
    const std::string_view name = name_of(file.path);
    const bool right = file.path.find('\n') != std::string::npos
                           ? !files::wrong_with_entry_name(entry->name)
                           : entry->name == name;
    if (!right)
      return fail(ErrorKind::protocol,
                  fmt::format("{}: the host's scp sent another file: {}", file.path, entry->name));
    return receive_content(command, file, *entry, times);
  }
}

Result<void> ScpFetch::fetch(std::vector<File> files) {
  std::erase_if(files, [this](const File &file) { return stands_already(file); });
  for (std::size_t next = 0; next < files.size() && !fetched_.is_hopeless();) {
    auto reached = fetch_some(files, next);
    if (transfer_.is_broken()) {
      held_.clear();
      if (!reached) return fail(std::move(reached).error());
      return {};
    }
    // What was whole before something failed is kept.
    TRY(settle());
    if (!reached) return fail(std::move(reached).error());
    next = *reached;
  }
  return {};
}

// By one scp; gives the number of the file that the next one has to begin with.
Result<std::size_t> ScpFetch::fetch_some(std::vector<File> &files, std::size_t begin) {
  std::vector<std::string> paths;
  for (std::size_t i = begin; i < files.size(); ++i) paths.push_back(as_operand(files[i].path));
  TRY_ASSIGN(auto command, RunningCommand::start(transfer_, sh(R"(exec scp -pf "$@")", paths),
                                                 Session::Input::open));
  TRY(command.send(yes));
  for (std::size_t i = begin; i < files.size(); ++i) {
    auto fetched = fetch_one(command, files[i]);
    // What is held is lost with the connection: not too much of it.
    if (fetched && (held_bytes_ < most_held_bytes || i + 1 == files.size())) continue;
    if (fetched) return i + 1;
    if (transfer_.is_broken() || fetched.error().kind != ErrorKind::local)
      return fail(std::move(fetched).error());
    // This machine cannot keep it, and there is no way to tell scp so in the middle of a file.
    fetched_.failed(std::move(fetched).error());
    return i + 1;
  }
  TRY(end(command));
  return files.size();
}

// What it says when everything has come counts for nothing, but must not go on for ever.
Result<void> ScpFetch::end(RunningCommand &command) {
  for (;;) {
    TRY_ASSIGN(const bool finished, command.finish_input());
    if (finished) break;
    TRY(command.turn());
    TRY(command.wait());
  }
  for (bool more = true; more;) {
    if (command.output().size() > max_scp_line_bytes)
      return fail(ErrorKind::protocol, "the host's scp sent more than it was asked for");
    TRY_ASSIGN(more, command.receive());
  }
  if (!command.output().empty())
    return fail(ErrorKind::protocol, "the host's scp sent more than it was asked for");
  return {};
}

Result<void> ScpFetch::run(std::vector<std::string> paths) {
  std::vector<File> files;
  for (std::string &path : paths) {
    auto place = files::place_of_remote(path);
    if (!place) return fail(std::move(place).error());
    files.push_back({std::move(path), *std::move(place), {}});
  }
  if (files.empty()) return {};
  if (how_.checksum) TRY(hash_what_stands_here(files));
  return fetch(files);
}

// scp says nothing of folders that are not sent by -r.
Result<void> ScpFetch::finish_folders() {
  if (folders_.empty()) return {};
  struct Final {
    std::optional<std::uint32_t> mode;
    std::optional<std::int64_t> mtime;
  };
  std::vector<Final> finals(folders_.size());
  std::size_t known = 0;
  ScriptOutput answers([&](std::uint64_t number, std::string_view words) {
    if (number >= finals.size()) return;
    std::uint32_t mode = 0;
    std::int64_t time = 0;
    const char *const last = words.data() + words.size();
    const auto first = std::from_chars(words.data(), last, mode, 8);
    if (first.ec != std::errc() || first.ptr == last || *first.ptr != ' ') return;
    if (std::from_chars(first.ptr + 1, last, time).ec != std::errc()) return;
    finals[number].mode =
        mode_of_fetched_folder(how_, mode, folders_[number].is_new, folder_.umask());
    if (how_.preserve) finals[number].mtime = std::max<std::int64_t>(time, 0);
    ++known;
  });
  std::size_t next = 0;
  std::string piece(put_functions);
  bool first = true;
  const auto feed = [&]() -> Result<std::string_view> {
    if (!std::exchange(first, false)) piece.clear();
    while (next < folders_.size() && piece.size() < largest_piece_bytes / 8) {
      piece += fmt::format("s {} {}\n", next, octal_word(as_operand(folders_[next].path)));
      if (++next == folders_.size()) piece += "exit 0\n";
    }
    return piece;
  };
  TRY(run_command(transfer_, "sh -s", feed,
                  [&](std::string_view bytes) { return answers.add(bytes); }));
  // From the inside out (they are sorted): a folder that may not be written to any more comes after what is in it.
  for (std::size_t i = folders_.size(); i-- > 0;)
    if (finals[i].mode || finals[i].mtime)
      if (auto set = folder_.set_attributes(folders_[i].place, finals[i].mode, finals[i].mtime);
          !set)
        fetched_.failed(set.error());
  if (known < folders_.size() && how_.preserve)
    fetched_.failed(
        {ErrorKind::remote, fmt::format("{}: no mode and time of a folder: the host has no stat",
                                        folders_.front().path)});
  return {};
}

}  // namespace fanout::worker
