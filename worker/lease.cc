#include "worker/lease.h"

#include "client/batch_id.h"

namespace pawl::worker {

JobId batch_of(const JobId& id) {
  return job_of_batch(id, 0);
}

JobId job_of_batch(const JobId& batch, unsigned index) {
  return client::job_of_batch(batch, index & 0xfffU);
}

}  // namespace pawl::worker
