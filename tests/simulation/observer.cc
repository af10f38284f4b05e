#include "tests/simulation/observer.h"

namespace pawl::simulation {

namespace {

using namespace std::chrono_literals;
using core::JobState;

const std::vector<JobState> kStates{JobState::scheduled, JobState::pending,   JobState::processing,
                                    JobState::retrying,  JobState::completed, JobState::failed,
                                    JobState::cancelled};

}  // namespace

void Observer::start() {
  connection_ = network_.open(*this);
  query();
}

void Observer::cut(core::ConnectionId connection) {
  if (connection != connection_) return;
  network_.close(connection_);
  connection_ = 0;
  events_.after(chance_.spread(Micros{500ms}), [this] { connection_ = network_.open(*this); });
}

core::JobId Observer::any_job() {
  const auto& jobs = chance_.pick(producers_)->jobs();
  if (jobs.empty() || chance_.percent(2)) return {chance_.next(), chance_.next()};
  core::JobId id = chance_.pick(jobs);
  if (chance_.percent(2)) id = id.batch().job(static_cast<core::JobIndex>(chance_.below(1000)));
  return id;
}

void Observer::query() {
  if (healed_) return;
  events_.after(chance_.around(plan_.query_every), [this] { query(); });
  const core::Ticket ticket{connection_, ++requests_};
  std::vector<core::JobId> ids;
  for (std::uint64_t left = 1 + chance_.spread(20); left > 0; --left) ids.push_back(any_job());
  const auto payloads =
      chance_.percent(50) ? core::GetJobs::Payloads::with : core::GetJobs::Payloads::without;
  if (chance_.percent(plan_.cancel_percent)) {
    ids.resize(1 + chance_.below(std::min<std::size_t>(ids.size(), 3)));
    return network_.send(connection_, core::CancelJobs{ticket, ids});
  }
  switch (chance_.below(4)) {
    case 0: {
      const core::Milliseconds wait{chance_.spread(20'000)};
      return network_.send(connection_, core::WaitJob{ticket, ids.front(), wait, payloads});
    }
    case 1:
      return network_.send(connection_,
                           core::QueueStats{ticket, chance_.pick(plan_.namespaces), {}});
    case 2:
      if (listing_.queue.empty() || listing_.cursor.empty()) {
        listing_.ns = chance_.pick(plan_.namespaces);
        listing_.queue = chance_.pick(plan_.queues);
        listing_.state = chance_.pick(kStates);
        listing_.type = chance_.percent(30) ? chance_.pick(plan_.types) : std::string();
        listing_.limit = static_cast<std::uint32_t>(1 + chance_.spread(200));
      }
      listing_.ticket = ticket;
      return network_.send(connection_, listing_);
    default:
      return network_.send(connection_, core::GetJobs{ticket, ids, payloads});
  }
}

void Observer::answered(core::ConnectionId connection, const core::Reply& reply) {
  if (connection != connection_) return;
  if (healed_) awaited_ = reply;
  const auto* listed = std::get_if<core::Listed>(&reply.body);
  // The answer for an earlier list has a cursor of that.
  if (listed != nullptr && reply.ticket.request == listing_.ticket.request)
    listing_.cursor = listed->next_cursor;
}

std::optional<core::Reply> Observer::ask(core::Command command) {
  static constexpr int kEventsMax = 200'000;
  awaited_.reset();
  while (!network_.whole(connection_) && events_.run_next()) {
  }
  const core::Ticket ticket{connection_, ++requests_};
  std::visit(
      [&](auto& body) {
        if constexpr (requires { body.ticket; }) body.ticket = ticket;
      },
      command);
  network_.send(connection_, std::move(command));
  for (int events = 0; events < kEventsMax; ++events) {
    if (awaited_ && awaited_->ticket == ticket) return std::exchange(awaited_, std::nullopt);
    if (!events_.run_next()) break;
  }
  return std::nullopt;
}

}  // namespace pawl::simulation
