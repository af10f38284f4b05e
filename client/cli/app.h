#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/App.hpp>

#include "client/cli/exit_code.h"
#include "client/cli/output.h"
#include <pawl/client.h>

namespace pawl::cli {

// What every command is given on the command line, and how each says what it will do.
struct App {
  std::string server = "127.0.0.1:7295";
  std::string name_space;
  Format format = Format::automatic;
  std::optional<Milliseconds> timeout;
  // What stands after -- for a worker.
  std::vector<std::string> program;
  // Set by the command that was named; runs once the whole line was understood.
  std::function<ExitCode()> chosen;

  ClientOptions client_options() const;
  // The server for people to read: its credentials are left out.
  std::string shown_server() const;
  // A client whose broker has answered once: who is not there is told soon, unless the user has
  // time.
  std::unique_ptr<Client> connect(LogCallback log = {}) const;
};

// What stands for the value of an option that came without one.
inline constexpr const char* kNoValue = "(none)";

// Each adds one noun or command to the line's grammar. The App outlives the grammar.
void add_enqueue(CLI::App& grammar, App& app);
void add_job(CLI::App& grammar, App& app);
void add_queue(CLI::App& grammar, App& app);
void add_worker(CLI::App& grammar, App& app);
void add_status(CLI::App& grammar, App& app);

// An option that takes a duration, a time (RFC 3339), or ids.
CLI::Option* add_duration(CLI::App& command, const std::string& name,
                          std::function<void(Milliseconds)> set, const std::string& description);
CLI::Option* add_instant(CLI::App& command, const std::string& name, std::function<void(Time)> set,
                         const std::string& description);

// Fails with a usage error that names the text.
JobId job_id_of(const std::string& text);

// Runs the program; what it returns is the process's exit status.
int run(int argc, char** argv);

}  // namespace pawl::cli
