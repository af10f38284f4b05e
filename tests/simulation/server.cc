#include "tests/simulation/server.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "broker/core/bytes_io.h"
#include "broker/core/keys.h"
#include "broker/core/records.h"

namespace pawl::simulation {

namespace {

using namespace std::chrono_literals;

constexpr core::ShardId kShard = 0;
constexpr core::Milliseconds kWallAtStart{1'800'000'000'000};
constexpr Micros kSleepMax =
    1s;  // As the engine loop: a jump of the wall clock is noticed by then.

core::Milliseconds whole_ms(Micros time) {
  return std::chrono::duration_cast<core::Milliseconds>(time);
}

}  // namespace

Server::Server(EventQueue& events, Chance& chance, const Plan& plan, test::NaiveModel& model,
               test::History& history)
    : events_(events),
      chance_(chance),
      plan_(plan),
      model_(model),
      history_(history),
      store_(plan.store),
      saboteur_(plan.sabotage),
      wall_offset_(kWallAtStart),
      timeline_offset_(kWallAtStart) {
  model_.watch_grants(
      [this](core::Token token, const core::JobId& id) { return is_stored(token, id); });
}

core::Now Server::now() const {
  const core::Milliseconds since = whole_ms(events_.now());
  return {core::Timestamp{timeline_offset_ + since}, core::WallTime{wall_offset_ + since}};
}

void Server::later(Micros delay, std::function<void()> what) {
  events_.after(delay, [this, process = process_, what = std::move(what)] {
    if (process == process_ && up()) what();
  });
}

void Server::start() {
  ++process_;
  history_.note(fmt::format("{} broker starts", whole_ms(events_.now()).count()));
  timeline_offset_ = wall_offset_;
  life_ = Life::serving;
  group_ = std::make_unique<Group>(plan_.settings, plan_.seed, store_.caps());
  begin_epoch(test::NaiveModel::End::crash);
  wake(Micros{0});
}

void Server::begin_epoch(test::NaiveModel::End how) {
  const store::Owner owner = store_.acquire(kShard);
  if (now().at < owner.at) timeline_offset_ += owner.at - now().at;
  model_.epoch_begins(owner.epoch, how, stored_leases(), now());
  history_.note(fmt::format("{} epoch {} after commit {}", whole_ms(events_.now()).count(),
                            owner.epoch, owner.last));
  outside_.found();
  group_->begin(owner, engine_now());
  if (admission_ != core::Admission::Kind::open) tell(core::Admission{admission_});
  if (life_ == Life::stopping) tell(core::StopLeasing{});
}

void Server::tell(core::Command command) {
  model_.executed(command, now());
  group_->execute(std::move(command), engine_now());
}

bool Server::is_stored(core::Token token, const core::JobId& id) {
  core::Read read;
  const std::string key = core::keys::grant(token);
  read.ranges.push_back({core::Table::leases, key, key + '\0'});
  const store::ReadResult found = store_.read(kShard, read);
  if (found.answer.rows.empty()) return false;
  const auto grant = core::GrantRecord::decode(found.answer.rows.front().value.view());
  return std::any_of(grant->jobs.begin(), grant->jobs.end(), [&](const core::LeasedJobs& leased) {
    return leased.batch == id.batch() && leased.jobs.contains(id.index());
  });
}

core::ReadAnswer Server::rows_of(core::Table table) {
  core::Read everything;
  everything.ranges.push_back(core::keys::all(table));
  everything.bytes_max = SIZE_MAX;
  return store_.read(kShard, everything).answer;
}

test::StoredLeases Server::stored_leases() {
  test::StoredLeases leases;
  const core::ReadAnswer found = rows_of(core::Table::leases);
  for (const core::Row& row : found.rows) {
    core::Reader key(row.key);
    if (key.u8() == 's') {
      leases.sessions.push_back({key.be64(), key.be64()});
      continue;
    }
    const core::Token token{key.be64()};
    const auto grant = core::GrantRecord::decode(row.value.view());
    for (const core::LeasedJobs& jobs : grant->jobs)
      leases.grants.push_back({token, jobs.batch, jobs.jobs});
  }
  const core::ReadAnswer records = rows_of(core::Table::jobs);
  for (const core::Row& row : records.rows)
    leases.own_records.push_back(core::Reader(row.key).id());
  return leases;
}

// What happens to a write that nobody has answered: it is on the disk or it is not. Of what was not
// synced, any part of the tail is lost.
void Server::crash(std::string_view why) {
  if (!up()) return;
  if (writing_ && !applied_ && chance_.percent(50)) apply(*writing_);
  const std::size_t kept = chance_.below(store_.unsynced(kShard) + 1);
  history_.count(why == "stopped" ? "stops" : "crashes");
  if (kept < store_.unsynced(kShard)) history_.count("crashes that lose commits");
  history_.note(fmt::format("{} broker dies: {}, {} of {} unsynced commits stay",
                            whole_ms(events_.now()).count(), why, kept, store_.unsynced(kShard)));
  store_.crash(kept);
  group_.reset();
  inbox_.clear();
  writing_.reset();
  answered_.clear();
  reads_under_way_ = 0;
  waking_at_.reset();
  turn_due_ = false;
  ++process_;
  outside_.died();
  events_.after(chance_.spread(plan_.store_down), [this] {
    if (!up()) start();
  });
}

void Server::stop() {
  if (!up() || life_ == Life::stopping) return;
  history_.note(fmt::format("{} broker stops", whole_ms(events_.now()).count()));
  life_ = Life::stopping;
  inbox_.emplace_back(core::StopLeasing{});
  wake(Micros{0});
}

void Server::post(core::Command command) {
  if (!up()) return;
  inbox_.push_back(std::move(command));
  wake(chance_.spread(plan_.turn_delay));
}

void Server::stand_still(core::Milliseconds by) {
  history_.note(fmt::format("{} all sleep for {} ms", whole_ms(events_.now()).count(), by.count()));
  wall_offset_ += by;
  timeline_offset_ += by;
  if (up()) wake(Micros{0});
}

void Server::set_admission(core::Admission::Kind kind) {
  if (kind == admission_) return;
  admission_ = kind;
  if (up()) post(core::Admission{kind});
}

void Server::wake(Micros delay) {
  const Micros when = events_.now() + delay;
  if (waking_at_ && *waking_at_ <= when) return;
  waking_at_ = when;
  later(delay, [this, when] {
    if (waking_at_ != when) return;
    waking_at_.reset();
    turn();
  });
}

void Server::turn() {
  const core::Now time = now();
  model_.saw(time);
  while (!inbox_.empty() && group_->accepting()) {
    core::Command command = std::move(inbox_.front());
    inbox_.pop_front();
    model_.executed(command, time);
    saboteur_.tamper(command, model_);
    group_->execute(std::move(command), engine_now());
  }
  if (group_->phase() == Group::Phase::running) group_->advance(time, time.at);
  carry_out();
  turn_due_ = false;
  if (!up()) return;
  if (life_ == Life::stopping && group_->idle() && inbox_.empty()) {
    return crash("stopped");
  }
  sleep();
}

void Server::carry_out() {
  while (up()) {
    runtime::Work work = group_->take_work(engine_now());
    if (group_->phase() == Group::Phase::failed) return crash(group_->why());
    for (core::Reply& reply : work.replies) {
      model_.left(reply, now());
      outside_.deliver(std::move(reply));
    }
    for (runtime::EpochRead& read : work.reads) this->read(std::move(read));
    if (!work.commit) return;
    write(std::move(work.commit));
    if (writing_) return;
  }
}

void Server::sleep() {
  Micros at_most = kSleepMax;
  if (const auto deadline = group_->next_deadline(engine_now())) {
    at_most = std::clamp<Micros>(*deadline - engine_now().at, Micros{0}, kSleepMax);
    // Whole milliseconds: the deadline has come when the clock says so.
    const Micros into_ms = events_.now() - std::chrono::floor<core::Milliseconds>(events_.now());
    if (at_most > into_ms) at_most -= into_ms;
  }
  wake(at_most);
}

store::Committed Server::apply(const core::Commit& commit) {
  using Fault = store::MemoryStore::Fault;
  if (faulty_ && chance_.per_mille(plan_.store_fault_mille)) {
    static const std::vector<Fault> kFaults{Fault::rejected, Fault::fenced, Fault::unknown_applied,
                                            Fault::unknown_lost};
    store_.inject(chance_.pick(kFaults));
  }
  applied_ = true;
  watch(commit);
  const auto instead = saboteur_.instead_of(commit);
  return store_.commit(kShard, group_->epoch(), instead != nullptr ? *instead : commit);
}

void Server::watch(const core::Commit& commit) {
  using Kind = core::Op::Kind;
  const auto digest = [this](std::string_view bytes) {
    digest_ = (digest_ ^ std::hash<std::string_view>{}(bytes)) * 0x9e3779b97f4a7c15ULL;
  };
  for (const core::Op& op : commit.ops()) {
    digest_ += static_cast<std::uint64_t>(op.kind) * 31 + static_cast<std::uint64_t>(op.table);
    digest(op.key);
    digest(op.head);
    digest(op.tail.view());
    const bool erased = op.kind == Kind::erase || op.kind == Kind::erase_once;
    if (erased && op.table == core::Table::lanes) history_.count("lanes dropped");
    if (erased && op.table == core::Table::closed) history_.count("rows reaped");
    if (op.table == core::Table::batches && op.expires_at != core::Timestamp{})
      history_.count("receipts written");
    if (op.table == core::Table::dead)
      history_.count(erased ? "dead letters reaped" : "dead letters");
    if (op.table == core::Table::results) history_.count("results apart");
  }
}

void Server::write(std::shared_ptr<const core::Commit> commit) {
  if (saboteur_.answers_before_writing()) return answer_first(std::move(commit));
  writing_ = std::move(commit);
  applied_ = false;
  const Micros until_applied = chance_.spread(plan_.commit_delay);
  const Micros until_told = chance_.spread(plan_.commit_delay);
  if (until_applied == Micros{0} && until_told == Micros{0}) return conclude(apply(*writing_));
  later(until_applied, [this, until_told] {
    later(until_told, [this, result = apply(*writing_)] {
      conclude(result);
      if (up()) wake(Micros{0});
    });
  });
}

void Server::answer_first(std::shared_ptr<const core::Commit> commit) {
  answered_.push_back(std::move(commit));
  later(chance_.spread(plan_.commit_delay), [this] { apply_answered(); });
  conclude({});
}

void Server::apply_answered() {
  for (const auto& commit : std::exchange(answered_, {})) apply(*commit);
}

void Server::conclude(const store::Committed& result) {
  writing_.reset();
  if (result.outcome != store::Outcome::durable) {
    history_.note(fmt::format("{} commit failed: {}", whole_ms(events_.now()).count(), result.why));
    const bool injected = result.why == "injected" || result.outcome == store::Outcome::unknown;
    if (!injected) history_.broken("store", "a commit was refused: " + result.why);
  }
  group_->written(result);
  turn_due_ = true;
  if (group_->phase() == Group::Phase::failed) return crash(group_->why());
  if (group_->phase() != Group::Phase::over) return;
  history_.count("handovers");
  begin_epoch(test::NaiveModel::End::handover);
}

void Server::read(runtime::EpochRead read) {
  ++reads_under_way_;
  const auto reads = [&](core::Table table) {
    return !read.read.ranges.empty() && read.read.ranges.front().table == table;
  };
  if (reads(core::Table::ready)) history_.count("lane pages");
  if (reads(core::Table::agenda) && read.read.rows_max != SIZE_MAX) history_.count("agenda pages");
  const Micros until_looked = chance_.spread(plan_.read_delay);
  const Micros until_told = chance_.spread(plan_.read_delay);
  later(until_looked, [this, until_told, read = std::move(read)] {
    apply_answered();
    if (faulty_ && chance_.per_mille(plan_.read_failure_mille)) {
      store_.fail_next_read("injected");
      history_.count("failed reads");
    }
    later(until_told,
          [this, epoch = read.epoch, result = store_.read(kShard, read.read)]() mutable {
            --reads_under_way_;
            group_->answered(epoch, std::move(result), engine_now());
            turn_due_ = true;
            wake(chance_.spread(plan_.turn_delay));
          });
  });
}

bool Server::quiet() const {
  return up() && life_ == Life::serving && inbox_.empty() && reads_under_way_ == 0 && !writing_ &&
         !turn_due_ && group_->idle() && group_->engine().ready();
}

}  // namespace pawl::simulation
