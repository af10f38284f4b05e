#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "client/cli/instant.h"
#include "client/cli/job_line.h"

namespace pawl::cli {
namespace {

using namespace std::chrono_literals;

Job parsed(std::string_view line, const Job& defaults = {}) {
  return parse_job_line(line, defaults).value();
}

std::string refusal(std::string_view line) {
  const Result<Job> job = parse_job_line(line, {});
  return job ? "accepted" : job.error().message();
}

TEST_CASE("a line has a job's type, payload and options by their names", "[cli][bulk]") {
  const Job job = parsed(R"({"type":"t","payload":"p","queue":"q","namespace":"n","priority":9,
    "key":"k","delay":"1h30m","max_attempts":3,"retention":"7d","run_time_limit":"10s",
    "backoff":"2s","backoff_max":"1m","schema_version":4,"content_type":"text/plain",
    "tags":["a","b"],"headers":{"trace":"x"}})");
  CHECK(job.type == "t");
  CHECK(job.payload == "p");
  CHECK(job.options.queue() == "q");
  CHECK(job.options.in_namespace() == "n");
  CHECK(job.options.priority() == 9u);
  CHECK(job.options.key() == "k");
  CHECK(job.options.delay() == 90min);
  CHECK(job.options.max_attempts() == 3);
  CHECK(job.options.retention() == Milliseconds(7 * 24h));
  CHECK(job.options.run_time_limit() == 10s);
  CHECK(job.options.backoff() == 2s);
  CHECK(job.options.backoff_max() == 1min);
  CHECK(job.options.schema_version() == 4);
  CHECK(job.options.content_type() == "text/plain");
  CHECK(job.options.tags() == std::vector<std::string>{"a", "b"});
  CHECK(job.options.headers() == std::vector<Options::Header>{{"trace", "x"}});
  CHECK(parsed(R"({"type":"t","at":"2030-01-31T08:00:00Z"})").options.run_at() ==
        parse_instant("2030-01-31T08:00:00Z"));
}

TEST_CASE("a text is its own bytes, other JSON its text, base64 any bytes", "[cli][bulk]") {
  CHECK(parsed(R"({"type":"t","payload":"a \"b\" \u00e9"})").payload == "a \"b\" \u00e9");
  CHECK(parsed(R"({"type":"t","payload":"x"})").options.content_type().empty());
  const Job object = parsed(R"({"type":"t","payload":{"a":[1,null]}})");
  CHECK(object.payload == R"({"a":[1,null]})");
  CHECK(object.options.content_type() == "application/json");
  CHECK(parsed(R"({"type":"t","payload_base64":"AP8="})").payload == std::string("\x00\xff", 2));
  CHECK(parsed(R"({"type":"t","payload":"x","content_type":"application/json"})").payload ==
        R"("x")");
  CHECK(parsed(R"({"type":"t"})").payload.empty());
}

TEST_CASE("JSON that is a payload stays as it stands in the line", "[cli][bulk]") {
  const auto payload = [](const char* value) {
    return parsed(fmt::format(R"({{ "headers": {{"payload":"no"}}, "payload" : {} , "type":"t"}})",
                              value))
        .payload;
  };
  for (const char* value :
       {"1.10", "-0.0", "123456789012345678901234567890", "true", "null", R"({"b": 1,  "a":[ ]})",
        R"({"text":"}] \" \\","n":[{"m":{}}]})", R"(["\u00e9",1e400])"}) {
    CHECK(payload(value) == value);
  }
  CHECK(parsed(R"({"payload":"\u00e9","type":"t","content_type":"application/json"})").payload ==
        R"("\u00e9")");
  CHECK(parsed(R"({"pay\u006coad":1.5,"type":"t"})").payload == "1.5E0");
}

TEST_CASE("names may be those of the command line's options", "[cli][bulk]") {
  const Job job = parsed(R"({"type":"t","max-attempts":3,"run-time-limit":"10s","tag":"a",
    "header":"trace: x","content-type":"text/plain"})");
  CHECK(job.options.max_attempts() == 3);
  CHECK(job.options.run_time_limit() == 10s);
  CHECK(job.options.tags() == std::vector<std::string>{"a"});
  CHECK(job.options.headers() == std::vector<Options::Header>{{"trace", "x"}});
  CHECK(job.options.content_type() == "text/plain");
  CHECK(parsed(R"({"payload-base64":"AP8=","type":"t"})").payload == std::string("\x00\xff", 2));
}

TEST_CASE("a name that is nearly right is told the right one", "[cli][bulk]") {
  CHECK(refusal(R"({"type":"t","prioritty":1})") ==
        "\"prioritty\" is not known; did you mean \"priority\"?");
  CHECK(refusal(R"({"type":"t","playload":1})").ends_with("did you mean \"payload\"?"));
  CHECK(refusal(R"({"type":"t","x":1})") == "\"x\" is not known");
}

TEST_CASE("what a line does not say is as in the defaults", "[cli][bulk]") {
  const Job defaults("common", {}, Options().queue("q").priority(2));
  CHECK(parsed("{}", defaults).type == "common");
  CHECK(parsed("{}", defaults).options.queue() == "q");
  CHECK(parsed(R"({"priority":7})", defaults).options.priority() == 7u);
  const Job tagged("common", {}, Options().tag("a").header("trace", "x"));
  CHECK(parsed(R"({"tags":["b"]})", tagged).options.tags() == std::vector<std::string>{"a", "b"});
  CHECK(parsed("{}", tagged).options.headers() == tagged.options.headers());
}

TEST_CASE("a bad line says what is wrong with it", "[cli][bulk]") {
  CHECK(refusal("nonsense") == "not JSON at column 1: syntax error");
  CHECK(refusal(R"({"type":"t" "x":1})") == "not JSON at column 13: syntax error");
  CHECK(refusal(R"({"type":"t")") == "not JSON at column 12: incomplete JSON");
  CHECK(refusal(R"({"type":"t"} {})") == "not JSON at column 14: extra data");
  CHECK(refusal("[1]") == "not a JSON object");
  CHECK(refusal("{}") == "\"type\" is missing");
  CHECK(refusal(R"({"type":1})") == "\"type\" must be a text");
  CHECK(refusal(R"({"type":"t","colour":1})") == "\"colour\" is not known");
  CHECK(refusal(R"({"type":"t","priority":-1})") ==
        "\"priority\" must be a whole number, not negative");
  CHECK(refusal(R"({"type":"t","priority":"1"})") ==
        "\"priority\" must be a whole number, not negative");
  CHECK(refusal(R"({"type":"t","max_attempts":0})") == "\"max_attempts\" must be 1 or more");
  CHECK(refusal(R"({"type":"t","delay":30})").starts_with("\"delay\" must be a duration"));
  CHECK(refusal(R"({"type":"t","at":"soon"})").starts_with("\"at\" must be a time"));
  CHECK(refusal(R"({"type":"t","tags":1})") == "\"tags\" must be a text or a list of texts");
  CHECK(refusal(R"({"type":"t","headers":[1]})") ==
        "\"headers\" must be an object of texts or NAME:VALUE");
  CHECK(refusal(R"({"type":"t","header":"trace"})") == "\"header\" is not NAME:VALUE");
  CHECK(refusal(R"({"type":"t","payload":1,"payload_base64":""})") ==
        "\"payload\" and payload_base64 are both there");
  CHECK(refusal(R"({"type":"t","payload_base64":"?"})") == "\"payload_base64\" is not base64");
}

TEST_CASE("a line that nests without end is refused", "[cli][bulk]") {
  CHECK(refusal(R"({"type":"t","payload":)" + std::string(10'000, '[')).starts_with("not JSON"));
}

}  // namespace
}  // namespace pawl::cli
