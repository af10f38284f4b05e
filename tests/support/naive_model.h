#pragma once

// The queue as a child would keep it: every command that the broker has taken and every reply that
// has left it, held against the promises. It stands at the broker's border, so it knows no network
// and no store; what a reply has not confirmed may or may not have happened.

#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "broker/core/command.h"
#include "broker/core/reply.h"
#include "broker/core/settings.h"
#include "tests/support/history.h"
#include "tests/support/history_text.h"

namespace pawl::test {

using Moment = std::uint64_t;  // Counts commands and replies.

struct ModelLease {
  core::Token token;
  core::SessionId session;
  std::uint32_t attempt = 1;
  core::Timestamp left_at{};
  Moment left = 0;
  Moment ended_at = 0;          // When the broker agreed to its end.
  core::Timestamp failed_at{};  // When the first report of a failure was taken.
  int reports = 0;              // Of its end.
  bool dropped = false;         // The epoch ended and the grant was not stored.
  bool returned = false;        // The worker came back and did not list it.
  enum class Told : std::uint8_t { no, asked, agreed };
  Told complete = Told::no;
  Told fail = Told::no;
  Told release = Told::no;

  bool told() const { return complete != Told::no || fail != Told::no || release != Told::no; }
  bool ended() const {
    return complete == Told::agreed || fail == Told::agreed || release == Told::agreed;
  }
};

struct ModelJob {
  std::vector<ModelLease> leases;  // By token.
  bool refused = false;
  bool cancel_asked = false;
  bool granted_unseen = false;  // By a broker that died before the reply could leave.
  bool has_record = false;      // Of its own, since before this epoch: so a lease of it may have
                                // come and gone unseen.
  Moment completed = 0;         // When the broker said so; 0: it has not.
  Moment cancelled = 0;
  Moment stopping = 0;  // When the broker said that its running attempt is the last.
  core::Token told_to_stop;
  Moment over = 0;  // When the broker showed it in a final state.
  core::JobState over_as = core::JobState::none;
  // It cannot have ended before; max: nothing can have ended it yet.
  core::Timestamp over_from = core::Timestamp::max();
  core::Blob result;  // Of the completion that was agreed.

  ModelLease* lease(core::Token token);
  std::size_t fails(ModelLease::Told at_least) const;
};

// The jobs of a batch that wait in one lane.
struct ModelRun {
  core::JobGroup group;
  core::Milliseconds retention{0};
  core::Milliseconds backoff{0};
  core::Milliseconds backoff_max{0};
  std::uint32_t max_attempts = 0;
  core::Token first_token;  // Of its first delivery.
  core::Token highest_token;
  core::JobIndex highest = 0;
  bool delivered = false;
};

struct ModelBatch {
  core::Enqueue asked;
  std::vector<std::string_view> records;  // By index, slices of asked.jobs.
  std::vector<ModelJob> jobs;
  std::vector<ModelRun> runs;
  core::Timestamp asked_at{};  // It was not accepted before. After a crash the clock may be behind.
  core::WallTime wall_max{};   // The latest wall time since.
  Moment invoked = 0;
  Moment accepted = 0;      // 0: no reply has said so.
  std::uint32_t tries = 0;  // How often it was taken.
  std::uint32_t maybe = 0;  // Of these: those that were not definitely refused.
  bool made = false;        // A reply said that it was new.
  bool relaxed = false;     // Accepted before it is on disk.
  bool tainted = false;     // Relaxed, and the broker has crashed since.

  ModelRun& run_of(core::JobIndex index);
  const ModelRun& run_of(core::JobIndex index) const {
    return const_cast<ModelBatch*>(this)->run_of(index);
  }
  bool is_other(const core::Enqueue& command) const {
    return command.hash != asked.hash || command.ns != asked.ns || command.queue != asked.queue;
  }
  bool surely_absent() const { return accepted == 0 && maybe == 0; }
};

// What of the leases has survived the end of an epoch.
struct StoredLeases {
  std::vector<core::SessionId> sessions;
  std::vector<core::Held> grants;
  std::vector<core::JobId> own_records;  // Of jobs that left the plain path.
};

class NaiveModel {
 public:
  NaiveModel(History& history, const core::Settings& settings)
      : history_(history), settings_(settings) {}

  // The broker takes a command, or sends a reply on its way.
  void executed(const core::Command& command, core::Now now);
  void left(const core::Reply& reply, core::Now now);
  // The owner before is gone, and what it had not answered will never be.
  enum class End : std::uint8_t { crash, handover };
  void epoch_begins(core::Epoch epoch, End how, const StoredLeases& stored, core::Now now);
  void saw(core::Now now);

  const std::map<core::BatchId, ModelBatch>& batches() const { return batches_; }

  // Whether the store holds a lease of the job under this token now.
  using IsStored = std::function<bool(core::Token token, const core::JobId& id)>;
  void watch_grants(IsStored is_stored) { is_stored_ = std::move(is_stored); }

  // ---- when nothing happens by itself any more
  // Whether everything unanswered, on connections that live, is a fetch within its wait.
  bool only_waits(core::Now now) const;
  std::size_t unanswered() const;
  // Finds fetches that wait beside a job for them, and leases that should be stored and are not.
  // `states` is what the store holds.
  using States = std::map<core::BatchId, std::vector<core::JobState>>;
  void check_idle(const States& states, core::Now now);

  // When everything has been drained: `states` is what the store holds, by batch and index; none is
  // a job that is not there.
  void drained(const States& states, core::Now now);

 private:
  // What was known of a reported job when the report was taken.
  struct Mark {
    bool surely_live = false;
    bool superseded = false;  // The job was delivered again under a later token.
    bool over = false;        // The job had been completed or cancelled.
  };
  struct Asked {
    core::Command command;
    core::Timestamp at{};
    Moment moment = 0;
    bool gone = false;        // The connection was cut: no reply has to come.
    bool ended = false;       // The worker took its fetch back.
    bool live = false;        // It came over the connection of a session that surely lived.
    std::vector<Mark> marks;  // Of a report, by outcome and index.
  };
  struct Session {
    core::ConnectionId connection = 0;
    core::Timestamp deadline{};
    Moment resumed = 0;
    bool over = false;  // Or perhaps over: nothing is said of it any more.
    std::vector<std::pair<core::JobId, core::Token>> leases;
  };
  using LaneKey = std::tuple<std::string, std::string, std::string, std::uint8_t, std::string>;
  // How much a fetch wants a job: the queue's place in its order, then urgency. Smaller is sooner.
  using Class = std::pair<std::size_t, unsigned>;
  // What a fetch was content with.
  struct Pick {
    core::Token token;
    Moment fetched = 0;
    core::Fetch fetch;
    Class worst;
    Moment youngest = 0;  // When the youngest batch of that class was asked for.
  };

  // naive_model.cc
  void push(const core::Reply& reply);
  void take(const core::Enqueue& command, Asked& asked, core::Now now);
  void answer(const core::Enqueue& command, const Asked& asked, const core::Reply& reply,
              core::Now now);
  ModelBatch& make_batch(const core::Enqueue& command, core::Now now);
  void check_accepted(const core::Enqueue& command, const Asked& asked, ModelBatch& batch,
                      const core::Accepted& accepted, core::Now now);
  void check_refused(const core::Enqueue& command, const Asked& asked, ModelBatch& batch,
                     const core::Refused& refused);
  ModelBatch* find_batch(const core::BatchId& id);
  ModelJob* find_job(const core::JobId& id);
  bool is_kept(const core::JobId& id, core::Token token) const;

  // naive_model_leases.cc
  void take(const core::OpenSession& command, Asked& asked, core::Now now);
  void take(const core::EndFetch& command, Asked& asked, core::Now now);
  template <class OfSession>
  requires std::same_as<OfSession, core::Fetch> || std::same_as<OfSession, core::Heartbeat>
  void take(const OfSession& command, Asked& asked, core::Now now) {
    asked.live = live_session(command.session, command.ticket.connection, now) != nullptr;
  }
  void take(const core::Report& command, Asked& asked, core::Now now);
  void take(const core::Disconnected& command, core::Now now);
  void answer(const core::OpenSession& command, const Asked& asked, const core::Reply& reply);
  void answer(const core::Fetch& command, const Asked& asked, const core::Reply& reply,
              core::Now now);
  void answer(const core::Report& command, const Asked& asked, const core::Reply& reply);
  void answer(const core::Heartbeat& command, const Asked& asked, const core::Reply& reply);
  Session* live_session(const core::SessionId& id, core::ConnectionId connection, core::Now now);
  Mark mark_report(const core::Report& command, const core::Outcome& outcome, core::JobIndex index,
                   core::Now now);
  bool surely_live(const ModelLease& lease, core::Now now) const;
  void delivery(const core::Delivery& delivery, const core::Granted& granted,
                const core::Fetch& fetch, Moment fetched, core::Now now);
  void delivered(ModelBatch& batch, core::JobIndex index, ModelLease lease,
                 const core::Delivery& delivery, core::Now now);
  void check_time(ModelBatch& batch, core::JobIndex index, const core::Delivery& delivery,
                  core::Now now);
  void check_stored(const ModelBatch& batch, core::JobIndex index, const ModelLease& lease,
                    core::Now now);
  void agreed(const core::Outcome& outcome, core::JobIndex index, const Mark& mark,
              const core::SessionId& session, core::Timestamp reported_at);

  // naive_model_order.cc
  void check_order(ModelBatch& batch, core::JobIndex index, core::Token token);
  void check_picks(const core::Granted& granted, const core::Fetch& fetch, Moment fetched);
  void check_passed_over(const ModelBatch& batch, const ModelRun& run, core::Token token);
  static std::optional<Class> class_of(const ModelBatch& batch, const ModelRun& run,
                                       const core::Fetch& fetch);

  // naive_model_refusals.cc
  void check_refusal(const core::Refused& refused, const Asked& asked, core::Now now);
  std::string why_wrong(const core::Refused& refused, const Asked& asked, core::Now now) const;
  bool is_overloaded(const core::Enqueue& command) const;

  // naive_model_idle.cc
  void check_neglect(const core::Fetch& fetch, const States& states, core::Now now);
  bool surely_waits(const ModelBatch& batch, core::JobIndex index, core::JobState stored) const;

  // naive_model_views.cc
  void take(const core::CancelJobs& command, Asked& asked, core::Now now);
  void answer(const core::CancelJobs& command, const Asked& asked, const core::Reply& reply,
              core::Now now);
  void check_stopping(const core::JobId& id, const ModelBatch& batch, ModelJob& job,
                      const Asked& asked, core::Now now);
  void answer(const core::GetJobs& command, const Asked& asked, const core::Reply& reply,
              core::Now now);
  void answer(const core::WaitJob& command, const Asked& asked, const core::Reply& reply,
              core::Now now);
  void answer(const core::ListJobs& command, const Asked& asked, const core::Reply& reply,
              core::Now now);
  void check_view(const core::JobView& view, core::GetJobs::Payloads payloads, const Asked& asked,
                  core::Now now);
  void check_state(const core::JobId& id, const ModelBatch& batch, core::JobState state,
                   Moment asked);
  void check_facts(const core::JobView& view, ModelBatch& batch);
  void check_register(const core::JobView& view, const ModelBatch& batch, const Asked& asked,
                      core::Now now);
  bool may_be_gone(const ModelBatch& batch, core::JobIndex index, core::Now now) const;
  void check_end(const core::JobId& id, ModelBatch& batch, core::JobState state, core::Now now);

  void broken(const ModelBatch& batch, std::string_view rule, const std::string& what) {
    if (!batch.tainted) history_.broken(rule, what);
  }

  History& history_;
  const core::Settings& settings_;
  IsStored is_stored_;
  core::Epoch epoch_ = 0;
  core::Epoch first_epoch_ = 0;
  Moment epoch_began_ = 0;
  Moment stopping_ = 0;  // Since then the owner hands nothing out.
  // Whether new jobs are taken, and since when.
  core::Admission::Kind admission_ = core::Admission::Kind::open;
  Moment admission_since_ = 0;
  Moment moment_ = 0;
  std::map<core::BatchId, ModelBatch> batches_;
  std::vector<ModelBatch*> with_run_at_;
  std::map<LaneKey, std::vector<std::pair<ModelBatch*, std::size_t>>> lanes_;
  std::set<LaneKey> late_lanes_;   // Got delayed runs, which are paged in.
  std::vector<Pick> picks_;        // Of the first epoch.
  std::set<core::JobId> cancels_;  // That were asked for, also before their batch.
  std::map<core::Ticket, Asked> asked_;
  std::map<core::SessionId, Session> sessions_;
  std::map<std::pair<core::Token, core::BatchId>, core::IndexSet> kept_;  // By the last owner.
};

}  // namespace pawl::test
