// fanout exec: one command on every host.

#include <utility>

#include <fmt/format.h>

#include "dispatch.hpp"
#include "display.hpp"
#include "fanout/plan/placeholders.hpp"
#include "logins.hpp"
#include "run.hpp"
#include "surroundings.hpp"

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
        display_(options, contact),
        logins_(options, contact,
                [this](HostIndex host, std::string text) {
                  static_cast<void>(display_.observe(core::Noted{host, std::move(text)}));
                }),
        dispatch_(contact.dispatch(
            options,
            {[this](HostIndex host) { return make_job(host); },
             [this](const core::Event &event) { return observe(event); },
             [this] { return display_.running_text(); }, [this] { logins_.heed_key_holder(); },
             [this](core::Event &event) {
               if (auto *ended = std::get_if<core::Ended>(&event))
                 *ended = logins_.close(std::move(*ended));
               return true;
             },
             [this](core::TimePoint now) { return display_.refresh(now); }})),
        output_(contact.output) {}

  int run() {
    if (const auto opened = display_.open(dispatch_); !opened)
      return report_error(output_, opened.error());
    dispatch_.run();
    return display_.close();
  }

private:
  Result<pool::Job> make_job(HostIndex host);
  Result<void> observe(const core::Event &event);

  const cli::Options &options_;
  Prepared &prepared_;
  Display display_;
  Logins logins_;
  Dispatch dispatch_;
  console::Output &output_;
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
  return display_.observe(event);
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
