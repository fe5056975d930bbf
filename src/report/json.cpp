// --output json: when a host has ended, its record is printed as one line. What is hard: text of a host may be large and need not be UTF-8, and is never in memory as a whole. So it is looked through once, to choose between
// text and Base64, and copied once; only what is around it is made by the library at one go.

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "fanout/core/base64.hpp"
#include "form.hpp"
#include "json_text.hpp"
#include "pen.hpp"
#include "record.hpp"
#include "transfer.hpp"

namespace fanout::report {

using core::HostIndex;
using core::Outcome;
using core::Result;
using core::Stream;

namespace {

class JsonForm final : public Form {
public:
  explicit JsonForm(const FormTools &tools) : tools_(tools) {}

  Result<void> ended(HostIndex host, const Outcome &outcome, Printed &printed) override {
    return print(host, outcome, printed);
  }

private:
  // A failure to read back ends the text, never the line: what follows it says that the text is not whole.
  Result<void> print(HostIndex host, const Outcome &outcome, const Printed &printed) {
    if (tools_.output.failure(Stream::out)) return {};
    console::Output::Block block(tools_.output);
    Pen pen(block, Stream::out, false);
    std::string head = dump(record_head(tools_.hosts[host], outcome, tools_.started_at(host)));
    head.pop_back();
    pen.own(head);
    auto copied = copy("stdout", printed.out.text, pen);
    if (auto other = copy("stderr", printed.err.text, pen); copied) copied = std::move(other);
    const std::string tail =
        dump(record_tail(outcome, copied.has_value(), is_transfer(tools_.options.task)));
    pen.own("," + tail.substr(1) + "\n");
    auto lifted = pen.lift();
    // What became of the stream itself is told by the output.
    if (tools_.output.failure(Stream::out)) return {};
    return copied ? std::move(lifted) : std::move(copied);
  }

  // On a terminal nothing above ASCII either: there is more there than one can see.
  [[nodiscard]] std::string dump(const Json &json) const {
    return json.dump(-1, ' ', tools_.output.is_terminal(Stream::out),
                     Json::error_handler_t::replace);
  }

  Result<void> copy(std::string_view key, const HeldText &text, Pen &pen) const {
    const bool is_text = text_is_utf8(text);
    pen.own(fmt::format(",\"{}{}\":\"", key, is_text ? "" : "_base64"));
    std::string
        rest;  // what is not a whole character, or not three bytes, waits for the next piece
    auto copied = text.each_piece([&](std::string_view piece) -> Result<void> {
      rest += piece;
      const std::size_t ready = is_text ? whole_characters(rest) : rest.size() / 3 * 3;
      const std::string_view whole = std::string_view(rest).substr(0, ready);
      if (is_text) {
        const std::string quoted = dump(Json(whole));
        TRY(pen.remote(std::string_view(quoted).substr(1, quoted.size() - 2)));
      } else {
        TRY(pen.remote(core::encode_base64(whole)));
      }
      rest.erase(0, ready);
      return {};
    });
    if (copied && !is_text && !rest.empty()) copied = pen.remote(core::encode_base64(rest));
    pen.own("\"");
    return copied;
  }

  static bool text_is_utf8(const HeldText &text) {
    std::string rest;
    bool good = true;
    const auto read = text.each_piece([&](std::string_view piece) -> Result<void> {
      rest += piece;
      const std::size_t ready = whole_characters(rest);
      good = good && is_utf8(std::string_view(rest).substr(0, ready));
      rest.erase(0, ready);
      return {};
    });
    // What cannot be read is told of when it is copied.
    return read && good && rest.empty();
  }

  FormTools tools_;
};

}  // namespace

std::unique_ptr<Form> make_json_form(const FormTools &tools) {
  return std::make_unique<JsonForm>(tools);
}

}  // namespace fanout::report
