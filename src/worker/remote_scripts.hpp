// What we run on hosts, word for word. Made for any POSIX shell and tried with dash, bash and busybox; the tools are those
// of GNU, of busybox and of the BSDs, and where they differ a script says so.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "fanout/core/deadline.hpp"
#include "fanout/core/result.hpp"

namespace fanout::worker {

// --- for sh(): plain, no single quote -----------------------------------------------------------------------------------

// Each gives a sign of life, a NUL on stderr, every so many seconds: pulse_of(); the last argument.
// Paths, each with a NUL behind it, on standard input. Says the tool, then what that prints.
extern const std::string_view hash_script;
// An archive on standard input, into the folder $1, by the umask and the time of day, or exactly. Then flushes it.
extern const std::string_view unpack_script;
extern const std::string_view unpack_exactly_script;
// The size and the time of change of each argument, which is followed if it is a link: "fanout: NUMBER SIZE TIME" for the
// first, which is 0, and so on; no TIME without stat, and "gone" for what is no longer there. For ScriptOutput.
extern const std::string_view look_again_script;
// Makes the folder $1, for nobody else, and receives files in it; the -p of scp is $2 or empty. Then flushes them, and
// lists them (ls -ln) after a line that is listing_mark.
extern const std::string_view receive_script;
extern const std::string_view listing_mark;

// --- for the standard input of `sh -s`: functions, which lines of calls follow ------------------------------------------
//
// Arguments are octal_word()s. Each call answers with a line "fanout: NUMBER WORD...", which ScriptOutput finds. A script
// that is cut off does nothing by halves: a line that is not whole has an open quote in it.

// l NUMBER PATH: what stands there. "n" nothing, "f MODE USER GROUP SIZE" a file, "d" a directory, "l" a link to something else
// or to nowhere, "L" a link to a directory, "o" anything else. MODE as ls writes it: "-rw-r--r--".
// d NUMBER UMASK PATH: makes a directory, with less than the umask if UMASK is such a mode ("g-w"): "made", or what stands
// there, or "no MESSAGE".
// c MODE NUMBER...: chmod of files in the staging folder; o USER:GROUP NUMBER...: chown, if that is allowed.
// f NUMBER PATH: moves one from there to its place: "ok", "d" for a directory in its way, or "no MESSAGE".
// x NUMBER PATH TEMPORARY: as f, when PATH may be in another file system.
// t NUMBER MODE TIME PATH: chmod of a directory, never of what a link leads to, and touch -t unless TIME is empty: "ok" or
// "no MESSAGE".
// r NUMBER FOLDER TOKEN: removes the temporary names with that token in it: "ok" or "no MESSAGE".
// s NUMBER PATH: mode in octal digits and time (seconds since 1970) of a directory: "MODE TIME", or "no MESSAGE".
// g PATH: that is the staging folder, and nothing is done in it when it is not ours, or is a link. z NUMBER: removes it: "ok"
// or "no MESSAGE".
extern const std::string_view put_functions;

// For get. Answers are ended by a NUL: "fanout:" first, then a letter and a path: "f" file, "d" directory, "l" link, "o" other,
// "x" a directory that cannot be read, "y" one that is too deep, "n" nothing there.
// e PATTERN: what a pattern (glob(7)) stands for; p PATH: a path. Both with "-r" behind them go into directories.
extern const std::string_view get_functions;

// The seconds between two signs of life, so that a command that works is not taken for one that hangs.
std::string pulse_of(core::Milliseconds stall_timeout);

// Finds the answers of put_functions among whatever else a host prints. Pure.
class ScriptOutput {
public:
  // Words: "WORD..." behind the number, not yet taken apart.
  using Take = std::function<void(std::uint64_t number, std::string_view words)>;
  explicit ScriptOutput(Take take) : take_(std::move(take)) {}
  // ErrorKind::protocol for a line that is too long to be one.
  core::Result<void> add(std::string_view bytes);

private:
  Take take_;
  std::string line_;
};

// What `ls -ln` writes as the type and mode of a file, as a number; nullopt when it is none.
std::optional<std::uint32_t> parse_ls_mode(std::string_view text);

}  // namespace fanout::worker
