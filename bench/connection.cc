#include "bench/connection.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <netdb.h>
#include <poll.h>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "bench/messages.h"

namespace pawl::bench {
namespace {

constexpr std::size_t kFrameBytesMax = std::size_t{16} << 20;
constexpr std::size_t kReadBytes = std::size_t{256} << 10;
constexpr int kBlockedMsMax = 60'000;
constexpr std::chrono::seconds kStartWait{10};
constexpr std::chrono::milliseconds kStartPoll{20};

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// Until somebody listens, or the time is up.
Descriptor connect_patiently(const sockaddr& peer, socklen_t bytes) {
  const auto deadline = Clock::now() + kStartWait;
  for (;;) {
    Descriptor socket(::socket(peer.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(socket.number(), &peer, bytes) == 0) return socket;
    if (errno != ECONNREFUSED || Clock::now() >= deadline) fail("connecting to the broker");
    std::this_thread::sleep_for(kStartPoll);
  }
}

Descriptor connect_to(const Address& address) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(address.port);
  if (getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found) != 0) {
    throw std::runtime_error("no such host: " + address.host);
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> kept(found, freeaddrinfo);
  Descriptor socket = connect_patiently(*found->ai_addr, found->ai_addrlen);
  const int on = 1;
  ::setsockopt(socket.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return socket;
}

bool would_block() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

void wait_for(int descriptor, short events) {
  pollfd wanted{descriptor, events, 0};
  if (::poll(&wanted, 1, kBlockedMsMax) == 0) {
    throw std::runtime_error("the broker has not answered for a minute");
  }
}

}  // namespace

Address parse_address(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) throw std::runtime_error("an address is HOST:PORT: " + text);
  const int port = std::atoi(text.c_str() + colon + 1);
  if (port < 1 || port > 65535) throw std::runtime_error("no such port: " + text);
  return {text.substr(0, colon), static_cast<std::uint16_t>(port)};
}

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}

Connection::Connection(const Address& address, Role role)
    : socket_(connect_to(address)), reader_(kFrameBytesMax) {
  greet(role);
}

void Connection::greet(Role role) {
  const std::string reply = call(hello_frame(role));
  greeted_ms_ = read_hello_reply(reply);
  greeted_at_ = Clock::now();
}

std::uint64_t Connection::broker_time_ms(Clock::time_point now) const {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  return greeted_ms_ +
         static_cast<std::uint64_t>(duration_cast<milliseconds>(now - greeted_at_).count());
}

void Connection::flush() {
  if (!wants_write()) return;
  const auto sent = ::send(descriptor(), outgoing_.data() + sent_, outgoing_.size() - sent_,
                           MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && !would_block()) fail("sending to the broker");
  if (sent > 0) sent_ += static_cast<std::size_t>(sent);
  if (wants_write()) return;
  outgoing_.clear();
  sent_ = 0;
}

void Connection::read_some() {
  const auto space = reader_.prepare(kReadBytes);
  const auto came = ::recv(descriptor(), space.data(), space.size(), MSG_DONTWAIT);
  if (came == 0) throw std::runtime_error("the broker has closed the connection");
  if (came < 0 && !would_block()) fail("reading from the broker");
  if (came > 0) reader_.commit(static_cast<std::size_t>(came));
}

void Connection::receive(const FrameHandler& on_frame) {
  read_some();
  while (const auto body = reader_.next()) on_frame(*body);
  if (reader_.error() != wire::FrameError::none) throw std::runtime_error("not a frame");
}

std::string Connection::call(std::string_view frame) {
  outgoing_.append(frame);
  for (flush(); wants_write(); flush()) wait_for(descriptor(), POLLOUT);
  for (;;) {
    if (const auto body = reader_.next()) return std::string(*body);
    wait_for(descriptor(), POLLIN);
    read_some();
  }
}

}  // namespace pawl::bench
