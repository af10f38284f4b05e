#include "client/enqueue_call.h"

#include "proto/slot.h"

namespace pawl::client {

JobId BatchIdSource::next(const EnqueueHead& head, TimePoint now) {
  return ids.next(clock.now_ms(now), wire::slot_of(head.name_space, head.queue));
}

void EnqueueCall::append_op(std::string& out, TimePoint now) {
  if (!id_) id_ = ids_->next(batch_.head, now);
  append_enqueue_op(out, *id_, batch_.head, batch_.jobs);
}

Call::Next EnqueueCall::on_reply(pb::Reply& reply, TimePoint /*now*/) {
  if (reply.has_enqueue()) {
    batch_.sink->answered(*id_, reply.enqueue());
  } else {
    fail(Error(Errc::protocol_error, "the answer to an enqueue is of another kind")
             .set_outcome_unknown(true));
  }
  return Next::ended;
}

}  // namespace pawl::client
