// A name is cut into text and numbers: r1n01 is the shape "r#n#" with the numbers 1 and 01. Names of one shape are rows of a
// table, which is reduced column by column, from the last to the first: rows that agree in all other columns become one row
// with a set in this column. What is left is a union of products, so it is exact whatever was merged, and a full product
// becomes one row.
//
// What is hard about it is padding: 10 may be the tenth of 1..10 or of 01..10. It is taken for padded to its own width if
// the shape has another number of that width, in the same column, with a leading zero.
#include "fanout/inventory/fold.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "name_table.hpp"

namespace fanout::inventory {

namespace {

constexpr std::size_t most_columns = 4;  // the last ones of a name; an IPv4 address has four
constexpr std::size_t most_digits = 18;  // what the pattern parser takes
constexpr char number_mark = '#';        // in a shape

bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct Number {
  std::size_t begin = 0;
  std::size_t length = 0;
  std::uint64_t value = 0;
};

// A name cut up. The numbers that are not among the last four stay text.
struct Cut {
  std::array<Number, most_columns> numbers;
  std::size_t count = 0;
};

Cut cut(std::string_view name) {
  Cut result;
  // No host has such a name; if one did, it would stay as it is.
  if (name.find(number_mark) != std::string_view::npos) return result;
  // From the back. What stands in brackets already is an address, and brackets cannot be nested.
  const std::size_t bracket = name.rfind(']');
  const std::size_t begin = bracket == std::string_view::npos ? 0 : bracket + 1;
  std::size_t end = name.size();
  while (end > begin && result.count < most_columns) {
    if (!is_digit(name[end - 1])) {
      --end;
      continue;
    }
    std::size_t first = end;
    while (first > begin && is_digit(name[first - 1])) --first;
    Number number{first, end - first, 0};
    end = first;
    if (number.length > most_digits) continue;
    std::from_chars(name.data() + first, name.data() + first + number.length, number.value);
    result.numbers[result.count++] = number;
  }
  std::reverse(result.numbers.begin(),
               result.numbers.begin() + static_cast<std::ptrdiff_t>(result.count));
  return result;
}

std::size_t padded_width(std::string_view name, const Number &number) {
  return number.length > 1 && name[number.begin] == '0' ? number.length : 0;
}

// The text of a range or a list, and where it begins, for the order of rows.
struct NumberSet {
  std::string text;
  std::uint64_t first;
};

struct Row {
  std::uint32_t kind = 0;  // shape and widths
  std::array<std::uint64_t, most_columns>
      cells{};  // a value, or set_mark and the position of a set
};
constexpr std::uint64_t set_mark = 1ULL << 63;

class Folder {
public:
  explicit Folder(std::size_t expected) { rows_.reserve(expected); }

  void learn(std::string_view name, const Cut &cut) {
    const NameId shape = intern_shape(name, cut);
    if (shape == padded_.size()) padded_.emplace_back();
    for (std::size_t i = 0; i < cut.count; ++i)
      if (const std::size_t width = padded_width(name, cut.numbers[i]))
        padded_[shape][i] |= 1U << width;
  }

  void add(std::string_view name, const Cut &cut) {
    const NameId shape = intern_shape(name, cut);
    kind_.widths = {};
    kind_.columns = cut.count;
    Row row;
    for (std::size_t i = 0; i < cut.count; ++i) {
      const Number &number = cut.numbers[i];
      row.cells[i] = number.value;
      if ((padded_[shape][i] & (1U << number.length)) != 0)
        kind_.widths[i] = static_cast<unsigned char>(number.length);
    }
    // The shape, and behind it the widths; a name of the table like any other.
    text_ = shapes_.name(shape);
    for (std::size_t i = 0; i < cut.count; ++i) text_ += static_cast<char>(kind_.widths[i]);
    const auto [id, added] = kinds_by_text_.intern(text_);
    if (added) {
      kind_.shape = shape;
      kinds_.push_back(kind_);
    }
    row.kind = id;
    rows_.push_back(row);
  }

  std::string take() {
    for (std::size_t column = most_columns; column-- > 0;) reduce(column);
    return print();
  }

private:
  struct Kind {
    NameId shape = 0;
    std::size_t columns = 0;
    std::array<unsigned char, most_columns> widths{};  // 0 is not padded
  };

  NameId intern_shape(std::string_view name, const Cut &cut) {
    text_.clear();
    std::size_t done = 0;
    for (std::size_t i = 0; i < cut.count; ++i) {
      text_.append(name.substr(done, cut.numbers[i].begin - done)) += number_mark;
      done = cut.numbers[i].begin + cut.numbers[i].length;
    }
    text_.append(name.substr(done));
    return shapes_.intern(text_).id;
  }

  void reduce(std::size_t column) {
    // Other columns first, so that rows that differ in this one alone come to stand together.
    const auto before = [&](const Row &a, const Row &b) {
      if (a.kind != b.kind) return a.kind < b.kind;
      for (std::size_t i = 0; i < most_columns; ++i)
        if (i != column && a.cells[i] != b.cells[i]) return a.cells[i] < b.cells[i];
      return a.cells[column] < b.cells[column];
    };
    const auto together = [&](const Row &a, const Row &b) {
      if (a.kind != b.kind) return false;
      for (std::size_t i = 0; i < most_columns; ++i)
        if (i != column && a.cells[i] != b.cells[i]) return false;
      return true;
    };
    // The usual case, names as a range makes them, is in order already.
    if (!std::is_sorted(rows_.begin(), rows_.end(), before))
      std::sort(rows_.begin(), rows_.end(), before);
    std::size_t kept = 0;
    for (std::size_t begin = 0; begin < rows_.size();) {
      std::size_t end = begin + 1;
      while (end < rows_.size() && together(rows_[begin], rows_[end])) ++end;
      Row row = rows_[begin];
      if (end - begin > 1 && column < kinds_[row.kind].columns)
        row.cells[column] = make_set(column, begin, end);
      rows_[kept++] = row;
      begin = end;
    }
    rows_.resize(kept);
  }

  // Of the values of this column, which are in order; the same set has the same position.
  std::uint64_t make_set(std::size_t column, std::size_t begin, std::size_t end) {
    const std::size_t width = kinds_[rows_[begin].kind].widths[column];
    const std::uint64_t first = rows_[begin].cells[column];
    if (rows_[end - 1].cells[column] == first) return first;  // the same name again
    text_.assign(1, '[');
    std::uint64_t last = first;
    std::uint64_t range_begin = first;
    const auto put_range = [&] {
      if (text_.size() > 1) text_ += ',';
      put_number(range_begin, width, text_);
      if (last == range_begin) return;
      text_ += '-';
      put_number(last, width, text_);
    };
    for (std::size_t i = begin + 1; i < end; ++i) {
      const std::uint64_t value = rows_[i].cells[column];
      if (value > last + 1) {
        put_range();
        range_begin = value;
      }
      last = value;
    }
    put_range();
    text_ += ']';
    const auto [id, added] = sets_.intern(text_);
    if (added) first_of_sets_.push_back(first);
    return set_mark | id;
  }

  static void put_number(std::uint64_t value, std::size_t width, std::string &text) {
    std::array<char, 20> digits{};
    const char *end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    const auto length = static_cast<std::size_t>(end - digits.data());
    if (length < width) text.append(width - length, '0');
    text.append(digits.data(), length);
  }

  [[nodiscard]] std::uint64_t first_of(std::uint64_t cell) const {
    return (cell & set_mark) == 0 ? cell : first_of_sets_[cell & ~set_mark];
  }

  std::string print() {
    std::sort(rows_.begin(), rows_.end(), [&](const Row &a, const Row &b) {
      // Kinds are numbered in order of first mention, and those of a shape belong together.
      const NameId shape_of_a = kinds_[a.kind].shape;
      const NameId shape_of_b = kinds_[b.kind].shape;
      if (shape_of_a != shape_of_b) return shape_of_a < shape_of_b;
      for (std::size_t i = 0; i < most_columns; ++i) {
        const std::uint64_t first_of_a = first_of(a.cells[i]);
        const std::uint64_t first_of_b = first_of(b.cells[i]);
        if (first_of_a != first_of_b) return first_of_a < first_of_b;
      }
      return a.kind != b.kind ? a.kind < b.kind : a.cells < b.cells;
    });
    std::string folded;
    for (const Row &row : rows_) {
      if (!folded.empty()) folded += ',';
      const Kind &kind = kinds_[row.kind];
      std::size_t column = 0;
      for (const char c : shapes_.name(kind.shape)) {
        if (c != number_mark || column == kind.columns) {
          folded += c;
          continue;
        }
        const std::uint64_t cell = row.cells[column];
        if ((cell & set_mark) != 0)
          folded += sets_.name(static_cast<NameId>(cell & ~set_mark));
        else
          put_number(cell, kind.widths[column], folded);
        ++column;
      }
    }
    return folded;
  }

  NameTable shapes_;
  std::vector<std::array<std::uint32_t, most_columns>>
      padded_;  // by shape and column: bit w is set if padded to w digits
  NameTable kinds_by_text_;
  std::vector<Kind> kinds_;
  NameTable sets_;
  std::vector<std::uint64_t> first_of_sets_;
  std::vector<Row> rows_;
  Kind kind_;
  std::string text_;
};

template <class Text>
std::string fold_all(std::span<const Text> names) {
  Folder folder(names.size());
  for (const std::string_view name : names) folder.learn(name, cut(name));
  for (const std::string_view name : names) folder.add(name, cut(name));
  return folder.take();
}

}  // namespace

std::string fold(std::span<const std::string_view> names) { return fold_all(names); }
std::string fold(std::span<const std::string> names) { return fold_all(names); }

}  // namespace fanout::inventory
