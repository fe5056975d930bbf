// --output merge: each output once, whoever has printed it, the largest group first.

#include <memory>

#include "group_form.hpp"

namespace fanout::report {

using core::Result;
using core::Stream;

namespace {

class MergeForm final : public GroupForm {
public:
  using GroupForm::GroupForm;

private:
  Result<void> print(Stream stream) override {
    auto printed =
        print_each(tools().output, groups(stream).sorted(), [&](const OutputGroup *group) {
          return group->is_silent() ? Result<void>() : print_whole(stream, *group);
        });
    if (stream == Stream::out) print_silent();
    return printed;
  }
};

}  // namespace

std::unique_ptr<Form> make_merge_form(const FormTools &tools) {
  return std::make_unique<MergeForm>(tools);
}

}  // namespace fanout::report
