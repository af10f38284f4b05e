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

constexpr std::size_t kFeaturesMax = 64;
constexpr std::size_t kCredentialBytesMax = 4096;

void add_index(std::uint64_t index, core::IndexSet& jobs, FieldCheck& check) {
  if (index >= limits::kBatchJobsMax) {
    check.refuse(Errc::invalid_argument, "index is not of a batch");
    return;
  }
  const auto at = static_cast<core::JobIndex>(index);
  jobs.insert_range({at, static_cast<core::JobIndex>(at + 1)});
}

// A repeated uint32, packed or not. Neighbours go in as one range.
void read_indexes(const wire::Field& field, core::IndexSet& jobs, FieldCheck& check) {
  if (field.type == wire::WireType::varint) return add_index(field.value, jobs, check);
  const std::string_view packed = check.message(field, "index");
  const char* at = packed.data();
  const char* const end = at + packed.size();
  core::IndexSet::Range run{};
  while (check.ok() && at != end) {
    std::uint64_t index = 0;
    at = wire::read_varint(at, end, index);
    if (at == nullptr || index >= limits::kBatchJobsMax) {
      check.refuse(Errc::invalid_argument, "index is not of a batch");
      return;
    }
    if (run.begin == run.end || index != run.end) {
      if (run.begin != run.end) jobs.insert_range(run);
      run.begin = static_cast<core::JobIndex>(index);
    }
    run.end = static_cast<core::JobIndex>(index + 1);
  }
  if (run.begin != run.end) jobs.insert_range(run);
}

core::Held read_held(std::string_view message, FieldCheck& check) {
  core::Held held;
  wire::FieldReader reader(message);
  wire::Field field;
  while (check.ok() && reader.next(field)) {
    if (field.number == 1) held.token.value = check.fixed64(field, "held.token");
    if (field.number == 2) held.batch = check.batch_id(field, "held.batch_id");
    if (field.number == 3) read_indexes(field, held.jobs, check);
  }
  check.finish(reader, "held");
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
        session.worker_id = check.line(field, "worker_id", limits::kNameBytesMax);
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
        break;
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
        break;
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
        read_indexes(field, outcome.jobs, check);
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
        break;
    }
  }
  check.finish(reader, "outcome");
  check_outcome(outcome, failed, check);
  return outcome;
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
        check.bytes(field, "credentials", kCredentialBytesMax);
        break;
      case 5:
        check.line(field, "features", limits::kNameBytesMax);
        if (++features > kFeaturesMax) check.refuse(Errc::too_large, "over 64 features");
        break;
      case 6:
        hello.is_worker = true;
        read_worker(check.message(field, "worker"), hello.session, check);
        break;
      default:
        break;
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
        break;
    }
  }
  check.finish(reader, "fetch");
  check_fetch(fetch, check);
  return fetch;
}

core::Report decode_report(std::string_view message, FieldCheck& check) {
  core::Report report;
  Results results(message);
  wire::FieldReader reader(message);
  wire::Field field;
  while (check.ok() && reader.next(field)) {
    if (field.number != 1) continue;
    report.outcomes.push_back(read_outcome(check.message(field, "outcomes"), results, check));
    check_count(report.outcomes, limits::kReportOutcomesMax, "outcomes", check);
  }
  check.finish(reader, "report");
  if (!check.ok() && !report.outcomes.empty()) {
    check.fault().message.insert(0, fmt::format("outcomes[{}]: ", report.outcomes.size() - 1));
  }
  if (report.outcomes.empty()) check.refuse(Errc::invalid_argument, "outcomes is empty");
  return report;
}

}  // namespace pawl::net
