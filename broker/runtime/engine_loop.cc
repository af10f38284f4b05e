#include "broker/runtime/engine_loop.h"

#include <algorithm>
#include <exception>

#include "broker/runtime/hang_point.h"
#include "broker/store/kill_point.h"

namespace pawl::runtime {

namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

// A turn takes no more commands than this, so that replies and deadlines are not kept waiting.
constexpr std::size_t kCommandsPerTurn = 1024;
// A jump of the wall clock is noticed this soon.
constexpr std::chrono::milliseconds kSleepMax = 1s;
constexpr core::Milliseconds kPublishEvery = 200ms;
// Jobs that come as fast as the disk takes them must not use up what has to stay free before the
// next look. A commit's bytes reach the disk more than once: in the log, and in a file.
constexpr std::uint64_t kLooksPerFloor = 8;
constexpr std::uint64_t kUnseenBytesMin = 1 << 20;
// Other things become due while the silence of sessions is looked into.
constexpr std::chrono::milliseconds kSleepUnheard = 10ms;
// A small disk is not refused as a whole: this part of it may always be used.
constexpr std::uint64_t kShareOfDiskKeptFree = 8;

Rank rank_of(const core::Command& command) {
  const bool first = std::holds_alternative<core::Report>(command) ||
                     std::holds_alternative<core::OpenSession>(command) ||
                     std::holds_alternative<core::Disconnected>(command);
  return first ? Rank::first : Rank::common;
}

}  // namespace

EngineLoop::EngineLoop(LoopOptions options, store::Store& store, Clock& clock, ReplySink& sink)
    : options_(std::move(options)),
      store_(store),
      clock_(clock),
      sink_(sink),
      inbox_(options_.inbox_commands, options_.inbox_bytes),
      group_(options_.settings, options_.seed, store.caps()) {
  begin_epoch();
  reader_ = std::make_unique<Reader>(
      Reader::Duties{.answer = [this](EpochRead&& read) { answer_read(std::move(read)); },
                     .look_at_space = [this] { look_at_space(); },
                     .look_every = options_.look_at_space_every});
  committer_ = std::make_unique<Committer>([this](const core::Commit& commit) {
    events_.post(commit_now(commit));
    bell_.ring();
  });
  thread_ = std::thread([this] { run(); });
}

EngineLoop::~EngineLoop() {
  stop(0ms);
  thread_.join();
}

bool EngineLoop::post(core::Command&& command, std::size_t bytes) {
  if (life_.load(std::memory_order_relaxed) != Life::serving) return false;
  const Rank rank = rank_of(command);
  if (!inbox_.post(std::move(command), bytes, rank)) {
    count(counters_.commands_refused);
    return false;
  }
  bell_.ring();
  return true;
}

void EngineLoop::post_always(core::Command&& command) {
  events_.post(std::move(command));
  bell_.ring();
}

void EngineLoop::stop_leasing() {
  post_always(core::StopLeasing{});
}

EngineLoop::Stopped EngineLoop::stop(std::chrono::milliseconds within) {
  Life serving = Life::serving;
  life_.compare_exchange_strong(serving, Life::stopping);
  bell_.ring();
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, within, [this] { return stopped_.has_value(); });
  if (stopped_) return *stopped_;
  life_ = Life::cut_off;
  bell_.ring();
  return Stopped::cut_off;
}

bool EngineLoop::wait_until_ready(std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, at_most, [this] { return ready_ == Ready::yes || stopped_; });
  return ready_ == Ready::yes;
}

core::EngineTotals EngineLoop::totals() const {
  const std::lock_guard lock(mutex_);
  return totals_;
}

void EngineLoop::run() {
  while (!ended()) turn();
  PAWL_KILL_POINT("runtime.stop.last");
  {
    const std::lock_guard lock(mutex_);
    stopped_ = life_ == Life::stopping ? Stopped::clean : Stopped::cut_off;
  }
  changed_.notify_all();
}

void EngineLoop::turn() {
  count(counters_.turns);
  const core::Now now = clock_.now();
  take_events(now);
  take_commands(now);
  hear();
  if (group_.phase() == Group::Phase::running) group_.advance(now, heard_);
  carry_out(now);
  if (group_.phase() != Group::Phase::running) return;
  const core::Now after = clock_.now();  // A commit may have taken its time.
  publish(after);
  sleep(after);
}

void EngineLoop::take_events(core::Now now) {
  events_.take(taken_);
  for (Event& event : taken_) take(std::move(event), now);
}

void EngineLoop::take(Event&& event, core::Now now) {
  if (const auto* result = std::get_if<store::Committed>(&event)) {
    conclude(*result);
  } else if (auto* read = std::get_if<ReadDone>(&event)) {
    --reads_under_way_;
    group_.answered(read->epoch, std::move(read->result), now);
  } else if (std::holds_alternative<CaughtUp>(event)) {
    listening_.stage = Listening::Stage::posted;
    listening_.posted = inbox_.posted();
  } else {
    execute(std::move(std::get<core::Command>(event)), now);
  }
}

void EngineLoop::execute(core::Command&& command, core::Now now) {
  if (group_.phase() != Group::Phase::running) return;
  if (std::holds_alternative<core::StopLeasing>(command)) leasing_ = Leasing::off;
  group_.execute(std::move(command), now);
}

void EngineLoop::take_commands(core::Now now) {
  std::size_t taken = 0;
  const auto take = [&](core::Command&& command) { group_.execute(std::move(command), now); };
  while (taken < kCommandsPerTurn && group_.accepting() && inbox_.take_one(take)) ++taken;
  if (taken != 0) count(counters_.commands, taken);
  // What came before the stop is served as usual.
  if (stop_is_next()) execute(core::StopLeasing{}, now);
}

bool EngineLoop::stop_is_next() const {
  return life_ == Life::stopping && leasing_ == Leasing::on && inbox_.empty();
}

void EngineLoop::hear() {
  using Stage = Listening::Stage;
  if (listening_.stage != Stage::posted || inbox_.taken() < listening_.posted) return;
  heard_ = listening_.at;
  listening_.stage = Stage::over;
}

void EngineLoop::ask_for_unheard(core::Timestamp now) {
  using Stage = Listening::Stage;
  if (listening_.stage != Stage::over) return;
  listening_ = {Stage::asked, now, 0};
  options_.catch_up([this] {
    events_.post(CaughtUp{});
    bell_.ring();
  });
}

void EngineLoop::carry_out(core::Now now) {
  for (;;) {
    Work work = group_.take_work(now);
    if (group_.phase() == Group::Phase::failed) return fail(group_.why());
    if (!work.replies.empty()) {
      count(counters_.replies, work.replies.size());
      sink_.deliver(std::move(work.replies));
      PAWL_KILL_POINT("runtime.replies.out");
    }
    reads_under_way_ += work.reads.size();
    reader_->ask(std::move(work.reads));
    if (!work.commit || write(std::move(work.commit)) == Written::later) return;
    now = clock_.now();
  }
}

// While nobody waits, the shortest way is to write here and now. Else the engine's time is better
// spent on those who wait, and on what is being read, and what they bring goes into the next
// commit.
EngineLoop::Written EngineLoop::write(std::shared_ptr<const core::Commit> commit) {
  const bool more_comes = !inbox_.empty() || reads_under_way_ != 0;
  const bool hand_off =
      options_.when_busy == LoopOptions::WhenBusy::hand_off && commit->synced && more_comes;
  if (!hand_off) {
    conclude(commit_now(*commit));
    return Written::already;
  }
  count(counters_.commits_handed_off);
  committer_->hand(std::move(commit));
  PAWL_KILL_POINT("runtime.commit.handed");
  return Written::later;
}

store::Committed EngineLoop::commit_now(const core::Commit& commit) {
  const auto start = steady_clock::now();
  hang_point("commit");
  store::Committed result = store_.commit(options_.shard, group_.epoch(), commit);
  counters_.commit_time.add(
      std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - start));
  count(counters_.commits);
  count(counters_.commit_bytes, commit.bytes());
  if (commit.synced) count(counters_.syncs);
  note_written(commit.bytes());
  return result;
}

void EngineLoop::note_written(std::size_t bytes) {
  if ((unseen_bytes_ += bytes) >= unseen_bytes_max_) reader_->look_soon();
}

void EngineLoop::conclude(const store::Committed& result) {
  PAWL_KILL_POINT("runtime.commit.durable");
  group_.written(result);
  if (group_.phase() != Group::Phase::over) return;
  try {
    begin_epoch();
  } catch (const std::exception& error) {
    fail(error.what());
  }
}

void EngineLoop::begin_epoch() {
  const store::Owner owner = store_.acquire(options_.shard);
  clock_.continue_from(owner.at);
  const core::Now now = clock_.now();
  group_.begin(owner, now);
  count(counters_.epochs);
  const core::Admission::Kind admission = admission_;
  if (admission != core::Admission::Kind::open) group_.execute(core::Admission{admission}, now);
  if (leasing_ == Leasing::off) group_.execute(core::StopLeasing{}, now);
}

void EngineLoop::answer_read(EpochRead&& read) {
  ReadDone done{read.epoch, store_.read(options_.shard, read.read)};
  count(counters_.reads);
  count(counters_.rows_read, done.result.answer.rows.size());
  events_.post(std::move(done));
  bell_.ring();
}

void EngineLoop::look_at_space() {
  using Kind = core::Admission::Kind;
  unseen_bytes_ = 0;
  const store::Space space = store_.space();
  if (space.total_bytes == 0) return;  // Nothing is known.
  const std::uint64_t floor =
      std::min(options_.min_free_bytes, space.total_bytes / kShareOfDiskKeptFree);
  unseen_bytes_max_ = std::max(floor / kLooksPerFloor, kUnseenBytesMin);
  const std::uint64_t enough = floor + floor / 8;
  const Kind before = admission_;
  Kind after = before;
  if (space.free_bytes < floor) after = Kind::disk_full;
  if (space.free_bytes >= enough) after = Kind::open;
  if (after == before) return;
  admission_ = after;
  post_always(core::Admission{after});
  if (options_.on_space) options_.on_space({after, space.free_bytes, floor, enough});
}

void EngineLoop::publish(core::Now now) {
  const bool serves = group_.engine().ready();
  const std::lock_guard lock(mutex_);
  const bool first = serves && ready_ == Ready::not_yet;
  if (!first && now.at - published_at_ < kPublishEvery) return;
  published_at_ = now.at;
  totals_ = group_.engine().totals();
  if (!first) return;
  PAWL_KILL_POINT("runtime.ready");
  ready_ = Ready::yes;
  changed_.notify_all();
}

void EngineLoop::sleep(core::Now now) {
  std::chrono::milliseconds at_most = kSleepMax;
  // While commands have to wait outside, so does what is due.
  const auto deadline = group_.accepting() ? group_.next_deadline(now) : std::nullopt;
  if (deadline && *deadline <= now.at && heard_ < *deadline) {
    // It was not done, so it may be a session that was not heard of.
    ask_for_unheard(now.at);
    at_most = kSleepUnheard;
  } else if (deadline) {
    at_most = std::min(at_most, *deadline - now.at);
  }
  if (at_most <= 0ms) return;
  bell_.wait_for(at_most, [&] {
    return !events_.empty() || (group_.accepting() && !inbox_.empty()) || stop_is_next() || ended();
  });
}

bool EngineLoop::ended() {
  if (life_ == Life::cut_off) return true;
  return life_ == Life::stopping && leasing_ == Leasing::off && group_.idle() &&
         reads_under_way_ == 0 && inbox_.empty() && events_.empty();
}

void EngineLoop::fail(const std::string& why) {
  life_ = Life::cut_off;
  options_.on_fatal(why);
}

}  // namespace pawl::runtime
