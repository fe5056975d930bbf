// Shows what a selection means. Contacts nobody.

#include "fanout/console/lock.hpp"
#include "fanout/console/output.hpp"
#include "fanout/console/sanitize.hpp"
#include "fanout/core/exit_code.hpp"
#include "fanout/inventory/listing.hpp"
#include "run.hpp"
#include "surroundings.hpp"

namespace fanout {

using core::Result;

int run_hosts(const cli::Options &options) {
  auto lock = console::Lock::create();
  if (!lock) return give_up(lock.error());
  console::Output output = console::Output::standard(*lock);
  SelectionRemarks remarks;
  const auto list = [&]() -> Result<std::string> {
    const User user = current_user();
    TRY_ASSIGN(const inventory::Inventory known, load_inventory(options, user));
    const auto sources = sources_for(user, remarks);
    TRY_ASSIGN(const auto choices,
               inventory::choose(known, options.selection, options.overrides, sources));
    // A share without hosts; what else is empty is an error.
    if (choices.empty()) return std::string();
    switch (options.listing) {
      case cli::ListingForm::fold: return inventory::format_fold(choices);
      case cli::ListingForm::expand: return inventory::format_expand(choices);
      case cli::ListingForm::effective:
        return inventory::format_effective(
            inventory::explain(known, choices, options.overrides, sources));
      case cli::ListingForm::json: break;
    }
    return inventory::format_json(inventory::resolve(known, choices, options.overrides, sources));
  };
  const auto text = list();
  for (const std::string &note : remarks.notes) say(output, note);
  if (!text) return report_error(output, text.error());
  // Values of settings are as the inventory has them.
  const std::string shown =
      output.is_terminal(core::Stream::out) ? console::safe_text(*text) : *text;
  if (auto written = output.write(core::Stream::out, shown); !written)
    return report_error(output, written.error());
  return 0;
}

}  // namespace fanout
