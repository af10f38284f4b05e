#include <mutex>
#include <vector>

#include "worker/runtime.h"
#include "worker/worker_id.h"
#include <pawl/worker.h>

namespace pawl::inline v1 {
namespace {

constexpr unsigned kConcurrencyMax = 1000;
constexpr std::size_t kTypesMax = 256;
constexpr std::size_t kQueuesMax = 64;

Error invalid(const std::string& message) {
  return Error(Errc::invalid_argument, message);
}

}  // namespace

class PAWL_HIDDEN Worker::State {
 public:
  explicit State(const WorkerOptions& given) : options(given) {
    surroundings->worker_id = options.worker_id();
    // The connection's thread and the handlers' log by the same function, one at a time.
    if (const LogCallback log = options.connection().log()) {
      ClientOptions connection = options.connection();
      surroundings->log = [log, mutex = std::make_shared<std::mutex>()](LogLevel level,
                                                                        std::string_view text) {
        const std::lock_guard lock(*mutex);
        log(level, text);
      };
      options.connection(connection.log(surroundings->log));
    }
  }

  void require_not_started() const {
    if (runtime) throw invalid("the worker has been started");
  }

  worker::Subscription subscription() const {
    worker::Subscription subscription;
    subscription.name_space = options.connection().in_namespace();
    subscription.queues = queues;
    if (queues.empty()) subscription.queues.emplace_back("default");
    if (surroundings->default_handler) return subscription;
    for (const auto& [type, handler] : surroundings->handlers) {
      subscription.types.push_back(type);
    }
    return subscription;
  }

  void require_sense() const {
    require_not_started();
    const unsigned slots = options.concurrency();
    if (slots < 1 || slots > kConcurrencyMax) throw invalid("concurrency must be 1 to 1000");
    if (queues.size() > kQueuesMax) throw invalid("a worker serves at most 64 queues");
    if (surroundings->default_handler) return;
    if (surroundings->handlers.empty()) throw invalid("the worker has no handler");
    if (surroundings->handlers.size() > kTypesMax) {
      throw invalid("over 256 types: use a default handler and choose there");
    }
  }

  // `begin` gets the new runtime going. What does not start leaves nothing behind.
  template <class Begin>
  void start(const Begin& begin) {
    require_sense();
    runtime = std::make_unique<worker::Runtime>(options, subscription(), surroundings);
    try {
      begin(*runtime);
      runtime->start();
    } catch (...) {
      runtime.reset();
      throw;
    }
  }

  WorkerOptions options;
  std::vector<std::string> queues;
  std::shared_ptr<worker::Surroundings> surroundings = std::make_shared<worker::Surroundings>();
  std::unique_ptr<worker::Runtime> runtime;
};

Worker::Worker(std::string_view url)
    : Worker(WorkerOptions().connection(ClientOptions().url(std::string(url)))) {}

Worker::Worker(const WorkerOptions& options) : state_(std::make_unique<State>(options)) {
  // A bad URL or id is told here, not when it is used.
  static_cast<void>(client::parse_url(options.connection().url()).value());
  const std::string& id = options.worker_id();
  if (!id.empty() && !worker::is_worker_id(id)) {
    throw invalid("a worker's id is 1 to 128 of A-Z a-z 0-9 _ . : -");
  }
}

Worker::~Worker() {
  if (state_->runtime) stop(Milliseconds(0));
}

Worker& Worker::queue(std::string name) {
  state_->require_not_started();
  state_->queues.push_back(std::move(name));
  return *this;
}

Worker& Worker::concurrency(unsigned value) {
  state_->require_not_started();
  state_->options.concurrency(value);
  return *this;
}

Worker& Worker::set_handler(std::string type, Handler handler) {
  state_->require_not_started();
  state_->surroundings->handlers.insert_or_assign(std::move(type), std::move(handler));
  return *this;
}

Worker& Worker::set_default_handler(Handler handler) {
  state_->require_not_started();
  state_->surroundings->default_handler = std::move(handler);
  return *this;
}

void Worker::start() {
  state_->start([](worker::Runtime&) {});
}

bool Worker::stop(Milliseconds grace) {
  if (!state_->runtime) return true;
  state_->runtime->drain(grace);
  state_->runtime->wait();
  return state_->runtime->handed_back() == 0;
}

int Worker::run_until_signal(std::initializer_list<int> signals, Milliseconds grace) {
  state_->start([&](worker::Runtime& runtime) { runtime.heed(signals, grace); });
  state_->runtime->wait();
  if (const auto failure = state_->runtime->failure()) throw *failure;
  return state_->runtime->handed_back() == 0 ? 0 : 1;
}

std::optional<Error> Worker::failure() const {
  return state_->runtime ? state_->runtime->failure() : std::nullopt;
}

}  // namespace pawl::inline v1
