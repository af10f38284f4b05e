#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include <boost/json/array.hpp>

#include "client/cli/app.h"
#include "client/cli/base64.h"
#include "client/cli/command_error.h"
#include "client/cli/job_json.h"
#include "client/cli/job_view.h"
#include "client/cli/waiting.h"

namespace pawl::cli {
namespace {

std::vector<JobId> job_ids_of(const std::vector<std::string>& texts) {
  std::vector<JobId> ids;
  for (const std::string& text : texts) ids.push_back(job_id_of(text));
  return ids;
}

CommandError not_found(const JobId& id) {
  return command_error_of(Error(Errc::not_found, "there is no job " + id.to_string()), {});
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
  std::erase_if(jobs, [](const JobStatus& job) { return !job.found(); });

  const bool one = ids.size() == 1;
  if (!one || all_found) print_found(Output(app.format), jobs, one);
  if (!all_found) throw not_found(first_missing);
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
    if (verdicts[i].code == Errc::not_found) throw not_found(ids[i]);
    if (verdicts[i].code != Errc::ok) {
      throw command_error_of(Error(verdicts[i].code, "not cancelled: " + ids[i].to_string()), {});
    }
    const JobState state = verdicts[i].state;
    if (state != JobState::cancelled && is_final(state)) {
      throw CommandError(ExitCode::conflict, "too late: job " + ids[i].to_string() + " is " +
                                                 std::string(name_of(state)))
          .set_code("conflict");
    }
  }
  return ExitCode::done;
}

struct ListArguments {
  std::string queue = "default";
  std::string state;
  std::string type;
  std::string cursor;
  std::size_t limit = 100;
  bool all = false;
};

// In the order of a job's life; what a broker does not know yet cannot be listed.
constexpr std::array<JobState, 7> kListedStates = {
    JobState::scheduled, JobState::pending, JobState::processing, JobState::retrying,
    JobState::completed, JobState::failed,  JobState::cancelled};

// Prints pages as they come, so that a long list needs no memory: but one JSON object at the end.
class Listing {
 public:
  Listing(const App& app, const ListArguments& arguments)
      : arguments_(arguments), client_(app.connect()), out_(app.format) {}

  void walk(JobState state) {
    std::string cursor = base64_decode(arguments_.cursor).value_or("");
    do {
      ListQuery query(arguments_.queue, state);
      query.type(arguments_.type).limit(page_limit()).cursor(std::move(cursor));
      JobPage page = client_->list(query);
      add(std::move(page.jobs));
      cursor = std::move(page.next_cursor);
    } while (!cursor.empty() && !full());
    next_cursor_ = cursor;
  }

  bool full() const { return !arguments_.all && listed_ >= arguments_.limit; }

  void finish() {
    if (out_.format() == Format::jsonl) return;
    if (out_.for_programs()) {
      boost::json::object object{{"jobs", std::move(elements_)}};
      if (!next_cursor_.empty()) object["next_cursor"] = base64_encode(next_cursor_);
      return out_.print(object);
    }
    if (out_.for_people()) out_.print(jobs_table(jobs_));
    if (out_.for_people() && full()) note("more may follow: see --limit, --all and --state");
  }

 private:
  static constexpr std::size_t kPageMax = 1000;
  static constexpr std::size_t kWholeJobsMax = 100;

  unsigned page_limit() const {
    const std::size_t left = arguments_.all ? kPageMax : arguments_.limit - listed_;
    return static_cast<unsigned>(std::min(left, kPageMax));
  }

  void add(std::vector<JobStatus> jobs) {
    listed_ += jobs.size();
    if (out_.for_programs()) return add_whole(jobs);
    if (!out_.for_people()) return out_.print(jobs_table(jobs));
    jobs_.insert(jobs_.end(), std::make_move_iterator(jobs.begin()),
                 std::make_move_iterator(jobs.end()));
  }

  // Programs get payloads and results too; these do not come with a list.
  void add_whole(const std::vector<JobStatus>& jobs) {
    for (std::size_t at = 0; at < jobs.size(); at += kWholeJobsMax) {
      std::vector<JobId> ids;
      for (std::size_t i = at; i < std::min(jobs.size(), at + kWholeJobsMax); ++i) {
        ids.push_back(jobs[i].id);
      }
      for (const JobStatus& job : client_->get_many(ids, View::full)) {
        if (job.found()) add_element(job_json(job));
      }
    }
  }

  void add_element(boost::json::object job) {
    if (out_.format() == Format::jsonl) {
      out_.print(job);
    } else {
      elements_.push_back(std::move(job));
    }
  }

  const ListArguments& arguments_;
  std::unique_ptr<Client> client_;
  Output out_;
  std::size_t listed_ = 0;
  std::string next_cursor_;
  std::vector<JobStatus> jobs_;
  boost::json::array elements_;
};

ExitCode list(const App& app, const ListArguments& arguments) {
  if (!arguments.cursor.empty() && arguments.state.empty()) {
    throw usage_error("--cursor needs the --state that it came from");
  }
  Listing listing(app, arguments);
  if (arguments.state.empty()) {
    for (const JobState state : kListedStates) {
      if (!listing.full()) listing.walk(state);
    }
  } else {
    const auto state = parse_state(arguments.state);
    if (!state) throw usage_error("there is no state \"" + arguments.state + "\"");
    listing.walk(*state);
  }
  listing.finish();
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

void add_list(CLI::App& job, App& app) {
  CLI::App* command = job.add_subcommand("list", "The jobs of a queue, oldest first");
  const auto arguments = std::make_shared<ListArguments>();
  command->add_option("--queue", arguments->queue, "The queue")->capture_default_str();
  command->add_option("--state", arguments->state,
                      "scheduled, pending, processing, retrying, completed, failed or cancelled; "
                      "all by default");
  command->add_option("--type", arguments->type, "Only jobs of this type");
  command->add_option("--limit", arguments->limit, "List at most so many")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->add_flag("--all", arguments->all, "List without a limit");
  command->add_option("--cursor", arguments->cursor, "Go on after an earlier list's next_cursor");
  command->callback(
      [&app, arguments] { app.chosen = [&app, arguments] { return list(app, *arguments); }; });
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
  add_list(*job, app);
  add_wait(*job, app);
  add_cancel(*job, app);
}

}  // namespace pawl::cli
