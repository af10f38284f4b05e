#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include <pawl/error.h>

namespace pawl::inline v1 {

// Takes the outcome of an asynchronous call, once, on the client's thread. It must not throw (that
// ends the process) and must not block; it may start further asynchronous calls. Move-only, so what
// it captures may be.
template <class T>
class Callback {
 public:
  Callback() {}
  template <class F>
  requires(std::is_invocable_v<F&, Result<T>> && !std::is_same_v<std::decay_t<F>, Callback>)
      Callback(F&& function)
      : target_(std::make_unique<Target<std::decay_t<F>>>(std::forward<F>(function))) {}

  explicit operator bool() const { return target_ != nullptr; }

  // REQUIRES: not empty. Empty afterwards.
  void operator()(Result<T> result) noexcept {
    const std::unique_ptr<Base> target = std::move(target_);
    target->call(std::move(result));
  }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual void call(Result<T>&& result) = 0;
  };

  template <class F>
  struct Target final : Base {
    explicit Target(F&& f) : function(std::move(f)) {}
    explicit Target(const F& f) : function(f) {}
    void call(Result<T>&& result) override { function(std::move(result)); }
    F function;
  };

  std::unique_ptr<Base> target_;
};

}  // namespace pawl::inline v1
