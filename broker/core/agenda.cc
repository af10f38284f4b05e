#include "broker/core/agenda.h"

#include <utility>

#include "broker/core/bytes_io.h"

namespace pawl::core {

Agenda::Agenda(keys::AgendaClock clock, std::size_t entries_max)
    : clock_(clock), entries_max_(entries_max) {
  bound_ = std::string(1, static_cast<char>(clock));
  end_ = keys::after_prefix(bound_);
}

void Agenda::put(const std::string& key, AgendaRecord record) {
  if (key >= bound_) return;
  entries_.insert_or_assign(key, std::move(record));
  if (entries_.size() > entries_max_) shrink();
}

void Agenda::shrink() {
  auto from = entries_.begin();
  std::advance(from, static_cast<std::ptrdiff_t>(entries_max_ / 2));
  bound_ = from->first;
  entries_.erase(from, entries_.end());
}

void Agenda::erase(const std::string& key) {
  entries_.erase(key);
}

AgendaRecord* Agenda::find(const std::string& key) {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

std::optional<std::uint64_t> Agenda::first_due_ms() const {
  const auto next = first();
  if (next == entries_.end()) return std::nullopt;
  return agenda_due_ms(next->first);
}

std::optional<Agenda::Entry> Agenda::take_due(std::uint64_t now_ms, const May& may) {
  for (auto next = first(); next != entries_.end() && agenda_due_ms(next->first) <= now_ms;
       ++next) {
    if (may && !may(next->second)) {
      held_to_ = next->first;
      continue;
    }
    auto node = entries_.extract(next);
    return Entry{std::move(node.key()), std::move(node.mapped())};
  }
  return std::nullopt;
}

std::optional<Range> Agenda::wanted_page() {
  if (!loading_from_.empty() || bound_ == end_ || entries_.size() >= entries_max_ / 4)
    return std::nullopt;
  loading_from_ = bound_;
  return Range{Table::agenda, bound_, end_};
}

void Agenda::page(std::vector<Entry> entries, const std::string* stopped_key) {
  const std::string from = std::exchange(loading_from_, {});
  if (from != bound_) return;  // The window shrank meanwhile: this page does not touch it any more.
  bound_ = stopped_key != nullptr ? *stopped_key : end_;
  for (Entry& entry : entries)
    entries_.insert_or_assign(std::move(entry.key), std::move(entry.record));
}

std::uint64_t agenda_due_ms(std::string_view key) {
  return Reader(key.substr(1, 8)).be64();
}

JobId agenda_first_job(std::string_view key) {
  Reader reader(key.substr(9));
  const JobId batch = reader.id();
  return batch.job(reader.be16());
}

}  // namespace pawl::core
