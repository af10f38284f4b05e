#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "broker/core/assert.h"

namespace pawl::runtime {

// Who may fill how much of an inbox: an eighth of it is kept for what comes first.
enum class Rank : std::uint8_t { common, first };

// A bounded queue of many posters and one taker, who never wait for each other. Both the number of
// the items and their bytes are bounded.
template <class Item>
class Inbox {
 public:
  // REQUIRES: `items_max` is a power of two.
  Inbox(std::size_t items_max, std::size_t bytes_max)
      : cells_(std::make_unique<Cell[]>(items_max)),
        mask_(items_max - 1),
        most_{Load::of(less_an_eighth(items_max), less_an_eighth(bytes_max)),
              Load::of(items_max, bytes_max)} {
    PAWL_ASSERT(items_max != 0 && (items_max & mask_) == 0);
    for (std::size_t i = 0; i < items_max; ++i) {
      cells_[i].turn.store(i, std::memory_order_relaxed);
    }
  }

  // False when it is full; the item is then untouched. From any thread.
  bool post(Item&& item, std::size_t bytes, Rank rank = Rank::first) {
    const std::uint64_t load = Load::of(1, bytes);
    const std::uint64_t after = load_.fetch_add(load, std::memory_order_relaxed) + load;
    const std::uint64_t most = most_[static_cast<std::size_t>(rank)];
    if (Load::items(after) > Load::items(most) || Load::bytes(after) > Load::bytes(most))
      return refuse(load);
    std::size_t place = tail_.load(std::memory_order_relaxed);
    Cell* cell = nullptr;
    for (;;) {
      cell = &cells_[place & mask_];
      const std::size_t turn = cell->turn.load(std::memory_order_acquire);
      const auto ahead = static_cast<std::ptrdiff_t>(turn - place);
      if (ahead < 0) return refuse(load);
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
    const std::uint64_t load = Load::of(1, cell.bytes);
    cell.turn.store(head_ + mask_ + 1, std::memory_order_release);
    load_.fetch_sub(load, std::memory_order_relaxed);
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
  std::size_t bytes() const { return Load::bytes(load_.load(std::memory_order_relaxed)); }

 private:
  struct Cell {
    std::atomic<std::size_t> turn{
        0};  // Of the poster when equal to its place, of the taker when one more.
    std::size_t bytes = 0;
    Item item{};
  };

  // Number and bytes in one word, so that one atomic step counts both.
  struct Load {
    static constexpr unsigned kBytesBits = 40;
    static constexpr std::uint64_t kBytesMask = (std::uint64_t{1} << kBytesBits) - 1;
    static constexpr std::uint64_t of(std::uint64_t items, std::uint64_t bytes) {
      return items << kBytesBits | bytes;
    }
    static constexpr std::size_t items(std::uint64_t load) { return load >> kBytesBits; }
    static constexpr std::size_t bytes(std::uint64_t load) { return load & kBytesMask; }
  };

  static constexpr std::size_t less_an_eighth(std::size_t whole) { return whole - whole / 8; }

  bool refuse(std::uint64_t load) {
    load_.fetch_sub(load, std::memory_order_relaxed);
    return false;
  }

  const std::unique_ptr<Cell[]> cells_;
  const std::size_t mask_;
  const std::uint64_t most_[2];  // By rank.
  alignas(64) std::atomic<std::size_t> tail_{0};
  alignas(64) std::size_t head_ = 0;
  alignas(64) std::atomic<std::uint64_t> load_{0};
};

}  // namespace pawl::runtime
