#include "client/enqueue_call.h"

#include "proto/slot.h"

namespace pawl::client {

JobId BatchIdSource::next(const EnqueueHead& head) {
  return ids.next(clock.now_ms(BootClock::now()), wire::slot_of(head.name_space, head.queue));
}

void EnqueueCall::append_op(std::string& out, TimePoint /*now*/) {
  if (!id_) id_ = ids_->next(batch_.head);
  append_enqueue_op(out, *id_, batch_.head, batch_.jobs);
}

Remedy EnqueueCall::remedy(const Error& refusal) {
  if (refusal.code() != Errc::id_expired || renewed_) return Remedy::none;
  renewed_ = true;
  id_.reset();
  return Remedy::renew_clock;
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
