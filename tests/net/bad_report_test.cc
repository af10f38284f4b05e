#include <string>
#include <string_view>
#include <vector>

#include "tests/net/bad_input.h"

namespace pawl::net {
namespace {

pb::Outcome& outcome_of(pb::Request& request) {
  pb::Outcome& outcome = *request.mutable_report()->add_outcomes();
  outcome.set_token(1);
  outcome.set_batch_id(bytes_of(kMail));
  outcome.add_index(0);
  outcome.set_kind(pb::Outcome::COMPLETE);
  return outcome;
}

// With a field as generated code would not write it.
std::string outcome_raw(std::uint32_t field, std::string_view bytes) {
  pb::Request request;
  std::string outcome = outcome_of(request).SerializeAsString();
  wire::FieldWriter(outcome).element(field, bytes);
  std::string report;
  wire::FieldWriter(report).element(1, outcome);
  return operation(6, report);
}

std::vector<Row> worker_rows() {
  using Request = pb::Request;
  const auto fetch = [](const auto& spoil) {
    return request([&](Request& r) {
      r.mutable_fetch()->add_queues("q");
      r.mutable_fetch()->set_credits(1);
      spoil(*r.mutable_fetch());
    });
  };
  const auto report = [](const auto& spoil) {
    return request([&](Request& r) { spoil(outcome_of(r)); });
  };
  return {
      {"a fetch of no queue", Who::worker, fetch([](pb::Fetch& f) { f.clear_queues(); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a fetch of 65 queues", Who::worker, fetch([](pb::Fetch& f) {
         for (int i = 0; i < 65; ++i) f.add_queues("q" + std::to_string(i));
       }),
       pb::TOO_LARGE, Then::stays},
      {"a fetch of 257 types", Who::worker, fetch([](pb::Fetch& f) {
         for (int i = 0; i < 257; ++i) f.add_types("t");
       }),
       pb::TOO_LARGE, Then::stays},
      {"no credits", Who::worker, fetch([](pb::Fetch& f) { f.set_credits(0); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"credits at their integer's limit", Who::worker,
       fetch([](pb::Fetch& f) { f.set_credits(UINT32_MAX); }), pb::INVALID_ARGUMENT, Then::stays},
      {"a wait of an hour", Who::worker, fetch([](pb::Fetch& f) { f.set_max_wait_ms(3'600'000); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"an empty report", Who::worker, request([](Request& r) { r.mutable_report(); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"1001 outcomes", Who::worker, request([](Request& r) {
         for (int i = 0; i < 1001; ++i) outcome_of(r);
       }),
       pb::TOO_LARGE, Then::stays},
      {"an outcome without a kind", Who::worker, report([](pb::Outcome& o) { o.clear_kind(); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"an outcome of unknown kind", Who::worker,
       report([](pb::Outcome& o) { o.set_kind(static_cast<pb::Outcome::Kind>(5)); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"an outcome without jobs", Who::worker, report([](pb::Outcome& o) { o.clear_index(); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"an index beyond a batch", Who::worker, report([](pb::Outcome& o) { o.add_index(1000); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"an index at its integer's limit", Who::worker,
       report([](pb::Outcome& o) { o.add_index(UINT32_MAX); }), pb::INVALID_ARGUMENT, Then::stays},
      {"a result over 1 MiB", Who::worker,
       report([](pb::Outcome& o) { o.set_result(std::string((1 << 20) + 1, 'r')); }), pb::TOO_LARGE,
       Then::stays},
      {"a result of a failure", Who::worker, report([](pb::Outcome& o) {
         o.set_kind(pb::Outcome::FAIL);
         o.set_result("r");
       }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a failure of a success", Who::worker, report([](pb::Outcome& o) { o.mutable_failure(); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"an error message over 4 KiB", Who::worker, report([](pb::Outcome& o) {
         o.set_kind(pb::Outcome::FAIL);
         o.mutable_failure()->set_message(std::string(4097, 'm'));
       }),
       pb::TOO_LARGE, Then::stays},
      {"an error class with a line feed", Who::worker, report([](pb::Outcome& o) {
         o.set_kind(pb::Outcome::FAIL);
         o.mutable_failure()->set_error_class("a\nb");
       }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"1001 indexes, all the same", Who::worker, report([](pb::Outcome& o) {
         for (int i = 0; i < 1000; ++i) o.add_index(0);
       }),
       pb::TOO_LARGE, Then::stays},
      {"four million indexes, all the same", Who::worker,
       report([](pb::Outcome& o) { o.mutable_index()->Resize(4'000'000, 0); }), pb::TOO_LARGE,
       Then::stays},
      {"one result for so many jobs that they are over 16 MiB", Who::worker,
       report([](pb::Outcome& o) {
         for (std::uint32_t i = 1; i < 17; ++i) o.add_index(i);
         o.set_result(std::string(1 << 20, 'r'));
       }),
       pb::TOO_LARGE, Then::stays},
      {"one failure for so many jobs that they are over 16 MiB", Who::worker,
       report([](pb::Outcome& o) {
         for (std::uint32_t i = 1; i < 257; ++i) o.add_index(i);
         o.set_kind(pb::Outcome::FAIL);
         o.mutable_failure()->set_detail(std::string(65'536, 'd'));
       }),
       pb::TOO_LARGE, Then::stays},
      {"4 KiB of unknown fields in an outcome", Who::worker, report([](pb::Outcome& o) {
         o.GetReflection()->MutableUnknownFields(&o)->AddLengthDelimited(99,
                                                                         std::string(4096, 'u'));
       }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"an unknown cause", Who::worker, report([](pb::Outcome& o) {
         o.set_kind(pb::Outcome::FAIL);
         o.mutable_failure()->set_cause(static_cast<pb::Failure::Cause>(4));
       }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a content type with a control character", Who::worker,
       report([](pb::Outcome& o) { o.set_content_type("text/plain\x7f"); }), pb::INVALID_ARGUMENT,
       Then::stays},
      {"a content type that is no UTF-8", Who::worker, outcome_raw(6, "\xff"), pb::INVALID_ARGUMENT,
       Then::stays},
      {"a failure's message that is no UTF-8", Who::worker, outcome_raw(7, hex("1201ff")),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a failure's detail that is no UTF-8", Who::worker, outcome_raw(7, hex("1a01ff")),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a batch id with an index", Who::worker,
       report([](pb::Outcome& o) { o.set_batch_id(bytes_of(kMail.job(1))); }), pb::INVALID_ARGUMENT,
       Then::stays},
  };
}

TEST_CASE("bad requests of workers are answered and the session stays", "[net][bad_input]") {
  check_all(worker_rows());
}

TEST_CASE("as much as a report may carry is taken", "[net][bad_input]") {
  TestServer broker;
  TestClient client = broker.worker();
  client.send(request([](pb::Request& r) {
    pb::Outcome& outcome = outcome_of(r);
    for (std::uint32_t i = 1; i < 16; ++i) outcome.add_index(i);
    outcome.set_result(std::string(1 << 20, 'r'));
    outcome_of(r).set_token(2);
    r.mutable_report()->mutable_outcomes(1)->clear_index();
    for (std::uint32_t i = 0; i < 1000; ++i) r.mutable_report()->mutable_outcomes(1)->add_index(i);
  }));
  const auto report = broker.sink.take_as<core::Report>();
  CHECK(report.outcomes.at(0).jobs.count() == 16);
  CHECK(report.outcomes.at(1).jobs.count() == 1000);
}

}  // namespace
}  // namespace pawl::net
