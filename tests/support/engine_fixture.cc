#include "tests/support/engine_fixture.h"

#include <stdexcept>

#include "broker/core/assert.h"
#include "broker/core/bytes_io.h"

namespace pawl::test {

using namespace core;

namespace {

constexpr std::uint8_t kJobTag = (15U << 3) | 2U;

std::vector<std::string> payloads_of(const Delivery& delivery) {
  std::string all;
  for (const Blob& piece : delivery.records) all.append(piece.view());
  std::vector<std::string> payloads;
  Reader reader(all);
  while (!reader.at_end()) {
    PAWL_ASSERT(reader.u8() == kJobTag);
    payloads.emplace_back(reader.str());
    PAWL_ASSERT(reader.ok());
  }
  return payloads;
}

}  // namespace

std::string job_record(const std::string& payload) {
  std::string out;
  Writer(out).u8(kJobTag).str(payload);
  return out;
}

EngineFixture::EngineFixture(Settings settings) : settings_(std::move(settings)) {
  start();
}

void EngineFixture::start() {
  const store::Owner owner = store_.acquire(0);
  epoch_ = owner.epoch;
  engine_ = std::make_unique<Engine>(settings_, EngineStart{owner.epoch, owner.last, 7}, now_);
  settle();
  PAWL_ASSERT(engine_->ready());
}

void EngineFixture::restart() {
  engine_.reset();
  store_.crash();
  replies_.clear();
  start();
}

void EngineFixture::stop_cleanly() {
  send(StopLeasing{});
  settle();
}

BatchId EngineFixture::fresh_id(const std::string& /*queue*/) {
  return {(to_ms(now_.at) << 16) | 0x7000, (std::uint64_t{2} << 62) | (++ids_ << 12)};
}

Reply EngineFixture::enqueue_as(BatchId batch, const BatchSpec& spec) {
  Enqueue command;
  command.ticket = ticket();
  command.batch = batch;
  command.ns = "default";
  command.queue = spec.queue;
  command.hash = spec.hash;
  command.job_count = static_cast<std::uint16_t>(spec.jobs);
  std::string records;
  for (std::size_t i = 0; i < spec.jobs; ++i)
    records += job_record(spec.payload + std::to_string(i));
  command.jobs = Blob::copy_of(records);
  command.groups.push_back(
      {spec.type, spec.priority, spec.key, spec.options, spec.due, IndexSet::range(0, spec.jobs)});
  return ask(std::move(command));
}

BatchId EngineFixture::enqueue(const BatchSpec& spec) {
  const BatchId batch = fresh_id(spec.queue);
  const Reply reply = enqueue_as(batch, spec);
  if (!std::holds_alternative<Accepted>(reply.body)) throw std::runtime_error("not accepted");
  return batch;
}

EngineFixture::Worker EngineFixture::worker(SessionId resume, std::vector<Held> held) {
  OpenSession command;
  command.ticket = ticket(++connections_);
  command.worker_id = "w" + std::to_string(connections_);
  command.host = "host";
  command.fresh = {connections_, 99};
  command.resume = resume;
  command.held = std::move(held);
  const Reply reply = ask(std::move(command));
  return {connections_, std::get<SessionOpened>(reply.body).session};
}

std::vector<EngineFixture::Leased> EngineFixture::leased_of(const Reply& reply) {
  std::vector<Leased> jobs;
  const auto& granted = std::get<Granted>(reply.body);
  for (const Delivery& delivery : granted.deliveries) {
    const auto payloads = payloads_of(delivery);
    PAWL_ASSERT(payloads.size() == delivery.jobs.count());
    std::size_t i = 0;
    delivery.jobs.for_each([&](JobIndex index) {
      const std::uint32_t attempt = delivery.attempts.empty() ? 1 : delivery.attempts[i];
      jobs.push_back({granted.token, delivery.batch.job(index), attempt, payloads[i]});
      ++i;
    });
  }
  return jobs;
}

std::vector<EngineFixture::Leased> EngineFixture::fetch(const Worker& worker, std::size_t credits,
                                                        std::vector<std::string> queues,
                                                        std::vector<std::string> types) {
  Fetch command{ticket(worker.connection),
                worker.session,
                "default",
                std::move(queues),
                std::move(types),
                static_cast<std::uint32_t>(credits),
                0ms};
  return leased_of(ask(std::move(command)));
}

Ticket EngineFixture::park(const Worker& worker, std::size_t credits, Milliseconds wait) {
  const Ticket asked = ticket(worker.connection);
  send(Fetch{
      asked, worker.session, "default", {"q"}, {}, static_cast<std::uint32_t>(credits), wait});
  settle();
  return asked;
}

Errc EngineFixture::report(const Worker& worker, const Leased& job, Outcome::Kind kind,
                           std::string result) {
  Outcome outcome;
  outcome.token = job.token;
  outcome.batch = job.id.batch();
  outcome.jobs = IndexSet::single(job.id.index());
  outcome.kind = kind;
  outcome.result = Blob::copy_of(result);
  if (kind == Outcome::Kind::fail)
    outcome.failure = {"Oops", "it went wrong", "detail", Failure::Cause::handler};
  const Reply reply = ask(Report{ticket(worker.connection), worker.session, {outcome}});
  if (const auto* refused = std::get_if<Refused>(&reply.body)) return refused->code;
  const auto& reported = std::get<Reported>(reply.body);
  return reported.refused.empty() ? Errc::ok : reported.refused.front().code;
}

bool EngineFixture::heartbeat(const Worker& worker) {
  const Reply reply = ask(Heartbeat{ticket(worker.connection), worker.session});
  return std::holds_alternative<Beaten>(reply.body);
}

void EngineFixture::cut(const Worker& worker) {
  send(Disconnected{worker.connection});
  settle();
}

JobView EngineFixture::view(JobId id) {
  const Reply reply = ask(GetJobs{ticket(), {id}, GetJobs::Payloads::with});
  return std::get<JobViews>(reply.body).jobs.front();
}

QueueCounts EngineFixture::counts(const std::string& queue) {
  const Reply reply = ask(QueueStats{ticket(), "default", {queue}});
  const auto& queues = std::get<Counted>(reply.body).queues;
  return queues.empty() ? QueueCounts{} : queues.front();
}

CancelVerdict EngineFixture::cancel(JobId id) {
  const Reply reply = ask(CancelJobs{ticket(), {id}});
  return std::get<CancelVerdicts>(reply.body).jobs.front();
}

std::vector<JobId> EngineFixture::list(JobState state, const std::string& queue,
                                       std::uint32_t limit) {
  std::vector<JobId> ids;
  std::string cursor;
  do {
    const Reply reply = ask(ListJobs{ticket(), "default", queue, state, {}, limit, cursor});
    const auto& listed = std::get<Listed>(reply.body);
    for (const JobView& job : listed.jobs) ids.push_back(job.id);
    cursor = listed.next_cursor;
  } while (!cursor.empty());
  return ids;
}

void EngineFixture::advance(Milliseconds by) {
  now_.at += by;
  now_.wall += by;
  engine_->advance(now_);
  settle();
}

void EngineFixture::send(Command command) {
  engine_->execute(std::move(command), now_);
}

Reply EngineFixture::ask(Command command) {
  const Ticket asked = std::visit(
      [](const auto& c) {
        if constexpr (requires { c.ticket; })
          return c.ticket;
        else
          return Ticket{};
      },
      command);
  send(std::move(command));
  settle();
  auto reply = reply_to(asked);
  if (!reply) {  // It waits for a page that had nothing for it.
    advance(10ms);
    reply = reply_to(asked);
  }
  if (!reply) throw std::runtime_error("no reply");
  return *reply;
}

std::optional<Reply> EngineFixture::reply_to(Ticket asked) {
  const auto found = replies_.find(asked);
  if (found == replies_.end()) return std::nullopt;
  Reply reply = std::move(found->second);
  replies_.erase(found);
  return reply;
}

void EngineFixture::settle() {
  for (;;) {
    Changes changes = engine_->take_changes(now_);
    const bool idle = changes.commit == nullptr && changes.reads.empty() && changes.replies.empty();
    if (changes.commit != nullptr) {
      PAWL_ASSERT(store_.commit(0, epoch_, *changes.commit).outcome == store::Outcome::durable);
      engine_->committed(changes.commit->seq);
      ++commits_;
    }
    for (Reply& reply : changes.replies) {
      if (reply.ticket.request == 0) {
        pushes.push_back(std::move(reply));
      } else {
        PAWL_ASSERT(replies_.emplace(reply.ticket, std::move(reply)).second);
      }
    }
    for (const Read& read : changes.reads) {
      auto result = store_.read(0, read);
      PAWL_ASSERT(result.ok);
      engine_->execute(std::move(result.answer), now_);
    }
    if (idle) return;
    engine_->advance(now_);
  }
}

}  // namespace pawl::test
