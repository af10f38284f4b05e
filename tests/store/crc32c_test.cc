#include "broker/store/crc32c.h"

#include <dlfcn.h>
#include <string>

#include <catch2/catch.hpp>

namespace pawl::test {

TEST_CASE("the checksum is CRC-32C", "[store][crc32c]") {
  // RFC 3720, B.4.
  CHECK(store::crc32c(std::string(32, '\0')) == 0x8a9136aaU);
  CHECK(store::crc32c(std::string(32, '\xff')) == 0x62a8ab43U);
  CHECK(store::crc32c("123456789") == 0xe3069283U);
  const std::string bytes = "a log record of an odd length";
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const std::uint32_t head = store::crc32c(bytes.substr(0, cut));
    CHECK(store::crc32c_extend(head, bytes.data() + cut, bytes.size() - cut) ==
          store::crc32c(bytes));
  }
}

#if defined(__x86_64__)
TEST_CASE("RocksDB sums up with our function", "[store][crc32c]") {
  void* used = ::dlsym(RTLD_DEFAULT, "_ZN7rocksdb6crc32c6ExtendEjPKcm");
  REQUIRE(used != nullptr);
  Dl_info where{};
  REQUIRE(::dladdr(used, &where) != 0);
  CHECK(std::string(where.dli_fname).find("librocksdb") == std::string::npos);
}
#endif

}  // namespace pawl::test
