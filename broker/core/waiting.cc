#include "broker/core/waiting.h"

#include "broker/core/engine_state.h"

namespace pawl::core {

namespace {

std::size_t bytes_of(const std::vector<std::string>& names) {
  std::size_t bytes = 0;
  for (const std::string& name : names) bytes += sizeof(std::string) + name.size();
  return bytes;
}

// Whom a command has to be answered; nothing for those that want no answer.
std::optional<Ticket> ticket_of(const Command& command) {
  return std::visit(
      [](const auto& c) -> std::optional<Ticket> {
        if constexpr (requires { c.ticket; }) return c.ticket;
        return std::nullopt;
      },
      command);
}

}  // namespace

std::size_t bytes_of(const Enqueue& command) {
  return sizeof(Command) + command.defaults.size() + command.jobs.size() +
         command.groups.size() * (sizeof(JobGroup) + limits::kNameBytesMax) +
         command.refused.size() * (sizeof(RefusedJob) + limits::kNameBytesMax);
}

std::size_t bytes_of(const OpenSession& command) {
  return sizeof(Command) + command.held.size() * sizeof(Held);
}

std::size_t bytes_of(const Fetch& command) {
  return sizeof(Command) + bytes_of(command.queues) + bytes_of(command.types);
}

std::size_t bytes_of(const Report& command) {
  std::size_t bytes = sizeof(Command);
  for (const Outcome& outcome : command.outcomes) {
    bytes += sizeof(outcome) + outcome.result.size() + outcome.failure.error_class.size() +
             outcome.failure.message.size() + outcome.failure.detail.size();
  }
  return bytes;
}

// An id is held by the command and by what is made of it.
std::size_t bytes_of(const GetJobs& command) {
  return sizeof(Command) + 3 * command.ids.size() * sizeof(JobId);
}

std::size_t bytes_of(const CancelJobs& command) {
  return sizeof(Command) + 3 * command.ids.size() * sizeof(JobId);
}

// Whether a command may begin to wait for the store; otherwise it is refused. A heartbeat reads
// nothing, and what needs no read now does not ask: a slow store takes nobody's lease away.
bool Engine::State::may_wait(Ticket ticket, std::size_t bytes) {
  const std::size_t reading = reads.in_flight() + waiting_queries.size() + waiting_cancels.size();
  if (reading < limits::kReadsMax && held_bytes + bytes <= limits::kWaitingBytesMax) return true;
  refuse(ticket, Errc::overloaded, "too many requests wait for the store; send this again later",
         Milliseconds{200});
  return false;
}

// Counts the bytes until the last copy of what is returned is gone.
std::shared_ptr<void> Engine::State::hold_bytes(std::size_t bytes) {
  held_bytes += bytes;
  return {this, [this, bytes](void*) { held_bytes -= bytes; }};
}

// Before the first reads are answered nothing can be said; what keeps leases alive is never
// refused.
void Engine::State::wait_for_start(Command& command) {
  const std::size_t bytes = std::visit([](const auto& c) { return bytes_of(c); }, command);
  const auto ticket = ticket_of(command);
  const bool must_wait = !ticket || std::holds_alternative<Heartbeat>(command);
  if (!must_wait && !may_wait(*ticket, bytes)) return;
  early.push_back({std::move(command), hold_bytes(bytes)});
}

}  // namespace pawl::core
