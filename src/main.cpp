#include <csignal>
#include <variant>

#include "fanout/cli/parse.hpp"
#include "fanout/console/lock.hpp"
#include "fanout/console/output.hpp"
#include "fanout/core/exit_code.hpp"
#include "fanout/ssh/session.hpp"
#include "fanout/sys/process.hpp"
#include "run.hpp"

namespace {

using namespace fanout;

constexpr int usage = static_cast<int>(core::ExitCode::usage);

// For texts that come before there is a run, and so before anybody else could write.
int print(core::Stream stream, const std::string &text, int exit_code) {
  auto lock = console::Lock::create();
  if (!lock) return static_cast<int>(core::ExitCode::internal);
  auto output = console::Output::standard(*lock);
  return output.write(stream, text) ? exit_code : static_cast<int>(core::ExitCode::internal);
}

int act_on(const cli::Options &options) {
  switch (options.command) {
    case cli::Command::exec: return run_exec(options);
    case cli::Command::hosts: return run_hosts(options);
  }
  return usage;
}

}  // namespace

int main(int argc, char **argv) {
  if (!sys::open_missing_standard_descriptors()) return static_cast<int>(core::ExitCode::internal);
  std::signal(SIGPIPE, SIG_IGN);
  sys::remember_command_line(argc, argv);
  const auto parsed = cli::parse(argc, argv);
  if (!parsed)
    return print(core::Stream::err,
                 "fanout: " + parsed.error().message + "\n" + cli::hint(argc, argv) + "\n", usage);
  if (const auto *help = std::get_if<cli::Help>(&*parsed))
    return print(help->asked_for ? core::Stream::out : core::Stream::err, help->text,
                 help->asked_for ? 0 : usage);
  if (std::holds_alternative<cli::Version>(*parsed))
    return print(core::Stream::out,
                 cli::version_text(ssh::library_version(), ssh::crypto_version()), 0);
  return act_on(std::get<cli::Options>(*parsed));
}
