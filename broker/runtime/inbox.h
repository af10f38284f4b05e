#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "broker/core/assert.h"

namespace pawl::runtime {

// A bounded queue of many posters and one taker, who never wait for each other. Both the number of
// the items and their bytes are bounded.
template <class Item>
class Inbox {
 public:
  // REQUIRES: `items_max` is a power of two.
  Inbox(std::size_t items_max, std::size_t bytes_max)
      : cells_(std::make_unique<Cell[]>(items_max)), mask_(items_max - 1), bytes_max_(bytes_max) {
    PAWL_ASSERT(items_max != 0 && (items_max & mask_) == 0);
    for (std::size_t i = 0; i < items_max; ++i) {
      cells_[i].turn.store(i, std::memory_order_relaxed);
    }
  }

  // False when it is full; the item is then untouched. From any thread.
  bool post(Item&& item, std::size_t bytes) {
    if (bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes > bytes_max_)
      return refuse(bytes);
    std::size_t place = tail_.load(std::memory_order_relaxed);
    Cell* cell = nullptr;
    for (;;) {
      cell = &cells_[place & mask_];
      const std::size_t turn = cell->turn.load(std::memory_order_acquire);
      const auto ahead = static_cast<std::ptrdiff_t>(turn - place);
      if (ahead < 0) return refuse(bytes);
      if (ahead > 0) {
        place = tail_.load(std::memory_order_relaxed);
      } else if (tail_.compare_exchange_weak(place, place + 1, std::memory_order_relaxed)) {
        break;
      }
    }
    cell->item = std::move(item);
    cell->bytes = bytes;
    cell->turn.store(place + 1, std::memory_order_release);
    return true;
  }

  // Gives the oldest item to `take`; false when there is none. By one thread.
  template <class Take>
  bool take_one(Take&& take) {
    Cell& cell = cells_[head_ & mask_];
    if (cell.turn.load(std::memory_order_acquire) != head_ + 1) return false;
    Item item = std::move(cell.item);
    bytes_.fetch_sub(cell.bytes, std::memory_order_relaxed);
    cell.turn.store(head_ + mask_ + 1, std::memory_order_release);
    ++head_;
    take(std::move(item));
    return true;
  }

  // By the taker: how many have been taken, and how many there are to be taken at least.
  std::size_t taken() const { return head_; }
  std::size_t posted() const { return tail_.load(std::memory_order_acquire); }

  // By the taker.
  bool empty() const {
    return cells_[head_ & mask_].turn.load(std::memory_order_acquire) != head_ + 1;
  }

  // Bytes of what was posted and not taken, for the status page.
  std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct Cell {
    std::atomic<std::size_t> turn{
        0};  // Of the poster when equal to its place, of the taker when one more.
    std::size_t bytes = 0;
    Item item{};
  };

  bool refuse(std::size_t bytes) {
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }

  const std::unique_ptr<Cell[]> cells_;
  const std::size_t mask_;
  const std::size_t bytes_max_;
  alignas(64) std::atomic<std::size_t> tail_{0};
  alignas(64) std::size_t head_ = 0;
  alignas(64) std::atomic<std::size_t> bytes_{0};
};

}  // namespace pawl::runtime
