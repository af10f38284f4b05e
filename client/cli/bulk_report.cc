#include "client/cli/bulk_report.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace pawl::cli {
namespace {

constexpr std::size_t kErrorsListed = 1000;

}  // namespace

void BulkReport::accepted(std::uint64_t line, const JobId& id) {
  ++accepted_;
  if (out_.for_people()) return;
  if (!out_.for_programs()) {
    return out_.print_line(fmt::format("{}\t{}", id.to_string(), line));
  }
  const boost::json::object job{{"line", line}, {"id", id.to_string()}};
  if (out_.format() == Format::jsonl) return out_.print(job);
  // Written as it goes, so that a long run needs no memory.
  out_.print_line((accepted_ == 1 ? "{\"jobs\":[" : ",") + boost::json::serialize(job));
}

void BulkReport::refused(std::uint64_t line, Errc code, const std::string& message) {
  ++refused_;
  boost::json::object error{{"line", line}, {"code", name_of(code)}, {"message", message}};
  if (out_.format() == Format::jsonl) return out_.print(error);
  if (out_.format() == Format::json) {
    if (errors_.size() < kErrorsListed) errors_.push_back(std::move(error));
    return;
  }
  const bool same = untold_ && untold_->last + 1 == line && untold_->message == message;
  if (!same) tell_refused();
  if (!same) untold_ = Refused{.first = line, .last = line, .message = message};
  untold_->last = line;
}

void BulkReport::tell_refused() {
  if (!untold_) return;
  progress_.finish();
  const bool one = untold_->first == untold_->last;
  note(one ? fmt::format("error: line {}: {}", untold_->first, untold_->message)
           : fmt::format("error: lines {} to {}: {}", untold_->first, untold_->last,
                         untold_->message));
  untold_.reset();
}

void BulkReport::flush() {
  tell_refused();
  out_.flush();
}

void BulkReport::waiting(const std::string& why) {
  progress_.finish();
  note("waiting: " + why);
}

void BulkReport::finish() {
  progress_.finish();
  tell_refused();
  const double seconds = static_cast<double>(progress_.elapsed().count()) / 1000;
  if (out_.format() == Format::json) return finish_json(seconds);
  const std::string text =
      progress_text({.jobs = accepted_, .done_ratio = {}, .elapsed = progress_.elapsed()}) +
      fmt::format(" in {:.1f} s", seconds) +
      (refused_ > 0 ? ", " + grouped(refused_) + " lines refused" : "");
  if (out_.for_people()) {
    out_.print_line(text);
  } else {
    note(text);
  }
}

void BulkReport::finish_json(double seconds) {
  const boost::json::object rest{{"errors", std::move(errors_)},
                                 {"accepted", accepted_},
                                 {"refused", refused_},
                                 {"seconds", seconds}};
  // Goes on in the object that accepted() has begun.
  const std::string members = boost::json::serialize(rest).substr(1);
  out_.print_line((accepted_ == 0 ? "{\"jobs\":[]," : "],") + members);
}

}  // namespace pawl::cli
