// What is hard is that ncurses wants to own more than a sheet:
//
//   * It writes to a descriptor, and loses what one that never waits does not take. So it is given a file in memory, and
//     what is there after each drawing is handed out. With no terminal behind the descriptor it sets no modes either.
//   * It installs handlers of signals. What was there before is put back at once.
//   * It asks the locale whether there is UTF-8. The program has set none; ncurses is shown one that only this thread has,
//     and only while it is called.

#include "sheet.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cwchar>
#include <utility>

#define NCURSES_NOMACROS 1
#define NCURSES_WIDECHAR 1
#include <curses.h>

#include <fmt/format.h>
// After curses.h, which it needs; its macros hide names of ours.
#include <term.h>
#undef columns
#undef lines

#include "fanout/console/columns.hpp"
#include "fanout/sys/io.hpp"

namespace fanout::console {

using core::ErrorKind;
using core::fail;
using core::Result;
using sys::UniqueFd;

namespace {

constexpr int escape_delay_ms = 25;
constexpr std::size_t most_combining = CCHARW_MAX - 2;  // a character before them, a zero after

struct CloseFile {
  void operator()(FILE *file) const { std::fclose(file); }
};
using File = std::unique_ptr<FILE, CloseFile>;

File open_file(UniqueFd fd, const char *mode) {
  File file(::fdopen(fd.get(), mode));
  if (file) static_cast<void>(fd.release());
  return file;
}

// UTF-8 for this thread, while this lives.
class Characters {
public:
  Characters() : utf8_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {}
  ~Characters() {
    if (utf8_ != nullptr) ::freelocale(utf8_);
  }
  Characters(const Characters &) = delete;
  Characters &operator=(const Characters &) = delete;

  [[nodiscard]] bool are_wide() const { return utf8_ != nullptr; }

  class Use {
  public:
    explicit Use(const Characters &characters)
        : before_(characters.utf8_ == nullptr ? nullptr : ::uselocale(characters.utf8_)) {}
    ~Use() {
      if (before_ != nullptr) ::uselocale(before_);
    }
    Use(const Use &) = delete;
    Use &operator=(const Use &) = delete;

  private:
    locale_t before_;
  };

private:
  locale_t utf8_;
};

// Those that ncurses would handle stay as they were.
class HandlersKept {
public:
  HandlersKept() {
    for (std::size_t i = 0; i < numbers.size(); ++i) ::sigaction(numbers[i], nullptr, &actions_[i]);
  }
  ~HandlersKept() {
    for (std::size_t i = 0; i < numbers.size(); ++i) ::sigaction(numbers[i], &actions_[i], nullptr);
  }
  HandlersKept(const HandlersKept &) = delete;
  HandlersKept &operator=(const HandlersKept &) = delete;

private:
  static constexpr std::array<int, 4> numbers{SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
  std::array<struct sigaction, numbers.size()> actions_{};
};

// newterm() would print to standard error.
std::optional<std::string> wrong_with(const std::string &term, int fd) {
  if (term.empty()) return "TERM is not set";
  int found = 0;
  if (::setupterm(term.c_str(), fd, &found) != OK)
    return fmt::format(
        "TERM is '{}', {}", term,
        found < 0 ? "and there are no descriptions of terminals here" : "which is not known here");
  const bool can_move = ::tigetstr("cup") != nullptr;
  ::del_curterm(cur_term);
  if (can_move) return std::nullopt;
  return fmt::format("TERM is '{}', a terminal whose cursor cannot be moved", term);
}

attr_t attributes_of(Style style) {
  switch (style) {
    case Style::title: return A_BOLD;
    case Style::dim: return A_DIM;
    case Style::good:
    case Style::bad:
    case Style::warning:
    case Style::added:
    case Style::removed:
    case Style::place: return A_NORMAL;
  }
  return A_NORMAL;
}

// As colors.cpp has them; pairs of ncurses have the numbers of their foreground.
short color_of(Style style) {
  switch (style) {
    case Style::good:
    case Style::added: return COLOR_GREEN;
    case Style::bad:
    case Style::removed: return COLOR_RED;
    case Style::warning: return COLOR_YELLOW;
    case Style::place: return COLOR_CYAN;
    case Style::title:
    case Style::dim: return 0;
  }
  return 0;
}

void prepare_colors() {
  if (!::has_colors() || ::start_color() != OK) return;
  const short ground = static_cast<short>(::use_default_colors() == OK ? -1 : COLOR_BLACK);
  constexpr std::array<short, 4> used{COLOR_GREEN, COLOR_RED, COLOR_YELLOW, COLOR_CYAN};
  for (const short color : used) ::init_pair(color, color, ground);
}

// A terminal sends others than the ones that are described, when it was not told to or by whom it goes through.
void define_keys() {
  struct Sequence {
    const char *bytes;
    int key;
  };
  constexpr Sequence sequences[] = {
      {"\x1b[A", KEY_UP},    {"\x1b[B", KEY_DOWN}, {"\x1b[C", KEY_RIGHT},  {"\x1b[D", KEY_LEFT},
      {"\x1b[H", KEY_HOME},  {"\x1b[F", KEY_END},  {"\x1bOH", KEY_HOME},   {"\x1bOF", KEY_END},
      {"\x1b[1~", KEY_HOME}, {"\x1b[4~", KEY_END}, {"\x1b[5~", KEY_PPAGE}, {"\x1b[6~", KEY_NPAGE},
  };
  for (const Sequence &sequence : sequences) ::define_key(sequence.bytes, sequence.key);
}

struct Cell {
  std::array<wchar_t, CCHARW_MAX> characters{};
  std::size_t columns = 0;
};

// The first cell of `text`, which is taken from it: a character and what combines with it. What is no character, or has no
// place in a cell, is a question mark.
Cell take_cell(std::string_view &text, bool wide_characters) {
  Cell cell;
  mbstate_t state{};
  wchar_t character = 0;
  const auto size = std::mbrtowc(&character, text.data(), text.size(), &state);
  const bool decoded = size > 0 && size <= text.size();
  const int width = decoded ? ::wcwidth(character) : -1;
  if (width <= 0) {
    cell.characters[0] = L'?';
    cell.columns = 1;
  } else {
    cell.characters[0] = character;
    cell.columns = static_cast<std::size_t>(width);
  }
  text.remove_prefix(decoded ? size : 1);
  if (!wide_characters) return cell;
  for (std::size_t count = 1; !text.empty(); ++count) {
    state = {};
    const auto next = std::mbrtowc(&character, text.data(), text.size(), &state);
    if (next == 0 || next > text.size() || ::wcwidth(character) != 0) break;
    if (count <= most_combining) cell.characters[count] = character;
    text.remove_prefix(next);
  }
  return cell;
}

std::optional<Key::Kind> kind_of(int code) {
  switch (code) {
    case KEY_UP: return Key::Kind::up;
    case KEY_DOWN: return Key::Kind::down;
    case KEY_LEFT: return Key::Kind::left;
    case KEY_RIGHT: return Key::Kind::right;
    case KEY_PPAGE: return Key::Kind::page_up;
    case KEY_NPAGE: return Key::Kind::page_down;
    case KEY_HOME: return Key::Kind::home;
    case KEY_END: return Key::Kind::end;
    case KEY_ENTER:
    case '\r':
    case '\n': return Key::Kind::enter;
    case '\x1b': return Key::Kind::escape;
    case KEY_BACKSPACE:
    case '\b':
    case '\x7f': return Key::Kind::backspace;
    default: return std::nullopt;
  }
}

}  // namespace

struct Sheet::Curses {
  Characters characters;
  File output;
  File input;
  SCREEN *screen = nullptr;
  WINDOW *keys = nullptr;  // a pad: reading a key from a window draws that window
  std::string unwanted;    // a mode of the terminal that nobody would take back

  Curses() = default;
  Curses(const Curses &) = delete;
  Curses &operator=(const Curses &) = delete;
  ~Curses() {
    if (keys != nullptr) ::delwin(keys);
    if (screen != nullptr) ::delscreen(screen);
  }
};

Sheet::Sheet(std::unique_ptr<Curses> curses) : curses_(std::move(curses)) {}
Sheet::Sheet(Sheet &&other) noexcept = default;
Sheet::~Sheet() = default;

Result<Sheet> Sheet::create(const std::string &term, int input) {
  auto curses = std::make_unique<Curses>();
  UniqueFd memory = UniqueFd::adopt(::memfd_create("screen", MFD_CLOEXEC));
  UniqueFd keys = UniqueFd::adopt(::fcntl(input, F_DUPFD_CLOEXEC, 0));
  if (!memory || !keys)
    return fail(core::system_error(ErrorKind::local, "--live: memfd_create", errno));
  if (const auto wrong = wrong_with(term, memory.get()))
    return fail(ErrorKind::usage, "--live: " + *wrong);
  curses->output = open_file(std::move(memory), "w");
  curses->input = open_file(std::move(keys), "r");
  const Characters::Use use(curses->characters);
  // The size is asked for by its owner: the environment's may be that of another window.
  ::use_env(FALSE);
  {
    const HandlersKept kept;
    curses->screen = ::newterm(term.c_str(), curses->output.get(), curses->input.get());
  }
  if (curses->screen == nullptr) return fail(ErrorKind::usage, "--live: ncurses has refused TERM");
  ::cbreak();
  ::noecho();
  ::nonl();
  ::curs_set(0);
  ::leaveok(stdscr, TRUE);
  ::typeahead(-1);  // a drawing is whole, whatever has been typed
  ::set_escdelay(escape_delay_ms);
  prepare_colors();
  curses->keys = ::newpad(1, 1);
  if (curses->keys == nullptr) return fail(ErrorKind::local, "--live: out of memory");
  ::nodelay(curses->keys, TRUE);
  ::keypad(curses->keys, TRUE);
  // All eight bits of a byte, or one of a character beyond ASCII would pass for a letter.
  ::meta(curses->keys, TRUE);
  const char *switches_meta = ::tigetstr("smm");
  if (switches_meta != nullptr) curses->unwanted = switches_meta;
  define_keys();
  Sheet sheet(std::move(curses));
  sheet.lines_ = static_cast<std::size_t>(LINES);
  sheet.columns_ = static_cast<std::size_t>(COLS);
  return sheet;
}

void Sheet::resize(std::size_t lines, std::size_t columns) {
  const Characters::Use use(curses_->characters);
  // Not resizeterm(), which makes a key of it.
  ::resize_term(static_cast<int>(lines), static_cast<int>(columns));
  lines_ = static_cast<std::size_t>(LINES);
  columns_ = static_cast<std::size_t>(COLS);
  forget_shown();
}

void Sheet::clear() {
  const Characters::Use use(curses_->characters);
  ::werase(stdscr);
}

void Sheet::put(std::size_t line, std::size_t column, std::string_view text, Screen::Look look) {
  if (line >= lines_) return;
  const Characters::Use use(curses_->characters);
  attr_t attributes = look.style ? attributes_of(*look.style) : A_NORMAL;
  if (look.highlighted) attributes |= A_REVERSE;
  const short pair = look.style && ::has_colors() ? color_of(*look.style) : short{0};
  const auto place = [&](const Cell &cell) {
    cchar_t shown{};
    ::setcchar(&shown, cell.characters.data(), attributes, pair, nullptr);
    // In the last cell it cannot advance, which is an error to it.
    ::mvwadd_wch(stdscr, static_cast<int>(line), static_cast<int>(column), &shown);
    column += cell.columns;
  };
  while (!text.empty() && column < columns_) {
    const Cell cell = take_cell(text, curses_->characters.are_wide());
    if (column + cell.columns > columns_) break;
    place(cell);
  }
  const Cell blank{{L' '}, 1};
  while (look.highlighted && column < columns_) place(blank);
}

// What has been written since the last time.
Result<std::string> Sheet::drawn() {
  const int fd = ::fileno(curses_->output.get());
  std::fflush(curses_->output.get());
  const off_t size = ::lseek(fd, 0, SEEK_CUR);
  std::string bytes(static_cast<std::size_t>(std::max<off_t>(size, 0)), '\0');
  ::lseek(fd, 0, SEEK_SET);
  TRY(sys::read_exactly(fd, bytes.data(), bytes.size()));
  ::lseek(fd, 0, SEEK_SET);
  const std::string unwanted = std::exchange(curses_->unwanted, {});
  const std::size_t at = unwanted.empty() ? std::string::npos : bytes.find(unwanted);
  if (at != std::string::npos) bytes.erase(at, unwanted.size());
  return bytes;
}

Result<std::string> Sheet::draw() {
  const Characters::Use use(curses_->characters);
  ::wnoutrefresh(stdscr);
  ::doupdate();
  return drawn();
}

void Sheet::forget_shown() { ::clearok(curscr, TRUE); }

Result<std::string> Sheet::leave() {
  const Characters::Use use(curses_->characters);
  ::endwin();
  forget_shown();
  return drawn();
}

std::optional<Key> Sheet::next_key() {
  const Characters::Use use(curses_->characters);
  for (;;) {
    const int code = ::wgetch(curses_->keys);
    if (code == ERR) return std::nullopt;
    if (const auto kind = kind_of(code)) return Key{*kind, 0};
    if (code >= ' ' && code < '\x7f') return Key{Key::Kind::character, static_cast<char>(code)};
  }
}

}  // namespace fanout::console
