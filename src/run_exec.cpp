// fanout exec: one command on every host.

#include <utility>

#include <fmt/format.h>

#include "dispatch.hpp"
#include "fanout/plan/placeholders.hpp"
#include "fanout/report/report.hpp"
#include "logins.hpp"
#include "report_options.hpp"
#include "run.hpp"

namespace fanout {

using core::ErrorKind;
using core::fail;
using core::Host;
using core::HostIndex;
using core::Result;

namespace {

// Before the first host is contacted, because it would be a mistake of the command line for some of them only.
Result<void> refuse_long_commands(const core::Task &task, const std::vector<Host> &hosts) {
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const std::size_t size =
        plan::fill_placeholders(task.command, hosts[i], i, hosts.size()).size();
    if (size > core::max_command_bytes)
      return fail(
          ErrorKind::usage,
          fmt::format(
              "{}: COMMAND has {} bytes with its placeholders filled in, at most {} can be sent",
              hosts[i].name, size, core::max_command_bytes));
  }
  return {};
}

class ExecRun {
public:
  ExecRun(const cli::Options &options, const Contact &contact)
      : options_(options),
        prepared_(contact.prepared),
        report_(report_options(options), prepared_.hosts, contact.output, fold_names),
        logins_(options, contact,
                [this](HostIndex host, std::string text) {
                  static_cast<void>(report_.observe(core::Noted{host, std::move(text)}));
                }),
        dispatch_(contact.dispatch(
            options,
            {[this](HostIndex host) { return make_job(host); },
             [this](const core::Event &event) { return observe(event); },
             [this] { return report_.running_text(); }, [this] { logins_.heed_key_holder(); },
             [this](core::Event &event) {
               if (auto *ended = std::get_if<core::Ended>(&event))
                 *ended = logins_.close(std::move(*ended));
               return true;
             }})) {}

  int run() {
    dispatch_.run();
    static_cast<void>(report_.finish(dispatch_.elapsed(), dispatch_.why_halted()));
    return exit_code_of(options_, report_.outcomes(), dispatch_,
                        report_.local_failure().has_value());
  }

private:
  Result<pool::Job> make_job(HostIndex host);
  Result<void> observe(const core::Event &event);

  const cli::Options &options_;
  Prepared &prepared_;
  report::Report report_;
  Logins logins_;
  Dispatch dispatch_;
};

Result<pool::Job> ExecRun::make_job(HostIndex index) {
  TRY_ASSIGN(Logins::Opened opened, logins_.open(index));
  worker::JobCard &card = opened.card;
  card.stall_timeout = options_.task.stall_timeout;
  card.command = plan::fill_placeholders(options_.task.command, prepared_.hosts[index], index,
                                         prepared_.hosts.size());
  pool::Job job;
  job.host = index;
  job.limits = {card.connect_timeout, card.timeout, card.stop_grace};
  job.card = worker::encode(card);
  job.handed_down.push_back(std::move(opened.slot));
  return job;
}

Result<void> ExecRun::observe(const core::Event &event) {
  if (const auto *offered = std::get_if<core::HostKeyOffered>(&event)) logins_.answer(*offered);
  return report_.observe(event);
}

}  // namespace

int run_exec(const cli::Options &options, pool::Spawner &spawner) {
  LoginCommand command;
  command.check = [&options](const std::vector<Host> &hosts) {
    return refuse_long_commands(options.task, hosts);
  };
  command.run = [&options](const Contact &contact) { return ExecRun(options, contact).run(); };
  return run_with_logins(options, spawner, command);
}

}  // namespace fanout
