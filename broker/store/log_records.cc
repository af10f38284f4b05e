#include "broker/store/log_records.h"

#include <algorithm>
#include <cstring>

#include "broker/store/crc32c.h"
#include "broker/store/rocks_codec.h"

namespace pawl::store {

namespace {

constexpr std::size_t kBlock = 32 << 10;
constexpr std::size_t kHeader = 7;
constexpr std::size_t kBatchHeader = 12;
enum Type : std::uint8_t { whole = 1, first = 2, middle = 3, last = 4 };
constexpr std::uint8_t kPutTag = 1;

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = (value << 8) | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

}  // namespace

std::size_t LogRecords::after_trailer(std::size_t at) const {
  const std::size_t left = kBlock - at % kBlock;
  return left < kHeader ? at + left : at;
}

std::optional<LogRecords::Fragment> LogRecords::fragment_at(std::size_t at) const {
  if (at + kHeader > log_.size()) return std::nullopt;
  const std::string_view header = log_.substr(at, kHeader);
  const auto type = static_cast<std::uint8_t>(header[6]);
  const std::size_t size = little_endian(header.substr(4, 2));
  const std::size_t end = at + kHeader + size;
  if (type < whole || type > last || end > log_.size()) return std::nullopt;
  if ((end - 1) / kBlock != at / kBlock) return std::nullopt;
  const auto stored = static_cast<std::uint32_t>(little_endian(header.substr(0, 4)));
  if (crc32c(log_.substr(at + 6, size + 1)) != crc32c_unmask(stored)) return std::nullopt;
  return Fragment{type, log_.substr(at + kHeader, size), end};
}

std::optional<LoggedBatch> LogRecords::decode(std::string_view record) {
  if (record.size() < kBatchHeader) return std::nullopt;
  LoggedBatch batch;
  batch.first = little_endian(record.substr(0, 8));
  batch.count = little_endian(record.substr(8, 4));
  core::Reader reader(record.substr(kBatchHeader));
  const bool puts = reader.u8() == kPutTag;
  const std::string_view key = reader.str();
  const std::string_view value = reader.str();
  if (!puts || !reader.ok() || !key.starts_with(codec::kOwnerKey)) return batch;
  if (const auto owner = codec::decode_owner(value)) {
    batch.commit = owner->owner.last;
    batch.synced = owner->synced;
  }
  return batch;
}

// The record that begins at `at`, whose fragments may go on in the next blocks.
std::optional<std::size_t> LogRecords::record_from(std::size_t at) {
  auto fragment = fragment_at(at);
  if (!fragment || (fragment->type != whole && fragment->type != first)) return std::nullopt;
  pieces_.assign(fragment->bytes);
  while (fragment->type != whole && fragment->type != last) {
    fragment = fragment_at(after_trailer(fragment->end));
    if (!fragment || (fragment->type != middle && fragment->type != last)) return std::nullopt;
    pieces_.append(fragment->bytes);
  }
  return fragment->end;
}

std::optional<LoggedBatch> LogRecords::batch_from(std::size_t at) {
  const auto end = record_from(at);
  if (!end) return std::nullopt;
  auto batch = decode(pieces_);
  if (batch) batch->end = *end;
  return batch;
}

std::optional<LoggedBatch> LogRecords::peek() {
  return batch_from(after_trailer(good_end_));
}

std::optional<std::string_view> LogRecords::next_record() {
  const auto end = record_from(after_trailer(good_end_));
  if (!end) return std::nullopt;
  good_end_ = *end;
  return pieces_;
}

bool LogRecords::at_clean_end() const {
  return log_.find_first_not_of('\0', good_end_) == std::string_view::npos;
}

// Anything may stand in the gap, so every place is tried. That few of them look like the beginning
// of a record keeps it quick.
std::optional<LoggedBatch> LogRecords::find_behind(std::size_t from) {
  for (std::size_t at = from; at + kHeader <= log_.size(); ++at) {
    const auto type = static_cast<std::uint8_t>(log_[at + 6]);
    if (type != whole && type != first) continue;
    if (auto batch = batch_from(at)) return batch;
  }
  return std::nullopt;
}

}  // namespace pawl::store
