#include "broker/broker.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/random.h>

#include "broker/file_limit.h"
#include "broker/quantity.h"
#include "broker/runtime/hang_point.h"

namespace pawl {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kReadyNote{5'000};

// Nothing that this process has not told yet may be told any more: what is on the disk is not
// known.
[[noreturn]] void end_at_once(const std::string& why, const std::string& advice) {
  spdlog::critical("{}; ending, {}", why, advice);
  std::_Exit(1);
}

// The loop knows the space without what the store keeps for itself; people know the disk.
void tell_space(const Config& config, const runtime::LoopOptions::SpaceNote& note) {
  const std::uint64_t work = store::work_bytes_for(config.store);
  std::error_code unknown;
  const auto disk = std::filesystem::space(config.store.directory, unknown);
  const std::string left = rounded_bytes(unknown ? note.free_bytes + work : disk.available);
  if (note.admission == core::Admission::Kind::open) {
    return spdlog::info("the disk has room again ({} free): new jobs are taken", left);
  }
  spdlog::warn(
      "the disk is nearly full ({} free, {} are wanted): new jobs are refused until {} are free; "
      "reports are taken",
      left, rounded_bytes(note.floor_bytes + work), rounded_bytes(note.enough_bytes + work));
}

store::RocksOptions store_options(const Config& config) {
  spdlog::debug("opening {}", config.store.directory.string());
  runtime::hang_point("open");
  store::RocksOptions options = config.store;
  options.work_bytes = store::work_bytes_for(options);
  options.note = [](std::string_view note) { spdlog::info("store: {}", note); };
  return options;
}

std::uint64_t draw() {
  std::uint64_t value = 0;
  if (::getrandom(&value, sizeof value, 0) != sizeof value) {
    throw std::system_error(errno, std::generic_category(), "no randomness from the system");
  }
  return value;
}

core::SessionId draw_session() {
  return {draw(), draw()};
}

net::NetSettings net_settings(const Config& config) {
  net::NetSettings settings = config.net;
  settings.greeting.version = PAWL_VERSION;
  const std::size_t fit = connections_that_fit();
  if (fit < settings.connections_max) {
    const bool wanted = config.connections == Config::Connections::set;
    spdlog::log(wanted ? spdlog::level::warn : spdlog::level::info,
                "the limit of open files leaves room for {} connections instead of {}", fit,
                settings.connections_max);
    settings.connections_max = fit;
  }
  return settings;
}

std::string advice_after_failure(const store::RocksStore& store, const Config& config) {
  if (!store.damaged()) return "start again to read what is on the disk";
  return fmt::format("run `pawld fsck {}` for what cannot be read; a restart mends nothing",
                     config.store.directory.string());
}

runtime::LoopOptions loop_options(const Config& config, const store::RocksStore& store,
                                  net::Server& server) {
  runtime::LoopOptions options;
  options.settings = config.queues;
  options.seed = draw();
  options.inbox_bytes = config.inbox_bytes;
  options.min_free_bytes = config.min_free_bytes;
  options.on_space = [config](const auto& note) { tell_space(config, note); };
  options.catch_up = [&server](const auto& done) { server.catch_up(done); };
  options.on_fatal = [config, &store](const std::string& why) {
    end_at_once(why, advice_after_failure(store, config));
  };
  return options;
}

}  // namespace

Broker::Broker(const Config& config)
    : store_(store_options(config)),
      services_{inbox_, [this] { return clock_.now(); }, draw_session},
      server_(services_, net_settings(config)) {
  loop_.emplace(loop_options(config, store_, server_), store_, clock_, outbox_);
  inbox_.connect(*loop_);
  while (!loop_->wait_until_ready(kReadyNote)) spdlog::info("still reading back what was stored");
}

Broker::~Broker() {
  server_.finish();
}

void Broker::start() {
  server_.start();
}

void Broker::stop(std::chrono::milliseconds within) {
  const auto deadline = steady_clock::now() + within;
  loop_->stop_leasing();
  // A client that does not read must not take the last commit's time.
  if (!server_.drain(deadline - within / 4))
    spdlog::warn("some requests were not answered in time");
  server_.finish();
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now());
  const auto stopped = loop_->stop(std::max(left, std::chrono::milliseconds(0)));
  if (stopped == runtime::EngineLoop::Stopped::cut_off) {
    end_at_once("the disk has not taken the last commit in time",
                "start again to read what is on the disk");
  }
}

}  // namespace pawl
