// The end of a query whose rows go to the caller: rows as text, to a ResultListener.
#pragma once

#include <vector>

#include "connector/table.h"
#include "process/expr/evaluator.h"
#include "process/job/job_manager.h"
#include "process/plan/logical_plan.h"

namespace mainstem::process {

// On shard 0. The listener outlives it.
class ResultWriter final : public connector::InlineWriter {
 public:
  ResultWriter(plan::Columns columns, EvalContext eval, ResultListener* listener)
      : columns_(std::move(columns)), eval_(std::move(eval)), listener_(listener) {}
  Task<> Write(ChangelogBatch batch) override;

 private:
  plan::Columns columns_;
  EvalContext eval_;
  ResultListener* listener_;
};

}  // namespace mainstem::process
