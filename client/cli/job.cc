#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <boost/json/array.hpp>

#include "client/cli/app.h"
#include "client/cli/command_error.h"
#include "client/cli/job_json.h"
#include "client/cli/job_list.h"
#include "client/cli/job_view.h"
#include "client/cli/waiting.h"

namespace pawl::cli {
namespace {

std::vector<JobId> job_ids_of(const std::vector<std::string>& texts) {
  std::vector<JobId> ids;
  for (const std::string& text : texts) ids.push_back(job_id_of(text));
  return ids;
}

// For a job that the broker did not show, or did not cancel.
CommandError refused(const JobId& id, Errc code) {
  const std::string job = "job " + id.to_string();
  switch (code) {
    case Errc::not_found:
      return command_error_of(Error(code, "there is no " + job), {});
    case Errc::too_large:
      return command_error_of(Error(code, job + " does not fit into an answer of the broker"), {});
    default:
      return command_error_of(Error(code, "the broker refuses " + job), {});
  }
}

void print_found(const Output& out, const std::vector<JobStatus>& jobs, bool was_asked_for_one) {
  if (out.for_programs()) {
    if (was_asked_for_one && !jobs.empty()) return out.print(job_json(jobs.front()));
    boost::json::array elements;
    for (const JobStatus& job : jobs) elements.push_back(job_json(job));
    return out.print_list("jobs", std::move(elements));
  }
  if (was_asked_for_one && out.for_people() && !jobs.empty()) {
    return out.print(job_table(jobs.front()));
  }
  out.print(jobs_table(jobs));
}

ExitCode get(const App& app, const std::vector<std::string>& texts) {
  const std::vector<JobId> ids = job_ids_of(texts);
  const auto connected = app.connect();
  Client& client = *connected;
  std::vector<JobStatus> jobs = client.get_many(ids, View::full);
  const auto missing =
      std::find_if(jobs.begin(), jobs.end(), [](const JobStatus& job) { return !job.found(); });
  const bool all_found = missing == jobs.end();
  const JobId first_missing =
      all_found ? JobId() : ids[static_cast<std::size_t>(missing - jobs.begin())];
  const Errc why_missing = all_found ? Errc::ok : missing->code;
  std::erase_if(jobs, [](const JobStatus& job) { return !job.found(); });

  const bool one = ids.size() == 1;
  if (!one || all_found) print_found(Output(app.format), jobs, one);
  if (!all_found) throw refused(first_missing, why_missing);
  return ExitCode::done;
}

ExitCode cancel(const App& app, const std::vector<std::string>& texts) {
  const std::vector<JobId> ids = job_ids_of(texts);
  const auto connected = app.connect();
  Client& client = *connected;
  const std::vector<CancelVerdict> verdicts = client.cancel_many(ids);
  const Output out(app.format);
  Table table({{.title = "ID"}, {.title = "STATE"}});
  boost::json::array elements;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const bool known = verdicts[i].code == Errc::ok;
    const auto state = known ? name_of(verdicts[i].state) : name_of(verdicts[i].code);
    table.add({ids[i].to_string(), std::string(state)});
    elements.push_back({{"id", ids[i].to_string()}, {known ? "state" : "code", state}});
  }
  if (out.for_programs()) {
    out.print_list("jobs", std::move(elements));
  } else {
    out.print(table);
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (verdicts[i].code != Errc::ok) throw refused(ids[i], verdicts[i].code);
    const JobState state = verdicts[i].state;
    if (state != JobState::cancelled && is_final(state)) {
      throw CommandError(ExitCode::conflict, "too late: job " + ids[i].to_string() + " is " +
                                                 std::string(name_of(state)))
          .set_code("conflict");
    }
  }
  return ExitCode::done;
}

void add_get(CLI::App& job, App& app) {
  CLI::App* command = job.add_subcommand("get", "Everything that is known of a job");
  const auto ids = std::make_shared<std::vector<std::string>>();
  command->add_option("ID", *ids)->required();
  command->callback([&app, ids] { app.chosen = [&app, ids] { return get(app, *ids); }; });
}

void add_cancel(CLI::App& job, App& app) {
  CLI::App* command = job.add_subcommand("cancel", "Cancel waiting jobs, ask running ones to stop");
  const auto ids = std::make_shared<std::vector<std::string>>();
  command->add_option("ID", *ids)->required();
  command->callback([&app, ids] { app.chosen = [&app, ids] { return cancel(app, *ids); }; });
}

void add_wait(CLI::App& job, App& app) {
  CLI::App* command = job.add_subcommand(
      "wait", "Wait for a job's end and print its result; with --timeout not for ever");
  const auto id = std::make_shared<std::string>();
  command->add_option("ID", *id)->required();
  command->callback([&app, id] {
    app.chosen = [&app, id] {
      const JobId job_id = job_id_of(*id);
      const auto client = app.connect();
      return wait_and_print(*client, app, job_id, app.timeout);
    };
  });
}

}  // namespace

void add_job(CLI::App& grammar, App& app) {
  CLI::App* job = grammar.add_subcommand("job", "Look at jobs, wait for them, cancel them");
  job->require_subcommand(1)->footer("");
  add_get(*job, app);
  add_job_list(*job, app);
  add_wait(*job, app);
  add_cancel(*job, app);
}

}  // namespace pawl::cli
