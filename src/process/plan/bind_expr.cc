// Expressions: syntax to bound trees.
#include <arrow/buffer.h>
#include <arrow/scalar.h>
#include <algorithm>

#include <absl/strings/escaping.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include "process/expr/cast.h"
#include "process/plan/aggregate_scope.h"
#include "process/plan/binder.h"
#include "process/plan/interval.h"
#include "process/sql/keywords.h"

namespace mainstem::process::plan {

Binder::Binder(BinderContext context, sql::SourceTextPtr source)
    : context_(context), source_(std::move(source)) {}

SourceSpan ToSpan(const sql::SourceSpan& span) {
  return {.line = static_cast<int32_t>(span.line),
          .column = static_cast<int32_t>(span.column),
          .begin = static_cast<int32_t>(span.begin),
          .end = static_cast<int32_t>(span.end)};
}

bool SameExprs(const std::vector<ExprPtr>& a, const std::vector<ExprPtr>& b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(),
                    [](const ExprPtr& x, const ExprPtr& y) { return x->Equals(*y); });
}

ExprPtr RefTo(const Columns& columns, int index, SourceSpan span) {
  const RowField& column = columns[static_cast<size_t>(index)];
  return MakeInputRef(index, column.type(), column.name(), span);
}

Status Binder::Error(const sql::SourceSpan& span, std::string message, std::string hint) const {
  return sql::ErrorAt(ErrorCode::kSemanticError, *source_,
                      {.span = span, .message = std::move(message), .hint = std::move(hint)});
}

Status Binder::NotYet(const sql::SourceSpan& span, std::string what, std::string hint) const {
  return sql::ErrorAt(
      ErrorCode::kUnsupported, *source_,
      {.span = span, .message = what + " is not available yet", .hint = std::move(hint)});
}

Status Binder::Locate(const Status& status, const sql::SourceSpan& span) const {
  if (status.ok()) return status;
  const ErrorText text = TextOf(status);
  if (text.message.rfind("line ", 0) == 0) return status;
  std::string message = text.message;
  if (!text.detail.empty()) message += "; " + text.detail;
  return sql::ErrorAt(CodeOf(status), *source_,
                      {.span = span, .message = std::move(message), .hint = text.hint});
}

Result<std::vector<ExprPtr>> Binder::BindAll(const std::vector<sql::ExprPtr>& list,
                                             const ExprScope& scope) {
  std::vector<ExprPtr> bound;
  bound.reserve(list.size());
  for (const sql::ExprPtr& item : list) {
    ASSIGN_OR_RETURN(ExprPtr expr, BindExpr(*item, scope));
    bound.push_back(std::move(expr));
  }
  return bound;
}

Result<ExprPtr> Binder::BindBetween(const sql::BetweenExpr& node, const ExprScope& scope) {
  ASSIGN_OR_RETURN(ExprPtr operand, BindExpr(*node.operand, scope));
  ASSIGN_OR_RETURN(ExprPtr low, BindExpr(*node.low, scope));
  ASSIGN_OR_RETURN(ExprPtr high, BindExpr(*node.high, scope));
  const std::string_view name = node.negated ? "NOT BETWEEN" : "BETWEEN";
  ASSIGN_OR_RETURN(ExprPtr between, CallFunction(name, {operand, low, high}, node.span));
  if (!node.symmetric) return between;
  ASSIGN_OR_RETURN(ExprPtr swapped, CallFunction(name, {operand, high, low}, node.span));
  return CallFunction(node.negated ? "AND" : "OR", {between, swapped}, node.span);
}

namespace {

// Where one side of it is NULL or FALSE is the same for what stands around it.
bool KeepsOnlyTrue(const sql::Expr& expr) {
  const auto* binary = sql::TryAs<sql::BinaryExpr>(&expr);
  if (binary != nullptr)
    return binary->op == sql::BinaryOp::kAnd || binary->op == sql::BinaryOp::kOr;
  return expr.kind == sql::ExprKind::kIn || expr.kind == sql::ExprKind::kQuantified;
}

}  // namespace

Result<ExprPtr> Binder::BindExpr(const sql::Expr& expr, const ExprScope& scope) {
  if (scope.only_true_counts && !KeepsOnlyTrue(expr)) {
    ExprScope inner = scope;
    inner.only_true_counts = false;
    return BindExpr(expr, inner);
  }
  switch (expr.kind) {
    case sql::ExprKind::kLiteral: return BindLiteral(sql::As<sql::LiteralExpr>(expr));
    case sql::ExprKind::kInterval: return BindInterval(sql::As<sql::IntervalExpr>(expr));
    case sql::ExprKind::kColumn: return BindColumn(sql::As<sql::ColumnExpr>(expr), scope);
    case sql::ExprKind::kUnary: return BindUnary(sql::As<sql::UnaryExpr>(expr), scope);
    case sql::ExprKind::kBinary: return BindBinary(sql::As<sql::BinaryExpr>(expr), scope);
    case sql::ExprKind::kBetween: return BindBetween(sql::As<sql::BetweenExpr>(expr), scope);
    case sql::ExprKind::kIn: {
      const auto& node = sql::As<sql::InExpr>(expr);
      if (node.query != nullptr) return BindInSubquery(node, scope);
      ASSIGN_OR_RETURN(std::vector<ExprPtr> args, BindAll(node.list, scope));
      ASSIGN_OR_RETURN(ExprPtr operand, BindExpr(*node.operand, scope));
      args.insert(args.begin(), std::move(operand));
      return CallFunction(node.negated ? "NOT IN" : "IN", std::move(args), expr.span);
    }
    case sql::ExprKind::kLike: {
      const auto& node = sql::As<sql::LikeExpr>(expr);
      ASSIGN_OR_RETURN(ExprPtr operand, BindExpr(*node.operand, scope));
      ASSIGN_OR_RETURN(ExprPtr pattern, BindExpr(*node.pattern, scope));
      std::vector<ExprPtr> args = {operand, pattern};
      if (node.escape != nullptr) {
        ASSIGN_OR_RETURN(ExprPtr escape, BindExpr(*node.escape, scope));
        args.push_back(std::move(escape));
      }
      const std::string name = node.similar ? "SIMILAR TO" : "LIKE";
      return CallFunction(node.negated ? "NOT " + name : name, std::move(args), expr.span);
    }
    case sql::ExprKind::kIs: return BindIs(sql::As<sql::IsExpr>(expr), scope);
    case sql::ExprKind::kCase: return BindCase(sql::As<sql::CaseExpr>(expr), scope);
    case sql::ExprKind::kCast: return BindCastExpr(sql::As<sql::CastExpr>(expr), scope);
    case sql::ExprKind::kFunction: return BindFunction(sql::As<sql::FunctionExpr>(expr), scope);
    case sql::ExprKind::kSymbol:
      return MakeSymbol(sql::As<sql::SymbolExpr>(expr).symbol, ToSpan(expr.span));
    case sql::ExprKind::kConstructor:
      return BindConstructor(sql::As<sql::ConstructorExpr>(expr), scope);
    case sql::ExprKind::kSubscript: {
      const auto& node = sql::As<sql::SubscriptExpr>(expr);
      ASSIGN_OR_RETURN(ExprPtr base, BindExpr(*node.base, scope));
      ASSIGN_OR_RETURN(ExprPtr index, BindExpr(*node.index, scope));
      return CallFunction("ITEM", {base, index}, expr.span);
    }
    case sql::ExprKind::kField: {
      const auto& node = sql::As<sql::FieldExpr>(expr);
      ASSIGN_OR_RETURN(ExprPtr base, BindExpr(*node.base, scope));
      return BindField(std::move(base), node.field);
    }
    case sql::ExprKind::kStar:
      return Error(expr.span, "* stands only in a list of selected columns or in COUNT(*)");
    case sql::ExprKind::kSubquery:
      return BindScalarSubquery(sql::As<sql::SubqueryExpr>(expr), scope);
    case sql::ExprKind::kQuantified:
      return BindQuantified(sql::As<sql::QuantifiedExpr>(expr), scope);
    case sql::ExprKind::kDescriptor:
    case sql::ExprKind::kTableArgument:
      return Error(expr.span, "TABLE and DESCRIPTOR are arguments of table functions only");
    case sql::ExprKind::kDefault: return NotYet(expr.span, "DEFAULT");
  }
  return Error(expr.span, "this expression is not understood");
}

Result<ExprPtr> Binder::BindPredicate(const sql::Expr& expr, const ExprScope& scope) {
  ASSIGN_OR_RETURN(ExprPtr predicate, BindExpr(expr, scope));
  if (predicate->type().root() == TypeRoot::kBoolean) return predicate;
  if (predicate->IsNullLiteral() && scope.clause != "FILTER") {
    return MakeNullLiteral(LogicalType::Boolean(), ToSpan(expr.span));
  }
  return Error(expr.span, fmt::format("the condition of {} must be BOOLEAN, not {}", scope.clause,
                                      predicate->type().ToErrorString()));
}

Result<ExprPtr> Binder::BindLiteral(const sql::LiteralExpr& literal) {
  const SourceSpan span = ToSpan(literal.span);
  const auto located = [&](Result<ExprPtr> made) -> Result<ExprPtr> {
    if (made.ok()) return made;
    return Locate(made.status(), literal.span);
  };
  switch (literal.literal) {
    case sql::LiteralKind::kNull: return MakeNullLiteral(LogicalType::Null(), span);
    case sql::LiteralKind::kUnknown: return MakeNullLiteral(LogicalType::Boolean(), span);
    case sql::LiteralKind::kBoolean: return MakeBoolLiteral(literal.text == "TRUE", span);
    case sql::LiteralKind::kInteger:
    case sql::LiteralKind::kDecimal: return located(MakeExactNumberLiteral(literal.text, span));
    case sql::LiteralKind::kApproximate: {
      double value = 0;
      if (!absl::SimpleAtod(literal.text, &value)) {
        return Error(literal.span, fmt::format("'{}' is no number", literal.text));
      }
      return MakeDoubleLiteral(value, span);
    }
    case sql::LiteralKind::kString: return MakeStringLiteral(literal.text, span);
    case sql::LiteralKind::kBinary: {
      const std::string bytes = absl::HexStringToBytes(literal.text);
      return MakeLiteral(std::make_shared<arrow::BinaryScalar>(arrow::Buffer::FromString(bytes)),
                         LogicalType::Binary(static_cast<int32_t>(bytes.size())).NotNull(), span);
    }
    case sql::LiteralKind::kDate: return located(MakeDateLiteral(literal.text, span));
    case sql::LiteralKind::kTime: return located(MakeTimeLiteral(literal.text, span));
    case sql::LiteralKind::kTimestamp: return located(MakeTimestampLiteral(literal.text, span));
  }
  return Error(literal.span, "this literal is not understood");
}

Result<ExprPtr> Binder::BindInterval(const sql::IntervalExpr& interval) {
  const Result<IntervalValue> value = ParseInterval(interval);
  if (!value.ok()) return Locate(value.status(), interval.span);
  return value->is_months
             ? MakeIntervalMonthsLiteral(static_cast<int32_t>(value->value), ToSpan(interval.span))
             : MakeIntervalMillisLiteral(value->value, ToSpan(interval.span));
}

// A length of a window: a positive or negative constant of days to milliseconds.
Result<int64_t> Binder::BindIntervalMillis(const sql::Expr& expr, std::string_view what) {
  if (expr.kind != sql::ExprKind::kInterval) {
    return Error(expr.span, fmt::format("{} must be an interval literal", what),
                 "for example INTERVAL '10' MINUTE");
  }
  const Result<IntervalValue> value = ParseInterval(sql::As<sql::IntervalExpr>(expr));
  if (!value.ok()) return Locate(value.status(), expr.span);
  if (value->is_months) {
    return Error(expr.span, fmt::format("{} must be given in days or smaller units", what),
                 "months and years have no fixed length");
  }
  return value->value;
}

Result<ExprPtr> Binder::BindField(ExprPtr base, const sql::Identifier& field) {
  const LogicalType& type = base->type();
  if (type.root() != TypeRoot::kRow) {
    return Error(field.span, fmt::format("'{}' is no ROW (it is {}), so it has no field '{}'",
                                         base->ToString(), type.ToErrorString(), field.text));
  }
  if (type.FieldIndex(field.text) < 0) {
    std::vector<std::string> names;
    for (const RowField& have : type.fields()) names.push_back(have.name());
    return Error(field.span, fmt::format("there is no field '{}'", field.text),
                 sql::DidYouMean(field.text, names));
  }
  return CallFunction("FIELD", {std::move(base), MakeStringLiteral(field.text, ToSpan(field.span))},
                      field.span);
}

namespace {

// Does `parts` (a, or t.a, or db.t.a ...) name this column? Sets `used` to the parts it takes.
bool Names(const ScopeColumn& column, const std::vector<sql::Identifier>& parts, size_t* used) {
  // t.a: the last parts of the qualifier, then the name.
  for (size_t q = std::min(column.qualifier.size(), parts.size() - 1); q > 0; --q) {
    bool same = parts[q].text == column.name;
    for (size_t i = 0; i < q && same; ++i) {
      same = parts[i].text == column.qualifier[column.qualifier.size() - q + i];
    }
    if (same) {
      *used = q + 1;
      return true;
    }
  }
  *used = 1;
  return parts[0].text == column.name && !column.only_qualified;
}

}  // namespace

namespace {

struct FoundColumn {
  int index = -1;
  size_t parts_used = 0;
  bool ambiguous = false;
};

FoundColumn FindColumn(const std::vector<ScopeColumn>& names,
                       const std::vector<sql::Identifier>& parts) {
  FoundColumn found;
  for (size_t i = 0; i < names.size(); ++i) {
    size_t used = 0;
    if (!Names(names[i], parts, &used)) continue;
    if (used > found.parts_used) {  // t.a as a table's column goes before a field of column t
      found = {static_cast<int>(i), used, false};
    } else if (used == found.parts_used) {
      found.ambiguous = true;
    }
  }
  return found;
}

}  // namespace

Result<ExprPtr> Binder::BindColumn(const sql::ColumnExpr& column, const ExprScope& scope) {
  if (scope.match != nullptr) return BindMatchColumn(column, scope);
  const FoundColumn inner = FindColumn(*scope.names, column.parts);
  const FoundColumn outer =
      outer_ != nullptr ? FindColumn(outer_->scope, column.parts) : FoundColumn();
  // The query around may know the table's name where the inner one knows a column of a ROW at most.
  if (outer.index >= 0 && outer.parts_used > inner.parts_used) {
    if (outer.ambiguous) {
      return Error(column.span, fmt::format("column '{}' is ambiguous", column.parts[0].text));
    }
    if (!outer_allowed_) {
      return NotYet(column.span,
                    "a column of the query around a subquery, outside of the subquery's WHERE,");
    }
    const RowField& field = outer_->node->columns[static_cast<size_t>(outer.index)];
    ExprPtr expr =
        MakeInputRef(kOuterBase + outer.index, field.type(), field.name(), ToSpan(column.span));
    for (size_t i = outer.parts_used; i < column.parts.size(); ++i) {
      ASSIGN_OR_RETURN(expr, BindField(std::move(expr), column.parts[i]));
    }
    return expr;
  }
  const int found = inner.index;
  const size_t found_used = inner.parts_used;
  const bool ambiguous = inner.ambiguous;
  if (ambiguous) {
    return Error(column.span, fmt::format("column '{}' is ambiguous", column.parts[0].text),
                 "put the table's name or alias and a dot before it");
  }
  if (found < 0 && column.parts.size() == 1 && absl::EqualsIgnoreCase(column.parts[0].text, "PI")) {
    return CallFunction("PI", {}, column.span);
  }
  if (found < 0) {
    for (const Relation* around : further_out_) {
      if (around != nullptr && FindColumn(around->scope, column.parts).index >= 0) {
        return NotYet(column.span, "a column of a query two levels around a subquery");
      }
    }
    const sql::Identifier& name = column.parts[0];
    std::vector<std::string> names, tables, of_table;
    for (const ScopeColumn& have : *scope.names) {
      names.push_back(have.name);
      if (have.qualifier.empty()) continue;
      tables.push_back(have.qualifier.back());
      if (tables.back() == name.text) of_table.push_back(have.name);
    }
    if (column.parts.size() > 1 && !of_table.empty()) {
      const sql::Identifier& wanted = column.parts[1];
      return Error(wanted.span,
                   fmt::format("column '{}' not found in table '{}'", wanted.text, name.text),
                   sql::DidYouMean(wanted.text, of_table));
    }
    if (column.parts.size() > 1) {
      return Error(name.span, fmt::format("table or column '{}' not found", name.text),
                   sql::DidYouMean(name.text, tables));
    }
    std::string hint = sql::DidYouMean(name.text, names);
    if (scope.names->empty()) hint = "there is no FROM; a string is written in single quotes";
    return Error(name.span, fmt::format("column '{}' not found in any table", name.text),
                 std::move(hint));
  }
  ExprPtr expr = RefTo(*scope.columns, found, ToSpan(column.span));
  for (size_t i = found_used; i < column.parts.size(); ++i) {
    ASSIGN_OR_RETURN(expr, BindField(std::move(expr), column.parts[i]));
  }
  return expr;
}

Result<ExprPtr> Binder::BindUnary(const sql::UnaryExpr& unary, const ExprScope& scope) {
  const auto* literal = sql::TryAs<sql::LiteralExpr>(unary.operand.get());
  if (unary.op == sql::UnaryOp::kMinus && literal != nullptr &&
      literal->literal == sql::LiteralKind::kInteger &&
      (literal->text == "2147483648" || !MakeExactNumberLiteral(literal->text).ok())) {
    // The smallest INT and BIGINT: their digits alone are out of range.
    Result<ExprPtr> number = MakeExactNumberLiteral("-" + literal->text, ToSpan(unary.span));
    if (!number.ok()) return Locate(number.status(), unary.span);
    return number;
  }
  ASSIGN_OR_RETURN(ExprPtr operand, BindExpr(*unary.operand, scope));
  switch (unary.op) {
    case sql::UnaryOp::kMinus: return CallFunction("NEGATE", {operand}, unary.span);
    case sql::UnaryOp::kNot: return CallFunction("NOT", {operand}, unary.span);
    case sql::UnaryOp::kPlus: break;
  }
  if (!operand->type().IsNumeric() && !operand->type().IsInterval()) {
    return Error(unary.span, fmt::format("cannot apply '+' to a value of type {}",
                                         operand->type().ToErrorString()));
  }
  return operand;
}

Result<ExprPtr> Binder::BindBinary(const sql::BinaryExpr& binary, const ExprScope& scope) {
  if (binary.op == sql::BinaryOp::kOverlaps) {
    std::vector<ExprPtr> args;
    for (const sql::Expr* side : {binary.left.get(), binary.right.get()}) {
      const auto* row = sql::TryAs<sql::ConstructorExpr>(side);
      if (row == nullptr || row->elements.size() != 2) {
        return Error(side->span, "OVERLAPS compares two periods: (start, end) or (start, length)");
      }
      ASSIGN_OR_RETURN(std::vector<ExprPtr> period, BindAll(row->elements, scope));
      args.insert(args.end(), period.begin(), period.end());
    }
    return CallFunction("OVERLAPS", std::move(args), binary.span);
  }
  ASSIGN_OR_RETURN(ExprPtr left, BindExpr(*binary.left, scope));
  ASSIGN_OR_RETURN(ExprPtr right, BindExpr(*binary.right, scope));
  if (binary.difference_unit.has_value()) {
    return CallFunction(
        "DATE_MINUS", {left, right, MakeSymbol(binary.difference_unit->from, ToSpan(binary.span))},
        binary.span);
  }
  ASSIGN_OR_RETURN(ExprPtr value,
                   CallFunction(sql::SymbolOf(binary.op), {left, right}, binary.span));
  // A fraction that the interval's qualifier names, as SECOND(3), is one of the timestamp, too.
  for (const sql::Expr* side : {binary.left.get(), binary.right.get()}) {
    const auto* interval = sql::TryAs<sql::IntervalExpr>(side);
    const int digits = interval == nullptr ? 0 : interval->qualifier.fraction.value_or(0);
    value = WithFractionDigits(std::move(value), std::min(digits, 3));
  }
  return value;
}

Result<ExprPtr> Binder::BindIs(const sql::IsExpr& is, const ExprScope& scope) {
  static constexpr std::string_view kTests[] = {"NULL",        "TRUE",          "FALSE",
                                                "UNKNOWN",     "DISTINCT FROM", "JSON VALUE",
                                                "JSON OBJECT", "JSON ARRAY",    "JSON SCALAR"};
  ASSIGN_OR_RETURN(ExprPtr operand, BindExpr(*is.operand, scope));
  std::vector<ExprPtr> args = {std::move(operand)};
  if (is.other != nullptr) {
    ASSIGN_OR_RETURN(ExprPtr other, BindExpr(*is.other, scope));
    args.push_back(std::move(other));
  }
  return CallFunction(
      fmt::format("IS {}{}", is.negated ? "NOT " : "", kTests[static_cast<size_t>(is.test)]),
      std::move(args), is.span);
}

Result<ExprPtr> Binder::BindCase(const sql::CaseExpr& node, const ExprScope& scope) {
  std::vector<ExprPtr> args;
  ExprPtr operand;
  if (node.operand != nullptr) {
    ASSIGN_OR_RETURN(operand, BindExpr(*node.operand, scope));
  }
  for (const sql::CaseExpr::Branch& branch : node.branches) {
    ExprPtr when;
    if (operand == nullptr) {
      ExprScope inner = scope;
      inner.clause = "WHEN";
      ASSIGN_OR_RETURN(when, BindPredicate(*branch.when, inner));
    } else {
      ASSIGN_OR_RETURN(ExprPtr value, BindExpr(*branch.when, scope));
      ASSIGN_OR_RETURN(when, CallFunction("=", {operand, value}, branch.when->span));
    }
    ASSIGN_OR_RETURN(ExprPtr then, BindExpr(*branch.then, scope));
    args.push_back(std::move(when));
    args.push_back(std::move(then));
  }
  if (node.otherwise != nullptr) {
    ASSIGN_OR_RETURN(ExprPtr otherwise, BindExpr(*node.otherwise, scope));
    args.push_back(std::move(otherwise));
  } else {
    args.push_back(MakeNullLiteral(LogicalType::Null(), ToSpan(node.span)));
  }
  return CallFunction("CASE", std::move(args), node.span);
}

Result<ExprPtr> Binder::BindCastExpr(const sql::CastExpr& cast, const ExprScope& scope) {
  ASSIGN_OR_RETURN(ExprPtr operand, BindExpr(*cast.operand, scope));
  ASSIGN_OR_RETURN(LogicalType type, BindType(*cast.type));
  if (type.IsInterval() && operand->type().IsInteger()) {
    if (!cast.type->interval_to.empty()) {
      return Error(cast.span,
                   fmt::format("an INTEGER cannot be cast to INTERVAL {} TO {}",
                               cast.type->interval_from, cast.type->interval_to),
                   "name one unit: CAST(5 AS INTERVAL DAY)");
    }
    sql::IntervalExpr one;
    one.text = "1";
    one.qualifier.from = cast.type->interval_from;
    ASSIGN_OR_RETURN(ExprPtr unit, BindInterval(one));
    return CallFunction("*", {operand, std::move(unit)}, cast.span);
  }
  const bool lenient = context_.settings->Text("table.exec.legacy-cast-behaviour") == "enabled";
  Result<ExprPtr> bound = cast.is_try || lenient ? BindTryCast(operand, type, ToSpan(cast.span))
                                                 : BindCast(operand, type, ToSpan(cast.span));
  if (!bound.ok()) return Locate(bound.status(), cast.span);
  // A cast to the same type is dropped, yet what it gives is no time attribute any more.
  if (*bound == operand && operand->type().time_attribute() != TimeAttribute::kNone) {
    return MakeUncheckedCast(operand, operand->type().WithTimeAttribute(TimeAttribute::kNone),
                             cast.is_try, ToSpan(cast.span));
  }
  return bound;
}

Result<ExprPtr> Binder::BindConstructor(const sql::ConstructorExpr& node, const ExprScope& scope) {
  if (node.constructor == sql::ConstructorKind::kMultiset) {
    return Error(node.span, "a MULTISET constructor is not supported",
                 "COLLECT(..) makes a MULTISET of the values of a column");
  }
  ASSIGN_OR_RETURN(std::vector<ExprPtr> elements, BindAll(node.elements, scope));
  const std::string_view name = node.constructor == sql::ConstructorKind::kArray ? "ARRAY"
                                : node.constructor == sql::ConstructorKind::kMap ? "MAP"
                                                                                 : "ROW";
  return CallFunction(name, std::move(elements), node.span);
}

}  // namespace mainstem::process::plan
