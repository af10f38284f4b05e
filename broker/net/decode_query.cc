#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "broker/core/list_cursor.h"
#include "broker/net/request.h"
#include "proto/slot.h"

namespace pawl::net {
namespace {

namespace limits = core::limits;
using core::Errc;

constexpr std::uint32_t kListDefault = 100;

core::GetJobs::Payloads payloads(const wire::Field& field, FieldCheck& check) {
  return check.number(field, "payloads", 1) != 0 ? core::GetJobs::Payloads::with
                                                 : core::GetJobs::Payloads::without;
}

void add_id(const wire::Field& field, std::vector<core::JobId>& ids, FieldCheck& check) {
  ids.push_back(check.job_id(field, "ids"));
  if (ids.size() > limits::kIdsMax) {
    check.refuse(Errc::too_large, fmt::format("over {} ids", limits::kIdsMax));
  }
}

void check_ids(const std::vector<core::JobId>& ids, FieldCheck& check) {
  if (ids.empty()) check.refuse(Errc::invalid_argument, "ids is empty");
}

}  // namespace

core::GetJobs decode_get_jobs(std::string_view message, FieldCheck& check) {
  core::GetJobs get;
  wire::FieldReader reader(message);
  wire::Field field;
  while (check.ok() && reader.next(field)) {
    switch (field.number) {
      case 1:
        add_id(field, get.ids, check);
        break;
      case 2:
        get.payloads = payloads(field, check);
        break;
      default:
        check.unknown(field);
    }
  }
  check.finish(reader, "get_jobs");
  check_ids(get.ids, check);
  return get;
}

core::CancelJobs decode_cancel_jobs(std::string_view message, FieldCheck& check) {
  core::CancelJobs cancel;
  wire::FieldReader reader(message);
  wire::Field field;
  while (check.ok() && reader.next(field)) {
    if (field.number == 1) {
      add_id(field, cancel.ids, check);
    } else {
      check.unknown(field);
    }
  }
  check.finish(reader, "cancel_jobs");
  check_ids(cancel.ids, check);
  return cancel;
}

core::WaitJob decode_wait_job(std::string_view message, FieldCheck& check) {
  core::WaitJob wait;
  wire::FieldReader reader(message);
  wire::Field field;
  while (check.ok() && reader.next(field)) {
    switch (field.number) {
      case 1:
        wait.id = check.job_id(field, "id");
        break;
      case 2:
        wait.max_wait = check.duration(field, "max_wait_ms", limits::kWaitMax);
        break;
      case 3:
        wait.payloads = payloads(field, check);
        break;
      default:
        check.unknown(field);
    }
  }
  check.finish(reader, "wait_job");
  if (wait.id == core::JobId{}) check.refuse(Errc::invalid_argument, "id is missing");
  return wait;
}

core::ListJobs decode_list_jobs(std::string_view message, FieldCheck& check) {
  core::ListJobs list;
  list.ns = wire::kDefaultNamespace;
  list.state = core::JobState::none;
  list.limit = 0;
  wire::FieldReader reader(message);
  wire::Field field;
  while (check.ok() && reader.next(field)) {
    switch (field.number) {
      case 1:
        list.ns = check.optional_identifier(field, "namespace");
        break;
      case 2:
        list.queue = check.identifier(field, "queue");
        break;
      case 3:
        list.state =
            static_cast<core::JobState>(check.number32(field, "state", core::kJobStateCount - 1));
        break;
      case 4:
        list.type = check.optional_identifier(field, "type");
        break;
      case 5:
        list.limit = check.number32(field, "limit");
        break;
      case 6:
        list.cursor = check.bytes(field, "cursor", limits::kCursorBytesMax);
        break;
      default:
        check.unknown(field);
    }
  }
  check.finish(reader, "list_jobs");
  if (list.ns.empty()) list.ns = wire::kDefaultNamespace;
  if (list.queue.empty()) check.refuse(Errc::invalid_argument, "queue is missing");
  if (list.state == core::JobState::none) check.refuse(Errc::invalid_argument, "state is missing");
  if (!list.cursor.empty() && !core::is_list_cursor(list.cursor, list.state))
    check.refuse(Errc::invalid_argument, "cursor is none of a list of this state");
  list.limit =
      list.limit == 0 ? kListDefault : std::min<std::uint32_t>(list.limit, limits::kListMax);
  return list;
}

core::QueueStats decode_queue_stats(std::string_view message, FieldCheck& check) {
  core::QueueStats stats;
  stats.ns = wire::kDefaultNamespace;
  wire::FieldReader reader(message);
  wire::Field field;
  while (check.ok() && reader.next(field)) {
    switch (field.number) {
      case 1:
        stats.ns = check.optional_identifier(field, "namespace");
        break;
      case 2:
        stats.queues.emplace_back(check.identifier(field, "queues"));
        break;
      default:
        check.unknown(field);
    }
    if (stats.queues.size() > limits::kIdsMax) {
      check.refuse(Errc::too_large, fmt::format("over {} queues", limits::kIdsMax));
    }
  }
  check.finish(reader, "queue_stats");
  if (stats.ns.empty()) stats.ns = wire::kDefaultNamespace;
  return stats;
}

}  // namespace pawl::net
