// What binding the expressions of a grouped query collects: its aggregates, OVER
// functions and the window properties it asks for. They are bound as references to pretended
// columns beyond the input's, and SelectBinder puts the real ones in their place.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "process/expr/bound_expr.h"
#include "process/plan/ordered_nodes.h"
#include "process/sql/syntax_query.h"

namespace mainstem::process::plan {

inline constexpr int kAggregateBase = 1'000'000;
inline constexpr int kPropertyBase = 2'000'000;  // + WindowProperty
inline constexpr int kGroupingBase = 3'000'000;
inline constexpr int kOverBase = 4'000'000;

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

// GROUPING(a), GROUPING_ID(a, b): which of them a row's grouping set lacks. GROUP_ID(): how often
// the same set stands before it.
struct GroupingCall {
  std::vector<ExprPtr> args;  // grouping expressions
  bool counts_repeats = false;
};

// f(..) OVER (..). Expressions are over the input, aggregates among them.
struct BoundOver {
  struct OrderKey {
    ExprPtr expr;
    bool descending = false;
    bool nulls_first = true;
  };
  AggregateCall call;
  std::vector<ExprPtr> args;
  std::vector<ExprPtr> partition;
  std::vector<OrderKey> order;
  bool rows = false;
  int64_t preceding = -1;  // as in OverNode
  LogicalType result;
  sql::SourceSpan span;
};

struct AggregateScope {
  std::vector<BoundAggregate> aggregates;
  std::optional<LegacyWindow> legacy;
  std::vector<GroupingCall> groupings;
  std::vector<BoundOver> overs;
  const std::vector<sql::NamedWindow>* windows = nullptr;  // the WINDOW clause
  bool inside_aggregate = false;
  bool is_grouped = false;  // by something: no group is without rows
  bool any_property = false;
};

}  // namespace mainstem::process::plan
