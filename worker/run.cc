#include "worker/run.h"

#include <cstdlib>
#include <cxxabi.h>
#include <memory>
#include <typeinfo>

#include "worker/failure_text.h"

namespace pawl::worker {
namespace {

constexpr std::size_t kResultBytesMax = std::size_t{1} << 20;
constexpr std::size_t kContentTypeBytesMax = 128;

std::string type_name(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free);
  return status == 0 ? name.get() : type.name();
}

Outcome failed(const Fail& fail) {
  return {.kind = OutcomeKind::fail, .failure = fit_for_report(fail.failure())};
}

Outcome completed(Output output) {
  if (output.bytes().size() > kResultBytesMax) {
    return failed(Fail(
        "pawl.result_too_large",
        "the result has " + std::to_string(output.bytes().size()) + " bytes; 1 MiB is the most"));
  }
  Outcome outcome{.kind = OutcomeKind::complete};
  outcome.content_type = cut_line(std::move(output).content_type(), kContentTypeBytesMax);
  outcome.result = std::move(output).bytes();
  return outcome;
}

Outcome call(Run& run) {
  Context context(run);
  try {
    return completed((*run.handler)(context));
  } catch (const Release&) {
    return {.kind = OutcomeKind::release};
  } catch (const Fail& fail) {
    return failed(fail);
  } catch (const std::exception& error) {
    return failed(Fail(type_name(typeid(error)), error.what()));
  } catch (...) {
    return failed(Fail("unknown", "an exception that is no std::exception"));
  }
}

}  // namespace

Outcome run_handler(Run& run) {
  const TimePoint began = std::chrono::steady_clock::now();
  Outcome outcome = call(run);
  outcome.run_time = std::chrono::steady_clock::now() - began;
  return outcome;
}

}  // namespace pawl::worker
