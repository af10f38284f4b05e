#include <cstring>
#include <memory>
#include <unordered_map>
#include <vector>
#include <xxhash.h>

#include <fmt/format.h>

#include "broker/net/request.h"
#include "proto/slot.h"

namespace pawl::net {
namespace {

namespace limits = core::limits;
using core::Errc;

constexpr std::uint32_t kJobsField = 15;
constexpr std::uint32_t kPerJob = 1;

// An Enqueue's own fields. The jobs stay where they are; two passes over them cost less than a list
// of them.
struct Outline {
  core::BatchId batch;
  std::string_view ns = wire::kDefaultNamespace;
  std::string_view queue;
  std::uint32_t mode = 0;
  std::size_t defaults_bytes = 0;
  std::size_t jobs_bytes = 0;
  std::size_t job_count = 0;
};

void count_job(const wire::Field& field, Outline& outline, FieldCheck& check) {
  check.message(field, "jobs");
  outline.jobs_bytes += field.raw.size();
  if (++outline.job_count > limits::kBatchJobsMax) {
    check.refuse(Errc::too_large, fmt::format("over {} jobs in a batch", limits::kBatchJobsMax));
  }
}

Outline read_outline(std::string_view message, FieldCheck& check) {
  Outline outline;
  wire::FieldReader reader(message);
  wire::Field field;
  while (check.ok() && reader.next(field)) {
    switch (field.number) {
      case kJobsField:
        count_job(field, outline, check);
        break;
      case 1:
        outline.batch = check.batch_id(field, "batch_id");
        break;
      case 2:
        outline.ns = check.optional_identifier(field, "namespace");
        break;
      case 3:
        outline.queue = check.identifier(field, "queue");
        break;
      case 4:
        outline.mode = check.number32(field, "mode", kPerJob);
        break;
      case 5:
        outline.defaults_bytes += check.message(field, "defaults").size();
        break;
      default:
        check.unknown(field);
    }
  }
  check.finish(reader, "enqueue");
  if (outline.ns.empty()) outline.ns = wire::kDefaultNamespace;
  return outline;
}

void check_outline(const Outline& outline, FieldCheck& check) {
  if (outline.batch == core::BatchId{}) check.refuse(Errc::invalid_argument, "batch_id is missing");
  if (outline.queue.empty()) check.refuse(Errc::invalid_argument, "queue is missing");
  if (outline.job_count == 0) check.refuse(Errc::invalid_argument, "jobs is empty");
  if (check.ok() && outline.batch.slot() != wire::slot_of(outline.ns, outline.queue)) {
    check.refuse(Errc::invalid_argument, "batch_id bears another queue's slot");
  }
}

// The bytes that are kept, in one buffer of just their size: the defaults' message, then the jobs'
// entries. Several defaults are one, since protobuf merges messages by putting their bytes one
// after the other.
core::Blob pack(std::string_view message, const Outline& outline) {
  const std::size_t bytes = outline.defaults_bytes + outline.jobs_bytes;
  auto buffer = std::make_shared_for_overwrite<char[]>(bytes);
  char* defaults = buffer.get();
  char* jobs = buffer.get() + outline.defaults_bytes;
  const char* run = nullptr;  // Entries that stand together are copied together.
  std::size_t run_bytes = 0;
  const auto flush = [&] {
    if (run_bytes > 0) std::memcpy(jobs, run, run_bytes);
    jobs += run_bytes;
    run_bytes = 0;
  };
  wire::FieldReader reader(message);
  wire::Field field;
  while (reader.next(field)) {
    if (field.number == kJobsField) {
      if (run_bytes == 0 || run + run_bytes != field.raw.data()) {
        flush();
        run = field.raw.data();
      }
      run_bytes += field.raw.size();
    } else if (field.number == 5) {
      std::memcpy(defaults, field.bytes.data(), field.bytes.size());
      defaults += field.bytes.size();
    }
  }
  flush();
  const std::string_view view(buffer.get(), bytes);
  return {std::shared_ptr<const void>(buffer, buffer.get()), view};
}

struct RunHash {
  std::size_t operator()(const JobFacts& facts) const {
    const std::hash<std::string_view> hash;
    std::size_t mixed = hash(facts.type);
    const auto mix = [&mixed](std::uint64_t value) { mixed = mixed * 0x9e3779b97f4a7c15 + value; };
    mix(hash(facts.key));
    mix(facts.delay_ms);
    mix(facts.run_at_ms);
    mix(facts.priority);
    mix(facts.options.max_attempts);
    for (const core::Milliseconds time :
         {facts.options.backoff, facts.options.backoff_max, facts.options.run_time_limit,
          facts.options.retention.value_or(core::Milliseconds(-1))}) {
      mix(static_cast<std::uint64_t>(time.count()));
    }
    return mixed;
  }
};
struct SameRun {
  bool operator()(const JobFacts& a, const JobFacts& b) const { return a.same_run(b); }
};

// Sorts jobs into groups. Neighbours usually agree, so the map is asked only where two differ.
class Grouping {
 public:
  explicit Grouping(std::vector<core::JobGroup>& groups) : groups_(groups) {}

  void add(const JobFacts& facts, core::JobIndex index) {
    if (run_.begin == run_.end || index != run_.end || !facts.same_run(last_)) {
      close();
      group_ = group_of(facts);
      last_ = facts;
      run_ = {index, index};
    }
    run_.end = static_cast<core::JobIndex>(index + 1);
  }
  void close() {
    if (run_.begin != run_.end) groups_[group_].jobs.insert_range(run_);
    run_ = {};
  }

 private:
  std::size_t group_of(const JobFacts& facts) {
    if (groups_.size() == 1 && facts.same_run(first_)) return 0;
    if (groups_.empty()) {
      first_ = facts;
    } else {
      if (known_.empty()) known_.emplace(first_, 0);
      const auto [found, fresh] = known_.emplace(facts, groups_.size());
      if (!fresh) return found->second;
    }
    groups_.push_back({std::string(facts.type),
                       facts.priority,
                       std::string(facts.key),
                       facts.options,
                       facts.due(),
                       {}});
    return groups_.size() - 1;
  }

  std::vector<core::JobGroup>& groups_;
  std::unordered_map<JobFacts, std::size_t, RunHash, SameRun> known_;
  JobFacts first_;
  JobFacts last_;
  core::IndexSet::Range run_{};
  std::size_t group_ = 0;
};

// One job held against the rules. The first fault of an all-or-nothing batch is the batch's.
void read_job(const JobFacts& defaults, std::string_view message, const JobBounds& bounds,
              JobFacts& facts, FieldCheck& check) {
  facts = defaults;
  facts.read(message, bounds, check);
  facts.check_whole(check);
}

void read_jobs(core::Enqueue& enqueue, std::uint32_t mode, const JobBounds& bounds,
               FieldCheck& check) {
  JobFacts defaults;
  defaults.read(enqueue.defaults.view(), bounds, check);
  if (!check.ok()) check.fault().message.insert(0, "defaults: ");

  Grouping grouping(enqueue.groups);
  JobFacts facts;
  core::JobIndex index = 0;
  wire::FieldReader reader(enqueue.jobs.view());
  wire::Field field;
  for (; check.ok() && reader.next(field); ++index) {
    FieldCheck job;
    read_job(defaults, field.bytes, bounds, facts, job);
    if (enqueue.defaults.size() + field.bytes.size() > limits::kJobBytesMax)
      job.refuse(Errc::too_large,
                 fmt::format("with its defaults it is over {} bytes", limits::kJobBytesMax));
    if (job.ok()) {
      grouping.add(facts, index);
    } else if (mode == kPerJob) {
      enqueue.refused.push_back({index, job.fault().code, std::move(job.fault().message)});
    } else {
      check.refuse(job.fault().code, fmt::format("jobs[{}]: {}", index, job.fault().message));
    }
  }
  grouping.close();
}

std::uint64_t hash_of(const Outline& outline, std::string_view kept) {
  std::string head;
  head.reserve(2 * limits::kNameBytesMax + 16);
  head.append(outline.ns).push_back('\0');
  head.append(outline.queue).push_back('\0');
  wire::FieldWriter(head).varint(outline.mode);
  wire::FieldWriter(head).varint(outline.defaults_bytes);
  return XXH3_64bits_withSeed(kept.data(), kept.size(), XXH3_64bits(head.data(), head.size()));
}

}  // namespace

core::Enqueue decode_enqueue(std::string_view message, const JobBounds& bounds, FieldCheck& check) {
  core::Enqueue enqueue;
  const Outline outline = read_outline(message, check);
  check_outline(outline, check);
  if (!check.ok()) return enqueue;

  const core::Blob kept = pack(message, outline);
  enqueue.batch = outline.batch;
  enqueue.ns = outline.ns;
  enqueue.queue = outline.queue;
  enqueue.job_count = static_cast<std::uint16_t>(outline.job_count);
  enqueue.hash = hash_of(outline, kept.view());
  enqueue.defaults = kept.slice(0, outline.defaults_bytes);
  enqueue.jobs = kept.slice(outline.defaults_bytes, outline.jobs_bytes);
  read_jobs(enqueue, outline.mode, bounds, check);
  return enqueue;
}

}  // namespace pawl::net
