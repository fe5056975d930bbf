// Facts about a terminal, asked for when they are needed: a window can change its size at any time.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace fanout::console {

bool is_terminal(int fd);

// Whether no other job has the terminal behind `fd` at this moment: text for it would come in between what that one prints.
bool has_foreground(int fd);

// Columns of the terminal behind `fd` (ioctl_tty(2), TIOCGWINSZ), else the value of COLUMNS, else 80. Never less than 1
// and never more than 1,000, whatever was claimed: callers reserve memory by it.
std::size_t terminal_columns(int fd);

// The decision alone: `window` is what the kernel says (0 is "unknown"), `configured` is the text of COLUMNS, or empty.
std::size_t choose_columns(std::optional<std::size_t> window, std::string_view configured);

}  // namespace fanout::console
