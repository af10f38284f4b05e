#include "client/cli/json_slice.h"

#include <algorithm>
#include <cstddef>

namespace pawl::cli {
namespace {

// Walks over JSON that is known to be valid.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // Steps over the character when it comes next.
  bool take(char wanted) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  // The raw text of the value that comes next; a string with its quotes.
  std::string_view take_value() {
    skip_space();
    const std::size_t from = at_;
    if (at_ == text_.size()) return {};
    switch (text_[at_]) {
      case '"':
        skip_string();
        break;
      case '{':
      case '[':
        skip_nested();
        break;
      default:
        at_ = std::min(text_.find_first_of(",}] \t\r\n", at_), text_.size());
    }
    return text_.substr(from, at_ - from);
  }

 private:
  void skip_space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

  void skip_string() {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) at_ += text_[at_] == '\\';
    at_ = std::min(at_ + 1, text_.size());
  }

  void skip_nested() {
    std::size_t depth = 0;
    do {
      const char c = text_[at_];
      if (c == '"') {
        skip_string();
        continue;
      }
      depth += c == '{' || c == '[';
      depth -= c == '}' || c == ']';
      ++at_;
    } while (depth > 0 && at_ < text_.size());
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<std::string_view> member_text(std::string_view object, std::string_view name) {
  Scanner scanner(object);
  std::optional<std::string_view> found;
  if (!scanner.take('{') || scanner.take('}')) return found;
  do {
    const std::string_view key = scanner.take_value();
    if (!scanner.take(':')) return found;
    const std::string_view value = scanner.take_value();
    if (key.size() == name.size() + 2 && key.substr(1, name.size()) == name) found = value;
  } while (scanner.take(','));
  return found;
}

}  // namespace pawl::cli
