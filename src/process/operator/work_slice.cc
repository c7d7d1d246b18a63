#include "process/operator/work_slice.h"

#include "core/sync.h"

namespace mainstem::process {

Task<> WorkSlice::Rest() {
  const TimePoint before = scheduler_->Now();
  CO_RETURN_IF_ERROR(co_await Yield());
  Begin();
  rested_ += began_ - before;
  co_return Status::OK();
}

}  // namespace mainstem::process
