// Runs bound expressions over batches of Arrow columns. An ExprProgram is compiled once per
// operator instance (constants folded, equal subexpressions shared) and evaluated batch after
// batch. CASE, AND, OR, COALESCE and IF evaluate a branch that can fail only for the rows that
// reach it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/time/time.h>
#include <arrow/type_fwd.h>

#include "core/status.h"
#include "process/expr/bound_expr.h"

namespace mainstem::process {

// What evaluation needs from outside. The engine sets the times before each batch.
struct EvalContext {
  absl::TimeZone time_zone = absl::UTCTimeZone();  // table.local-time-zone
  int64_t now_us = 0;                              // microseconds since the epoch
  std::optional<int64_t> watermark_ms;             // CURRENT_WATERMARK; nullopt before the first
  // Where RAND and UUID take their seeds, one for each call in the program: Env's Random. Empty:
  // the same numbers every time.
  std::function<uint64_t()> random = {};
  uint64_t Seed() const { return random ? random() : 0; }
  arrow::MemoryPool* pool = nullptr;  // nullptr = Arrow's default
};

// "America/New_York", "UTC", "+08:00", "GMT+8"; InvalidArgument if unknown.
Result<absl::TimeZone> ParseTimeZone(std::string_view name);

// Which record a failed evaluation is about.
struct EvalFailure {
  int64_t row = -1;        // index in the batch; -1 = not about a row
  std::string expression;  // the failing subexpression as SQL
  std::string message;     // e.g. "For input string: 'abc'. Invalid character found."
};

class ExprProgramImpl;

// Lifecycle: Make, then Evaluate any number of times, from one thread at a time (it keeps scratch
// and compiled regular expressions); make one per task. Does not keep references to batches.
class ExprProgram {
 public:
  // Fails for casts and calls that have no implementation. `context` gives the time zone for
  // constants.
  static Result<std::unique_ptr<ExprProgram>> Make(std::vector<ExprPtr> expressions,
                                                   const EvalContext& context);
  ~ExprProgram();

  // `columns[i]` is input i, all of `row_count` rows and of the Arrow type of their LogicalType;
  // only referenced ones need to be non-null pointers. Returns one array of row_count rows for each
  // expression. On an EvaluationError `failure`, if given, says which row failed.
  Result<std::vector<std::shared_ptr<arrow::Array>>> Evaluate(
      const std::vector<std::shared_ptr<arrow::Array>>& columns, int64_t row_count,
      const EvalContext& context, EvalFailure* failure = nullptr);

  // For predicates: appends to `rows` the indexes where expression 0 (BOOLEAN) is TRUE.
  Status Filter(const std::vector<std::shared_ptr<arrow::Array>>& columns, int64_t row_count,
                const EvalContext& context, std::vector<int32_t>* rows,
                EvalFailure* failure = nullptr);

 private:
  explicit ExprProgram(std::unique_ptr<ExprProgramImpl> impl);
  std::unique_ptr<ExprProgramImpl> impl_;
};

// Evaluates an expression without input references (literals, VALUES, option values).
Result<std::shared_ptr<arrow::Scalar>> EvaluateConstant(const ExprPtr& expr,
                                                        const EvalContext& context);

// CAST(column AS STRING) for a whole column: what print sinks, tests and consoles show.
Result<std::shared_ptr<arrow::Array>> ToText(const std::shared_ptr<arrow::Array>& column,
                                             const LogicalType& type, const EvalContext& context);

// The rows `indexes` of a column, as a new column.
Result<std::shared_ptr<arrow::Array>> TakeRows(const std::shared_ptr<arrow::Array>& column,
                                               const std::vector<int32_t>& indexes,
                                               arrow::MemoryPool* pool = nullptr);

}  // namespace mainstem::process
