#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace pawl::store {

// The end of a log that was never finished: a write that the power cut short, or what stands behind
// one. Nothing in it was acknowledged as synced.
struct TornTail {
  std::filesystem::path log;
  std::uint64_t good_bytes = 0;
  std::uint64_t torn_bytes = 0;
};

// Reads RocksDB's logs in `directory` before RocksDB does. RocksDB cannot tell a torn tail from
// damage: in each of its modes it either refuses after a power cut or drops acknowledged commits in
// silence. Nor does it see that a log has lost its end cleanly while the next one, which the system
// wrote back first, is there. We know more: each of our batches says what was on disk when it was
// written, `synced` (SyncMark) what was on disk at the end, and the logs that are still needed
// follow each other without a gap.
//
//   what does not fit, and nothing counts on it    torn tail, and so is all behind it
//   ... and `synced` or a batch behind it does     damage
//   a log of which nothing is readable, with none  torn tail; whether something is missing is
//   before it                                      found out when the database is open
//
// A batch that does not go on where the one before it ended does not fit, whichever log it is in.
//
// Throws std::runtime_error that names the log and the place when acknowledged commits are damaged.
std::vector<TornTail> audit_logs(const std::filesystem::path& directory, std::uint64_t synced);

// Cuts the tail off and keeps its bytes in `keep_in`, for those who want to look.
void cut_off(const TornTail& tail, const std::filesystem::path& keep_in);

}  // namespace pawl::store
