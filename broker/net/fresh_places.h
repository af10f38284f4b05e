#pragma once

#include <cstddef>
#include <map>
#include <mutex>

#include <boost/asio/ip/address.hpp>

namespace pawl::net {

// Places for connections that have not said Hello. One address has half of them at most, so that a
// single peer cannot keep everybody out; an IPv6 network of 64 bits counts as one. Thread-safe.
class FreshPlaces {
 public:
  using Address = boost::asio::ip::address;

  // False: none is left for this address.
  bool take(const Address& address, std::size_t places_max);
  void give_back(const Address& address);

 private:
  std::mutex mutex_;
  std::size_t taken_ = 0;
  std::map<Address, std::size_t> taken_by_;
};

}  // namespace pawl::net
