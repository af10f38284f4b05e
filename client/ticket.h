#pragma once

#include <cstddef>
#include <utility>

namespace pawl::client {

// What a ticket's room is given back to.
class Room {
 public:
  virtual void release(std::size_t requests, std::size_t bytes) = 0;

 protected:
  ~Room() = default;
};

// So much room, given back when the ticket dies. The room must outlive it.
class Ticket {
 public:
  Ticket() = default;
  Ticket(Room& room, std::size_t requests, std::size_t bytes)
      : room_(&room), requests_(requests), bytes_(bytes) {}
  Ticket(Ticket&& other) noexcept { swap(other); }
  Ticket& operator=(Ticket&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Ticket() {
    if (room_ != nullptr) room_->release(requests_, bytes_);
  }

  // Takes over what the other holds of the same room.
  void add(Ticket&& other) {
    if (other.room_ == nullptr) return;
    room_ = std::exchange(other.room_, nullptr);
    requests_ += std::exchange(other.requests_, 0);
    bytes_ += std::exchange(other.bytes_, 0);
  }

 private:
  void swap(Ticket& other) noexcept {
    std::swap(room_, other.room_);
    std::swap(requests_, other.requests_);
    std::swap(bytes_, other.bytes_);
  }

  Room* room_ = nullptr;
  std::size_t requests_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace pawl::client
