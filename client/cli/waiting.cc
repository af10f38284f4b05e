#include "client/cli/waiting.h"

#include <chrono>

#include "client/cli/command_error.h"
#include "client/cli/duration.h"
#include "client/cli/job_json.h"
#include "client/cli/job_view.h"
#include "client/cli/text.h"

namespace pawl::cli {
namespace {

using namespace std::chrono_literals;

// A wait without an end is made of these, since every call has one.
constexpr Milliseconds kRound = 24h;

JobStatus wait(Client& client, const JobId& id, std::optional<Milliseconds> timeout) {
  if (timeout) return client.wait(id, *timeout);
  JobStatus job = client.wait(id, kRound);
  while (!is_final(job.state)) job = client.wait(id, kRound);
  return job;
}

}  // namespace

ExitCode wait_and_print(Client& client, const App& app, const JobId& id,
                        std::optional<Milliseconds> timeout) {
  const JobStatus job = wait(client, id, timeout);
  const Output out(app.format);
  if (out.for_programs()) out.print(job_json(job));
  if (job.state == JobState::completed) {
    if (!out.for_programs()) out.print_bytes(job.result);
    return ExitCode::done;
  }
  if (!is_final(job.state)) {
    throw CommandError(
        ExitCode::deadline,
        one_line(state_sentence(job)) + " after " + duration_text(timeout.value_or(kRound)),
        "wait on with `pawl job wait " + id.to_string() + "`")
        .set_code("deadline");
  }
  throw CommandError(ExitCode::failed, one_line(state_sentence(job)),
                     "see its attempts with `pawl job get " + id.to_string() + "`")
      .set_code(std::string(name_of(job.state)));
}

}  // namespace pawl::cli
