// From argv to the command that it names.

#include "program.hpp"

#include <csignal>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "fanout/cli/parse.hpp"
#include "fanout/console/lock.hpp"
#include "fanout/console/output.hpp"
#include "fanout/core/exit_code.hpp"
#include "fanout/sandbox/limits.hpp"
#include "fanout/ssh/session.hpp"
#include "fanout/sys/process.hpp"
#include "fanout/sys/signals.hpp"
#include "run.hpp"
#include "surroundings.hpp"

namespace fanout {

namespace {

constexpr int usage = static_cast<int>(core::ExitCode::usage);
constexpr int internal = static_cast<int>(core::ExitCode::internal);

// For texts that come before there is a run, and so before anybody else could write.
int print(core::Stream stream, const std::string &text, int exit_code) {
  auto lock = console::Lock::create();
  if (!lock) return give_up(lock.error());
  auto output = console::Output::standard(*lock);
  return output.write(stream, text) ? exit_code : internal;
}

int act_on(const cli::Options &options, std::optional<pool::Spawner> &spawner) {
  const auto no_spawner = [] {
    return give_up({core::ErrorKind::internal, "no spawner for a command that contacts hosts"});
  };
  switch (options.command) {
    case cli::Command::exec: return spawner ? run_exec(options, *spawner) : no_spawner();
    case cli::Command::put: return spawner ? run_put(options, *spawner) : no_spawner();
    case cli::Command::get: return spawner ? run_get(options, *spawner) : no_spawner();
    case cli::Command::trust: return spawner ? run_trust(options, *spawner) : no_spawner();
    case cli::Command::hosts: return run_hosts(options);
    case cli::Command::report: return run_report(options);
  }
  return usage;
}

int run(int argc, char **argv, pool::Spawner::Program workers) {
  // They mean something to a run; one that comes before there is one must not end the program.
  sys::hold_back({SIGUSR1, SIGUSR2});
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on files is a write that fails, like a full disk
  if (auto opened = sys::open_missing_standard_descriptors(); !opened)
    return give_up(opened.error());
  // Every command may come to hold passwords, if only those of hosts.ini; the spawner is born with it.
  if (auto hidden = sandbox::hide_memory(); !hidden) return give_up(hidden.error());
  sys::remember_command_line(argc, argv);
  std::optional<pool::Spawner> spawner;
  // Before the command line is taken apart, because the spawner must not have it in its memory.
  if (cli::contacts_hosts(argc, argv)) {
    auto started = pool::Spawner::start(std::move(workers));
    if (!started) return give_up(started.error());
    spawner.emplace(*std::move(started));
  }
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
  return act_on(std::get<cli::Options>(*parsed), spawner);
}

}  // namespace

int run_program(int argc, char **argv, pool::Spawner::Program workers) {
  try {
    return run(argc, argv, std::move(workers));
  } catch (const std::bad_alloc &) {
    // Everything that this had reserved is free again here, workers and key holder have ended with their owners.
    return print(core::Stream::err, "fanout: out of memory\n", internal);
  }
}

}  // namespace fanout
