#include "client/cli/job_list.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "client/cli/base64.h"
#include "client/cli/command_error.h"
#include "client/cli/job_json.h"
#include "client/cli/job_view.h"
#include "client/cli/usage.h"

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

// Where a list goes on: in a state, after what the broker's cursor names; empty is its beginning.
struct Place {
  JobState state = JobState::scheduled;
  std::string cursor;
};

// A list's next_cursor: "pending.AAEC".
std::string text_of(const Place& place) {
  return std::string(name_of(place.state)) + "." + base64_encode(place.cursor);
}

Place place_of(const std::string& text) {
  const std::size_t dot = text.find('.');
  const auto state = parse_state(text.substr(0, dot));
  const auto cursor = dot == std::string::npos ? std::nullopt : base64_decode(text.substr(dot + 1));
  if (state && cursor) return {.state = *state, .cursor = *cursor};
  throw usage_error("--cursor: \"" + text + "\" is no list's next_cursor");
}

std::string state_names() {
  std::vector<std::string_view> names;
  for (const JobState state : kListedStates) names.push_back(name_of(state));
  return listed(names);
}

JobState state_of(const std::string& name) {
  const auto state = parse_state(name);
  const bool known =
      state && std::find(kListedStates.begin(), kListedStates.end(), *state) != kListedStates.end();
  if (known) return *state;
  throw usage_error("--state: there is no state \"" + name + "\"", state_names());
}

// The states to be listed, and where to begin in the first of them.
struct Range {
  std::span<const JobState> states;
  std::string cursor;
};

Range range_of(const ListArguments& arguments) {
  Range range{.states = kListedStates, .cursor = {}};
  const auto from = [](JobState state) {
    const auto at = std::find(kListedStates.begin(), kListedStates.end(), state);
    return std::span<const JobState>(at, kListedStates.end());
  };
  if (!arguments.state.empty()) range.states = from(state_of(arguments.state)).first(1);
  if (arguments.cursor.empty()) return range;
  Place place = place_of(arguments.cursor);
  if (!arguments.state.empty() && place.state != range.states.front()) {
    throw usage_error("--cursor goes on in the state " + std::string(name_of(place.state)) +
                          ", not in --state " + arguments.state,
                      "give the --state of the list that it came from, or none if it had none");
  }
  if (arguments.state.empty()) range.states = from(state_of(std::string(name_of(place.state))));
  range.cursor = std::move(place.cursor);
  return range;
}

// Prints pages as they come, so that a long list needs no memory: but one JSON object at the end.
class Listing {
 public:
  Listing(const App& app, const ListArguments& arguments)
      : arguments_(arguments), client_(app.connect()), out_(app.format) {}

  void walk(JobState state, std::string cursor) {
    do {
      ListQuery query(arguments_.queue, state);
      query.type(arguments_.type).limit(page_limit()).cursor(std::move(cursor));
      JobPage page = client_->list(query);
      add(std::move(page.jobs));
      cursor = std::move(page.next_cursor);
    } while (!cursor.empty() && !full());
    next_ = {.state = state, .cursor = std::move(cursor)};
  }

  // Whether the last state or one of these has a job that is not listed.
  void look_beyond(std::span<const JobState> states) {
    // A broker that stopped because a page was full does not know whether that was the last job.
    more_ = !next_.cursor.empty() && has_any(next_.state, next_.cursor);
    for (auto state = states.begin(); state != states.end() && !more_; ++state) {
      next_ = {.state = *state, .cursor = {}};
      more_ = has_any(*state, {});
    }
  }

  bool full() const { return !arguments_.all && listed_ >= arguments_.limit; }

  void finish() {
    if (out_.format() == Format::json) {
      boost::json::object object{{"jobs", std::move(elements_)}, {"truncated", more_}};
      if (more_) object["next_cursor"] = text_of(next_);
      out_.print(object);
    }
    if (out_.for_people()) out_.print(jobs_table(jobs_));
    if (more_)
      note(fmt::format("listed {} jobs, and there are more: see --limit and --all", listed_));
  }

 private:
  static constexpr std::size_t kPageMax = 1000;
  static constexpr std::size_t kWholeJobsMax = 100;

  bool has_any(JobState state, const std::string& cursor) {
    ListQuery query(arguments_.queue, state);
    query.type(arguments_.type).limit(1).cursor(cursor);
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
  Place next_;
  bool more_ = false;
  std::vector<JobStatus> jobs_;
  boost::json::array elements_;
};

ExitCode list(const App& app, const ListArguments& arguments) {
  Range range = range_of(arguments);
  Listing listing(app, arguments);
  while (!range.states.empty() && !listing.full()) {
    listing.walk(range.states.front(), std::exchange(range.cursor, {}));
    range.states = range.states.subspan(1);
  }
  listing.look_beyond(range.states);
  listing.finish();
  return ExitCode::done;
}

}  // namespace

void add_job_list(CLI::App& job, App& app) {
  CLI::App* command = job.add_subcommand("list", "The jobs of a queue, state by state");
  command->footer(kOrder);
  const auto arguments = std::make_shared<ListArguments>();
  command->add_option("--queue", arguments->queue, "The queue")->capture_default_str();
  command->add_option("--state", arguments->state, state_names() + "; all by default");
  command->add_option("--type", arguments->type, "Only jobs of this type");
  CLI::Option* limit = command->add_option("--limit", arguments->limit, "List at most so many");
  limit->capture_default_str()->check(whole_number({.least = 1}));
  command->add_flag("--all", arguments->all, "List without a limit")->excludes(limit);
  command->add_option("--cursor", arguments->cursor,
                      "Go on after an earlier list's next_cursor, which -o json has when the list "
                      "is truncated; with the same --queue, --type and --state");
  command->callback(
      [&app, arguments] { app.chosen = [&app, arguments] { return list(app, *arguments); }; });
}

}  // namespace pawl::cli
