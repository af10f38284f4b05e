#include <algorithm>

#include "broker/core/assert.h"
#include "broker/core/engine_state.h"

namespace pawl::core {

namespace {

constexpr std::size_t kDeliveryBytes = 200;  // Of a reply, beside defaults and jobs.
constexpr Milliseconds kTimeToWrite{50};     // Of a commit: what is to be stored is put by then.

}  // namespace

void Engine::State::fetch(const Fetch& command) {
  Session* session = sessions.find(command.session);
  if (session == nullptr || session->connection != command.ticket.connection) {
    return refuse(command.ticket, Errc::lease_lost,
                  "this session is over; open a new one with Hello");
  }
  if (stopping)
    return refuse(command.ticket, Errc::unavailable, "the broker is stopping", Milliseconds{1000});
  sessions.set_deadline(*session, now.at + settings.lease);
  if (!names_left_for(command)) {
    return refuse(command.ticket, Errc::overloaded,
                  "workers wait for too many queues and types that have no jobs",
                  Milliseconds{1000});
  }
  std::vector<Queue*> queues;
  for (const std::string& name : command.queues) queues.push_back(&know_queue(command.ns, name));
  std::vector<TypeNumber> types;
  for (const std::string& name : command.types) types.push_back(know_type(name).number);
  std::sort(types.begin(), types.end());

  Subscription& subscription = scheduler.subscribe(queues, types);
  ParkedFetch asked{++parked_numbers, command.ticket, command.session, command.credits,
                    now.at + command.max_wait};
  if (grant(subscription, asked)) return;
  if (command.max_wait.count() == 0 && !is_loading(subscription))
    return reply(command.ticket, Granted{});
  park(subscription, asked);
}

// How many jobs may be leased to a fetch; zero when its session holds all that it may.
std::uint32_t Engine::State::credits_of(const ParkedFetch& fetch) {
  const Session* session = sessions.find(fetch.session);
  PAWL_ASSERT(session != nullptr);
  const std::size_t held = std::min(session->leased, limits::kSessionJobsMax);
  return static_cast<std::uint32_t>(
      std::min<std::size_t>(fetch.credits, limits::kSessionJobsMax - held));
}

// What a fetch gets, as it is put together.
struct Engine::State::Pick {
  Grant made;
  Granted granted;
  CommitSeq after = 0;       // Of what it depends on.
  bool store_first = false;  // The grant has to be stored before it leaves.
  std::uint32_t credits = 0;
  std::size_t bytes = 0;
};

// Leases to a fetch what its subscription has ready. False when there is nothing in memory.
bool Engine::State::grant(Subscription& subscription, const ParkedFetch& fetch) {
  if (subscription.candidates.empty()) return false;
  Pick pick;
  pick.credits = credits_of(fetch);
  if (pick.credits == 0) {
    refuse(fetch.ticket, Errc::overloaded, "this session holds too many jobs; report some first",
           Milliseconds{1000});
    return true;
  }
  std::size_t pages = 0;
  while (pick.credits > 0 && pick.bytes < limits::kFetchReplyBytes &&
         !subscription.candidates.empty()) {
    Lane& lane = *subscription.candidates.begin()->lane;
    if (has_front(lane)) {
      take_front(lane, pick);
      top_up(lane);
    } else if (pages++ == settings.grain.pages_per_fetch) {
      break;  // The window is not filled for a fetch that wants few.
    } else {
      load_front(lane);
    }
    scheduler.update(names.queue(lane.queue), lane);
  }
  if (pick.made.parts.empty()) return false;

  pick.made.token = Token::make(epoch, ++token_counter);
  pick.made.session = fetch.session;
  pick.made.at = now.at;
  pick.granted.token = pick.made.token;
  const Grant& kept = keep_grant(std::move(pick.made), pick.store_first);
  reply(fetch.ticket, std::move(pick.granted), kept.stored ? open_seq() : pick.after);
  return true;
}

// Whether the lane's next job is in memory with its bytes.
bool Engine::State::has_front(const Lane& lane) {
  return lane.has_waiting() && lane.window->waiting.begin()->second.batch->holds_payload();
}

// The fetch is served when what is missing has come.
void Engine::State::load_front(Lane& lane) {
  if (lane.has_waiting()) {
    reload(lane, lane.window->waiting.begin()->second.batch);
  } else {
    page_lane(lane);
  }
}

// Leases jobs of the lane's first run, as many as credits and bytes allow.
void Engine::State::take_front(Lane& lane, Pick& pick) {
  Queue& queue = names.queue(lane.queue);
  const auto front = lane.window->waiting.begin();
  const Position position = front->first;
  WaitingRun& run = front->second;
  const BatchPtr batch = run.batch;
  pick.bytes += kDeliveryBytes + batch->defaults.size();
  const std::size_t room =
      limits::kFetchReplyBytes - std::min(pick.bytes, limits::kFetchReplyBytes);
  IndexSet jobs = take_fitting(*batch, run.jobs, pick.credits, room);
  pick.after = std::max(pick.after, run.after);
  std::uint32_t attempt = 1;
  if (position.slot != 0) attempt = batch->own.at(jobs.first())->attempt + 1;
  pick.store_first |=
      run.delivered_before || batch->group_of(jobs.first()).options.max_attempts == 1;
  if (run.jobs.empty()) lane.window->waiting.erase(front);

  Delivery delivery;
  delivery.batch = batch->id;
  delivery.queue = queue.name;
  delivery.accepted_at = batch->accepted_at;
  if (attempt != 1) delivery.attempts.assign(jobs.count(), attempt);
  delivery.defaults = batch->defaults;
  batch->records_of(jobs, delivery.records);
  for (const Blob& record_bytes : delivery.records) pick.bytes += record_bytes.size();
  pick.credits -= static_cast<std::uint32_t>(jobs.count());
  queue.leased += jobs.count();
  batch->leased.insert(jobs);
  batch->leased_before.insert(jobs);
  delivery.jobs = jobs;
  pick.granted.deliveries.push_back(std::move(delivery));
  pick.made.parts.push_back({{batch->id, lane.number, position, std::move(jobs), attempt}, batch});
  shed(*batch);
}

// A grant that must not be forgotten is stored with this commit, others within a short time.
Grant& Engine::State::keep_grant(Grant&& made, bool store_first) {
  for (const GrantPart& part : made.parts) {
    auto& tokens = part.batch->tokens;
    if (tokens.empty() || tokens.back() != made.token) tokens.push_back(made.token);
  }
  Grant& kept = sessions.add_grant(std::move(made));
  if (store_first) {
    store_grant(kept);
  } else {
    unstored_grants.emplace_back(now.at + limits::kGrantStoredWithin - kTimeToWrite, kept.token);
  }
  return kept;
}

// The first jobs of `waiting`, removed from it: as many as credits and bytes allow, at least one.
IndexSet Engine::State::take_fitting(Batch& batch, IndexSet& waiting, std::uint32_t credits,
                                     std::size_t bytes) {
  std::size_t total = 0;
  for (const BatchPart& part : batch.parts) total += part.records.size();
  if (total <= bytes) return waiting.take_first(credits);
  IndexSet taken = waiting.take_first(1);
  std::vector<Blob> records;
  batch.records_of(taken, records);
  std::size_t used = 0;
  for (const Blob& piece : records) used += piece.size();
  while (taken.count() < credits && !waiting.empty()) {
    const IndexSet next = IndexSet::single(waiting.first());
    records.clear();
    batch.records_of(next, records);
    for (const Blob& piece : records) used += piece.size();
    if (used > bytes) break;
    taken.insert(waiting.take_first(1));
  }
  return taken;
}

// Puts the grant, and its session when it is the first, into the open commit.
void Engine::State::store_grant(Grant& grant) {
  if (grant.dirty) return;
  grant.stored = true;
  changed(grant);
  open->synced = true;
  Session* session = sessions.find(grant.session);
  if (session == nullptr || session->stored) return;
  session->stored = true;
  open->put(Table::leases, keys::session(session->id),
            SessionRecord{session->worker_id, session->host}.encode());
}

void Engine::State::store_overdue_grants() {
  while (unstored_front < unstored_grants.size() &&
         unstored_grants[unstored_front].first <= now.at) {
    Grant* grant = sessions.find_grant(unstored_grants[unstored_front].second);
    if (grant != nullptr && !grant->stored) store_grant(*grant);
    ++unstored_front;
  }
  if (unstored_front > 1024 && unstored_front * 2 > unstored_grants.size()) {
    unstored_grants.erase(unstored_grants.begin(),
                          unstored_grants.begin() + static_cast<std::ptrdiff_t>(unstored_front));
    unstored_front = 0;
  }
}

void Engine::State::serve_woken() {
  for (std::size_t i = 0; i < woken_lanes.size(); ++i) {
    Lane* lane = find_lane(woken_lanes[i]);
    if (lane == nullptr) continue;
    lane->woken = false;
    serve(names.queue(lane->queue));
  }
  woken_lanes.clear();
}

// Gives parked fetches what there is for them now, first come first served within each
// subscription.
void Engine::State::serve(Queue& queue) {
  for (Subscription* subscription : queue.subscriptions) {
    while (!subscription->parked.empty() && !subscription->candidates.empty()) {
      const ParkedFetch fetch = subscription->parked.begin()->second;
      if (!grant(*subscription, fetch)) break;
      unpark(*subscription, fetch.number);
    }
  }
}

void Engine::State::park(Subscription& subscription, const ParkedFetch& fetch) {
  parked_deadlines.emplace(std::pair(fetch.deadline, fetch.number), &subscription);
  parked_by_connection[fetch.ticket.connection].emplace_back(fetch.number, &subscription);
  subscription.parked.emplace(fetch.number, fetch);
}

ParkedFetch Engine::State::unpark(Subscription& subscription, std::uint64_t number) {
  const auto found = subscription.parked.find(number);
  PAWL_ASSERT(found != subscription.parked.end());
  const ParkedFetch fetch = found->second;
  subscription.parked.erase(found);
  parked_deadlines.erase({fetch.deadline, number});
  ParkedPlaces& places = parked_by_connection.at(fetch.ticket.connection);
  places.erase(std::find(places.begin(), places.end(), std::pair(number, &subscription)));
  return fetch;
}

// Forgets the parked fetches of a connection.
std::vector<Ticket> Engine::State::unpark(ConnectionId connection) {
  std::vector<Ticket> forgotten;
  const auto found = parked_by_connection.find(connection);
  if (found == parked_by_connection.end()) return forgotten;
  const ParkedPlaces places = found->second;
  for (const auto& [number, subscription] : places)
    forgotten.push_back(unpark(*subscription, number).ticket);
  parked_by_connection.erase(connection);
  return forgotten;
}

void Engine::State::end_fetch(const EndFetch& command) {
  for (const Ticket& ticket : unpark(command.ticket.connection)) reply(ticket, Granted{});
  reply(command.ticket, FetchEnded{});
}

// The connection's session is over or has moved on: nothing may be leased to it here any more.
void Engine::State::refuse_parked(ConnectionId connection) {
  for (const Ticket& ticket : unpark(connection)) {
    refuse(ticket, Errc::lease_lost, "this session is over; open a new one with Hello");
  }
}

// Whether a page is on its way that may have something for this subscription.
bool Engine::State::is_loading(const Subscription& subscription) {
  return std::any_of(subscription.queues.begin(), subscription.queues.end(),
                     [](const Queue* queue) { return queue->lanes_loading > 0; });
}

// Answers fetches whose wait is over with nothing; not while a page is on its way to them.
void Engine::State::end_parked(Timestamp until) {
  static constexpr Milliseconds kForPage{10};
  if (parked_deadlines.empty() || parked_deadlines.begin()->first.first > until) return;
  serve_woken();  // What has just come in is theirs.
  while (!parked_deadlines.empty() && parked_deadlines.begin()->first.first <= until) {
    const auto [key, subscription] = *parked_deadlines.begin();
    ParkedFetch fetch = unpark(*subscription, key.second);
    if (!stopping && is_loading(*subscription)) {
      fetch.deadline = until + kForPage;
      park(*subscription, fetch);
      continue;
    }
    reply(fetch.ticket, Granted{});
  }
}

}  // namespace pawl::core
