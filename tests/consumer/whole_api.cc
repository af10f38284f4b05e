// Names every function of the public headers that the library has to have. It is linked, never run.
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include <pawl/client.h>
#include <pawl/exec.h>
#include <pawl/worker.h>

namespace {

const auto ignore = [](const auto&) {};

void enqueue(pawl::Client& client, std::span<const pawl::Job> jobs) {
  const pawl::Options options;
  const pawl::Deadline deadline;
  client.enqueue("type", "payload");
  ignore(client.try_enqueue("type", "payload"));
  client.future_enqueue("type", "payload").get();
  client.async_enqueue("type", "payload", options, deadline, ignore);
  client.enqueue_many(jobs);
  ignore(client.try_enqueue_many(jobs));
  client.future_enqueue_many(jobs).get();
  client.async_enqueue_many(jobs, pawl::BatchMode::per_job, deadline, ignore);
}

void look(pawl::Client& client, const pawl::JobId& id, std::span<const pawl::JobId> ids) {
  const pawl::Deadline deadline;
  const pawl::Milliseconds timeout(1);
  client.get(id);
  ignore(client.try_get(id));
  client.future_get(id).get();
  client.async_get(id, pawl::View::full, deadline, ignore);
  client.get_many(ids);
  ignore(client.try_get_many(ids));
  client.future_get_many(ids).get();
  client.async_get_many(ids, pawl::View::full, deadline, ignore);
  client.wait(id, timeout);
  ignore(client.try_wait(id, timeout));
  client.future_wait(id, timeout).get();
  client.async_wait(id, timeout, pawl::View::full, ignore);
}

void cancel(pawl::Client& client, const pawl::JobId& id, std::span<const pawl::JobId> ids) {
  const pawl::Deadline deadline;
  client.cancel(id);
  ignore(client.try_cancel(id));
  client.future_cancel(id).get();
  client.async_cancel(id, deadline, ignore);
  client.cancel_many(ids);
  ignore(client.try_cancel_many(ids));
  client.future_cancel_many(ids).get();
  client.async_cancel_many(ids, deadline, ignore);
}

void list(pawl::Client& client, const pawl::ListQuery& query) {
  const pawl::Deadline deadline;
  client.list(query);
  ignore(client.try_list(query));
  client.future_list(query).get();
  client.async_list(query, deadline, ignore);
  for (const pawl::JobStatus& job : client.list_all(query)) ignore(job);
  client.queue_stats();
  ignore(client.try_queue_stats());
  client.future_queue_stats().get();
  client.async_queue_stats({}, {}, deadline, ignore);
  client.ping();
  ignore(client.try_ping());
  client.future_ping().get();
  client.async_ping(deadline, ignore);
  client.drain(pawl::Milliseconds(1));
}

void name_all(const pawl::JobStatus& job) {
  ignore(pawl::name_of(job.code));
  ignore(pawl::name_of(job.state));
  ignore(pawl::name_of(pawl::Failure::Cause{}));
  ignore(pawl::name_of(pawl::Attempt::End{}));
  ignore(pawl::name_of(pawl::StopReason::none));
  ignore(pawl::parse_state("pending"));
  ignore(pawl::JobId::parse(job.id.to_string()));
  ignore(job.id.time());
}

void run(pawl::Context& job) {
  ignore(job.id());
  ignore(job.type());
  ignore(job.queue());
  ignore(job.attempt());
  ignore(job.fencing_token());
  ignore(job.payload());
  ignore(job.content_type());
  ignore(job.schema_version());
  ignore(job.headers());
  ignore(job.tags());
  ignore(job.header("name"));
  ignore(job.accepted_at());
  ignore(job.worker_id());
  ignore(job.deadline());
  ignore(job.stop_token());
  ignore(job.stop_requested());
  ignore(job.stop_reason());
  ignore(job.lease());
  job.log("text");
  if (job.attempt() == 1) throw pawl::Release();
  throw pawl::Fail("class", "message");
}

void work() {
  pawl::Worker by_url("pawl://127.0.0.1");
  pawl::Worker worker((pawl::WorkerOptions()));
  worker.queue("queue").concurrency(2);
  worker.on("type", run);
  worker.default_handler(pawl::exec_handler(pawl::ExecOptions({"true"})));
  worker.start();
  worker.stop(pawl::Milliseconds(1));
  worker.run_until_signal();
  ignore(worker.failure());
}

}  // namespace

int main(int arguments, char**) {
  if (arguments < 1000) return 0;
  pawl::Client by_url("pawl://127.0.0.1");
  pawl::Client client((pawl::ClientOptions()));
  enqueue(client, {});
  look(client, pawl::JobId(), {});
  cancel(client, pawl::JobId(), {});
  list(client, pawl::ListQuery());
  name_all(pawl::JobStatus());
  work();
}
