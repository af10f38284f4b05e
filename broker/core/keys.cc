#include "broker/core/keys.h"

#include "broker/core/bytes_io.h"

namespace pawl::core::keys {

namespace {

template <class Fill>
std::string made(std::size_t size, Fill&& fill) {
  std::string key;
  key.reserve(size);
  Writer writer(key);
  fill(writer);
  return key;
}

}  // namespace

std::string engine() {
  return "e";
}
std::string queue_name(QueueNumber queue) {
  return made(5, [&](Writer& w) { w.u8('q').be32(queue); });
}
std::string type_name(TypeNumber type) {
  return made(5, [&](Writer& w) { w.u8('t').be32(type); });
}
std::string counts(QueueNumber queue) {
  return made(5, [&](Writer& w) { w.u8('c').be32(queue); });
}
std::string batch_part(const BatchId& batch, std::uint16_t part) {
  return made(18, [&](Writer& w) { w.id(batch).be16(part); });
}
std::string outcomes(const BatchId& batch, CommitSeq seq) {
  return made(24, [&](Writer& w) { w.id(batch).be64(seq); });
}
std::string job(const JobId& id) {
  return made(16, [&](Writer& w) { w.id(id); });
}
std::string ready(LaneNumber lane, Position position) {
  return made(18, [&](Writer& w) { w.be64(lane).be64(position.sequence).be16(position.slot); });
}
std::string lane(LaneNumber lane) {
  return made(8, [&](Writer& w) { w.be64(lane); });
}
std::string agenda(AgendaClock clock, std::uint64_t due_ms, const JobId& first) {
  return made(27, [&](Writer& w) {
    w.u8(static_cast<std::uint8_t>(clock)).be64(due_ms).id(first.batch()).be16(first.index());
  });
}
std::string session(const SessionId& session) {
  return made(17, [&](Writer& w) { w.u8('s').be64(session.high).be64(session.low); });
}
std::string grant(Token token) {
  return made(9, [&](Writer& w) { w.u8('g').be64(token.value); });
}
std::string closed(Timestamp reap_at, CommitSeq seq) {
  return made(16, [&](Writer& w) { w.be64(to_ms(reap_at)).be64(seq); });
}
std::uint32_t minute_of(Timestamp at) {
  return static_cast<std::uint32_t>(to_ms(at) / 60'000);
}
std::string listed(const Listing& listing) {
  return made(37, [&](Writer& w) {
    w.be32(listing.queue).u8(static_cast<std::uint8_t>(listing.state)).be32(listing.type);
    w.be32(~minute_of(listing.at)).id(listing.batch).be64(listing.part);
  });
}
std::string listed_prefix(QueueNumber queue, JobState state) {
  return made(5, [&](Writer& w) { w.be32(queue).u8(static_cast<std::uint8_t>(state)); });
}
std::string listed_prefix(QueueNumber queue, JobState state, TypeNumber type) {
  return made(9, [&](Writer& w) { w.be32(queue).u8(static_cast<std::uint8_t>(state)).be32(type); });
}
std::string dead(QueueNumber queue, Timestamp failed_at, const JobId& job) {
  return made(28, [&](Writer& w) { w.be32(queue).be64(to_ms(failed_at)).id(job); });
}

std::string after_prefix(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty())
    prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

Range all(Table table) {
  return {table, {}, std::string(64, '\xff')};
}

Range under(Table table, std::string prefix) {
  std::string end = after_prefix(prefix);
  return {table, std::move(prefix), std::move(end)};
}

Range of_batch(Table table, const BatchId& batch) {
  // Ids carry the index in their last 12 bits, so the next batch's id is 4096 further.
  const JobId first = batch.batch();
  JobId next{first.high, first.low + JobId::kIndexMask + 1};
  if (next.low < first.low) ++next.high;
  return {table, job(first), job(next)};
}

void add_all_of_batch(const BatchId& batch, std::vector<Range>& ranges) {
  ranges.push_back(of_batch(Table::batches, batch));
  ranges.push_back(of_batch(Table::outcomes, batch));
  ranges.push_back(of_batch(Table::jobs, batch));
}

Range of_job(Table table, const JobId& id) {
  std::string from = job(id);
  std::string to = from;
  to.push_back('\0');
  return {table, std::move(from), std::move(to)};
}

}  // namespace pawl::core::keys
