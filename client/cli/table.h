#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace pawl::cli {

enum class Align { left, right };

struct Column {
  std::string title;
  Align align = Align::left;
  // The columns that give way, the last one first, when a line is wider than the terminal.
  bool may_shrink = false;
};

// Rows under titles. Cells may hold anything: they are made one line each.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // REQUIRES: one cell per column.
  void add(std::vector<std::string> cells);
  std::size_t rows() const { return rows_.size(); }

  // For people: aligned, no line wider than `width`, if the columns that may shrink allow it.
  std::string text(std::size_t width) const;
  // For programs: tab-separated, no titles.
  std::string tsv() const;

 private:
  std::vector<std::size_t> widths(std::size_t width) const;
  void append_row(std::string& out, const std::vector<std::string>& cells,
                  const std::vector<std::size_t>& widths) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace pawl::cli
