#include "client/lookup.h"

#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/post.hpp>

namespace pawl::client {

namespace asio = boost::asio;
using boost::system::error_code;

std::shared_ptr<Lookup> Lookup::start(asio::io_context& context, const std::string& host,
                                      const std::string& port, Done done) {
  const auto resolve = [host, port](error_code& failure) {
    asio::io_context here(1);
    return asio::ip::tcp::resolver(here).resolve(host, port, failure);
  };
  return start(context, resolve, std::move(done));
}

std::shared_ptr<Lookup> Lookup::start(asio::io_context& context, Resolve resolve, Done done) {
  const std::shared_ptr<Lookup> lookup(new Lookup(context, std::move(done)));
  lookup->run(std::move(resolve));
  return lookup;
}

void Lookup::run(Resolve resolve) {
  try {
    std::thread([self = shared_from_this(), resolve = std::move(resolve)] {
      error_code failure;
      Addresses found = resolve(failure);
      self->post(failure, std::move(found));
    }).detach();
  } catch (const std::system_error& no_thread) {
    post(error_code(no_thread.code().value(), boost::system::system_category()), {});
  }
}

void Lookup::post(error_code failure, Addresses found) {
  const std::lock_guard lock(mutex_);
  if (context_ == nullptr) return;
  asio::post(*context_, [self = shared_from_this(), failure, found = std::move(found)] {
    self->deliver(failure, found);
  });
}

void Lookup::deliver(error_code failure, const Addresses& found) {
  if (const Done done = std::exchange(done_, {})) done(failure, found);
}

void Lookup::cancel() {
  {
    const std::lock_guard lock(mutex_);
    context_ = nullptr;
  }
  done_ = {};
}

}  // namespace pawl::client
