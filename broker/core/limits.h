#pragma once

// Every bound of the queue in one place. What operators may move is in the configuration
// (broker/config.h); these are the ceilings.

#include <cstddef>
#include <cstdint>

#include "broker/core/types.h"

namespace pawl::core::limits {

using namespace std::chrono_literals;

inline constexpr std::size_t kBatchJobsMax = 1000;  // Jobs of one enqueue; the index has 12 bits.
static_assert(kBatchJobsMax <= JobId::kIndexMask);
inline constexpr std::size_t kNameBytesMax = 128;  // Queue, type, namespace, key, tag.
inline constexpr std::size_t kHostBytesMax = 255;
inline constexpr std::size_t kHeadersMax = 32;
inline constexpr std::size_t kHeaderBytesMax = 1024;  // Name and value together.
inline constexpr std::size_t kTagsMax = 16;
inline constexpr std::size_t kPayloadBytesMax = 1 << 20;
inline constexpr std::size_t kResultBytesMax = 1 << 20;
inline constexpr std::size_t kErrorClassBytesMax = 128;
inline constexpr std::size_t kErrorMessageBytesMax = 4096;
inline constexpr std::size_t kErrorDetailBytesMax = 65536;

inline constexpr std::size_t kFrameBytesMax = 4 << 20;
// No bound of frames may be set lower: a result of the largest size must fit into its report.
inline constexpr std::size_t kFrameBytesMin = kResultBytesMax + (64 << 10);
inline constexpr std::size_t kFrameBytesMaxBeforeHello = 8 << 10;
inline constexpr std::size_t kHelloBytesMax = 64 << 10;  // A hello that lists held jobs.
// Unknown fields: of a request outside its jobs, and of each job.
inline constexpr std::size_t kUnknownBytesMax = 4 << 10;
inline constexpr std::size_t kFeaturesMax = 64;
inline constexpr std::size_t kCredentialBytesMax = 4 << 10;
inline constexpr std::size_t kCursorBytesMax = 1 << 10;

// A connection with this much unwritten is not read.
inline constexpr std::size_t kOutputPauseBytes = 1 << 20;
// Beyond the bound of unread replies by this factor a connection is cut at once.
inline constexpr std::size_t kUnreadFactorMax = 4;
inline constexpr std::size_t kUnreadBytesMin = 8 << 20;
static_assert(kUnreadBytesMin >= 2 * kFrameBytesMax);

inline constexpr std::uint32_t kPriorityMax = 9;
inline constexpr std::uint32_t kPriorityDefault = 5;
inline constexpr auto kDelayMax = 10 * 365 * 24h;
inline constexpr std::uint64_t kRunAtMaxMs =
    253'402'300'799'999;  // The last millisecond of the year 9999.

inline constexpr std::uint32_t kAttemptsMax = 1000;
inline constexpr std::uint32_t kAttemptsDefault = 20;
inline constexpr Milliseconds kBackoffDefault = 1s;
inline constexpr Milliseconds kBackoffMaxDefault = 6h;
inline constexpr std::size_t kAttemptsKept =
    25;  // Attempts of a job that are remembered one by one.

inline constexpr std::size_t kFetchCreditsMax = 1000;
inline constexpr std::size_t kFetchQueuesMax = 64;
inline constexpr std::size_t kFetchTypesMax = 256;
inline constexpr std::size_t kFetchReplyBytes =
    1 << 20;  // A reply stops growing here; one job always fits.
inline constexpr Milliseconds kWaitMax = 60s;
inline constexpr std::size_t kReportOutcomesMax = 1000;
// Results and failures of one report, each counted as often as there are jobs that it is given for:
// all of them go into one commit.
inline constexpr std::size_t kReportKeptBytesMax = 16 << 20;
static_assert(kReportKeptBytesMax >= kFrameBytesMax);
inline constexpr std::size_t kIdsMax = 1000;   // Ids of one GetJobs or CancelJobs.
inline constexpr std::size_t kListMax = 1000;  // Jobs of one page of a list.
inline constexpr std::size_t kHeldMax = 4096;  // Held entries of one Hello.

inline constexpr Milliseconds kReceiptWindow = 24h;  // A batch id older than this is refused.
inline constexpr Milliseconds kIdAheadMax = 60s;     // So is one from further in the future.
inline constexpr Milliseconds kRetentionDefault = 24h;
inline constexpr Milliseconds kRetentionMax = 10 * 365 * 24h;
inline constexpr Milliseconds kDeadRetention = 180 * 24h;

inline constexpr Milliseconds kLease = 30s;  // A session that stays silent this long is lost.
inline constexpr Milliseconds kHeartbeat = 10s;
inline constexpr Milliseconds kCutGrace = 3s;  // A session whose connection was cut.
inline constexpr Milliseconds kRestartGrace =
    30s;  // A stored session after a restart of the broker.
inline constexpr Milliseconds kGrantStoredWithin = 250ms;

// What one value in the store may have. The largest is a batch's first part: the envelope, the
// defaults and at least one whole job, all from one frame of the largest size.
inline constexpr std::size_t kValueBytesMax = 8 << 20;
static_assert(kValueBytesMax >= kFrameBytesMax + kBatchJobsMax * 1024);
// What becomes due by itself (retries, lost leases, reaping) is taken on until a commit has so
// much.
inline constexpr std::size_t kDueBytesMax = 1 << 20;

inline constexpr std::size_t kPartBytes =
    32 << 10;  // A batch record is cut into parts of about this size.
inline constexpr std::size_t kInlineResultBytes = 256;  // Larger results have a key of their own.

inline constexpr std::size_t kLanesMax = 1'000'000;  // Beyond it a new key is overloaded.

}  // namespace pawl::core::limits
