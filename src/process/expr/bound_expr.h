// Bound expressions: names resolved, types known, overloads chosen, implicit casts written out.
// Made by the binder through FunctionRegistry::Bind and the factories below, rewritten by the
// planner, run by expr/evaluator.h. Trees are immutable and shared; thread-safe to read.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "process/types/logical_type.h"

namespace mainstem::process {

struct BoundFunction;  // expr/function_registry.h

// Where an expression stands in the statement's text, for error messages.
struct SourceSpan {
  int32_t line = 0;    // 1-based; 0 = made by the planner
  int32_t column = 0;  // 1-based, in characters
  int32_t begin = 0;   // byte offsets into the text, [begin, end)
  int32_t end = 0;
};

enum class ExprKind : uint8_t { kLiteral, kInputRef, kCall, kCast };

class BoundExpr;
using ExprPtr = std::shared_ptr<const BoundExpr>;

// A node. AND, OR, CASE, COALESCE and IF are calls too (see BoundFunction::form).
class BoundExpr {
 public:
  ExprKind kind() const { return kind_; }
  const LogicalType& type() const { return type_; }
  const SourceSpan& span() const { return span_; }

  // kLiteral: of ToArrowType(type()); not valid means NULL.
  const std::shared_ptr<arrow::Scalar>& value() const { return value_; }
  bool IsNullLiteral() const;

  // kInputRef
  int index() const { return index_; }
  // kInputRef: the column's name (for printing only); kCall: the function's.
  const std::string& name() const { return name_; }

  // kCall
  const std::shared_ptr<const BoundFunction>& function() const { return function_; }
  bool IsCallTo(std::string_view function_name) const {
    return kind_ == ExprKind::kCall && name_ == function_name;
  }
  // kCall: the arguments; kCast: the one operand.
  const std::vector<ExprPtr>& args() const { return args_; }
  // kCast: TRY_CAST, which gives NULL instead of an error.
  bool is_try() const { return is_try_; }

  // For EXPLAIN: SQL-like, input references as names.
  std::string ToString() const;
  // The same tree; spans and names of references do not count. Calls of non-deterministic functions
  // are equal as trees too: who merges equal expressions must look at IsDeterministic.
  bool Equals(const BoundExpr& other) const;
  uint64_t hash() const { return hash_; }

 private:
  friend ExprPtr MakeLiteral(std::shared_ptr<arrow::Scalar> value, LogicalType type,
                             SourceSpan span);
  friend ExprPtr MakeInputRef(int index, LogicalType type, std::string name, SourceSpan span);
  friend ExprPtr MakeCall(std::shared_ptr<const BoundFunction> function, LogicalType type,
                          std::vector<ExprPtr> args, SourceSpan span);
  friend ExprPtr MakeUncheckedCast(ExprPtr operand, LogicalType type, bool is_try, SourceSpan span);
  BoundExpr() = default;

  ExprKind kind_ = ExprKind::kLiteral;
  bool is_try_ = false;
  int index_ = -1;
  uint64_t hash_ = 0;
  LogicalType type_;
  SourceSpan span_;
  std::string name_;
  std::shared_ptr<arrow::Scalar> value_;
  std::shared_ptr<const BoundFunction> function_;
  std::vector<ExprPtr> args_;
};

// ---- Factories. Calls are best made by FunctionRegistry::Bind, casts by expr/cast.h's BindCast.
ExprPtr MakeLiteral(std::shared_ptr<arrow::Scalar> value, LogicalType type, SourceSpan span = {});
ExprPtr MakeNullLiteral(LogicalType type, SourceSpan span = {});
ExprPtr MakeBoolLiteral(bool value, SourceSpan span = {});
ExprPtr MakeIntLiteral(int32_t value, SourceSpan span = {});
ExprPtr MakeBigIntLiteral(int64_t value, SourceSpan span = {});
ExprPtr MakeDoubleLiteral(double value, SourceSpan span = {});
// CHAR(characters) NOT NULL, as the dialect types its string literals; '' is CHAR(0).
ExprPtr MakeStringLiteral(std::string value, SourceSpan span = {});
ExprPtr MakeSymbol(std::string upper_case_text, SourceSpan span = {});
ExprPtr MakeIntervalMillisLiteral(int64_t millis, SourceSpan span = {});
ExprPtr MakeIntervalMonthsLiteral(int32_t months, SourceSpan span = {});
ExprPtr MakeInputRef(int index, LogicalType type, std::string name = {}, SourceSpan span = {});
ExprPtr MakeCall(std::shared_ptr<const BoundFunction> function, LogicalType type,
                 std::vector<ExprPtr> args, SourceSpan span = {});
// Any pair of types: the evaluator refuses what is not castable.
ExprPtr MakeUncheckedCast(ExprPtr operand, LogicalType type, bool is_try, SourceSpan span = {});

// The same node over other arguments (planner rules); type, function and span stay.
ExprPtr WithArgs(const BoundExpr& expr, std::vector<ExprPtr> args);
// Replaces each input reference; `replace` gets the reference and returns what stands in its place.
ExprPtr ReplaceInputRefs(const ExprPtr& expr,
                         const std::function<ExprPtr(const BoundExpr&)>& replace);
// Adds the indexes of all input references to `indexes` (sorted, unique).
void CollectInputRefs(const BoundExpr& expr, std::vector<int>* indexes);

// False if any call in it is non-deterministic (UUID, RAND) or dynamic (CURRENT_TIMESTAMP).
bool IsDeterministic(const BoundExpr& expr);
// True if it has no input reference and is deterministic: the evaluator computes it once.
bool IsConstant(const BoundExpr& expr);
// Splits a predicate at its ANDs.
void SplitConjunction(const ExprPtr& predicate, std::vector<ExprPtr>* conjuncts);

}  // namespace mainstem::process
