// The keys that hosts.ini may have, and what their values may be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/host.hpp"
#include "fanout/core/result.hpp"

namespace fanout::inventory {

// What came of a key: `command` when it makes fanout run a program here.
enum class KeyUse { unknown, setting, command };

// Sets one key. Errors are ErrorKind::usage and name the value, not the key. Other forms of inventory come through here
// too, with their words translated into these. Passwords are not among the keys, so that they stay in a Secret.
core::Result<KeyUse> apply_key(std::string_view key, std::string_view value,
                               core::HostSettings &settings);
core::Result<void> apply_password(core::Secret password, core::HostSettings &settings);
bool is_password_key(std::string_view key);

// Also `hosts`, the passwords and env.NAME.
bool is_known_key(std::string_view key);
std::vector<std::string> known_keys();

std::string_view to_string(core::HostKeyPolicy policy);

// Some values undo a weaker setting: an empty password, `sudo = no`, `jump = none`. Once settings are merged there is
// nothing left to undo, and they go.
void drop_undone(core::HostSettings &settings);

}  // namespace fanout::inventory
