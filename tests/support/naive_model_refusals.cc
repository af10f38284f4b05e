// Requests that were refused as a whole, as the naive model judges it.

#include <set>

#include <fmt/format.h>

#include "broker/runtime/outstanding.h"
#include "tests/support/naive_model.h"

namespace pawl::test {

using core::Errc;

void NaiveModel::check_refusal(const core::Refused& refused, const Asked& asked, core::Now now) {
  history_.count(fmt::format("refused: {}", to_string(refused.code)));
  const std::string why = why_wrong(refused, asked, now);
  if (why.empty()) return;
  const core::Ticket ticket = runtime::ticket_of(asked.command);
  history_.broken("refusal", fmt::format("request {}.{} was answered {}, but {}", ticket.connection,
                                         ticket.request, to_string(refused.code), why));
}

// Empty when the refusal is right, or may be.
std::string NaiveModel::why_wrong(const core::Refused& refused, const Asked& asked,
                                  core::Now now) const {
  const auto* enqueue = std::get_if<core::Enqueue>(&asked.command);
  const auto* fetch = std::get_if<core::Fetch>(&asked.command);
  switch (refused.code) {
    case Errc::unavailable: {
      const bool broker = stopping_ != 0 || asked.moment < epoch_began_;
      return broker ? "" : "the broker neither stops nor starts over";
    }
    case Errc::disk_full: {
      if (enqueue == nullptr) return "it brings no jobs";
      const bool open = admission_ == core::Admission::Kind::open;
      return open && admission_since_ < asked.moment ? "there is room on the disk" : "";
    }
    case Errc::overloaded:
      return enqueue != nullptr && is_overloaded(*enqueue) ? "" : "there are few lanes";
    case Errc::id_expired:
    case Errc::id_conflict:
      return enqueue != nullptr ? "" : "it has no batch id";
    case Errc::lease_lost: {
      const bool of_session = fetch != nullptr ||
                              std::holds_alternative<core::Report>(asked.command) ||
                              std::holds_alternative<core::Heartbeat>(asked.command);
      if (!of_session) return "it belongs to no session";
      if (!asked.live) return "";
      // A fetch that waits is refused when its session ends or moves on meanwhile.
      const auto session = fetch == nullptr ? sessions_.end() : sessions_.find(fetch->session);
      const bool moved =
          fetch != nullptr && (session == sessions_.end() || session->second.over ||
                               now.at >= session->second.deadline ||
                               session->second.connection != fetch->ticket.connection);
      return moved ? "" : "its session lives";
    }
    default:
      return "nothing is refused for that here";
  }
}

// Whether there can be so many lanes that one of these jobs has no place.
bool NaiveModel::is_overloaded(const core::Enqueue& command) const {
  std::set<LaneKey> lanes;
  const auto add = [&](const core::Enqueue& batch) {
    for (const core::JobGroup& group : batch.groups)
      lanes.insert({batch.ns, batch.queue, group.type, group.priority, group.key});
  };
  add(command);
  for (const auto& [id, batch] : batches_) {
    if (!batch.surely_absent()) add(batch.asked);
  }
  return lanes.size() > settings_.lanes_max;
}

}  // namespace pawl::test
