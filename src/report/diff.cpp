// --output diff: one output whole, which is that of most hosts or what the user has named, and of the others what differs
// from it. What is hard: outputs can be large, binary, or cut, and then still everybody has to learn that they differ.

#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "fanout/console/sanitize.hpp"
#include "group_form.hpp"
#include "identity.hpp"
#include "mask.hpp"
#include "pen.hpp"
#include "sizes.hpp"
#include "unified_diff.hpp"

namespace fanout::report {

using console::Style;
using core::Result;
using core::Stream;

namespace {

// What the groups of one stream are compared with.
struct Against {
  const OutputGroup *group = nullptr;  // null: nobody has printed it
  std::string name;
  std::uint64_t bytes = 0;
  bool is_cut = false;
  std::unique_ptr<DiffBase> base;  // null: it cannot be compared line by line
};

Style style_of(DiffLine::Kind kind) {
  switch (kind) {
    case DiffLine::Kind::place: return Style::place;
    case DiffLine::Kind::removed: return Style::removed;
    case DiffLine::Kind::added: return Style::added;
    case DiffLine::Kind::same:
    case DiffLine::Kind::remark: break;
  }
  return Style::dim;
}

bool is_painted(DiffLine::Kind kind) {
  return kind != DiffLine::Kind::same && kind != DiffLine::Kind::remark;
}

class DiffForm final : public GroupForm {
public:
  using GroupForm::GroupForm;

private:
  void all_ended() override {
    const auto &reference = tools().options.reference;
    if (!reference || !reference->host) return;
    if (has_compared(*reference->host))
      against_host_ = *reference->host;
    else
      say(
          fmt::format("fanout: --diff-against {}: it has no output to compare with; compared with "
                      "the largest group\n",
                      console::safe_line(reference->name)));
  }

  Result<void> print(Stream stream) override {
    Result<void> result;
    auto found = find_against(stream);
    if (!found) result = core::fail(found.error());
    const Against against = found ? *std::move(found) : Against();
    // Nothing to compare with: the others are shown as they are.
    const bool compares = against.bytes > 0;
    if (compares && against.group != nullptr) result = print_whole(stream, *against.group);
    auto others =
        print_each(tools().output, groups(stream).sorted(), [&](const OutputGroup *group) {
          if (group == against.group) return Result<void>();
          if (compares) return print_diff(stream, against, *group);
          return group->is_silent() ? Result<void>() : print_whole(stream, *group);
        });
    if (stream == Stream::out && !compares) print_silent();
    return result ? std::move(others) : std::move(result);
  }

  [[nodiscard]] Result<Against> find_against(Stream stream) const {
    const auto &reference = tools().options.reference;
    if (reference && !reference->host && stream == Stream::out) return file_to_compare(*reference);
    const OutputGroup *group =
        against_host_ ? groups(stream).find(*against_host_) : groups(stream).largest_comparable();
    Against against;
    if (group == nullptr) return against;
    against.group = group;
    against.name = name_of(group->hosts);
    against.bytes = group->bytes();
    against.is_cut = group->missing_bytes > 0;
    TRY_ASSIGN(std::optional<std::string> text, lines_of(*group));
    if (text) against.base = std::make_unique<DiffBase>(std::move(*text));
    return against;
  }

  [[nodiscard]] Against file_to_compare(const Reference &reference) const {
    const core::Masking &masking = tools().options.masking;
    Against against;
    against.group = groups(Stream::out).find(tools().identities.of_reference());
    against.name = console::safe_line(reference.name);
    against.bytes = reference.text.size();
    std::string text = masking.any() ? mask(masking, core::Host(), reference.text) : reference.text;
    if (can_be_diffed(text)) against.base = std::make_unique<DiffBase>(std::move(text));
    return against;
  }

  // Nothing when they cannot be compared, or were not kept.
  [[nodiscard]] Result<std::optional<std::string>> lines_of(const OutputGroup &group) const {
    const bool is_lost = group.text->empty() && group.missing_bytes > 0;
    if (is_lost || group.text->size() > longest_diffed_text) return std::nullopt;
    TRY_ASSIGN(std::string text, whole_text(group));
    if (!can_be_diffed(text)) return std::nullopt;
    return text;
  }

  Result<void> print_diff(Stream stream, const Against &against, const OutputGroup &group) const {
    std::optional<std::string> text;
    if (against.base) {
      TRY_ASSIGN(text, lines_of(group));
    }
    console::Output::Block block(tools().output);
    // Lines are made safe one by one: what is around them is ours.
    Pen pen(block, stream, false);
    pen.own(header(stream, group));
    if (!text)
      pen.own(describe_difference(against, group, ", and are not compared line by line"));
    else if (against.base->text() == *text)
      pen.own(describe_difference(against, group, " beyond what was kept"));
    else
      TRY(print_lines(stream, against, group, *text, pen));
    if (text && against.base->text() != *text && (against.is_cut || group.missing_bytes > 0))
      pen.own(describe_difference(against, group, ", and were compared as far as they were kept"));
    return pen.lift();
  }

  Result<void> print_lines(Stream stream, const Against &against, const OutputGroup &group,
                           std::string_view text, Pen &pen) const {
    const console::Colors &colors = tools().colors(stream);
    pen.own(colors.paint(Style::removed, fmt::format("--- {}\n", against.name)));
    pen.own(colors.paint(Style::added, fmt::format("+++ {}\n", name_of(group.hosts))));
    const bool sanitises = tools().sanitises(stream);
    return against.base->compare(text, [&](const DiffLine &line) -> Result<void> {
      const std::string shown = sanitises ? console::safe_text(line.text) : std::string(line.text);
      return pen.remote((is_painted(line.kind) ? colors.paint(style_of(line.kind), shown) : shown) +
                        "\n");
    });
  }

  [[nodiscard]] std::string describe_difference(const Against &against, const OutputGroup &group,
                                                std::string_view how) const {
    return fmt::format("[fanout: {} and {} differ{}: {} and {}]\n", name_of(group.hosts),
                       against.name, how, describe_bytes(group.bytes()),
                       describe_bytes(against.bytes));
  }

  std::optional<core::HostIndex> against_host_;
};

}  // namespace

std::unique_ptr<Form> make_diff_form(const FormTools &tools) {
  return std::make_unique<DiffForm>(tools);
}

}  // namespace fanout::report
