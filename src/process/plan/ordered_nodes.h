// Plan nodes that add columns to their input's, or choose and order its rows: grouping sets,
// UNNEST, OVER, Top-N and deduplication, sorting; and the set operations. See logical_plan.h.
#pragma once

#include <functional>
#include <limits>

#include "process/plan/logical_plan.h"

namespace mainstem::process::plan {

// Output: the input's columns, then `own_columns` more.
struct ExtendingNode : PlanNode {
  using PlanNode::PlanNode;
  size_t own_columns = 0;
  // Each column of the input that the node itself reads; may be changed by the visitor.
  virtual void VisitInputColumns(const std::function<void(int*)>& visit) = 0;
  int first_own_column() const { return static_cast<int>(columns.size() - own_columns); }
};

// GROUPING SETS: each row once for each set. Own columns: a copy of each grouping column, NULL in
// the sets that leave it out; then the set's constants as BIGINT, the first of which is its number.
struct ExpandNode : ExtendingNode {
  ExpandNode() : ExtendingNode(NodeKind::kExpand) {}
  std::vector<int> grouping;                    // columns of the input
  std::vector<std::vector<bool>> sets;          // for each set, which of `grouping` it has
  std::vector<std::vector<int64_t>> constants;  // of each set
  void VisitInputColumns(const std::function<void(int*)>& visit) override {
    for (int& column : grouping) visit(&column);
  }
};

// Each row once for each element of a collection. Own columns: the element (a ROW's fields; a MAP's
// key and value), then its number from 1, if asked for.
struct UnnestNode : ExtendingNode {
  UnnestNode() : ExtendingNode(NodeKind::kUnnest) {}
  int collection = 0;       // ARRAY, MAP or MULTISET
  bool keep_empty = false;  // LEFT JOIN: a row without elements stays, with NULLs
  ExprPtr condition;        // of a LEFT JOIN, over all columns: other elements don't count
  bool with_ordinality = false;
  void VisitInputColumns(const std::function<void(int*)>& visit) override { visit(&collection); }
};

struct SortKey {
  int column = 0;
  bool descending = false;
  bool nulls_first = true;
};
std::string ToString(const std::vector<SortKey>& order, const Columns& input);

// How the best rows of a partition are kept: what its input sends decides.
enum class RankStrategy : uint8_t {
  kAppend,     // rows are only added: the first `end` rows suffice
  kUpdate,     // rows of a key only ever move up: as kAppend, a row taking its former one's place
  kRetract,    // any row may be taken back: all are kept
  kFirstRow,   // the first by processing time: sent at once, once
  kFirstTime,  // the first by event time: sent once, when the watermark has passed it
  kLastRow,    // the last by processing or event time
  kWindow,     // of each window, when it ends
  kNewest,     // of each key of a table that upserts: its rows with what was before them
};
std::string_view ToString(RankStrategy strategy);

// ROW_NUMBER() OVER (..) with a condition on the number, and ORDER BY .. LIMIT: the rows number
// `start` to `end` of each partition. Own column: the number (BIGINT), when somebody asks for it.
struct RankNode : ExtendingNode {
  RankNode() : ExtendingNode(NodeKind::kRank) {}
  std::string function = "ROW_NUMBER";
  std::vector<int> partition;
  std::vector<SortKey> order;  // empty: by arrival
  static constexpr int64_t kNoEnd = std::numeric_limits<int64_t>::max();
  int64_t start = 1;
  int64_t end = 1;
  // The partition is of windows: their bounds, among the columns of `partition`. -1: it is not.
  int window_start = -1;
  int window_end = -1;
  bool window_is_local = false;  // bounds are in the session's time zone
  bool is_limit = false;         // ORDER BY .. LIMIT
  int64_t state_ttl_ms = 0;      // 0: kept for ever
  RankStrategy strategy = RankStrategy::kAppend;
  std::vector<int> row_key;  // kUpdate: columns that identify a row
  bool with_number() const { return own_columns > 0; }
  void VisitInputColumns(const std::function<void(int*)>& visit) override;
};

enum class OverTime : uint8_t { kRowtime, kProctime, kNone };
// Functions over a frame that ends with the current row. Own columns: their results.
struct OverNode : ExtendingNode {
  OverNode() : ExtendingNode(NodeKind::kOver) {}
  std::vector<int> partition;
  std::vector<SortKey> order;
  OverTime time = OverTime::kNone;  // of order[0]
  bool rows = false;                // else RANGE: rows of equal order are one
  // Rows, or ms of the order column, before the current one; -1: from the beginning.
  int64_t preceding = -1;
  std::vector<AggregateSpec> functions;  // also ROW_NUMBER, RANK, DENSE_RANK, LAG
  int64_t state_ttl_ms = 0;
  void VisitInputColumns(const std::function<void(int*)>& visit) override;
};

// ORDER BY of all rows: by event time with the watermark, or (a bounded input) at its end.
struct SortNode : ExtendingNode {
  SortNode() : ExtendingNode(NodeKind::kSort) {}
  std::vector<SortKey> order;
  OverTime time = OverTime::kNone;  // of order[0]; kNone: at the end
  void VisitInputColumns(const std::function<void(int*)>& visit) override {
    for (SortKey& key : order) visit(&key.column);
  }
};

enum class SetKind : uint8_t { kIntersect, kExcept };
// The input is both sides' rows and, as its last column, an INT that is 1 for the left side's and
// -1 for the right side's. Output: the other columns.
struct SetOperationNode : PlanNode {
  SetOperationNode() : PlanNode(NodeKind::kSetOperation) {}
  SetKind set = SetKind::kIntersect;
  bool all = false;
  int64_t state_ttl_ms = 0;
};

// Keys and row kinds of the nodes above, for changelog.cc.
std::vector<std::vector<int>> OrderedKeys(const PlanNode& node);
ChangelogMode OrderedMode(const PlanNode& node);
bool OrderedNeedsUpdateBefore(const PlanNode& node, bool wanted);
// The line of EXPLAIN.
std::string DescribeOrdered(const PlanNode& node);

}  // namespace mainstem::process::plan
