// What binding the expressions of a grouped query collects: its aggregates and the window
// properties it asks for. They are bound as references to pretended columns beyond the input's, and
// SelectBinder puts the real ones in their place.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "process/expr/bound_expr.h"
#include "process/plan/logical_plan.h"

namespace mainstem::process::plan {

inline constexpr int kAggregateBase = 1'000'000;
inline constexpr int kPropertyBase = 2'000'000;  // + WindowProperty

struct BoundAggregate {
  AggregateCall call;
  std::vector<ExprPtr> args;  // over the input
  ExprPtr filter;             // may be null
  LogicalType result;
};

// GROUP BY TUMBLE(ts, INTERVAL ..): the older form of windows.
struct LegacyWindow {
  std::string function;  // TUMBLE, HOP, SESSION
  Window window;
  ExprPtr time;
  std::string arguments_sql;  // what TUMBLE_START(..) must repeat
  LogicalType time_type;
};

struct AggregateScope {
  std::vector<BoundAggregate> aggregates;
  std::optional<LegacyWindow> legacy;
  bool inside_aggregate = false;
  bool any_property = false;
};

}  // namespace mainstem::process::plan
