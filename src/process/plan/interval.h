// Values of interval literals. Pure.
#pragma once

#include <cstdint>

#include "core/status.h"
#include "process/sql/syntax_expr.h"

namespace mainstem::process::plan {

struct IntervalValue {
  bool is_months = false;
  int64_t value = 0;  // months, or milliseconds
};

// INTERVAL '1 02:03:04.5' DAY TO SECOND. SemanticError, without a place, if the text does not fit
// its units.
Result<IntervalValue> ParseInterval(const sql::IntervalExpr& interval);

}  // namespace mainstem::process::plan
