#include "tests/simulation/worker.h"

#include <algorithm>

#include <fmt/format.h>

namespace pawl::simulation {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kGossipKept = 40;

}  // namespace

void Worker::later(Micros delay, std::function<void()> what) {
  events_.after(delay, [this, life = life_, what = std::move(what)] {
    if (life == life_) what();
  });
}

void Worker::connect() {
  if (connection_ != 0) network_.close(connection_);
  connection_ = network_.open(*this);
  session_open_ = false;
  fetching_ = false;
  core::OpenSession open;
  open.ticket = {connection_, ++requests_};
  open.worker_id = fmt::format("{}.{}", name_, lives_);
  open.host = "host";
  open.fresh = {chance_.next(), chance_.next() | 1};
  open.resume = session_;
  for (const Holding& held : held_) open.held.push_back({held.token, held.batch, held.jobs});
  network_.send(connection_, std::move(open));
  // An answer that does not come is as good as a cut.
  later(Micros{60s}, [this, connection = connection_] {
    if (connection == connection_ && !session_open_) connect();
  });
}

void Worker::reconnect(Micros delay) {
  network_.close(connection_);
  connection_ = 0;
  session_open_ = false;
  fetching_ = false;
  later(delay, [this] {
    if (connection_ == 0) connect();
  });
}

void Worker::cut(core::ConnectionId connection) {
  if (connection != connection_) return;
  const Micros pause =
      healed_ ? Micros{100ms} : chance_.spread(Micros{plan_.settings.cut_grace} * 2);
  reconnect(pause);
}

void Worker::heal() {
  healed_ = true;
  frozen_ = false;
  if (!session_open_ || silent_) return;  // Whoever hangs comes back by itself.
  send_report();
  fetch();
}

void Worker::answered(core::ConnectionId connection, const core::Reply& reply) {
  if (connection != connection_ || silent_) return;
  if (const auto* body = std::get_if<core::SessionOpened>(&reply.body)) return opened(*body);
  if (const auto* body = std::get_if<core::CancelRunning>(&reply.body)) return told_to_stop(*body);
  if (const auto* body = std::get_if<core::Granted>(&reply.body)) return granted(*body);
  if (const auto* body = std::get_if<core::Refused>(&reply.body))
    return refused(*body, reply.ticket.request);
  if (std::holds_alternative<core::Reported>(reply.body)) {
    const auto sent = sent_.extract(reply.ticket.request);
    if (!sent.empty()) reported(sent.mapped());
  }
}

void Worker::opened(const core::SessionOpened& opened) {
  session_ = opened.session;
  session_open_ = true;
  for (const core::Held& lost : opened.lost) forget(lost.token, lost.batch, lost.jobs);
  // What was reported and not answered is reported again.
  auto unanswered = std::exchange(sent_, {});
  for (auto& [request, report] : unanswered) {
    for (core::Outcome& outcome : report.outcomes) outbox_.push_back(std::move(outcome));
  }
  if (!outbox_.empty()) send_report();
  beat();
  fetch();
}

void Worker::refused(const core::Refused& refused, std::uint64_t request) {
  const bool report = sent_.count(request) != 0;
  if (refused.code == core::Errc::lease_lost || !session_open_) {
    return reconnect(chance_.spread(Micros{500ms}));
  }
  if (report) {
    auto sent = sent_.extract(request);
    for (core::Outcome& outcome : sent.mapped().outcomes) outbox_.push_back(std::move(outcome));
    later(Micros{100ms}, [this] { send_report(); });
    return;
  }
  if (!fetching_) return;
  fetching_ = false;
  later(Micros{100ms}, [this] { fetch(); });
}

void Worker::beat() {
  const Micros pause = plan_.settings.heartbeat;
  later(pause, [this, connection = connection_] {
    if (connection != connection_ || !session_open_) return;
    if (mischief()) misbehave();
    if (connection != connection_ || silent_) return;
    core::Heartbeat heartbeat;
    heartbeat.ticket = {connection_, ++requests_};
    heartbeat.session = session_;
    network_.send(connection_, heartbeat);
    beat();
  });
}

void Worker::misbehave() {
  switch (chance_.below(5)) {
    case 0:
      return die();
    case 1:  // Hangs: says nothing and hears nothing, then goes on as if nothing had been.
      silent_ = true;
      return later(chance_.between(Micros{1s}, 2 * Micros{plan_.settings.lease}), [this] {
        silent_ = false;
        reconnect(Micros{0});
      });
    case 2:  // Loses its connection without the broker's knowing.
      return reconnect(chance_.spread(Micros{10s}));
    case 3: {
      core::EndFetch end;
      end.ticket = {connection_, ++requests_};
      return network_.send(connection_, end);
    }
    default:  // Says again what was said before, by whomever, and what nobody can know.
      if (gossip_.empty()) return;
      outbox_.push_back(chance_.pick(gossip_));
      outbox_.push_back(chance_.pick(gossip_));
      if (chance_.percent(50))
        outbox_.back().jobs.insert(static_cast<core::JobIndex>(chance_.below(4096)));
      send_report();
  }
}

void Worker::die() {
  ++life_;
  ++lives_;
  network_.close(connection_);
  connection_ = 0;
  session_ = {};
  session_open_ = false;
  fetching_ = false;
  reporting_later_ = false;
  silent_ = false;
  held_.clear();
  outbox_.clear();
  sent_.clear();
  later(chance_.spread(Micros{5s}), [this] { connect(); });
}

std::size_t Worker::slots_in_use() const {
  std::size_t jobs = 0;
  for (const Holding& held : held_) jobs += held.jobs.count();
  return jobs;
}

void Worker::fetch() {
  if (!session_open_ || fetching_ || silent_ || frozen_) return;
  const std::size_t credits = healed_ ? 1000 : plan_.credits_max;
  const std::size_t used = slots_in_use();
  if (used >= credits) return;
  core::Fetch fetch;
  fetch.ticket = {connection_, ++requests_};
  fetch.session = session_;
  fetch.ns = plan_.namespaces[++fetches_ % plan_.namespaces.size()];
  fetch.queues = plan_.queues;
  fetch.credits = static_cast<std::uint32_t>(credits - used);
  fetch.max_wait = std::chrono::duration_cast<core::Milliseconds>(plan_.fetch_wait);
  if (healed_) fetch.max_wait = plan_.namespaces.size() > 1 ? 500ms : 30s;
  // In the end all jobs have to go, so that not everybody may stay picky.
  if (healed_ ? name_ != "w0" && fetches_ % 4 != 0 : chance_.percent(50)) narrow(fetch);
  fetch_waits_ = fetch.max_wait.count() > 0;
  fetch_is_full_ = fetch.types.empty() && fetch.queues.size() == plan_.queues.size() &&
                   plan_.namespaces.size() == 1;
  fetching_ = true;
  network_.send(connection_, std::move(fetch));
}

// Of some types, or some queues, or with others first.
void Worker::narrow(core::Fetch& fetch) {
  if (chance_.percent(50)) fetch.types = {chance_.pick(plan_.types)};
  if (chance_.percent(50)) std::reverse(fetch.queues.begin(), fetch.queues.end());
  if (chance_.percent(30)) fetch.queues = {chance_.pick(plan_.queues)};
  if (healed_) fetch.max_wait = core::Milliseconds{chance_.between(1, 2000)};
}

// A handler that listens ends at once, in one way or another.
void Worker::told_to_stop(const core::CancelRunning& stop) {
  if (frozen_ || chance_.percent(30)) return;
  for (Holding& held : held_) {
    if (held.token != stop.token || held.batch != stop.job.batch()) continue;
    const core::IndexSet one = held.running.common(core::IndexSet::single(stop.job.index()));
    held.running.erase(one);
    if (one.empty()) continue;
    outbox_.push_back(outcome(held.token, held.batch, one));
    if (chance_.percent(50)) {
      outbox_.back().kind = core::Outcome::Kind::fail;
      outbox_.back().failure.cause = core::Failure::Cause::cancellation;
    }
  }
  send_report();
}

void Worker::granted(const core::Granted& granted) {
  fetching_ = false;
  for (const core::Delivery& delivery : granted.deliveries) {
    held_.push_back({granted.token, delivery.batch, delivery.jobs, delivery.jobs});
    run(granted.token, delivery.batch, delivery.jobs);
  }
  const Micros pause = granted.deliveries.empty() ? Micros{50ms} : Micros{0};
  later(chance_.spread(pause), [this] { fetch(); });
}

// Some jobs of a delivery end together.
void Worker::run(core::Token token, const core::BatchId& batch, core::IndexSet jobs) {
  while (!jobs.empty()) {
    const core::IndexSet some =
        jobs.take_first(chance_.percent(50) ? jobs.count() : chance_.between(1, jobs.count()));
    later(chance_.spread(plan_.run_time),
          [this, token, batch, some] { finish(token, batch, some); });
  }
}

void Worker::finish(core::Token token, const core::BatchId& batch, core::IndexSet jobs) {
  for (Holding& held : held_) {
    if (held.token != token || held.batch != batch) continue;
    const core::IndexSet ended = held.running.common(jobs);
    held.running.erase(ended);
    if (ended.empty()) continue;
    outbox_.push_back(outcome(token, batch, ended));
    gossip_.push_back(outbox_.back());
  }
  if (gossip_.size() > kGossipKept) gossip_.erase(gossip_.begin());
  if (std::exchange(reporting_later_, true)) return;
  later(chance_.spread(Micros{10ms}), [this] {
    reporting_later_ = false;
    send_report();
  });
}

core::Outcome Worker::outcome(core::Token token, const core::BatchId& batch, core::IndexSet jobs) {
  core::Outcome outcome;
  outcome.token = token;
  outcome.batch = batch;
  outcome.jobs = std::move(jobs);
  const std::uint64_t dice = chance_.below(100);
  if (!healed_ && dice < plan_.fail_percent) {
    outcome.kind = core::Outcome::Kind::fail;
    outcome.failure.error_class = "Error";
    outcome.failure.message = "it went wrong";
    outcome.failure.detail = std::string(chance_.below(100), 'd');
  } else if (!healed_ && dice < plan_.fail_percent + plan_.release_percent) {
    outcome.kind = core::Outcome::Kind::release;
  } else {
    outcome.kind = core::Outcome::Kind::complete;
    if (chance_.percent(50)) return outcome;
    outcome.content_type = "text/plain";
    outcome.result = core::Blob::copy_of(
        std::string(chance_.spread(plan_.result_max), static_cast<char>('a' + chance_.below(26))));
  }
  return outcome;
}

void Worker::send_report() {
  if (!session_open_ || silent_ || frozen_ || outbox_.empty()) return;
  core::Report report;
  report.ticket = {connection_, ++requests_};
  report.session = session_;
  report.outcomes = std::exchange(outbox_, {});
  if (mischief()) {
    core::Outcome extend = report.outcomes.front();
    extend.kind = core::Outcome::Kind::extend;
    report.outcomes.insert(report.outcomes.begin(), std::move(extend));
  }
  sent_.emplace(requests_, report);
  if (mischief()) {
    core::Report twice = report;
    twice.ticket.request = ++requests_;
    sent_.emplace(requests_, twice);
    network_.send(connection_, std::move(twice));
  }
  network_.send(connection_, std::move(report));
}

void Worker::reported(const core::Report& report) {
  for (const core::Outcome& outcome : report.outcomes) {
    if (outcome.kind != core::Outcome::Kind::extend)
      forget(outcome.token, outcome.batch, outcome.jobs);
  }
  fetch();
}

void Worker::forget(core::Token token, const core::BatchId& batch, const core::IndexSet& jobs) {
  for (Holding& held : held_) {
    if (held.token != token || held.batch != batch) continue;
    held.jobs.erase(jobs);
    held.running.erase(jobs);
  }
  std::erase_if(held_, [](const Holding& held) { return held.jobs.empty(); });
}

}  // namespace pawl::simulation
