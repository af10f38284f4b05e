#include "broker/net/io_thread.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

namespace pawl::net {

namespace asio = boost::asio;

namespace {

// To cut those that hold less would help nobody.
constexpr std::size_t kShedBytesMin = 64 << 10;

// Ticks that are further apart mean that this thread stood still.
constexpr core::Milliseconds kStandstillMin{1'000};
// Clients that were cut meanwhile connect again in this time.
constexpr core::Milliseconds kDeafMin{3'000};

}  // namespace

IoThread::IoThread(const Services& services, const NetSettings& settings, ConnectionCounts& counts)
    : services_(services),
      settings_(settings),
      counts_(counts),
      work_(asio::make_work_guard(context_)),
      tick_(context_) {}

IoThread::~IoThread() {
  finish();
}

void IoThread::start() {
  ticked_at_ = services_.now().at;
  asio::post(context_, [this] { schedule_tick(); });
  thread_ = std::thread([this] { context_.run(); });
}

void IoThread::finish() {
  if (!thread_.joinable()) return;
  asio::post(context_, [this] {
    finishing_ = true;
    while (!connections_.empty()) {
      const std::shared_ptr<Connection> connection = connections_.begin()->second;
      connection->close("the broker stops");
    }
    tick_.cancel();
    work_.reset();
  });
  thread_.join();
}

void IoThread::adopt(Arrival arrival) {
  asio::post(context_, [this, taken = std::move(arrival)]() mutable {
    const core::ConnectionId id = taken.id;
    const Connection::Surroundings surroundings{services_, settings_, counts_, *this};
    const auto connection = std::make_shared<Connection>(std::move(taken), surroundings);
    connections_.emplace(id, connection);
    if (finishing_) return connection->close("the broker stops");
    connection->start(Connection::Clock::now());
    if (stopping_) connection->stop();
  });
}

void IoThread::deliver(std::vector<core::Reply>&& replies) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    wake = delivered_.empty();
    if (wake) {
      delivered_ = std::move(replies);
    } else {
      std::ranges::move(replies, std::back_inserter(delivered_));
    }
  }
  if (wake) asio::post(context_, [this] { take_replies(); });
}

void IoThread::take_replies() {
  std::vector<core::Reply> replies;
  {
    const std::lock_guard lock(mutex_);
    replies.swap(delivered_);
  }
  for (const core::Reply& reply : replies) answer(reply);
  for (const auto& connection : answered_) connection->proceed();
  answered_.clear();
  tell_disconnected();
  check_drained();
}

void IoThread::answer(const core::Reply& reply) {
  const core::ConnectionId id = reply.ticket.connection;
  const bool same = !answered_.empty() && answered_.back()->conversation().id() == id;
  if (!same) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    answered_.push_back(found->second);
  }
  answered_.back()->answer(reply);
}

void IoThread::schedule_tick() {
  if (finishing_) return;
  tick_.expires_after(settings_.tick);
  tick_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) tick();
  });
}

void IoThread::tick() {
  const auto now = Connection::Clock::now();
  for (auto at = connections_.begin(); at != connections_.end();) {
    const std::shared_ptr<Connection> connection = at->second;
    ++at;  // Closing erases it.
    connection->tick(now);
  }
  if (counts_.held_bytes > settings_.client_bytes_max) shed_fattest();
  tell_disconnected();
  tell_caught_up();
  check_drained();
  schedule_tick();
}

void IoThread::on_closed(Connection& connection) {
  const core::ConnectionId id = connection.conversation().id();
  if (connection.conversation().known_to_engine() && !finishing_) disconnected_.push_back(id);
  tell_disconnected();
  connections_.erase(id);
}

void IoThread::on_crowded() {
  if (std::exchange(sheds_, true)) return;
  asio::post(context_, [this] {
    sheds_ = false;
    shed_fattest();
  });
}

// Those of the other threads are theirs to look at.
void IoThread::shed_fattest() {
  while (counts_.held_bytes > settings_.client_bytes_max) {
    const auto fattest = std::ranges::max_element(
        connections_, {}, [](const auto& entry) { return entry.second->held_bytes(); });
    if (fattest == connections_.end() || fattest->second->held_bytes() < kShedBytesMin) return;
    const std::shared_ptr<Connection> connection = fattest->second;  // Closing erases it.
    connection->shed();
  }
}

// By the same way as the commands, which it must not overtake. A full inbox takes them later.
void IoThread::tell_disconnected() {
  while (!disconnected_.empty()) {
    if (!services_.commands.post(core::Disconnected{disconnected_.back()}, 0)) return;
    disconnected_.pop_back();
  }
}

void IoThread::catch_up(std::function<void()> done) {
  asio::post(context_,
             [this, asked = std::move(done)]() mutable { caught_up_ = std::move(asked); });
}

// A packet that was lost in a standstill is sent again after as long a time at most.
bool IoThread::is_deaf() {
  const core::Timestamp now = services_.now().at;
  const core::Milliseconds away = now - std::exchange(ticked_at_, now);
  if (away >= kStandstillMin) {
    const core::Milliseconds deaf = std::min(std::max(away, kDeafMin), settings_.greeting.lease);
    deaf_until_ = now + deaf;
    spdlog::warn("stood still for {} ms: no worker is taken for silent within {} ms", away.count(),
                 deaf.count());
  }
  return now < deaf_until_;
}

// What has been read by now is posted before a task that is posted now has its turn.
void IoThread::tell_caught_up() {
  if (is_deaf() || !caught_up_) return;
  vouch_for_unread();
  asio::post(context_, [this, done = std::exchange(caught_up_, {})] {
    vouch_for_unread();
    done();
  });
}

void IoThread::vouch_for_unread() {
  for (const auto& [id, connection] : connections_) connection->vouch_if_unread();
}

std::future<void> IoThread::drain() {
  auto drained = std::make_shared<std::promise<void>>();
  std::future<void> done = drained->get_future();
  asio::post(context_, [this, drained] {
    stopping_ = true;
    drained_ = std::move(*drained);
    for (auto at = connections_.begin(); at != connections_.end();) {
      const std::shared_ptr<Connection> connection = at->second;
      ++at;
      connection->stop();
      connection->proceed();
    }
    check_drained();
  });
  return done;
}

void IoThread::check_drained() {
  if (!drained_) return;
  const bool quiet =
      std::ranges::all_of(connections_, [](const auto& entry) { return entry.second->is_quiet(); });
  if (!quiet) return;
  drained_->set_value();
  drained_.reset();
}

}  // namespace pawl::net
