#include "broker/core/assert.h"
#include "broker/core/bytes_io.h"
#include "broker/core/engine_state.h"

namespace pawl::core {

// Reads meta, lanes, leases and the near agenda, and nothing else: bounded, whatever the backlog.
void Engine::State::ask_first_reads() {
  const auto ask = [this](Table table, Reads::Continuation then) {
    Read read;
    read.ranges.push_back(keys::all(table));
    read.bytes_max = SIZE_MAX;
    reads.ask(std::move(read), std::move(then));
  };
  ask(Table::meta, [this, ask](View& meta) {
    load_meta(meta);
    ask(Table::lanes, [this, ask](View& lane_rows) {
      load_lanes(lane_rows);
      ask(Table::leases, [this](View& lease_rows) {
        load_leases(lease_rows);
        start();
      });
    });
  });
}

void Engine::State::load_meta(View& view) {
  for (const View::Row& row : view.rows) {
    Reader key(row.key);
    switch (key.u8()) {
      case 'e': {
        const auto engine = EngineRecord::decode(row.value.view());
        PAWL_ASSERT(engine);
        record = *engine;
        break;
      }
      case 'q': {
        auto name = QueueName::decode(row.value.view());
        PAWL_ASSERT(name);
        names.add_queue(key.be32(), std::move(name->ns), std::move(name->name), settings);
        break;
      }
      case 't': {
        const auto name = decode_type_name(row.value.view());
        PAWL_ASSERT(name);
        names.add_type(key.be32(), *name);
        break;
      }
      default:
        break;
    }
  }
  for (const View::Row& row : view.rows) {
    Reader key(row.key);
    if (key.u8() != 'c') continue;
    const auto counts = CountsRecord::decode(row.value.view());
    PAWL_ASSERT(counts);
    names.queue(key.be32()).counts = *counts;
  }
  id_filter = IdFilter(record.id_time_max);
  now.at = std::max(now.at, record.at);
}

void Engine::State::load_lanes(View& view) {
  for (const View::Row& row : view.rows) {
    const auto loaded = LaneRecord::decode(row.value.view());
    PAWL_ASSERT(loaded);
    auto lane = std::make_unique<Lane>();
    lane->number = Reader(row.key).be64();
    lane->queue = loaded->queue;
    lane->type = loaded->type;
    lane->priority = loaded->priority;
    lane->key = loaded->key;
    lane->head = loaded->head;
    lane->mark = loaded->mark;
    lane->tail = loaded->tail;
    lane->loaded_to = loaded->head;
    lanes_by_name[{lane->queue, lane->type, lane->priority, lane->key}] = lane.get();
    lanes.emplace(lane->number, std::move(lane));
  }
}

void Engine::State::load_leases(View& view) {
  for (const View::Row& row : view.rows) {
    Reader key(row.key);
    if (key.u8() != 's') continue;
    auto stored = SessionRecord::decode(row.value.view());
    PAWL_ASSERT(stored);
    Session session;
    session.id.high = key.be64();
    session.id.low = key.be64();
    session.worker_id = std::move(stored->worker_id);
    session.host = std::move(stored->host);
    session.stored = true;
    session.deadline = now.at + settings.restart_grace;
    sessions.add(std::move(session));
  }
  for (const View::Row& row : view.rows) {
    Reader key(row.key);
    if (key.u8() != 'g') continue;
    auto stored = GrantRecord::decode(row.value.view());
    PAWL_ASSERT(stored);
    Grant grant;
    grant.token = Token{key.be64()};
    grant.session = stored->session;
    grant.at = stored->at;
    grant.stored = true;
    for (LeasedJobs& leased : stored->jobs) {
      restored_leases[leased.batch].push_back(grant.token);
      grant.parts.push_back({std::move(leased), nullptr});
    }
    sessions.add_grant(std::move(grant));
  }
}

void Engine::State::start() {
  for (const auto& [number, lane] : lanes) {
    Queue& queue = names.queue(lane->queue);
    queue.lanes[number] = lane.get();
    scheduler.update(queue, *lane);
  }
  for (const auto& [token, grant] : sessions.grants()) {
    for (const GrantPart& part : grant.parts) {
      if (const Lane* lane = find_lane(part.leased.lane))
        names.queue(lane->queue).leased += part.leased.jobs.count();
    }
  }
  is_ready = true;
  epoch_began = now.at;
  next_reap = now.at;
  page_agenda(timeline_agenda);
  page_agenda(wall_agenda);
  for (Command& command : std::exchange(early, {})) run(command);
}

}  // namespace pawl::core
