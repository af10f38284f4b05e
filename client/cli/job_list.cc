#include "client/cli/job_list.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "client/cli/base64.h"
#include "client/cli/command_error.h"
#include "client/cli/job_json.h"
#include "client/cli/job_view.h"

namespace pawl::cli {
namespace {

constexpr const char* kOrder =
    "States come in the order of a job's life. Within its state, processing jobs come oldest "
    "first,\n"
    "pending ones too within type, priority and key; the others come by type, those of the newest\n"
    "minute first.\n";

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

std::string cursor_of(const std::string& text) {
  if (text.empty()) return {};
  const auto cursor = base64_decode(text);
  if (cursor && !cursor->empty()) return *cursor;
  throw usage_error("--cursor: \"" + text + "\" is no list's next_cursor");
}

// Prints pages as they come, so that a long list needs no memory: but one JSON object at the end.
class Listing {
 public:
  Listing(const App& app, const ListArguments& arguments)
      : arguments_(arguments), client_(app.connect()), out_(app.format) {}

  void walk(JobState state) {
    std::string cursor = cursor_of(arguments_.cursor);
    do {
      ListQuery query(arguments_.queue, state);
      query.type(arguments_.type).limit(page_limit()).cursor(std::move(cursor));
      JobPage page = client_->list(query);
      add(std::move(page.jobs));
      cursor = std::move(page.next_cursor);
    } while (!cursor.empty() && !full());
    next_cursor_ = cursor;
  }

  // Whether the states have a job that is not listed any more.
  void look_beyond(std::span<const JobState> states) {
    more_ = !next_cursor_.empty();
    for (auto state = states.begin(); state != states.end() && !more_; ++state) {
      more_ = has_any(*state);
    }
  }

  bool full() const { return !arguments_.all && listed_ >= arguments_.limit; }

  void finish() {
    if (out_.format() == Format::json) {
      boost::json::object object{{"jobs", std::move(elements_)}, {"truncated", more_}};
      // Without a state nobody can tell where to go on from it.
      const bool usable = more_ && !arguments_.state.empty();
      if (usable) object["next_cursor"] = base64_encode(next_cursor_);
      out_.print(object);
    }
    if (out_.for_people()) out_.print(jobs_table(jobs_));
    if (more_)
      note(fmt::format("listed {} jobs, and there are more: see --limit and --all", listed_));
  }

 private:
  static constexpr std::size_t kPageMax = 1000;
  static constexpr std::size_t kWholeJobsMax = 100;

  bool has_any(JobState state) {
    ListQuery query(arguments_.queue, state);
    query.type(arguments_.type).limit(1);
    JobPage page = client_->list(query);
    while (page.jobs.empty() && !page.next_cursor.empty()) {
      page = client_->list(query.cursor(page.next_cursor));
    }
    return !page.jobs.empty();
  }

  unsigned page_limit() const {
    const std::size_t left = arguments_.all ? kPageMax : arguments_.limit - listed_;
    return static_cast<unsigned>(std::min(left, kPageMax));
  }

  void add(std::vector<JobStatus> jobs) {
    listed_ += jobs.size();
    if (out_.for_programs()) return add_whole(jobs);
    if (!out_.for_people()) {
      out_.print(jobs_table(jobs));
      return out_.flush();
    }
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
      const std::vector<JobStatus> whole = client_->get_many(ids, View::full);
      for (std::size_t i = 0; i < whole.size(); ++i) {
        // One that went meanwhile, or is too large, is shown as the list has it.
        add_element(job_json(whole[i].found() ? whole[i] : jobs[at + i]));
      }
    }
    out_.flush();
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
  bool more_ = false;
  std::vector<JobStatus> jobs_;
  boost::json::array elements_;
};

ExitCode list(const App& app, const ListArguments& arguments) {
  if (!arguments.cursor.empty() && arguments.state.empty()) {
    throw usage_error("--cursor needs the --state that it came from");
  }
  static_cast<void>(cursor_of(arguments.cursor));
  std::span<const JobState> states = kListedStates;
  const auto only = parse_state(arguments.state);
  if (!arguments.state.empty()) {
    if (!only) throw usage_error("there is no state \"" + arguments.state + "\"");
    states = std::span(&*only, 1);
  }
  Listing listing(app, arguments);
  while (!states.empty() && !listing.full()) {
    listing.walk(states.front());
    states = states.subspan(1);
  }
  listing.look_beyond(states);
  listing.finish();
  return ExitCode::done;
}

}  // namespace

void add_job_list(CLI::App& job, App& app) {
  CLI::App* command = job.add_subcommand("list", "The jobs of a queue, state by state");
  command->footer(kOrder);
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

}  // namespace pawl::cli
