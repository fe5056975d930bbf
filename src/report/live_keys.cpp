#include "live_keys.hpp"

namespace fanout::report {

using console::Key;

namespace {

LiveCommand command_of(char character) {
  switch (character) {
    case 'k': return LiveCommand::up;
    case 'j': return LiveCommand::down;
    case 'g': return LiveCommand::first;
    case 'G': return LiveCommand::last;
    case ' ': return LiveCommand::page_down;
    case 'b': return LiveCommand::page_up;
    case 's': return LiveCommand::sort;
    case 'p': return LiveCommand::pause;
    case '+':
    case '=': return LiveCommand::more;
    case '-': return LiveCommand::fewer;
    case 'x': return LiveCommand::stop_host;
    case 'q': return LiveCommand::quit;
    case 'h':
    case '?': return LiveCommand::help;
    case 'y':
    case 'Y': return LiveCommand::yes;
    default: return LiveCommand::none;
  }
}

}  // namespace

LiveCommand command_of(const Key &key) {
  switch (key.kind) {
    case Key::Kind::character: return command_of(key.character);
    case Key::Kind::up: return LiveCommand::up;
    case Key::Kind::down: return LiveCommand::down;
    case Key::Kind::page_up: return LiveCommand::page_up;
    case Key::Kind::page_down: return LiveCommand::page_down;
    case Key::Kind::home: return LiveCommand::first;
    case Key::Kind::end: return LiveCommand::last;
    case Key::Kind::enter:
    case Key::Kind::right: return LiveCommand::pane;
    case Key::Kind::left:
    case Key::Kind::escape:
    case Key::Kind::backspace: return LiveCommand::back;
  }
  return LiveCommand::none;
}

}  // namespace fanout::report
