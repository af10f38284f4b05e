#include "client/cli/command_error.h"

#include "client/cli/wording.h"

namespace pawl::cli {
namespace {

std::string hint_of(const Error& error, const std::string& server) {
  if (error.job_id()) {
    const std::string id = error.job_id()->to_string();
    return "it may have been accepted, as job " + id + ": look with `pawl job get " + id + "`";
  }
  switch (error.code()) {
    case Errc::connection:
      return "is pawld running? Name another broker with --server or PAWL_SERVER; this was " +
             server;
    case Errc::deadline:
      return "allow more time with --timeout";
    case Errc::not_found:
      return "a finished job is forgotten after its retention; list what is there with `pawl job "
             "list`";
    case Errc::overloaded:
    case Errc::unavailable:
      return "try again in a moment";
    case Errc::disk_full:
      return "make room on the broker's disk; waiting jobs can still be worked off";
    default:
      return {};
  }
}

}  // namespace

CommandError usage_error(const std::string& message, std::string hint) {
  return CommandError(ExitCode::usage, message, std::move(hint)).set_code("usage");
}

ExitCode exit_code_of(Errc code) {
  switch (code) {
    case Errc::ok:
      return ExitCode::done;
    case Errc::invalid_argument:
    case Errc::too_large:
      return ExitCode::usage;
    case Errc::not_found:
      return ExitCode::not_found;
    case Errc::unauthenticated:
      return ExitCode::denied;
    case Errc::id_conflict:
    case Errc::id_expired:
    case Errc::lease_lost:
      return ExitCode::conflict;
    case Errc::overloaded:
    case Errc::disk_full:
    case Errc::unavailable:
    case Errc::connection:
      return ExitCode::unavailable;
    case Errc::deadline:
      return ExitCode::deadline;
    case Errc::cancelled:
      return ExitCode::interrupted;
    default:
      return ExitCode::failed;
  }
}

CommandError command_error_of(const Error& error, const std::string& server) {
  CommandError result(exit_code_of(error.code()), in_users_words(error.message()),
                      hint_of(error, server));
  result.set_code(std::string(name_of(error.code())));
  result.set_request_id(error.request_id()).set_job_id(error.job_id());
  return result;
}

}  // namespace pawl::cli
