#include "tests/support/engine_fixture.h"

#include <algorithm>
#include <stdexcept>

#include "broker/core/assert.h"
#include "broker/core/bytes_io.h"
#include "broker/core/keys.h"

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

Errc code_of(const Reply& reply) {
  const auto* refused = std::get_if<Refused>(&reply.body);
  return refused == nullptr ? Errc::ok : refused->code;
}

std::vector<JobId> jobs_of(const BatchId& batch, std::size_t from, std::size_t to) {
  std::vector<JobId> ids;
  for (std::size_t i = from; i < to; ++i) ids.push_back(batch.job(static_cast<JobIndex>(i)));
  return ids;
}

EngineFixture::EngineFixture(Settings settings, store::MemoryOptions options)
    : settings_(std::move(settings)), store_(options) {
  start();
}

void EngineFixture::start() {
  const store::Owner owner = store_.acquire(0);
  epoch_ = owner.epoch;
  durable_ = owner.last;
  // As in a new process: the timeline begins at the wall clock, but not before the last commit.
  now_.at = std::max(timestamp_from_ms(to_ms(now_.wall)), owner.at);
  engine_ = std::make_unique<Engine>(settings_, EngineStart{owner.epoch, owner.last, 7}, now_);
  settle();
  PAWL_ASSERT(engine_->ready());
}

void EngineFixture::restart() {
  engine_.reset();
  store_.crash();
  replies_.clear();
  waiting_.clear();
  held_reads_.clear();
  writing_.reset();
  reads_held_.reset();
  commits_held_ = false;
  start();
}

void EngineFixture::stop_cleanly() {
  send(StopLeasing{});
  settle();
}

BatchId EngineFixture::fresh_id(const std::string& /*queue*/) {
  return {(to_ms(now_.at) << 16) | 0x7000, (std::uint64_t{2} << 62) | (++ids_ << 12)};
}

Enqueue EngineFixture::enqueue_of(Ticket ticket, BatchId batch, const BatchSpec& spec) {
  Enqueue command;
  command.ticket = ticket;
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
  return command;
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

EngineFixture::Worker EngineFixture::back(const Worker& worker, const std::vector<Leased>& held) {
  std::vector<Held> listed;
  for (const Leased& job : held)
    listed.push_back({job.token, job.id.batch(), IndexSet::single(job.id.index())});
  return this->worker(worker.session, std::move(listed));
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

Outcome EngineFixture::outcome_of(const Leased& job, Outcome::Kind kind, std::string result) {
  Outcome outcome;
  outcome.token = job.token;
  outcome.batch = job.id.batch();
  outcome.jobs = IndexSet::single(job.id.index());
  outcome.kind = kind;
  outcome.result = Blob::copy_of(result);
  if (kind == Outcome::Kind::fail)
    outcome.failure = {"Oops", "it went wrong", "detail", Failure::Cause::handler};
  return outcome;
}

Errc EngineFixture::report(const Worker& worker, Outcome outcome) {
  const Reply reply = ask(Report{ticket(worker.connection), worker.session, {std::move(outcome)}});
  if (code_of(reply) != Errc::ok) return code_of(reply);
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

std::vector<CancelVerdict> EngineFixture::cancel(std::vector<JobId> ids) {
  const Reply reply = ask(CancelJobs{ticket(), std::move(ids)});
  return std::get<CancelVerdicts>(reply.body).jobs;
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

Ticket EngineFixture::post(Command command) {
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
  return asked;
}

Reply EngineFixture::ask(Command command) {
  const Ticket asked = post(std::move(command));
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
    Changes changes =
        commit_under_way() != nullptr ? engine_->take_loose(now_) : engine_->take_changes(now_);
    const bool idle = changes.commit == nullptr && changes.reads.empty() && changes.replies.empty();
    if (changes.commit != nullptr && commits_held_) {
      writing_ = changes.commit;
    } else if (changes.commit != nullptr) {
      write(*changes.commit);
    }
    for (Reply& reply : changes.replies) deliver(std::move(reply));
    for (const Read& read : changes.reads) pass_on(read);
    if (idle) return;
    engine_->advance(now_);
  }
}

void EngineFixture::write(const Commit& commit) {
  PAWL_ASSERT(store_.commit(0, epoch_, commit).outcome == store::Outcome::durable);
  engine_->committed(commit.seq);
  durable_ = commit.seq;
  ++commits_;
}

void EngineFixture::deliver(Reply reply) {
  if (reply.after > durable_) {
    waiting_.push_back(std::move(reply));
  } else if (reply.ticket.request == 0) {
    pushes.push_back(std::move(reply));
  } else {
    const Ticket ticket = reply.ticket;
    PAWL_ASSERT(replies_.emplace(ticket, std::move(reply)).second);
  }
}

void EngineFixture::pass_on(const Read& read) {
  if (!reads_held_) return engine_->execute(answer_to(read), now_);
  held_reads_.push_back({read, std::nullopt});
  if (reads_held_ == Rows::as_asked) held_reads_.back().answer = answer_to(read);
}

ReadAnswer EngineFixture::answer_to(const Read& read) {
  auto result = store_.read(0, read);
  PAWL_ASSERT(result.ok);
  return std::move(result.answer);
}

void EngineFixture::hold_reads(Rows rows) {
  reads_held_ = rows;
}

void EngineFixture::answer_reads() {
  for (HeldRead& held : std::exchange(held_reads_, {})) {
    if (!held.answer) held.answer = answer_to(held.read);
    engine_->execute(std::move(*held.answer), now_);
  }
  advance(0ms);
}

std::vector<Read> EngineFixture::reads_under_way() const {
  std::vector<Read> reads;
  for (const HeldRead& held : held_reads_) reads.push_back(held.read);
  return reads;
}

void EngineFixture::hold_commits() {
  commits_held_ = true;
}

void EngineFixture::write_commit() {
  PAWL_ASSERT(commit_under_way() != nullptr);
  write(*std::exchange(writing_, nullptr));
  for (Reply& reply : std::exchange(waiting_, {})) deliver(std::move(reply));
  advance(0ms);
}

void EngineFixture::let_go() {
  reads_held_.reset();
  commits_held_ = false;
  if (commit_under_way() != nullptr) write_commit();
  answer_reads();
}

std::vector<StoredRow> EngineFixture::rows() {
  std::vector<StoredRow> all;
  for (std::size_t i = 0; i < kTableCount; ++i) {
    const auto table = static_cast<Table>(i);
    Read everything;
    everything.ranges.push_back(keys::all(table));
    everything.bytes_max = SIZE_MAX;
    const ReadAnswer answer = answer_to(everything);
    for (const core::Row& row : answer.rows)
      all.push_back({table, std::string(row.key), row.value});
  }
  return all;
}

bool EngineFixture::is_stored(Token grant) {
  Read read;
  read.ranges.push_back({Table::leases, keys::grant(grant), keys::grant(grant) + '\0'});
  return !answer_to(read).rows.empty();
}

std::vector<std::string> EngineFixture::disagreements() {
  return check_tables(rows()).findings;
}

}  // namespace pawl::test
