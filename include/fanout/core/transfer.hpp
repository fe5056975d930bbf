// What is to be copied and how, and what became of it on one host.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fanout::core {

enum class TransferMethod : std::uint8_t {
  automatic,  // SFTP, scp where the server has no SFTP, and commands of the host where they are faster
  sftp,       // nothing is run there
  scp,
};

// Modes: the low twelve bits as chmod(2) takes them.
struct TransferOptions {
  TransferMethod method = TransferMethod::automatic;
  bool recursive = false;
  bool preserve = false;              // times and modes of the source
  std::optional<std::uint32_t> mode;  // of files that are written; --chmod
  bool verify = false;
  bool update = false;    // skip what has the same size and time; implies that times are set
  bool checksum = false;  // skip what has the same content
  bool resume = false;    // keep what a transfer that failed has left, and go on from there
  bool hash = false;      // the record is to say SHA-256 even where nothing else needs it
  std::uint64_t limit_bytes_per_second = 0;  // of content, for each host; 0 is no limit
  std::string then;                          // a command for after the transfer; empty: none
};

// Of one host. A directory is none of its files.
struct TransferRecord {
  std::uint64_t files = 0;       // that stand where they should, as they should
  std::uint64_t bytes = 0;       // their sizes
  std::uint64_t sent_bytes = 0;  // content that travelled, in either direction
  std::uint64_t unchanged = 0;   // of files: those that stood there already
  std::string sha256;            // lower-case hexadecimal, of a single file; empty when not known
  std::string verified_by;  // "sha256sum", "reading back", ...; empty when it was not asked for
  std::string used;         // "sftp", "scp", "sftp and tar"; empty before it was known
  // Temporary names that may still be there, because the host could not be told to remove them.
  std::vector<std::string> leftovers;
};

// At most so many leftovers are named, and so many bytes of each.
inline constexpr std::size_t max_leftovers = 16;
inline constexpr std::size_t max_path_bytes = 4096;

// One file that was fetched, for the list of --manifest.
struct FetchedFile {
  std::string path;  // as on the host
  std::uint64_t size = 0;
  std::uint32_t mode = 0;
  std::int64_t mtime = 0;  // seconds since 1970, UTC
  std::string sha256;
};

}  // namespace fanout::core
