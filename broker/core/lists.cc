#include <algorithm>

#include "broker/core/assert.h"
#include "broker/core/bytes_io.h"
#include "broker/core/engine_state.h"

namespace pawl::core {

// A list on its way: pages of candidates are read and looked at until the limit is reached or there
// are no more.
struct Engine::State::Listing {
  ListJobs command;
  QueueNumber queue = 0;
  Listed listed;
  int rounds = 0;
};

namespace {

constexpr int kRoundsMax = 20;  // A page that still has room then is answered short, with a cursor.

// Takes ids of `jobs` from `first` on until `ids` is full; what comes after the last one taken, if
// any, is the result.
std::optional<JobIndex> take_ids(const BatchId& batch, const IndexSet& jobs, JobIndex first,
                                 std::size_t limit, std::vector<JobId>& ids) {
  std::optional<JobIndex> next;
  jobs.for_each([&](JobIndex index) {
    if (index < first || next) return;
    if (ids.size() >= limit) {
      next = index;
      return;
    }
    ids.push_back(batch.job(index));
  });
  return next;
}

// A cursor is a key of the table that is walked, and the index from which to go on inside its row.
std::string make_cursor(const std::string& key, JobIndex index) {
  std::string cursor;
  Writer(cursor).be16(index).raw(key);
  return cursor;
}

std::string key_of(const std::string& cursor) {
  return cursor.size() < 2 ? std::string() : cursor.substr(2);
}

JobIndex index_of(const std::string& cursor) {
  return cursor.size() < 2 ? JobIndex{0} : Reader(cursor).be16();
}

}  // namespace

void Engine::State::list_jobs(const ListJobs& command) {
  const Queue* queue = names.find_queue(command.ns, command.queue);
  if (queue == nullptr) return reply(command.ticket, Listed{});
  const auto listing = std::make_shared<Listing>();
  listing->command = command;
  listing->queue = queue->number;
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

// Leases are few and in memory.
void Engine::State::list_processing(const ListingPtr& listing) {
  std::set<JobId> leased;
  for (const auto& [token, grant] : sessions.grants()) {
    for (const GrantPart& part : grant.parts) {
      const Lane* lane = part.leased.jobs.empty() ? nullptr : find_lane(part.leased.lane);
      if (lane == nullptr || lane->queue != listing->queue) continue;
      part.leased.jobs.for_each(
          [&](JobIndex index) { leased.insert(part.leased.batch.job(index)); });
    }
  }
  auto& cursor = listing->command.cursor;
  auto from = leased.begin();
  if (cursor.size() == 16) from = leased.upper_bound(Reader(cursor).id());
  std::vector<JobId> ids;
  const std::size_t room = listing->command.limit - listing->listed.jobs.size();
  while (from != leased.end() && ids.size() < room) ids.push_back(*from++);
  cursor = from == leased.end() ? std::string() : keys::job(ids.back());
  add_to_list(listing, std::move(ids));
}

// Lane after lane, each in its order.
void Engine::State::list_pending(const ListingPtr& listing) {
  auto& cursor = listing->command.cursor;
  const std::string at = key_of(cursor);
  const LaneNumber first = at.size() < 8 ? 0 : Reader(at).be64();
  const Queue& queue = names.queue(listing->queue);
  auto lane = queue.lanes.lower_bound(first);
  while (lane != queue.lanes.end() && lane->second->empty()) ++lane;
  if (lane == queue.lanes.end()) {
    cursor.clear();
    return add_to_list(listing, {});
  }
  const LaneNumber number = lane->first;
  Read read;
  const std::string from =
      number == first && !at.empty() ? at : keys::ready(number, lane->second->head);
  read.ranges.push_back({Table::ready, from, keys::ready(number, Lane::kEnd)});
  read.rows_max = settings.grain.list_rows;
  flush_fresh(*lane->second);
  reads.ask(std::move(read), [this, listing, number](View& view) {
    std::string& next = listing->command.cursor;
    JobIndex skip = index_of(next);
    std::vector<JobId> ids;
    const std::size_t room = listing->command.limit - listing->listed.jobs.size();
    next = make_cursor(keys::lane(number + 1), 0);
    if (!view.complete) next = make_cursor(view.stopped_key, 0);
    for (const View::Row& row : view.rows) {
      if (ids.size() >= room) {
        next = make_cursor(row.key, 0);
        break;
      }
      std::size_t seen = 0;
      const auto add = [&](const BatchId& batch, const IndexSet& jobs) {
        jobs.for_each([&](JobIndex index) {
          if (seen++ < skip) return;
          if (ids.size() < room) {
            ids.push_back(batch.job(index));
          } else if (ids.size() == room) {
            next = make_cursor(row.key, static_cast<JobIndex>(seen - 1));
            ids.push_back(batch.job(index));  // Only marks that the place is known.
          }
        });
      };
      if (const auto runs = decode_segment(row.value.view());
          row.key.substr(16) == std::string(2, '\0') && runs) {
        for (const ReadyRun& run : *runs) add(run.batch, run.jobs);
      } else if (const auto own = ReadyJob::decode(row.value.view())) {
        add(own->job.batch(), IndexSet::single(own->job.index()));
      }
      skip = 0;
      if (ids.size() > room) {
        ids.pop_back();
        break;
      }
    }
    add_to_list(listing, std::move(ids));
  });
}

// By type, then newest minute first.
void Engine::State::list_indexed(const ListingPtr& listing) {
  const ListJobs& command = listing->command;
  std::string prefix = keys::listed_prefix(listing->queue, command.state);
  if (!command.type.empty()) {
    const TypeNumber* type = names.find_type(command.type);
    if (type == nullptr) return reply(command.ticket, Listed{});
    prefix = keys::listed_prefix(listing->queue, command.state, *type);
  }
  Range range = keys::under(Table::listed, prefix);
  const std::string at = key_of(command.cursor);
  if (at > range.from && at < range.to) range.from = at;
  Read read;
  read.ranges.push_back(std::move(range));
  read.rows_max = settings.grain.list_rows;
  reads.ask(std::move(read), [this, listing](View& view) {
    std::string& next = listing->command.cursor;
    JobIndex first = index_of(next);
    const std::size_t room = listing->command.limit - listing->listed.jobs.size();
    std::vector<JobId> ids;
    next = view.complete ? std::string() : make_cursor(view.stopped_key, 0);
    for (const View::Row& row : view.rows) {
      if (ids.size() >= room) {
        next = make_cursor(row.key, 0);
        break;
      }
      const auto jobs = decode_indexes(row.value.view());
      PAWL_ASSERT(jobs);
      const BatchId batch = Reader(std::string_view(row.key).substr(13)).id();
      if (const auto rest = take_ids(batch, *jobs, first, room, ids)) {
        next = make_cursor(row.key, *rest);
        break;
      }
      first = 0;
    }
    add_to_list(listing, std::move(ids));
  });
}

// Looks at the candidates and keeps those that are what was asked for.
void Engine::State::add_to_list(const ListingPtr& listing, std::vector<JobId> ids) {
  const auto finish = [this, listing] {
    listing->listed.next_cursor = listing->command.cursor;
    reply(listing->command.ticket, std::move(listing->listed), open_seq());
  };
  if (ids.empty() && listing->command.cursor.empty()) return finish();
  with_views(std::move(ids), GetJobs::Payloads::without,
             [this, listing, finish](std::vector<JobView>& views) {
               for (JobView& view : views) {
                 const bool wanted =
                     view.code == Errc::ok && view.state == listing->command.state &&
                     (listing->command.type.empty() || view.type == listing->command.type);
                 if (wanted) listing->listed.jobs.push_back(std::move(view));
               }
               const bool full = listing->listed.jobs.size() >= listing->command.limit;
               if (full || listing->command.cursor.empty() || ++listing->rounds >= kRoundsMax)
                 return finish();
               continue_list(listing);
             });
}

}  // namespace pawl::core
