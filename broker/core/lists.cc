#include <algorithm>
#include <optional>

#include "broker/core/assert.h"
#include "broker/core/bytes_io.h"
#include "broker/core/engine_state.h"
#include "broker/core/list_cursor.h"

namespace pawl::core {

// A list on its way: pages of candidates are read and looked at until the limit is reached, the
// reply is full or there are no more.
struct Engine::State::Listing {
  ListJobs command;
  QueueNumber queue = 0;
  std::optional<TypeNumber> type;  // Nothing: any.
  std::string place;               // Where it goes on; empty at the start and the end.
  Listed listed;
  std::size_t room = limits::kViewsBytes;
  int rounds = 0;
  std::shared_ptr<void> held;

  ListCursor cursor() const {
    return {.queue = queue, .state = command.state, .type = type, .place = place};
  }
  std::size_t jobs_left() const { return command.limit - listed.jobs.size(); }
};

// A job that may belong into the list, and the place at which a page begins with it.
struct Engine::State::ListCandidate {
  JobId id;
  std::string place;
};

namespace {

constexpr int kRoundsMax = 20;  // A page that still has room then is answered short, with a cursor.
constexpr int kLanesPassed = 10'000;  // Likewise one that passes over so many lanes.

// A place is a key of the table that is walked, and how far its row was taken.
std::string make_place(const std::string& key, std::size_t taken) {
  std::string place;
  Writer(place).be32(static_cast<std::uint32_t>(taken)).raw(key);
  return place;
}

std::string key_of(const std::string& place) {
  return place.size() < 4 ? std::string() : place.substr(4);
}

// What was taken of a row before; nothing of any other row.
std::size_t taken_of(const std::string& place, const std::string& key) {
  return place.size() < 4 || key_of(place) != key ? 0 : Reader(place).be32();
}

// Whether a ready row is that of some runs; it names all their jobs, also those that have come back
// alone since and have rows of their own.
bool is_segment(std::string_view key) {
  static constexpr std::size_t kReadyKeyBytes = 18;
  return key.size() == kReadyKeyBytes && key.ends_with(std::string_view("\0\0", 2));
}

// The jobs of a ready row, in order.
template <class Visit>
void visit_ready(const View::Row& row, Visit&& visit) {
  if (const auto own = is_segment(row.key) ? std::nullopt : ReadyJob::decode(row.value.view())) {
    visit(own->job);
  } else if (const auto runs = decode_segment(row.value.view())) {
    for (const ReadyRun& run : *runs)
      run.jobs.for_each([&](JobIndex index) { visit(run.batch.job(index)); });
  }
}

}  // namespace

void Engine::State::list_jobs(const ListJobs& command) {
  const Queue* queue = names.find_queue(command.ns, command.queue);
  const Type* type = command.type.empty() ? nullptr : names.find_type(command.type);
  const bool is_known = queue != nullptr && (type != nullptr || command.type.empty());
  if (!is_known && command.cursor.empty()) return reply(command.ticket, Listed{});
  const auto listing = std::make_shared<Listing>();
  listing->command = command;
  if (queue != nullptr) listing->queue = queue->number;
  if (type != nullptr) listing->type = type->number;
  if (!command.cursor.empty()) {
    auto cursor = ListCursor::decode(command.cursor);
    if (!is_known || !cursor || !cursor->same_list(listing->cursor()))
      return refuse(command.ticket, Errc::invalid_argument, "the cursor belongs to another list");
    listing->place = std::move(cursor->place);
  }
  if (!may_wait(command.ticket, bytes_of(command))) return;
  listing->held = hold_bytes(bytes_of(command));
  continue_list(listing);
}

void Engine::State::continue_list(const ListingPtr& listing) {
  switch (listing->command.state) {
    case JobState::processing:
      return list_processing(listing);
    case JobState::pending:
      return list_pending(listing);
    default:
      return list_indexed(listing);
  }
}

// By id. Leases are in memory; the place is the next id.
void Engine::State::list_processing(const ListingPtr& listing) {
  std::string& place = listing->place;
  const JobId first = place.empty() ? JobId{} : Reader(place).id();
  std::vector<JobId> leased;
  for (const auto& [token, grant] : sessions.grants()) {
    for (const GrantPart& part : grant.parts) {
      const Lane* lane = part.leased.jobs.empty() ? nullptr : find_lane(part.leased.lane);
      if (lane == nullptr || lane->queue != listing->queue) continue;
      if (listing->type && lane->type != *listing->type) continue;
      part.leased.jobs.for_each([&](JobIndex index) {
        const JobId id = part.leased.batch.job(index);
        if (id >= first) leased.push_back(id);
      });
    }
  }
  const std::size_t room = std::min(listing->jobs_left(), leased.size());
  const bool more = room < leased.size();
  std::partial_sort(leased.begin(),
                    leased.begin() + static_cast<std::ptrdiff_t>(room + (more ? 1 : 0)),
                    leased.end());
  place = more ? keys::job(leased[room]) : std::string();
  std::vector<ListCandidate> candidates;
  for (std::size_t i = 0; i < room; ++i) candidates.push_back({leased[i], keys::job(leased[i])});
  add_to_list(listing, std::move(candidates));
}

// Lane after lane, each in its order.
void Engine::State::list_pending(const ListingPtr& listing) {
  std::string& place = listing->place;
  const std::string at = key_of(place);
  const LaneNumber first = at.size() < 8 ? 0 : Reader(at).be64();
  const Queue& queue = names.queue(listing->queue);
  const auto wanted = [&](const Lane& lane) {
    return !lane.empty() && (!listing->type || lane.type == *listing->type);
  };
  auto lane = queue.lanes.lower_bound(first);
  int passed = 0;
  while (lane != queue.lanes.end() && !wanted(*lane->second) && ++passed < kLanesPassed) ++lane;
  if (lane == queue.lanes.end() || passed == kLanesPassed) {
    place = lane == queue.lanes.end() ? std::string() : make_place(keys::lane(lane->first), 0);
    return answer_list(listing);
  }
  const LaneNumber number = lane->first;
  const bool inside = number == first && at.size() > sizeof(LaneNumber);
  if (!inside) place.clear();
  Read read;
  read.ranges.push_back({Table::ready, inside ? at : keys::ready(number, lane->second->head),
                         keys::ready(number, Lane::kEnd)});
  read.rows_max = settings.grain.list_rows;
  flush_fresh(*lane->second);
  reads.ask(std::move(read), [this, listing, number](View& view) {
    std::string after = make_place(keys::lane(number + 1), 0);
    if (!view.complete) after = make_place(view.stopped_key, 0);
    take_rows(listing, view, std::move(after),
              [](const View::Row& row, std::size_t taken, const auto& take) {
                std::size_t nth = 0;
                visit_ready(row, [&](const JobId& id) {
                  if (nth >= taken) take(id, nth);
                  ++nth;
                });
              });
  });
}

// By type, then newest minute first.
void Engine::State::list_indexed(const ListingPtr& listing) {
  const ListJobs& command = listing->command;
  Range range =
      keys::under(Table::listed,
                  listing->type ? keys::listed_prefix(listing->queue, command.state, *listing->type)
                                : keys::listed_prefix(listing->queue, command.state));
  const std::string at = key_of(listing->place);
  if (at > range.from && at < range.to) range.from = at;
  Read read;
  read.ranges.push_back(std::move(range));
  read.rows_max = settings.grain.list_rows;
  reads.ask(std::move(read), [this, listing](View& view) {
    std::string after = view.complete ? std::string() : make_place(view.stopped_key, 0);
    take_rows(listing, view, std::move(after),
              [](const View::Row& row, std::size_t taken, const auto& take) {
                const auto jobs = decode_indexes(row.value.view());
                PAWL_ASSERT(jobs);
                const BatchId batch = Reader(std::string_view(row.key).substr(13)).id();
                jobs->for_each([&](JobIndex index) {
                  if (index >= taken) take(batch.job(index), index);
                });
              });
  });
}

// Collects the candidates of some rows; `after` is the place behind them all. visit(row, taken,
// take) calls take(id, nth) for each job of the row from the one numbered `taken` on.
template <class Visit>
void Engine::State::take_rows(const ListingPtr& listing, const View& view, std::string after,
                              Visit&& visit) {
  const std::string begun = listing->place;
  const std::size_t room = listing->jobs_left();
  std::vector<ListCandidate> candidates;
  for (const View::Row& row : view.rows) {
    visit(row, taken_of(begun, row.key), [&](const JobId& id, std::size_t nth) {
      if (candidates.size() <= room) candidates.push_back({id, make_place(row.key, nth)});
    });
    if (candidates.size() > room) break;
  }
  listing->place = std::move(after);
  if (candidates.size() > room) {
    listing->place = std::move(candidates.back().place);
    candidates.pop_back();
  }
  add_to_list(listing, std::move(candidates));
}

// Looks at the candidates and keeps those that are what was asked for.
void Engine::State::add_to_list(const ListingPtr& listing, std::vector<ListCandidate> candidates) {
  std::vector<JobId> ids;
  ids.reserve(candidates.size());
  for (const ListCandidate& candidate : candidates) ids.push_back(candidate.id);
  const auto take = [this, listing, asked = std::move(candidates)](std::vector<JobView>& views) {
    bool full = false;
    for (std::size_t i = 0; i < views.size() && !full; ++i) {
      JobView& view = views[i];
      if (view.code == Errc::too_large) {  // The next page begins with it.
        listing->place = asked[i].place;
        full = true;
      }
      const bool wanted = view.code == Errc::ok && view.state == listing->command.state &&
                          (listing->command.type.empty() || view.type == listing->command.type);
      const bool has_its_own_row = view.state == JobState::pending && !view.attempts.empty() &&
                                   is_segment(key_of(asked[i].place));
      if (!wanted || has_its_own_row) continue;
      listing->room -= std::min(listing->room, reply_bytes_of(view));
      listing->listed.jobs.push_back(std::move(view));
    }
    full = full || listing->jobs_left() == 0 || ++listing->rounds >= kRoundsMax;
    if (full || listing->place.empty()) return answer_list(listing);
    continue_list(listing);
  };
  with_views(std::move(ids), GetJobs::Payloads::without, take, listing->room);
}

void Engine::State::answer_list(const ListingPtr& listing) {
  if (!listing->place.empty()) listing->listed.next_cursor = listing->cursor().encode();
  reply(listing->command.ticket, std::move(listing->listed), open_seq());
}

}  // namespace pawl::core
