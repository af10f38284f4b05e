#pragma once

#include <functional>
#include <memory>
#include <string_view>

namespace rocksdb {
class Logger;
}

namespace pawl::store {

// Hands on RocksDB's errors, a sentence each, from any thread; the rest is for its own developers.
// Instead of its log file: a RocksDB with assertions, which Debian's is, aborts the
// process at the second line for which the disk has no room.
std::shared_ptr<rocksdb::Logger> make_rocks_log(std::function<void(std::string_view)> note);

}  // namespace pawl::store
