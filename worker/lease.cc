#include "worker/lease.h"

namespace pawl::worker {
namespace {

constexpr std::size_t kIndexHigh = 14;  // The index is the low 12 bits of the id.
constexpr std::size_t kIndexLow = 15;

}  // namespace

JobId batch_of(const JobId& id) {
  return job_of_batch(id, 0);
}

JobId job_of_batch(const JobId& batch, unsigned index) {
  JobId::Bytes bytes = batch.bytes();
  bytes[kIndexHigh] = static_cast<std::uint8_t>((bytes[kIndexHigh] & 0xf0u) | (index >> 8 & 0x0fu));
  bytes[kIndexLow] = static_cast<std::uint8_t>(index & 0xffu);
  return JobId(bytes);
}

}  // namespace pawl::worker
