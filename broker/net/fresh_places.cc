#include "broker/net/fresh_places.h"

#include <algorithm>

namespace pawl::net {
namespace {

namespace ip = boost::asio::ip;

// Whoever has one address of such a network has all of them.
ip::address network_of(const ip::address& address) {
  if (!address.is_v6()) return address;
  const ip::address_v6 whole = address.to_v6();
  if (whole.is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, whole);
  ip::address_v6::bytes_type bytes = whole.to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
  return ip::address_v6(bytes);
}

}  // namespace

bool FreshPlaces::take(const Address& address, std::size_t places_max) {
  const std::lock_guard lock(mutex_);
  if (taken_ >= places_max) return false;
  std::size_t& by_address = taken_by_[network_of(address)];
  if (by_address >= std::max<std::size_t>(places_max / 2, 1)) return false;
  ++by_address;
  ++taken_;
  return true;
}

void FreshPlaces::give_back(const Address& address) {
  const std::lock_guard lock(mutex_);
  --taken_;
  const auto found = taken_by_.find(network_of(address));
  if (--found->second == 0) taken_by_.erase(found);
}

}  // namespace pawl::net
