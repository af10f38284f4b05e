#pragma once

// A list's cursor names the list that it belongs to, since it means nothing in any other.
//
//   cursor     queue:be32 state:u8 type:be32 place      type 0xffffffff: any
//   place      processing: job:id
//              else: taken:be32 key      a key of the table that is walked, and how far its row was
//              taken; pending: of `ready` or `lanes`, the others: of `listed`

#include <optional>
#include <string>
#include <string_view>

#include "broker/core/job_state.h"
#include "broker/core/types.h"

namespace pawl::core {

struct ListCursor {
  QueueNumber queue = 0;
  JobState state = JobState::none;
  std::optional<TypeNumber> type{};  // Nothing: any.
  std::string place;

  std::string encode() const;
  // Nothing when the bytes have not the form of a cursor.
  static std::optional<ListCursor> decode(std::string_view bytes);

  bool same_list(const ListCursor& other) const {
    return queue == other.queue && state == other.state && type == other.type;
  }
};

// Whether the bytes have the form of a cursor of a list of this state.
bool is_list_cursor(std::string_view bytes, JobState state);

}  // namespace pawl::core
