#include "broker/inspect.h"

#include <cstdio>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "broker/id_text.h"
#include "broker/inventory.h"
#include "broker/offline_arguments.h"

namespace pawl {
namespace {

namespace json = boost::json;
using core::JobState;

constexpr JobState kShown[] = {JobState::pending,   JobState::processing, JobState::scheduled,
                               JobState::retrying,  JobState::completed,  JobState::failed,
                               JobState::cancelled, JobState::expired};

std::string text_of(const core::QueueName& queue) {
  return queue.ns == "default" ? queue.name : fmt::format("{}/{}", queue.ns, queue.name);
}

void print_text(Inventory& inventory, JobsWanted jobs) {
  const core::FsckReport& report = inventory.report();
  fmt::print("format {}, {} batches, {} receipts, {} lanes, {} sessions, {} grants\n",
             OfflineStore::format(), report.batches, report.receipts, report.lanes, report.sessions,
             report.grants);
  fmt::print("\n{:<24}", "QUEUE");
  for (const JobState state : kShown) fmt::print(" {:>10}", to_string(state));
  for (const auto& [queue, counts] : inventory.counts()) {
    fmt::print("\n{:<24}", text_of(inventory.queue_name(queue)));
    for (const JobState state : kShown)
      fmt::print(" {:>10}", counts[static_cast<std::size_t>(state)]);
  }
  fmt::print("\n");
  if (jobs == JobsWanted::counts) return;
  fmt::print("\n{:<36} {:<10} {:<24} {}\n", "JOB", "STATE", "QUEUE", "TYPE");
  inventory.each_job([&](const Inventory::Job& job) {
    fmt::print("{} {:<10} {:<24} {}\n", id_text(job.id), to_string(job.state),
               text_of(inventory.queue_name(job.queue)), inventory.type_name(job.type));
  });
}

json::array queues_json(Inventory& inventory) {
  json::array queues;
  for (const auto& [queue, counts] : inventory.counts()) {
    const core::QueueName& name = inventory.queue_name(queue);
    json::object object{{"namespace", name.ns}, {"queue", name.name}};
    for (const JobState state : kShown)
      object[to_string(state)] = counts[static_cast<std::size_t>(state)];
    queues.push_back(std::move(object));
  }
  return queues;
}

void print_json(Inventory& inventory, JobsWanted wanted) {
  const core::FsckReport& report = inventory.report();
  json::object object{{"format", OfflineStore::format()}, {"batches", report.batches},
                      {"receipts", report.receipts},      {"lanes", report.lanes},
                      {"sessions", report.sessions},      {"grants", report.grants}};
  object["queues"] = queues_json(inventory);
  if (wanted == JobsWanted::each) {
    json::array jobs;
    inventory.each_job([&](const Inventory::Job& job) {
      const core::QueueName& queue = inventory.queue_name(job.queue);
      jobs.push_back(json::object{{"id", id_text(job.id)},
                                  {"state", to_string(job.state)},
                                  {"namespace", queue.ns},
                                  {"queue", queue.name},
                                  {"type", inventory.type_name(job.type)}});
    });
    object["jobs"] = std::move(jobs);
  }
  fmt::print("{}\n", json::serialize(object));
}

constexpr int kDamaged = 1;
constexpr int kNotRead = 2;

int refuse(const std::runtime_error& error, int status) {
  fmt::print(stderr, "error: {}\n", error.what());
  return status;
}

void show(const OfflineArguments& arguments) {
  const OfflineStore store(arguments.directory);
  Inventory inventory(store);
  if (arguments.output == OfflineOutput::json) {
    print_json(inventory, arguments.jobs);
  } else {
    print_text(inventory, arguments.jobs);
  }
}

}  // namespace

int inspect(std::span<const char* const> arguments) {
  const OfflineParsed parsed = parse_offline(
      "inspect", "Tells what the data directory of a stopped broker holds", arguments);
  if (!parsed.arguments) return parsed.exit_code;
  try {
    show(*parsed.arguments);
    return 0;
  } catch (const DamagedStore& error) {
    const int status = refuse(error, kDamaged);
    fmt::print(stderr, "hint: pawld fsck {}\n", parsed.arguments->directory.string());
    return status;
  } catch (const std::runtime_error& error) {
    return refuse(error, kNotRead);
  }
}

}  // namespace pawl
