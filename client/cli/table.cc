#include "client/cli/table.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "client/cli/text.h"

namespace pawl::cli {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kShrunkMin = 8;

}  // namespace

void Table::add(std::vector<std::string> cells) {
  assert(cells.size() == columns_.size());
  for (std::string& cell : cells) cell = one_line(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::tsv() const {
  std::string out;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) out += '\t';
      out += row[i];
    }
    out += '\n';
  }
  return out;
}

std::string Table::text(std::size_t width) const {
  const std::vector<std::size_t> wide = widths(width);
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  std::string out;
  append_row(out, titles, wide);
  for (const auto& row : rows_) append_row(out, row, wide);
  return out;
}

std::vector<std::size_t> Table::widths(std::size_t width) const {
  std::vector<std::size_t> wide;
  std::size_t total = kGap * (columns_.size() - 1);
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t most = display_width(columns_[i].title);
    for (const auto& row : rows_) most = std::max(most, display_width(row[i]));
    wide.push_back(most);
    total += most;
  }
  for (std::size_t i = columns_.size(); i-- > 0 && total > width;) {
    if (!columns_[i].may_shrink) continue;
    const std::size_t least =
        std::min(wide[i], std::max(kShrunkMin, display_width(columns_[i].title)));
    const std::size_t less = std::min(wide[i] - least, total - width);
    wide[i] -= less;
    total -= less;
  }
  return wide;
}

void Table::append_row(std::string& out, const std::vector<std::string>& cells,
                       const std::vector<std::size_t>& widths) const {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string cell = cut_to_width(cells[i], widths[i]);
    const std::string padding(widths[i] - display_width(cell), ' ');
    if (i > 0) line.append(kGap, ' ');
    line += columns_[i].align == Align::right ? padding + cell : cell + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out += line + '\n';
}

}  // namespace pawl::cli
