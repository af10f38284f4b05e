#pragma once

// The inside of Engine: its parts, and the operations by noun, one .cc file each.

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include "broker/core/agenda.h"
#include "broker/core/batch.h"
#include "broker/core/engine.h"
#include "broker/core/id_filter.h"
#include "broker/core/lane.h"
#include "broker/core/names.h"
#include "broker/core/random.h"
#include "broker/core/reads.h"
#include "broker/core/records.h"
#include "broker/core/scheduler.h"
#include "broker/core/sessions.h"
#include "broker/core/waiting.h"

namespace pawl::core {

// Who ran a job, and since when.
struct JobRun {
  Timestamp started_at{};
  std::string worker_id;
  std::string host;
};

struct StoredBatch;

struct Engine::State {
  State(const Settings& settings, const EngineStart& start, Now now);

  // ---- engine.cc
  void run(Command& command);
  void set_time(Now now);
  std::optional<Timestamp> next_deadline() const;
  template <class Body>
  void reply(Ticket ticket, Body&& body, CommitSeq after = 0) {
    replies.push_back({ticket, after, std::forward<Body>(body)});
  }
  void refuse(Ticket ticket, Errc code, std::string message, Milliseconds retry_after = {});
  CommitSeq open_seq() const { return open->seq; }
  std::size_t open_bytes() const { return open->bytes() + unwritten_bytes; }

  // ---- waiting.cc: commands that wait for the store are bounded by number and bytes.
  bool may_wait(Ticket ticket, std::size_t bytes);
  std::shared_ptr<void> hold_bytes(std::size_t bytes);
  void wait_for_start(Command& command);

  // ---- startup.cc: the first reads.
  void ask_first_reads();
  void load_meta(View& view);
  void load_lanes(View& view);
  void load_leases(View& view);
  void start();

  // ---- enqueue.cc
  void enqueue(const std::shared_ptr<Enqueue>& command);
  void accept(Enqueue& command);
  void answer_known(const Enqueue& command, const View& view);
  Envelope make_envelope(const Enqueue& command, const Queue& queue);
  void put_parts(const Enqueue& command, const Envelope& envelope);
  bool lanes_left_for(const Enqueue& command, const Queue* queue);
  GroupRecord make_group(const JobGroup& group, const QueueSettings& defaults);
  BatchPtr make_batch(const Enqueue& command, const Envelope& envelope);
  void schedule_run(const BatchId& batch, Queue& queue, const GroupRecord& group, bool whole,
                    std::uint32_t bytes);

  // ---- interning.cc: names as numbers.
  Queue& know_queue(const std::string& ns, const std::string& name);
  Type& know_type(const std::string& name);
  Queue& intern_queue(const std::string& ns, const std::string& name);
  TypeNumber intern_type(const std::string& name);
  bool names_left_for(const Enqueue& command, const Queue* queue);
  bool names_left_for(const Fetch& command);

  // ---- lanes.cc: lanes and their windows.
  Lane& lane_for(const Queue& queue, TypeNumber type, std::uint8_t priority,
                 const std::string& key);
  Lane* find_lane(LaneNumber number);
  Lane* find_lane(const Queue& queue, const GroupRecord& group);
  Sequence next_sequence();
  void append_run(Lane& lane, ReadyRun run, const BatchPtr& batch);
  bool window_has_room(std::size_t bytes) const;
  void place_waiting(Lane& lane, Position position, WaitingRun run);
  void put_back(const BatchPtr& batch, const IndexSet& jobs, const LeasedJobs& leased);
  void run_over(Batch& batch, const IndexSet& jobs);
  void segment_over(Lane& lane, Position segment);
  void mark(Lane& lane, Sequence sequence);
  void touch(Lane& lane);
  void wake(Lane& lane);
  void flush_fresh(Lane& lane);
  void move_head(Lane& lane);
  void drop_idle_lanes();

  // ---- loading.cc: batches from the store.
  using BatchUser = std::function<void(const BatchPtr&)>;
  void with_batch(const BatchId& id, BatchUser user);
  void serve_users(const BatchId& id, const BatchPtr& batch);
  BatchPtr install_batch(const BatchId& id, const View& view, std::size_t first, std::size_t end);
  std::vector<BatchPtr> install_batches(const View& view);
  void shed(Batch& batch);
  void reload(Lane& lane, const BatchPtr& batch);
  void reloaded(Batch& batch, const View& view);
  void adopt_leases(const BatchPtr& batch);

  // ---- paging.cc: lanes from the store.
  using LanePagePtr = std::shared_ptr<LanePage>;
  void top_up(Lane& lane);
  void page_lane(Lane& lane);
  void page_over(Lane& lane);
  void edited(Lane& lane, const BatchId& batch, Position position);
  void ask_page(Lane& lane);
  void begin_page(Lane& lane, const View& view, Position end, CommitSeq after);
  std::size_t page_bytes() const;
  std::uint64_t ask_part(Lane& lane, PagePart& part, std::uint64_t behind);
  void part_came(LaneNumber lane, const LanePagePtr& page, const View& view);
  void install_next(Lane& lane, const View& view);
  void install_needless(Lane& lane);
  void install_segment(Lane& lane, const ReadyEntry& entry, CommitSeq after);
  void install_own(Lane& lane, const ReadyEntry& entry, CommitSeq after);

  // ---- fetch.cc
  void fetch(const Fetch& command);
  std::uint32_t credits_of(const ParkedFetch& fetch);
  void end_fetch(const EndFetch& command);
  Grant& keep_grant(Grant&& made, bool store_first);
  struct Pick;
  bool grant(Subscription& subscription, const ParkedFetch& fetch);
  static bool has_front(const Lane& lane);
  void load_front(Lane& lane);
  void take_front(Lane& lane, Pick& pick);
  static IndexSet take_fitting(Batch& batch, IndexSet& waiting, std::uint32_t credits,
                               std::size_t bytes);
  void store_grant(Grant& grant);
  void store_overdue_grants();
  void serve_woken();
  void serve(Queue& queue);
  void park(Subscription& subscription, const ParkedFetch& fetch);
  ParkedFetch unpark(Subscription& subscription, std::uint64_t number);
  std::vector<Ticket> unpark(ConnectionId connection);
  void refuse_parked(ConnectionId connection);
  void end_parked(Timestamp until);
  static bool is_loading(const Subscription& subscription);

  // ---- report.cc
  struct ReportProgress;
  using ReportPtr = std::shared_ptr<ReportProgress>;
  void report(Report& command);
  bool has_to_wait(const Report& report);
  void decided(const ReportPtr& progress);
  void apply(const ReportPtr& progress, std::uint32_t position);
  bool apply_to_grant(const Outcome& outcome, Grant& grant, IndexSet& left);
  void apply_unleased(const ReportPtr& progress, std::uint32_t position, const BatchPtr& batch);
  void end_unleased(const ReportPtr& progress, std::uint32_t position, const BatchPtr& batch,
                    const std::set<JobIndex>& scheduled);
  void apply_to_part(const Outcome& outcome, const IndexSet& jobs, const Grant& grant,
                     GrantPart& part);
  void end_jobs(const BatchPtr& batch, const IndexSet& jobs, const Outcome& outcome,
                const LeasedJobs& leased, const JobRun& run);
  void unlease(Grant& grant, GrantPart& part, const IndexSet& jobs);
  void close_if_done(Grant& grant);

  // ---- finish.cc: changes of a job's state.
  void change_state(Queue& queue, JobState from, JobState to, std::size_t count = 1);
  void finish_plain(const BatchPtr& batch, const IndexSet& jobs, JobState from, OutcomeEntry entry);
  void store_result(const Batch& batch, const IndexSet& jobs, const Outcome& outcome,
                    OutcomeEntry& entry);
  void changed(const BatchPtr& batch);
  ClosedRecord& close_at(Timestamp reap_at);
  void changed(Grant& grant);
  void after_finish(const BatchPtr& batch, const IndexSet& jobs);
  void sync_for(const Queue& queue);

  // ---- own_records.cc: jobs that left the plain path.
  JobRecord& make_own(const BatchPtr& batch, JobIndex index, JobState state,
                      const LeasedJobs& leased);
  void complete_own(const BatchPtr& batch, JobIndex index, const Outcome& outcome,
                    const JobRun& run);
  void finish_own(const BatchPtr& batch, JobIndex index, JobState from, JobState to);
  void fail_job(const BatchPtr& batch, JobIndex index, const Failure& failure,
                const LeasedJobs& leased, const JobRun& run);
  void lose_job(const BatchPtr& batch, JobIndex index, const LeasedJobs& leased, const JobRun& run);
  void add_attempt(JobRecord& record, const JobRun& run, AttemptView::End end,
                   const Failure* failure);
  void put_own(const Batch& batch, JobIndex index, const JobRecord& record);
  void enter_ready(const BatchPtr& batch, JobIndex index, const JobRecord& record);
  void leave_ready(const BatchPtr& batch, const JobRecord& record);
  keys::Listing own_listing(const Batch& batch, JobIndex index, JobState state, Timestamp at) const;

  // ---- session_commands.cc
  void open_session(const OpenSession& command);
  void resume(Session& session, const OpenSession& command);
  bool still_held(const Held& held, const Session& session, IndexSet& lost);
  void heartbeat(const Heartbeat& command);
  void disconnected(const Disconnected& command);
  void end_overdue_sessions(Timestamp until);
  void end_session(Session& session);
  bool load_leased(const Session& session);
  void return_jobs(Token token, const BatchId& batch, const IndexSet& jobs);
  void stop_leasing();

  // ---- view_query.cc: reading what views are made of.
  using ViewsUser = std::function<void(std::vector<JobView>& views)>;
  struct ViewQuery;
  struct ViewRound;
  using ViewQueryPtr = std::shared_ptr<ViewQuery>;
  void with_views(std::vector<JobId> ids, GetJobs::Payloads payloads, ViewsUser user,
                  std::size_t room = limits::kViewsBytes);
  void start_queries();
  void look(const ViewQueryPtr& query);
  static ViewRound next_round(const ViewQuery& query);
  bool take_round(ViewQuery& query, const ViewRound& round, const View& view);
  bool settle_scheduled(ViewQuery& query, JobView& view, const StoredBatch& stored,
                        const std::set<std::string>& standing);
  static bool admit(ViewQuery& query, JobView&& view);
  static std::size_t reply_bytes_of(const JobView& view);
  void answer_query(ViewQuery& query);

  // ---- views.cc: what there is to say of a job.
  struct Lease {
    const Grant* grant = nullptr;
    std::uint32_t attempt = 0;
  };
  Lease find_lease(const JobId& id) const;
  JobView view_of(const JobId& id, const StoredBatch& stored, GetJobs::Payloads payloads) const;
  void view_own(JobView& view, const JobRecord& own) const;
  void view_plain(JobView& view, const GroupRecord& group, const StoredBatch& stored) const;

  // ---- queries.cc
  void get_jobs(const GetJobs& command);
  void wait_job(const WaitJob& command);
  struct Waiter {
    Ticket ticket;
    JobId id;
    Timestamp deadline{};
    GetJobs::Payloads payloads = GetJobs::Payloads::without;
  };
  void answer_wait(const Waiter& waiter);
  Waiter take_waiter(std::uint64_t number);
  void wake_waiters(const Batch& batch, const IndexSet& jobs);
  void end_waits(Timestamp until);
  void forget_waits(ConnectionId connection);
  void queue_stats(const QueueStats& command);
  QueueCounts count(const Queue& queue) const;

  // ---- lists.cc
  struct Listing;
  using ListingPtr = std::shared_ptr<Listing>;
  void list_jobs(const ListJobs& command);
  void continue_list(const ListingPtr& listing);
  void list_processing(const ListingPtr& listing);
  void list_pending(const ListingPtr& listing);
  void list_indexed(const ListingPtr& listing);
  struct ListCandidate;
  template <class Visit>
  void take_rows(const ListingPtr& listing, const View& view, std::string after, Visit&& visit);
  void add_to_list(const ListingPtr& listing, std::vector<ListCandidate> candidates);
  void answer_list(const ListingPtr& listing);

  // ---- cancel.cc
  void cancel_jobs(const CancelJobs& command);
  struct CancelProgress;
  using CancelPtr = std::shared_ptr<CancelProgress>;
  void start_cancels();
  void cancel_some(const CancelPtr& progress, std::vector<std::size_t> positions);
  void cancel(const CancelPtr& progress, std::size_t position, const BatchPtr& batch);
  void cancel_leased(const BatchPtr& batch, JobIndex index, const Lease& lease);
  void push_cancel(const Grant& grant, const JobId& job);
  void push_cancels(const Session& session);
  void read_cancels(const SessionId& session, std::vector<Range> ranges);
  void cancel_scheduled(const CancelPtr& progress, std::size_t position, const BatchPtr& batch);
  bool leave_agenda(const BatchPtr& batch, JobIndex index, const std::string& key,
                    const View& view);
  void take_from_lane(const BatchPtr& batch, JobIndex index);
  void finish_cancelled(const BatchPtr& batch, JobIndex index, JobState from);
  void decide(const CancelPtr& progress, std::size_t position, CancelVerdict verdict);

  // ---- agenda_firing.cc
  bool has_room_for_due() const;
  bool may_fire(const AgendaRecord& due) const;
  void fire_agenda();
  void fire_run(const Agenda::Entry& entry, const JobId& first);
  void fire_retry(const Agenda::Entry& entry, const JobId& job);
  void page_agenda(Agenda& agenda);
  Agenda& agenda_of(keys::AgendaClock clock) {
    return clock == keys::AgendaClock::wall ? wall_agenda : timeline_agenda;
  }

  // ---- reaping.cc
  bool may_reap() const;
  void reap();
  void read_closed(const std::string& from);
  void reap_some(std::size_t at_once);
  void reap_found(const View& view, const std::vector<Range>& ranges);
  std::optional<Timestamp> stays_until(const StoredBatch& stored) const;
  void reap_later(const BatchId& id, const StoredBatch& stored);
  void reap_batch(const BatchId& id, StoredBatch& stored);
  void drop_count(Queue& queue, JobState state, std::size_t count);

  // ---- sealing.cc
  void flush();
  void flush_batch(Batch& batch);
  void list_entries(const Batch& batch, const std::vector<OutcomeEntry>& entries);
  void flush_lane(Lane& lane);
  Changes seal();
  Changes loose();
  // A commit holds only so much. Whatever changes many jobs looks before each of them whether there
  // is room for more, and puts the rest off until the next commit is open.
  bool is_full() const {
    return !put_off_steps.empty() || open_bytes() >= settings.grain.commit_bytes;
  }
  void put_off(std::function<void()> rest);
  void go_on();

  // ---- what there is. First what everything else may give back to: bytes and batches.
  std::size_t held_bytes = 0;  // Of commands that wait for the store.
  std::size_t running_cancels = 0;
  const Settings settings;
  const Epoch epoch;
  Timestamp epoch_began{};
  Random random;
  Now now{};
  EngineRecord record;
  IdFilter id_filter;
  Batches batches;
  Names names;
  CountsRecord sums;  // Of the counts of all queues.
  Timestamp names_forgotten_at{};
  std::unordered_map<LaneNumber, std::unique_ptr<Lane>> lanes;
  std::map<std::tuple<QueueNumber, TypeNumber, std::uint8_t, std::string>, Lane*> lanes_by_name;
  std::vector<LaneNumber> idle_lanes;
  std::size_t pages_under_way = 0;
  std::deque<LaneNumber> lanes_to_page;  // Loading, but not asked for yet.
  Scheduler scheduler;
  Sessions sessions;
  Agenda timeline_agenda{keys::AgendaClock::timeline, settings.grain.agenda_entries};
  Agenda wall_agenda{keys::AgendaClock::wall, settings.grain.agenda_entries};
  Reads reads;
  std::unordered_map<BatchId, std::vector<BatchUser>, JobIdHash> loading_batches;
  std::unordered_map<BatchId, std::vector<LaneNumber>, JobIdHash> reloading_batches;
  std::unordered_map<BatchId, std::vector<Token>, JobIdHash>
      restored_leases;  // Of batches that are not loaded yet.

  std::uint64_t token_counter = 0;
  std::vector<std::pair<Timestamp, Token>>
      unstored_grants;  // By time; a queue with a moving front.
  std::size_t unstored_front = 0;

  std::uint64_t parked_numbers = 0;
  std::map<std::pair<Timestamp, std::uint64_t>, Subscription*> parked_deadlines;
  // The parked fetches of each connection, by number. Empty ones stay until the connection ends.
  using ParkedPlaces = boost::container::small_vector<std::pair<std::uint64_t, Subscription*>, 2>;
  std::unordered_map<ConnectionId, ParkedPlaces> parked_by_connection;

  std::deque<ViewQueryPtr> waiting_queries;
  std::size_t running_queries = 0;

  struct WaitingCancel {  // Jobs of one batch.
    CancelPtr progress;
    std::vector<std::size_t> positions;
  };
  std::deque<WaitingCancel> waiting_cancels;
  std::deque<std::function<void()>> put_off_steps;  // Only while the open commit is full.
  std::size_t loaded_to_cancel = 0;  // Bytes of batches since the last commit was closed.
  bool starting_cancels = false;

  std::uint64_t waiter_numbers = 0;
  std::map<std::uint64_t, Waiter> waiters;
  std::set<std::pair<JobId, std::uint64_t>> waiters_by_job;
  std::set<std::pair<ConnectionId, std::uint64_t>> waiters_by_connection;
  std::set<std::pair<Timestamp, std::uint64_t>> waiter_deadlines;

  Timestamp next_reap{};
  bool reap_reads = false;   // Waits for the store.
  CommitSeq reap_after = 0;  // Not before this commit is closed.
  std::string reap_key;      // The row of `closed` that is being reaped, and what is left of it.
  ClosedRecord reap_row;
  std::string reap_from;     // No row of `closed` stands before it.
  std::string first_closed;  // The first row that was closed since the reaper last looked.

  Admission::Kind admission = Admission::Kind::open;
  bool stopping = false;
  bool is_ready = false;
  struct Early {
    Command command;
    std::shared_ptr<void> held;
  };
  std::vector<Early> early;  // Came before the first reads were answered.

  // The open commit.
  std::shared_ptr<Commit> open;
  std::size_t unwritten_bytes = 0;  // What flush() will add to it, about.
  std::vector<Reply> replies;
  std::vector<BatchPtr> dirty_batches;
  std::vector<BatchPtr> flushed_batches;  // Their entries stay until the commit closes.
  std::vector<LaneNumber> dirty_lanes;
  std::vector<LaneNumber> woken_lanes;
  std::vector<Token> dirty_grants;
  std::vector<QueueNumber> dirty_counts;
  std::map<Timestamp, ClosedRecord> closed;
};

}  // namespace pawl::core
