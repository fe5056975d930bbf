// What is expected, in files: a text as it is or, of a large one, its size, its SHA-256, and how it begins and ends.
#pragma once

#include <filesystem>
#include <string>

namespace fanout::golden {

std::string read_file(const std::filesystem::path &path);

// Compares with `path` or, for a large text, with `path`.digest; an empty text has no file. Returns the file's name. With
// FANOUT_WRITE_GOLDEN=1 in the environment the file is written instead, to be read before it is kept.
std::string compare(const std::string &actual, std::filesystem::path path);

}  // namespace fanout::golden
