#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "broker/net/request.h"
#include "proto/slot.h"

namespace pawl::net {
namespace {

namespace limits = core::limits;
using core::Errc;

// The indexes of one batch, packed or not. They are counted as they come, doubles too: a list of
// millions that names few jobs is refused as well.
class Indexes {
 public:
  // Neighbours go in as one range.
  void read(const wire::Field& field, FieldCheck& check) {
    if (field.type == wire::WireType::varint) {
      add(field.value, check);
      return close();
    }
    const std::string_view packed = check.message(field, "index");
    const char* at = packed.data();
    const char* const end = at + packed.size();
    while (check.ok() && at != end) {
      std::uint64_t index = 0;
      at = wire::read_varint(at, end, index);
      if (at == nullptr) return check.refuse(Errc::invalid_argument, "index is not packed well");
      add(index, check);
    }
    close();
  }

  core::IndexSet take() { return std::move(jobs_); }

 private:
  void add(std::uint64_t index, FieldCheck& check) {
    if (index >= limits::kBatchJobsMax) {
      return check.refuse(Errc::invalid_argument, "index is not of a batch");
    }
    if (++count_ > limits::kBatchJobsMax) {
      return check.refuse(Errc::too_large, fmt::format("over {} indexes", limits::kBatchJobsMax));
    }
    if (run_.begin == run_.end || index != run_.end) {
      close();
      run_.begin = static_cast<core::JobIndex>(index);
    }
    run_.end = static_cast<core::JobIndex>(index + 1);
  }
  void close() {
    if (run_.begin != run_.end) jobs_.insert_range(run_);
    run_ = {};
  }

  core::IndexSet jobs_;
  core::IndexSet::Range run_{};
  std::size_t count_ = 0;
};

core::Held read_held(std::string_view message, FieldCheck& check) {
  core::Held held;
  Indexes indexes;
  wire::FieldReader reader(message);
  wire::Field field;
  while (check.ok() && reader.next(field)) {
    switch (field.number) {
      case 1:
        held.token.value = check.fixed64(field, "held.token");
        break;
      case 2:
        held.batch = check.batch_id(field, "held.batch_id");
        break;
      case 3:
        indexes.read(field, check);
        break;
      default:
        check.unknown(field);
    }
  }
  check.finish(reader, "held");
  held.jobs = indexes.take();
  if (held.batch == core::BatchId{})
    check.refuse(Errc::invalid_argument, "held.batch_id is missing");
  if (held.jobs.empty()) check.refuse(Errc::invalid_argument, "held.index is empty");
  return held;
}

core::SessionId read_session(const wire::Field& field, FieldCheck& check) {
  const std::string_view bytes = check.bytes(field, "resume_session", 16);
  if (bytes.empty()) return {};
  if (bytes.size() != 16) {
    check.refuse(Errc::invalid_argument, "resume_session is not 16 bytes");
    return {};
  }
  const core::JobId halves = id_from_bytes(bytes);
  return {halves.high, halves.low};
}

void read_worker(std::string_view message, core::OpenSession& session, FieldCheck& check) {
  wire::FieldReader reader(message);
  wire::Field field;
  while (check.ok() && reader.next(field)) {
    switch (field.number) {
      case 1:
        session.worker_id = check.optional_identifier(field, "worker_id");
        break;
      case 2:
        session.host = check.line(field, "host", limits::kHostBytesMax);
        break;
      case 3:
        check.number32(field, "pid");
        break;
      case 4:
        session.resume = read_session(field, check);
        break;
      case 5:
        session.held.push_back(read_held(check.message(field, "held"), check));
        break;
      default:
        check.unknown(field);
    }
    if (session.held.size() > limits::kHeldMax) {
      check.refuse(Errc::too_large, fmt::format("over {} entries of held", limits::kHeldMax));
    }
  }
  check.finish(reader, "worker");
  if (!session.held.empty() && session.resume.empty()) {
    check.refuse(Errc::invalid_argument, "held without resume_session");
  }
}

core::Failure read_failure(std::string_view message, FieldCheck& check) {
  core::Failure failure;
  wire::FieldReader reader(message);
  wire::Field field;
  while (check.ok() && reader.next(field)) {
    switch (field.number) {
      case 1:
        failure.error_class = check.line(field, "error_class", limits::kErrorClassBytesMax);
        break;
      case 2:
        failure.message = check.text(field, "message", limits::kErrorMessageBytesMax);
        break;
      case 3:
        failure.detail = check.text(field, "detail", limits::kErrorDetailBytesMax);
        break;
      case 4:
        failure.cause = static_cast<core::Failure::Cause>(check.number32(field, "cause", 3));
        break;
      default:
        check.unknown(field);
    }
  }
  check.finish(reader, "failure");
  return failure;
}

// Results point into one copy of the report, made when the first is met.
class Results {
 public:
  explicit Results(std::string_view report) : report_(report) {}

  core::Blob keep(std::string_view result) {
    if (result.empty()) return {};
    if (kept_.empty()) kept_ = core::Blob::copy_of(report_);
    return kept_.slice(static_cast<std::size_t>(result.data() - report_.data()), result.size());
  }

 private:
  std::string_view report_;
  core::Blob kept_;
};

void check_outcome(const core::Outcome& outcome, bool failed, FieldCheck& check) {
  using Kind = core::Outcome::Kind;
  const auto invalid = [&](const char* what) { check.refuse(Errc::invalid_argument, what); };
  if (outcome.kind == Kind{}) invalid("kind is missing");
  if (outcome.batch == core::BatchId{}) invalid("batch_id is missing");
  if (outcome.jobs.empty()) invalid("index is empty");
  if (!outcome.result.empty() && outcome.kind != Kind::complete)
    invalid("result is COMPLETE's alone");
  if (failed && outcome.kind != Kind::fail) invalid("failure is FAIL's alone");
}

core::Outcome read_outcome(std::string_view message, Results& results, FieldCheck& check) {
  core::Outcome outcome;
  outcome.kind = core::Outcome::Kind{};
  Indexes indexes;
  bool failed = false;
  wire::FieldReader reader(message);
  wire::Field field;
  while (check.ok() && reader.next(field)) {
    switch (field.number) {
      case 1:
        outcome.token.value = check.fixed64(field, "token");
        break;
      case 2:
        outcome.batch = check.batch_id(field, "batch_id");
        break;
      case 3:
        indexes.read(field, check);
        break;
      case 4:
        outcome.kind = static_cast<core::Outcome::Kind>(check.number32(field, "kind", 4));
        break;
      case 5:
        outcome.result = results.keep(check.bytes(field, "result", limits::kResultBytesMax));
        break;
      case 6:
        outcome.content_type = check.line(field, "content_type", limits::kNameBytesMax);
        break;
      case 7:
        outcome.failure = read_failure(check.message(field, "failure"), check);
        failed = true;
        break;
      case 8:
        check.number(field, "run_ms", UINT64_MAX);
        break;
      default:
        check.unknown(field);
    }
  }
  check.finish(reader, "outcome");
  outcome.jobs = indexes.take();
  check_outcome(outcome, failed, check);
  return outcome;
}

// What the engine will write for the outcome: everything once for each job.
std::size_t kept_bytes(const core::Outcome& outcome) {
  const core::Failure& failure = outcome.failure;
  return outcome.jobs.count() *
         (outcome.result.size() + failure.message.size() + failure.detail.size());
}

template <class List>
void check_count(const List& list, std::size_t max, const char* name, FieldCheck& check) {
  if (list.size() > max) check.refuse(Errc::too_large, fmt::format("over {} {}", max, name));
}

void check_fetch(core::Fetch& fetch, FieldCheck& check) {
  if (fetch.ns.empty()) fetch.ns = wire::kDefaultNamespace;
  if (fetch.queues.empty()) check.refuse(Errc::invalid_argument, "queues is empty");
  if (fetch.credits == 0) check.refuse(Errc::invalid_argument, "credits is 0");
  std::ranges::sort(fetch.types);
  fetch.types.erase(std::unique(fetch.types.begin(), fetch.types.end()), fetch.types.end());
}

}  // namespace

Hello decode_hello(std::string_view message, FieldCheck& check) {
  Hello hello;
  std::uint32_t version = 0;
  std::size_t features = 0;
  wire::FieldReader reader(message);
  wire::Field field;
  while (check.ok() && reader.next(field)) {
    switch (field.number) {
      case 1:
        version = check.number32(field, "protocol_version");
        break;
      case 2:
        hello.client_name = check.line(field, "client_name", limits::kNameBytesMax);
        break;
      case 3:
        hello.client_version = check.line(field, "client_version", limits::kNameBytesMax);
        break;
      case 4:
        check.bytes(field, "credentials", limits::kCredentialBytesMax);
        break;
      case 5:
        check.line(field, "features", limits::kNameBytesMax);
        if (++features > limits::kFeaturesMax) {
          check.refuse(Errc::too_large, fmt::format("over {} features", limits::kFeaturesMax));
        }
        break;
      case 6:
        hello.is_worker = true;
        read_worker(check.message(field, "worker"), hello.session, check);
        break;
      default:
        check.unknown(field);
    }
  }
  check.finish(reader, "hello");
  if (version == 0) check.refuse(Errc::invalid_argument, "protocol_version is missing");
  if (version > 1) check.refuse(Errc::unsupported, "this broker speaks protocol version 1");
  return hello;
}

core::Fetch decode_fetch(std::string_view message, FieldCheck& check) {
  core::Fetch fetch;
  fetch.credits = 0;
  wire::FieldReader reader(message);
  wire::Field field;
  while (check.ok() && reader.next(field)) {
    switch (field.number) {
      case 1:
        fetch.ns = check.optional_identifier(field, "namespace");
        break;
      case 2: {
        const std::string_view queue = check.identifier(field, "queues");
        if (std::ranges::find(fetch.queues, queue) == fetch.queues.end())
          fetch.queues.emplace_back(queue);
        check_count(fetch.queues, limits::kFetchQueuesMax, "queues", check);
        break;
      }
      case 3:
        fetch.types.emplace_back(check.identifier(field, "types"));
        check_count(fetch.types, limits::kFetchTypesMax, "types", check);
        break;
      case 4:
        fetch.credits = check.number32(field, "credits", limits::kFetchCreditsMax);
        break;
      case 5:
        fetch.max_wait = check.duration(field, "max_wait_ms", limits::kWaitMax);
        break;
      default:
        check.unknown(field);
    }
  }
  check.finish(reader, "fetch");
  check_fetch(fetch, check);
  return fetch;
}

core::Report decode_report(std::string_view message, FieldCheck& check) {
  core::Report report;
  Results results(message);
  std::size_t kept = 0;
  wire::FieldReader reader(message);
  wire::Field field;
  while (check.ok() && reader.next(field)) {
    if (field.number != 1) {
      check.unknown(field);
      continue;
    }
    report.outcomes.push_back(read_outcome(check.message(field, "outcomes"), results, check));
    check_count(report.outcomes, limits::kReportOutcomesMax, "outcomes", check);
    kept += kept_bytes(report.outcomes.back());
    if (kept > limits::kReportKeptBytesMax) {
      check.refuse(Errc::too_large, fmt::format("results and failures for all jobs are over {} MiB",
                                                limits::kReportKeptBytesMax >> 20));
    }
  }
  check.finish(reader, "report");
  if (!check.ok() && !report.outcomes.empty()) {
    check.fault().message.insert(0, fmt::format("outcomes[{}]: ", report.outcomes.size() - 1));
  }
  if (report.outcomes.empty()) check.refuse(Errc::invalid_argument, "outcomes is empty");
  return report;
}

}  // namespace pawl::net
