// The JSON that `ansible-inventory --list` and Ansible's inventory scripts print, to a draft.
//
//   {"db": {"hosts": ["db01"], "children": ["replicas"], "vars": {...}},   or "db": ["db01"]
//    "_meta": {"hostvars": {"db01": {"ansible_host": "10.0.0.31", ...}}}}
//
// Read are ansible_host, ansible_port, ansible_user, ansible_password and ansible_ssh_private_key_file, in their older forms
// (ansible_ssh_host, ...) too. This format carries everybody's variables, so others are left alone. The variables of
// `all` are those of [defaults]. Names are names here, not patterns. A child that is not defined is an empty group.
#pragma once

#include <string>
#include <string_view>

#include "draft.hpp"
#include "fanout/core/result.hpp"

namespace fanout::inventory {

core::Result<Draft> parse_ansible_draft(std::string_view text, const std::string &file);

}  // namespace fanout::inventory
