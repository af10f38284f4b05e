#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "broker/core/command.h"
#include "broker/net/field_check.h"
#include "broker/net/job_facts.h"

namespace pawl::net {

// What a request asks for, by its field in Request.
enum class Operation : std::uint8_t {
  none = 0,
  hello = 2,
  ping = 3,
  enqueue = 4,
  fetch = 5,
  report = 6,
  heartbeat = 7,
  get_jobs = 8,
  wait_job = 9,
  list_jobs = 10,
  queue_stats = 11,
  cancel_jobs = 12,
  end_fetch = 13,
};
inline constexpr std::uint32_t kOperationLast = 13;

// A frame's body, opened: the request's id (0 when it could not be read), its operation and that
// one's message.
struct Request {
  std::uint64_t id = 0;
  Operation operation = Operation::none;
  std::string_view message;
};
Request open_request(std::string_view body, FieldCheck& check);

struct Hello {
  std::string_view client_name;
  std::string_view client_version;
  bool is_worker = false;
  core::OpenSession session;  // Of a worker.
};

// Wire -> command: all validation of outside input. After a fault the result means nothing. What a
// result keeps (payloads, results) it owns; the message may go.
Hello decode_hello(std::string_view message, FieldCheck& check);
core::Enqueue decode_enqueue(std::string_view message, const JobBounds& bounds, FieldCheck& check);
core::Fetch decode_fetch(std::string_view message, FieldCheck& check);
core::Report decode_report(std::string_view message, FieldCheck& check);
core::GetJobs decode_get_jobs(std::string_view message, FieldCheck& check);
core::WaitJob decode_wait_job(std::string_view message, FieldCheck& check);
core::ListJobs decode_list_jobs(std::string_view message, FieldCheck& check);
core::QueueStats decode_queue_stats(std::string_view message, FieldCheck& check);
core::CancelJobs decode_cancel_jobs(std::string_view message, FieldCheck& check);
// Ping, Heartbeat and EndFetch say nothing more.
void decode_nothing(std::string_view message, FieldCheck& check);

}  // namespace pawl::net
