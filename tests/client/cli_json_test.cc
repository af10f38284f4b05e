#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "client/cli/app.h"
#include "client/cli/command_error.h"
#include "client/cli/job_json.h"

namespace pawl::cli {
namespace {

using namespace std::chrono_literals;

std::string bytes_json(std::string_view bytes, std::string_view content_type) {
  boost::json::object object;
  put_bytes(object, "payload", bytes, content_type);
  return boost::json::serialize(object);
}

TEST_CASE("bytes are JSON, text or base64, as their content type says", "[cli][json]") {
  CHECK(bytes_json(R"({"a":1})", "application/json") == R"({"payload":{"a":1}})");
  CHECK(bytes_json("[1]", "application/problem+json; x=y") == R"({"payload":[1]})");
  CHECK(bytes_json("no json", "application/json") == R"({"payload":"no json"})");
  CHECK(bytes_json("text", "text/plain; charset=utf-8") == R"({"payload":"text"})");
  CHECK(bytes_json("text", "") == R"({"payload":"text"})");
  CHECK(bytes_json("\xff", "") == R"({"payload_base64":"/w=="})");
  CHECK(bytes_json(std::string_view("\0\1", 2), "") == R"({"payload_base64":"AAE="})");
  CHECK(bytes_json("text", "image/png") == R"({"payload_base64":"dGV4dA=="})");
}

TEST_CASE("a job has what is set of it", "[cli][json]") {
  JobStatus job;
  job.id = *JobId::parse("01a20aca-c434-7d29-afcf-582eaec49000");
  job.state = JobState::failed;
  job.queue = "q";
  job.type = "t";
  job.priority = 5;
  job.attempt = 2;
  job.max_attempts = 2;
  job.accepted_at = Time(0ms);
  job.failure = Failure{"Broken", "it broke", "", Failure::Cause::crash};
  job.attempts.push_back(Attempt{1, Time(0ms), Time(1s), "w", "h", Attempt::End::failure, {}});
  CHECK(
      boost::json::serialize(job_json(job)) ==
      R"({"id":"01a20aca-c434-7d29-afcf-582eaec49000","state":"failed","queue":"q","type":"t",)"
      R"("priority":5,"attempt":2,"max_attempts":2,"accepted_at":"1970-01-01T00:00:00.000Z",)"
      R"("failure":{"class":"Broken","message":"it broke","cause":"crash"},"attempts":[{"number":1,)"
      R"("started_at":"1970-01-01T00:00:00.000Z","finished_at":"1970-01-01T00:00:01.000Z",)"
      R"("worker":"w","host":"h","end":"failure"}]})");
}

TEST_CASE("an enqueue with an open outcome names the job and how to look for it", "[cli][exit]") {
  const JobId id = *JobId::parse("01a20aca-c434-7d29-afcf-582eaec49000");
  const Error error = Error(Errc::deadline, "no answer").set_outcome_unknown(true).set_job_id(id);
  const CommandError shown = command_error_of(error, "server");
  CHECK(shown.job_id() == id);
  CHECK(shown.hint().find(fmt::format("pawl job get {}", id.to_string())) != std::string::npos);
  CHECK(shown.exit_code() == ExitCode::deadline);
}

TEST_CASE("credentials are not shown with the server", "[cli]") {
  App app;
  const auto shown = [&app](const char* server) {
    app.server = server;
    return app.shown_server();
  };
  CHECK(shown("host:7295") == "host:7295");
  CHECK(shown("pawl://host") == "pawl://host");
  CHECK(shown("pawl://to@ken@host:1,other") == "pawl://***@host:1,other");
  CHECK(shown("token@host") == "***@host");
}

TEST_CASE("each error code has its exit status", "[cli][exit]") {
  CHECK(exit_code_of(Errc::invalid_argument) == ExitCode::usage);
  CHECK(exit_code_of(Errc::not_found) == ExitCode::not_found);
  CHECK(exit_code_of(Errc::unauthenticated) == ExitCode::denied);
  CHECK(exit_code_of(Errc::id_conflict) == ExitCode::conflict);
  CHECK(exit_code_of(Errc::overloaded) == ExitCode::unavailable);
  CHECK(exit_code_of(Errc::connection) == ExitCode::unavailable);
  CHECK(exit_code_of(Errc::disk_full) == ExitCode::unavailable);
  CHECK(exit_code_of(Errc::deadline) == ExitCode::deadline);
  CHECK(exit_code_of(Errc::protocol_error) == ExitCode::failed);
}

}  // namespace
}  // namespace pawl::cli
