#include "tests/support/history_text.h"

#include <fmt/format.h>

#include "broker/runtime/outstanding.h"

namespace pawl::test {

namespace {

std::string short_token(core::Token token) {
  return fmt::format("{}.{}", token.epoch(),
                     token.value & ((std::uint64_t{1} << core::Token::kCounterBits) - 1));
}

std::string short_session(const core::SessionId& id) {
  return fmt::format("s{:04x}", id.high & 0xffff);
}

std::string held_text(const core::Held& held) {
  return fmt::format(" {}:{}", short_token(held.token), text_of(held.batch, held.jobs));
}

std::string ids_text(const std::vector<core::JobId>& ids) {
  std::string text;
  for (const core::JobId& id : ids) text += ' ' + short_id(id);
  return text;
}

// ---- commands

std::string text(const core::Enqueue& c) {
  std::string text = fmt::format("enqueue {} to {}", short_id(c.batch), c.queue);
  for (const core::JobGroup& group : c.groups) {
    text += fmt::format(" {}@{}/{}/{}", text_of(c.batch, group.jobs), group.type, group.priority,
                        group.key);
    if (group.due.kind == core::Due::Kind::delay)
      text += fmt::format(" in {} ms", group.due.delay.count());
    if (group.due.kind == core::Due::Kind::run_at)
      text += fmt::format(" at {}", core::to_ms(group.due.run_at));
  }
  return text;
}

std::string text(const core::OpenSession& c) {
  std::string text =
      fmt::format("open {} resume {}", short_session(c.fresh), short_session(c.resume));
  for (const core::Held& held : c.held) text += held_text(held);
  return text;
}

std::string text(const core::Fetch& c) {
  return fmt::format("fetch by {} of {} queues, {} types: {} credits, {} ms",
                     short_session(c.session), c.queues.size(), c.types.size(), c.credits,
                     c.max_wait.count());
}

std::string text(const core::Report& c) {
  static constexpr const char* kKinds[] = {"?", "complete", "fail", "release", "extend"};
  std::string text = fmt::format("report by {}", short_session(c.session));
  for (const core::Outcome& outcome : c.outcomes) {
    text += fmt::format(" {} {}:{}", kKinds[static_cast<int>(outcome.kind)],
                        short_token(outcome.token), text_of(outcome.batch, outcome.jobs));
  }
  return text;
}

std::string text(const core::Heartbeat& c) {
  return "heartbeat of " + short_session(c.session);
}

std::string text(const core::EndFetch&) {
  return "end of fetches";
}

std::string text(const core::GetJobs& c) {
  return "get" + ids_text(c.ids);
}

std::string text(const core::WaitJob& c) {
  return fmt::format("wait {} ms for {}", c.max_wait.count(), short_id(c.id));
}

std::string text(const core::ListJobs& c) {
  return fmt::format("list {} {} {}", c.queue, to_string(c.state), c.type);
}

std::string text(const core::QueueStats&) {
  return "stats";
}

std::string text(const core::CancelJobs& c) {
  return "cancel" + ids_text(c.ids);
}

std::string text(const core::Disconnected& c) {
  return fmt::format("disconnected {}", c.connection);
}

std::string text(const core::StopLeasing&) {
  return "stop leasing";
}

std::string text(const core::Admission& c) {
  return c.kind == core::Admission::Kind::open ? "admission open" : "admission disk full";
}

std::string text(const core::ReadAnswer& c) {
  return fmt::format("read {} answered", c.id);
}

// ---- replies

std::string text(const core::Refused& r) {
  return fmt::format("refused {}: {}", to_string(r.code), r.message);
}

std::string text(const core::SessionOpened& r) {
  std::string text = "opened " + short_session(r.session);
  for (const core::Held& lost : r.lost) text += " lost" + held_text(lost);
  return text;
}

std::string text(const core::Accepted& r) {
  return r.duplicate ? "accepted before" : "accepted";
}

std::string text(const core::Granted& r) {
  std::string text = "granted";
  for (const core::Delivery& delivery : r.deliveries) {
    text += fmt::format(" {}:{}", short_token(r.token), text_of(delivery.batch, delivery.jobs));
    if (!delivery.attempts.empty()) text += fmt::format(" attempt {}", delivery.attempts.front());
  }
  return text;
}

std::string text(const core::Reported& r) {
  std::string text = "reported";
  for (const core::RefusedOutcome& refused : r.refused)
    text += fmt::format(" lost {}/{}", refused.outcome, refused.index);
  return text;
}

std::string text(const core::Beaten&) {
  return "beaten";
}

std::string text(const core::FetchEnded&) {
  return "fetches ended";
}

std::string view_text(const core::JobView& view) {
  return fmt::format(" {}={}", short_id(view.id),
                     view.code == core::Errc::ok ? to_string(view.state) : to_string(view.code));
}

std::string text(const core::JobViews& r) {
  std::string text = "views";
  for (const core::JobView& view : r.jobs) text += view_text(view);
  return text;
}

std::string text(const core::Waited& r) {
  return "waited" + view_text(r.job);
}

std::string text(const core::Listed& r) {
  std::string text = "listed";
  for (const core::JobView& view : r.jobs) text += view_text(view);
  return text;
}

std::string text(const core::Counted&) {
  return "counted";
}

std::string text(const core::CancelVerdicts& r) {
  std::string text = "verdicts";
  for (const core::CancelVerdict& verdict : r.jobs)
    text += fmt::format(
        " {}", verdict.code == core::Errc::ok ? to_string(verdict.state) : to_string(verdict.code));
  return text;
}

std::string text(const core::CancelRunning& r) {
  return fmt::format("cancel running {}:{}", short_token(r.token), short_id(r.job));
}

std::string text(const core::Stopping&) {
  return "stopping";
}

}  // namespace

std::string short_id(const core::JobId& id) {
  return fmt::format("{:05x}/{}", (id.low >> 12) & 0xfffff, id.index());
}

std::string text_of(const core::BatchId& batch, const core::IndexSet& jobs) {
  std::string text = fmt::format("{:05x}/", (batch.low >> 12) & 0xfffff);
  for (const auto& range : jobs.ranges()) {
    if (text.back() != '/') text += ',';
    text += range.end - range.begin == 1 ? fmt::format("{}", range.begin)
                                         : fmt::format("{}-{}", range.begin, range.end - 1);
  }
  return text;
}

std::string text_of(const core::Command& command) {
  const core::Ticket ticket = runtime::ticket_of(command);
  return fmt::format("-> {}.{} {}", ticket.connection, ticket.request,
                     std::visit([](const auto& body) { return text(body); }, command));
}

std::string text_of(const core::Reply& reply) {
  return fmt::format("<- {}.{} {}", reply.ticket.connection, reply.ticket.request,
                     std::visit([](const auto& body) { return text(body); }, reply.body));
}

}  // namespace pawl::test
