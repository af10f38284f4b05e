#include "tests/e2e/crash_load.h"

#include <fmt/format.h>

namespace pawl::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Fate = E2eHistory::Fate;

constexpr seconds kPatience{60};
constexpr std::size_t kBulkBytes = 24 << 10;

struct Kind {
  const char* type;
  Fate fate;
  Options options;
};

Options in_main() {
  return Options().queue("main");
}

// The jobs of each batch.
std::vector<Kind> kinds() {
  const Fate once{.state = "failed", .runs_min = 0, .runs_max = 1};
  const Fate never{.state = "cancelled", .runs_min = 0, .runs_max = 0};
  const Fate brief{.after = Fate::After::forgotten};
  return {
      {"note", {}, in_main()},
      {"note", {}, in_main()},
      {"bulk", {}, in_main()},
      {"late", {}, in_main().delay(milliseconds(30))},
      {"shaky", {.runs_min = 2}, in_main().backoff(milliseconds(5), milliseconds(50))},
      {"doomed", once, in_main().max_attempts(1)},
      {"unwanted", never, in_main().delay(std::chrono::hours(1))},
      {"brief", brief, Options().queue("brief").retention(seconds(1))},
  };
}

void run_job(E2eHistory& history, Context& job) {
  history.began(job.payload(), job.id().to_string(), job.fencing_token());
  const std::string type = job.type();
  history.ended(job.payload(), job.fencing_token());
  if (type == "doomed" || (type == "shaky" && job.attempt() == 1)) {
    throw Fail("planned", "it was to fail");
  }
}

}  // namespace

CrashLoad::CrashLoad(const Site& site) : site_(site) {
  for (const char* name : {"a", "b", "c"}) {
    producers_.push_back(std::async(std::launch::async, [this, name] { produce(name); }));
  }
  workers_.push_back(start_worker());
  workers_.push_back(start_worker());
}

CrashLoad::~CrashLoad() {
  stop_ = true;
}

std::unique_ptr<Worker> CrashLoad::start_worker() {
  auto worker =
      std::make_unique<Worker>(WorkerOptions().connection(site_.options()).concurrency(4));
  worker->queue("main").queue("brief");
  for (const char* type : {"note", "bulk", "late", "shaky", "doomed", "unwanted", "brief"}) {
    worker->on(type, [this](Context& job) { run_job(history_, job); });
  }
  worker->start();
  return worker;
}

void CrashLoad::produce(const std::string& name) {
  Client client(site_.options().call_deadline(kPatience));
  for (std::size_t batch = 0; !stop_.load(); ++batch) {
    produce_batch(client, fmt::format("{}.{}", name, batch));
  }
}

// The client sends again what a crash left unanswered.
void CrashLoad::produce_batch(Client& client, const std::string& name) {
  std::vector<Job> jobs;
  for (const Kind& kind : kinds()) {
    std::string payload = fmt::format("{}.{}", name, jobs.size());
    if (std::string_view(kind.type) == "bulk") payload.resize(kBulkBytes, '.');
    history_.attempted(payload, kind.fate);
    jobs.emplace_back(kind.type, std::move(payload), kind.options);
  }
  const std::vector<Enqueued> answers = client.enqueue_many(jobs);
  std::vector<JobId> unwanted;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (!answers[i].accepted()) continue;
    history_.accepted(jobs[i].payload, answers[i].id.to_string());
    if (jobs[i].type == "unwanted") unwanted.push_back(answers[i].id);
  }
  client.cancel_many(unwanted);
  // The next one after some of these have been run, so that the backlog stays small.
  client.wait(answers.front().id, kPatience);
}

void CrashLoad::look(Client& client) {
  std::vector<JobId> ids;
  for (const std::string& job : history_.accepted_jobs()) ids.push_back(*JobId::parse(job));
  for (const JobStatus& job : client.get_many(ids, View::full)) {
    if (job.found()) {
      history_.seen(job.job->payload, job.id.to_string(), name_of(job.state));
    } else {
      history_.missed(job.id.to_string());
    }
  }
}

std::vector<std::string> CrashLoad::finish(Client& client) {
  stop_ = true;
  for (auto& producer : producers_) producer.get();
  for (const std::string& job : history_.accepted_jobs()) {
    (void)client.try_wait(*JobId::parse(job), kPatience, View::status);
  }
  look(client);
  std::vector<std::string> wrong = history_.verdict();
  compare_counts(client, wrong);
  for (const auto& worker : workers_) {
    if (!worker->stop(seconds(5))) wrong.emplace_back("a worker does not stop");
  }
  return wrong;
}

void CrashLoad::compare_counts(Client& client, std::vector<std::string>& wrong) {
  const auto all = client.queue_stats(std::vector<std::string>{"main"});
  if (all.size() != 1) return wrong.emplace_back("the queue is gone"), void();
  const QueueStats& counts = all.front();
  const auto compare = [&](std::string_view state, std::uint64_t counted) {
    const std::size_t expected = history_.accepted_with_fate(state);
    if (counted == expected) return;
    wrong.push_back(fmt::format("{} jobs are counted as {} and not {}", counted, state, expected));
  };
  compare("completed", counts.completed);
  compare("failed", counts.failed);
  compare("cancelled", counts.cancelled);
  const auto left = counts.scheduled + counts.pending + counts.processing + counts.retrying;
  if (left != 0) wrong.push_back(fmt::format("{} jobs are counted as not ended", left));
}

}  // namespace pawl::test
