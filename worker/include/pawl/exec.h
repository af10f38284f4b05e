#pragma once

#include <string>
#include <utility>
#include <vector>

#include <pawl/export.h>
#include <pawl/handler.h>
#include <pawl/options.h>

namespace pawl::inline v1 {

// How to run a program for each job.
class PAWL_API ExecOptions {
 public:
  // The program, found by PATH, and its arguments. Throws Error{invalid_argument} when there is
  // none.
  explicit ExecOptions(std::vector<std::string> command);

  // The content type of the results. Not set: "text/plain; charset=utf-8" for a result that is
  // UTF-8, none for others.
  ExecOptions& result_type(std::string value) { return result_type_ = std::move(value), *this; }
  // From SIGTERM to SIGKILL, for a program that shall stop.
  ExecOptions& kill_after(Milliseconds value) { return kill_after_ = value, *this; }
  // How long a slot rests after a program has handed its job back (exit status 75), or could not be
  // run for want of memory, files or processes.
  ExecOptions& release_pause(Milliseconds value) { return release_pause_ = value, *this; }

  const std::vector<std::string>& command() const { return command_; }
  const std::string& result_type() const { return result_type_; }
  Milliseconds kill_after() const { return kill_after_; }
  Milliseconds release_pause() const { return release_pause_; }

 private:
  std::vector<std::string> command_;
  std::string result_type_;
  Milliseconds kill_after_{5'000};
  Milliseconds release_pause_{1'000};
};

// A handler that runs a program per job, so that any language is a worker's.
//   stdin        the payload
//   environment  PAWL_JOB_ID PAWL_JOB_TYPE PAWL_QUEUE PAWL_ATTEMPT PAWL_TOKEN PAWL_CONTENT_TYPE
//                PAWL_WORKER_ID, and PAWL_HEADER_<NAME> per header: upper case, _ for what is no
//                letter or digit
//   stdout       the result, up to 1 MiB; more is the failure "pawl.result_too_large"
//   stderr       its last 16 KiB are the detail of a failure
//   exit status  0 completes the job; 75 (EX_TEMPFAIL) hands it back, uncounted; any other fails it
//                with the class "exit N"
// A job whose program cannot be run for want of memory, files or processes is handed back too.
// Death by a signal fails it with the class "signal SIGSEGV" and the cause `crash`. A program that
// shall stop (cancelled, over its run-time limit, draining, lease lost) gets SIGTERM and then
// SIGKILL, with its process group; what it leaves running in that group when it ends gets SIGKILL
// at once.
PAWL_API Handler exec_handler(const ExecOptions& options);

}  // namespace pawl::inline v1
