#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/core/records.h"

namespace pawl::core {

// Everything of one clock that waits for a time. The near future is in memory: every entry before
// `bound`. The far future is on disk only, and is paged in ahead of need.
class Agenda {
 public:
  struct Entry {
    std::string key;
    AgendaRecord record;
  };

  // Everything from `prefix` on may be on disk.
  Agenda(keys::AgendaClock clock, std::size_t entries_max);

  // To be called beside each put and erase of the table.
  void put(const std::string& key, AgendaRecord record);
  void erase(const std::string& key);
  AgendaRecord* find(const std::string& key);

  // The due time of the first entry that is not held back; nothing when none is known in memory.
  std::optional<std::uint64_t> first_due_ms() const;

  // Removes and returns the first entry that is due and may go. What may not is held back: it is
  // passed over until let_go().
  using May = std::function<bool(const AgendaRecord&)>;
  std::optional<Entry> take_due(std::uint64_t now_ms, const May& may = {});
  void let_go() { held_to_.clear(); }

  // The range to page in next, when the window runs low. Marks the agenda as loading until page().
  std::optional<Range> wanted_page();
  // The answer: entries from the bound on, up to the end of the range or `stopped_key`.
  void page(std::vector<Entry> entries, const std::string* stopped_key);

  std::size_t size() const { return entries_.size(); }

 private:
  using Entries = std::map<std::string, AgendaRecord>;

  void shrink();
  Entries::const_iterator first() const {
    return held_to_.empty() ? entries_.begin() : entries_.upper_bound(held_to_);
  }

  keys::AgendaClock clock_;
  std::size_t entries_max_;
  std::string end_;           // After every key of this clock.
  std::string bound_;         // Everything before it is in memory.
  std::string loading_from_;  // Not empty: a page from here on was asked for.
  Entries entries_;
  std::string held_to_;  // Not empty: everything up to here is held back.
};

std::uint64_t agenda_due_ms(std::string_view key);
JobId agenda_first_job(std::string_view key);

}  // namespace pawl::core
