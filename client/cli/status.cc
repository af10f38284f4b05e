#include <algorithm>

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "client/cli/app.h"
#include "client/cli/duration.h"
#include "client/cli/instant.h"
#include "client/cli/job_json.h"

namespace pawl::cli {
namespace {

ExitCode ping(const App& app) {
  const auto connected = app.connect();
  Client& client = *connected;
  const Pong pong = client.ping();
  const Output out(app.format);
  const double ms = static_cast<double>(pong.round_trip.count()) / 1000;
  if (out.for_programs()) {
    out.print(boost::json::object{{"server", app.shown_server()},
                                  {"version", pong.server_version},
                                  {"uptime", duration_text(pong.uptime)},
                                  {"server_time", instant_text(pong.server_time)},
                                  {"round_trip_ms", ms}});
  } else {
    out.print_line(fmt::format("{} answered in {:.2f} ms: pawld {}, up {}", app.shown_server(), ms,
                               pong.server_version, duration_text(pong.uptime)));
  }
  return ExitCode::done;
}

QueueStats sum_of(const std::vector<QueueStats>& queues) {
  QueueStats sum;
  for (const QueueStats& queue : queues) {
    sum.scheduled += queue.scheduled;
    sum.pending += queue.pending;
    sum.processing += queue.processing;
    sum.retrying += queue.retrying;
    sum.completed += queue.completed;
    sum.failed += queue.failed;
    sum.cancelled += queue.cancelled;
    sum.lanes += queue.lanes;
    sum.oldest_pending = std::max(sum.oldest_pending, queue.oldest_pending);
  }
  return sum;
}

ExitCode status(const App& app) {
  const auto connected = app.connect();
  Client& client = *connected;
  const Pong pong = client.ping();
  const std::vector<QueueStats> queues = client.queue_stats();
  const QueueStats sum = sum_of(queues);
  const Output out(app.format);
  if (out.for_programs()) {
    boost::json::object jobs = queue_json(sum);
    jobs.erase("queue");
    jobs.erase("lanes");
    out.print(boost::json::object{{"server", app.shown_server()},
                                  {"version", pong.server_version},
                                  {"uptime", duration_text(pong.uptime)},
                                  {"queues", queues.size()},
                                  {"lanes", sum.lanes},
                                  {"jobs", std::move(jobs)}});
    return ExitCode::done;
  }
  Table table({{.title = "WHAT"}, {.title = "VALUE"}});
  table.add({"server", app.shown_server()});
  table.add({"version", pong.server_version});
  table.add({"uptime", duration_text(pong.uptime)});
  table.add({"queues", std::to_string(queues.size())});
  table.add({"scheduled", std::to_string(sum.scheduled)});
  table.add({"pending", std::to_string(sum.pending)});
  table.add({"processing", std::to_string(sum.processing)});
  table.add({"retrying", std::to_string(sum.retrying)});
  table.add({"completed", std::to_string(sum.completed)});
  table.add({"failed", std::to_string(sum.failed)});
  table.add({"cancelled", std::to_string(sum.cancelled)});
  table.add({"oldest pending", duration_text(sum.oldest_pending)});
  out.print(table);
  return ExitCode::done;
}

ExitCode version(const App& app) {
  const Output out(app.format);
  if (out.for_programs()) {
    out.print(boost::json::object{{"version", PAWL_VERSION}});
  } else {
    out.print_line("pawl " PAWL_VERSION);
  }
  return ExitCode::done;
}

}  // namespace

void add_status(CLI::App& grammar, App& app) {
  const auto add = [&grammar](const char* name, const char* description) {
    return grammar.add_subcommand(name, description)->footer("");
  };
  add("status", "The broker and its jobs at a glance")->callback([&app] {
    app.chosen = [&app] { return status(app); };
  });
  add("ping", "Ask the broker whether it is there")->callback([&app] {
    app.chosen = [&app] { return ping(app); };
  });
  add("version", "The version of this program")->callback([&app] {
    app.chosen = [&app] { return version(app); };
  });
}

}  // namespace pawl::cli
