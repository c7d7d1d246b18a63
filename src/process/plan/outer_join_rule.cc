#include "process/plan/outer_join_rule.h"

#include <algorithm>
#include <string_view>

#include <arrow/scalar.h>

namespace mainstem::process::plan {
namespace {

// Columns [begin, end), all NULL in a row that was padded.
struct Padding {
  int begin = 0;
  int end = 0;
};

// NULL as soon as one argument is.
bool IsStrict(const BoundExpr& call) {
  static constexpr std::string_view kStrict[] = {"=", "<>", "<", "<=", ">",   ">=",    "+",
                                                 "-", "*",  "/", "%",  "NOT", "NEGATE"};
  return std::find(std::begin(kStrict), std::end(kStrict), call.name()) != std::end(kStrict);
}

bool IsFalseLiteral(const BoundExpr& expr) {
  return expr.kind() == ExprKind::kLiteral && expr.value()->is_valid &&
         expr.value()->type->id() == arrow::Type::BOOL &&
         !static_cast<const arrow::BooleanScalar&>(*expr.value()).value;
}

bool IsNullBehind(const BoundExpr& expr, const Padding& padding) {
  const auto is_null = [&](const ExprPtr& arg) { return IsNullBehind(*arg, padding); };
  switch (expr.kind()) {
    case ExprKind::kInputRef: return expr.index() >= padding.begin && expr.index() < padding.end;
    case ExprKind::kLiteral: return expr.IsNullLiteral();
    case ExprKind::kCast: return is_null(expr.args()[0]);
    case ExprKind::kCall: {
      if (expr.IsCallTo("AND") || expr.IsCallTo("OR")) {
        return std::all_of(expr.args().begin(), expr.args().end(), is_null);
      }
      if (expr.IsCallTo("IN SET")) return is_null(expr.args()[0]);
      return IsStrict(expr) && std::any_of(expr.args().begin(), expr.args().end(), is_null);
    }
  }
  return false;
}

// NULL or false.
bool IsNotTrueBehind(const BoundExpr& expr, const Padding& padding) {
  const auto is_not_true = [&](const ExprPtr& arg) { return IsNotTrueBehind(*arg, padding); };
  const std::vector<ExprPtr>& args = expr.args();
  if (IsFalseLiteral(expr) || IsNullBehind(expr, padding)) return true;
  if (expr.IsCallTo("AND")) return std::any_of(args.begin(), args.end(), is_not_true);
  if (expr.IsCallTo("OR")) return std::all_of(args.begin(), args.end(), is_not_true);
  if (expr.IsCallTo("IS NOT NULL") || expr.IsCallTo("IS FALSE")) {
    return IsNullBehind(*args[0], padding);
  }
  if (expr.IsCallTo("IS TRUE")) return is_not_true(args[0]);
  if (expr.IsCallTo("NOT") && args[0]->IsCallTo("IS NULL")) {
    return IsNullBehind(*args[0]->args()[0], padding);
  }
  return false;
}

}  // namespace

JoinType TypeBelow(const JoinNode& join, const std::vector<ExprPtr>& conjuncts) {
  const auto left_count = static_cast<int>(join.inputs[0]->columns.size());
  const auto count = static_cast<int>(join.columns.size());
  const auto rejects = [&](const Padding& padding) {
    return std::any_of(conjuncts.begin(), conjuncts.end(), [&](const ExprPtr& conjunct) {
      return IsDeterministic(*conjunct) && IsNotTrueBehind(*conjunct, padding);
    });
  };
  const bool pads_right = join.type == JoinType::kLeft || join.type == JoinType::kFull;
  const bool pads_left = join.type == JoinType::kRight || join.type == JoinType::kFull;
  if (!pads_right && !pads_left) return join.type;
  const bool keeps_left = pads_right && !rejects({.begin = left_count, .end = count});
  const bool keeps_right = pads_left && !rejects({.begin = 0, .end = left_count});
  if (keeps_left) return keeps_right ? JoinType::kFull : JoinType::kLeft;
  return keeps_right ? JoinType::kRight : JoinType::kInner;
}

}  // namespace mainstem::process::plan
