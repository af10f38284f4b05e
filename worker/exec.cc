#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <mutex>
#include <string_view>
#include <sysexits.h>
#include <system_error>
#include <unistd.h>

#include "proto/wire.h"
#include "worker/process.h"
#include <pawl/exec.h>

namespace pawl::inline v1 {
namespace {

using worker::ProcessEnd;
using worker::ProcessOrder;

constexpr std::size_t kResultBytesMax = std::size_t{1} << 20;
constexpr std::string_view kHeaderPrefix = "PAWL_HEADER_";

bool describes_a_job(std::string_view variable) {
  static constexpr std::array<std::string_view, 8> kNames = {
      "PAWL_JOB_ID=", "PAWL_JOB_TYPE=",     "PAWL_QUEUE=",     "PAWL_ATTEMPT=",
      "PAWL_TOKEN=",  "PAWL_CONTENT_TYPE=", "PAWL_WORKER_ID=", kHeaderPrefix};
  return std::any_of(kNames.begin(), kNames.end(),
                     [=](std::string_view name) { return variable.starts_with(name); });
}

// This process's environment without what may be left of a job that it is itself a part of.
std::vector<std::string> own_environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    if (!describes_a_job(*variable)) variables.emplace_back(*variable);
  }
  return variables;
}

std::string header_variable(std::string_view name) {
  std::string variable(kHeaderPrefix);
  for (const char c : name) {
    const bool lower = c >= 'a' && c <= 'z';
    const bool kept = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    variable += lower ? static_cast<char>(c - 'a' + 'A') : kept ? c : '_';
  }
  return variable;
}

void describe(std::vector<std::string>& environment, const Context& job) {
  environment.push_back("PAWL_JOB_ID=" + job.id().to_string());
  environment.push_back("PAWL_JOB_TYPE=" + job.type());
  environment.push_back("PAWL_QUEUE=" + job.queue());
  environment.push_back("PAWL_ATTEMPT=" + std::to_string(job.attempt()));
  environment.push_back("PAWL_TOKEN=" + std::to_string(job.fencing_token()));
  environment.push_back("PAWL_CONTENT_TYPE=" + job.content_type());
  environment.push_back("PAWL_WORKER_ID=" + job.worker_id());
  for (const auto& [name, value] : job.headers()) {
    environment.push_back(header_variable(name) + "=" + value);
  }
}

std::string signal_name(int signal) {
  const char* name = sigabbrev_np(signal);
  return name != nullptr ? "SIG" + std::string(name) : std::to_string(signal);
}

std::string last_line(std::string_view text) {
  const std::size_t last = text.find_last_not_of(" \r\n\t");
  if (last == std::string_view::npos) return {};
  text = text.substr(0, last + 1);
  const std::size_t before = text.find_last_of("\r\n");
  return std::string(before == std::string_view::npos ? text : text.substr(before + 1));
}

// What the program said last is what people want to read first.
[[noreturn]] void fail(const std::string& error_class, const std::string& message, ProcessEnd& end,
                       Failure::Cause cause = Failure::Cause::handler) {
  const std::string line = last_line(end.errors);
  Failure failure;
  failure.error_class = error_class;
  failure.message = line.empty() ? message : line;
  failure.detail = std::move(end.errors);
  failure.cause = cause;
  throw Fail(failure);
}

[[noreturn]] void fail_stopped(const Context& job, ProcessEnd& end) {
  switch (job.stop_reason()) {
    case StopReason::cancelled:
      fail("cancelled", "stopped because the job was cancelled", end, Failure::Cause::cancellation);
    case StopReason::time_limit:
      fail("time_limit", "stopped at its run-time limit", end, Failure::Cause::time_limit);
    default:
      throw Release();
  }
}

// A job that nobody can run now must not go round and round.
void rest(const std::stop_token& stop, Milliseconds pause) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait_for(lock, stop, pause, [] { return false; });
}

// What this machine lacks for the moment, not what is wrong with the job or the program.
bool is_shortage(int error) {
  return error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE ||
         error == ETXTBSY;
}

[[noreturn]] void hand_back(const Context& job, Milliseconds pause, int error) {
  job.log(
      "handed back, for its program cannot be run now: " + std::generic_category().message(error),
      LogLevel::warning);
  rest(job.stop_token(), pause);
  throw Release();
}

ProcessEnd run(const ProcessOrder& order, const Context& job, Milliseconds pause) {
  try {
    ProcessEnd end = worker::run_process(order, job.stop_token());
    if (end.kind != ProcessEnd::Kind::not_started || !is_shortage(end.code)) return end;
    hand_back(job, pause, end.code);
  } catch (const std::system_error& error) {
    if (!is_shortage(error.code().value())) throw;
    hand_back(job, pause, error.code().value());
  }
}

Output output_of(const Context& job, const ExecOptions& options, ProcessEnd end) {
  if (end.kind == ProcessEnd::Kind::not_started) {
    fail("pawl.exec", options.command().front() + ": " + std::strerror(end.code), end);
  }
  if (end.output_too_large) {
    fail("pawl.result_too_large", "the program wrote more than 1 MiB to stdout", end);
  }
  if (end.kind == ProcessEnd::Kind::exited && end.code == 0) {
    const bool text = options.result_type().empty() && wire::valid_utf8(end.output);
    return {std::move(end.output), text ? "text/plain; charset=utf-8" : options.result_type()};
  }
  if (end.asked_to_stop) fail_stopped(job, end);
  if (end.kind == ProcessEnd::Kind::killed_by_signal) {
    fail("signal " + signal_name(end.code), "the program died of " + signal_name(end.code), end,
         Failure::Cause::crash);
  }
  if (end.code == EX_TEMPFAIL) {
    rest(job.stop_token(), options.release_pause());
    throw Release();
  }
  fail("exit " + std::to_string(end.code), "exit status " + std::to_string(end.code), end);
}

}  // namespace

ExecOptions::ExecOptions(std::vector<std::string> command) : command_(std::move(command)) {
  if (command_.empty() || command_.front().empty()) {
    throw Error(Errc::invalid_argument, "there is no program to run");
  }
}

Handler exec_handler(const ExecOptions& options) {
  return [options, base = own_environment()](Context& job) {
    ProcessOrder order;
    order.command = options.command();
    order.environment = base;
    describe(order.environment, job);
    order.input = job.payload();
    order.output_bytes_max = kResultBytesMax;
    order.kill_after = options.kill_after();
    return output_of(job, options, run(order, job, options.release_pause()));
  };
}

}  // namespace pawl::inline v1
