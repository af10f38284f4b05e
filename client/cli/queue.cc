#include <memory>
#include <string>
#include <vector>

#include <boost/json/array.hpp>

#include "client/cli/app.h"
#include "client/cli/duration.h"
#include "client/cli/job_json.h"

namespace pawl::cli {
namespace {

ExitCode list(const App& app, const std::vector<std::string>& names) {
  const auto connected = app.connect();
  Client& client = *connected;
  const std::vector<QueueStats> queues = client.queue_stats(names);
  const Output out(app.format);
  if (out.for_programs()) {
    boost::json::array elements;
    for (const QueueStats& queue : queues) elements.push_back(queue_json(queue));
    out.print_list("queues", std::move(elements));
    return ExitCode::done;
  }
  Table table({{.title = "QUEUE", .may_shrink = true},
               {.title = "PENDING", .align = Align::right},
               {.title = "PROCESSING", .align = Align::right},
               {.title = "SCHEDULED", .align = Align::right},
               {.title = "RETRYING", .align = Align::right},
               {.title = "COMPLETED", .align = Align::right},
               {.title = "FAILED", .align = Align::right},
               {.title = "CANCELLED", .align = Align::right},
               {.title = "OLDEST", .align = Align::right}});
  for (const QueueStats& queue : queues) {
    table.add({queue.queue, std::to_string(queue.pending), std::to_string(queue.processing),
               std::to_string(queue.scheduled), std::to_string(queue.retrying),
               std::to_string(queue.completed), std::to_string(queue.failed),
               std::to_string(queue.cancelled), duration_text(queue.oldest_pending)});
  }
  out.print(table);
  return ExitCode::done;
}

}  // namespace

void add_queue(CLI::App& grammar, App& app) {
  CLI::App* queue = grammar.add_subcommand("queue", "What the queues hold");
  queue->require_subcommand(1)->footer("");
  CLI::App* command = queue->add_subcommand("list", "Counts of jobs by state, for each queue");
  const auto names = std::make_shared<std::vector<std::string>>();
  command->add_option("QUEUE", *names, "Only these queues; all by default");
  command->callback([&app, names] { app.chosen = [&app, names] { return list(app, *names); }; });
}

}  // namespace pawl::cli
