#pragma once

// How keys, values and the store's own records look on disk.
//
//   key        shard:be16 key
//   value      0 value | 1 expires_at_ms:be64 value
//
// The default column family is the store's own:
//   "format"              version:be32
//   "owner" shard:be16    epoch:be64 last:be64 at_ms:be64 synced:be64
//
// The owner record is the first operation of each write batch. `synced` is a number of RocksDB's:
// every operation up to it was on disk when the batch was written, so it cannot be in a torn tail.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "broker/core/bytes_io.h"
#include "broker/store/store.h"

namespace pawl::store::codec {

inline constexpr std::uint32_t kFormat = 1;
inline constexpr std::string_view kFormatKey = "format";
inline constexpr std::string_view kOwnerKey = "owner";
inline constexpr std::size_t kShardBytes = 2;

struct OwnerRecord {
  Owner owner;
  std::uint64_t synced = 0;
};

inline std::string shard_prefix(core::ShardId shard) {
  std::string bytes;
  core::Writer(bytes).be16(shard);
  return bytes;
}

inline std::string owner_key(core::ShardId shard) {
  return std::string(kOwnerKey) + shard_prefix(shard);
}

inline std::string encode(const OwnerRecord& record) {
  std::string bytes;
  core::Writer(bytes)
      .be64(record.owner.epoch)
      .be64(record.owner.last)
      .be64(core::to_ms(record.owner.at))
      .be64(record.synced);
  return bytes;
}

inline std::optional<OwnerRecord> decode_owner(std::string_view bytes) {
  core::Reader reader(bytes);
  OwnerRecord record;
  record.owner.epoch = reader.be64();
  record.owner.last = reader.be64();
  record.owner.at = core::timestamp_from_ms(reader.be64());
  record.synced = reader.be64();
  if (!reader.ok() || !reader.at_end()) return std::nullopt;
  return record;
}

// What stands before a value.
inline std::string value_prefix(core::Timestamp expires_at) {
  std::string bytes(1, '\0');
  if (expires_at != core::Timestamp{}) {
    bytes[0] = 1;
    core::Writer(bytes).be64(core::to_ms(expires_at));
  }
  return bytes;
}

struct StoredValue {
  std::string_view bytes;
  core::Timestamp expires_at{};

  bool expired(core::Timestamp at) const {
    return expires_at != core::Timestamp{} && expires_at <= at;
  }
};

inline std::optional<StoredValue> decode_value(std::string_view stored) {
  if (!stored.empty() && stored.front() == 0) return StoredValue{stored.substr(1), {}};
  core::Reader reader(stored);
  const std::uint8_t flag = reader.u8();
  const core::Timestamp expires_at = core::timestamp_from_ms(reader.be64());
  if (!reader.ok() || flag != 1) return std::nullopt;
  return StoredValue{reader.rest(), expires_at};
}

}  // namespace pawl::store::codec
