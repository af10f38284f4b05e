#include "broker/net/server.h"

#include <future>
#include <utility>

namespace pawl::net {

Server::Server(const Services& services, NetSettings settings)
    : services_(services),
      settings_(std::move(settings)),
      threads_(make_threads()),
      listener_(settings_, counts_, threads_) {}

Server::~Server() {
  finish();
}

std::vector<std::unique_ptr<IoThread>> Server::make_threads() {
  std::vector<std::unique_ptr<IoThread>> threads;
  for (std::size_t i = 0; i < std::max<std::size_t>(settings_.threads, 1); ++i) {
    threads.push_back(std::make_unique<IoThread>(services_, settings_, counts_));
  }
  return threads;
}

void Server::start() {
  listener_.start();
  for (const auto& thread : threads_) thread->start();
}

void Server::deliver(std::vector<core::Reply>&& replies) {
  if (replies.empty()) return;
  if (threads_.size() == 1) return threads_.front()->deliver(std::move(replies));

  std::vector<std::vector<core::Reply>> by_thread(threads_.size());
  for (core::Reply& reply : replies) {
    by_thread[reply.ticket.connection % threads_.size()].push_back(std::move(reply));
  }
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    if (!by_thread[i].empty()) threads_[i]->deliver(std::move(by_thread[i]));
  }
}

void Server::catch_up(std::function<void()> done) {
  const auto left = std::make_shared<std::atomic<std::size_t>>(threads_.size());
  for (const auto& thread : threads_) {
    thread->catch_up([left, done] {
      if (--*left == 0) done();
    });
  }
}

bool Server::drain(std::chrono::steady_clock::time_point deadline) {
  listener_.stop();
  std::vector<std::future<void>> drained;
  for (const auto& thread : threads_) drained.push_back(thread->drain());
  bool all = true;
  for (const auto& done : drained) all &= done.wait_until(deadline) == std::future_status::ready;
  return all;
}

void Server::finish() {
  listener_.stop();
  for (const auto& thread : threads_) thread->finish();
}

}  // namespace pawl::net
