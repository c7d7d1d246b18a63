// Expressions as written. Special syntax of functions is normalised to plain calls: EXTRACT(YEAR
// FROM t) is EXTRACT(<symbol YEAR>, t), TRIM(BOTH 'x' FROM s) is TRIM(<symbol BOTH>, 'x', s).
// Nodes are immutable after parsing, owned by their parent, and never deeper than kNestingMax.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "process/sql/syntax_type.h"

namespace mainstem::process::sql {

// Height of a syntax tree and depth of the parser: bounds every recursion over it.
inline constexpr uint32_t kNestingMax = 400;

struct Query;  // syntax_query.h

enum class ExprKind : uint8_t {
  kLiteral,
  kInterval,
  kColumn,
  kStar,
  kUnary,
  kBinary,
  kBetween,
  kIn,
  kLike,
  kIs,
  kCase,
  kCast,
  kFunction,
  kSymbol,
  kConstructor,
  kSubscript,
  kField,
  kSubquery,
  kQuantified,
  kDescriptor,
  kTableArgument,
  kDefault,
};

struct Expr {
  explicit Expr(ExprKind k) : kind(k) {}
  virtual ~Expr() = default;
  const ExprKind kind;
  SourceSpan span;
  uint32_t height = 1;
};
using ExprPtr = std::unique_ptr<Expr>;

// The node as its concrete type; the kind must have been checked.
template <typename T>
const T& As(const Expr& expr) {
  return static_cast<const T&>(expr);
}
template <typename T>
const T* TryAs(const Expr* expr) {
  return expr != nullptr && expr->kind == T::kKind ? static_cast<const T*>(expr) : nullptr;
}

enum class LiteralKind : uint8_t {
  kNull,
  kBoolean,      // text TRUE, FALSE
  kUnknown,      // UNKNOWN: the null of BOOLEAN
  kInteger,      // digits
  kDecimal,      // digits with a point
  kApproximate,  // with an exponent
  kString,
  kBinary,  // hexadecimal digits
  kDate,
  kTime,
  kTimestamp,
};
struct LiteralExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kLiteral;
  LiteralExpr() : Expr(kKind) {}
  LiteralKind literal = LiteralKind::kNull;
  std::string text;
};

// DAY(3) TO SECOND(3); `to` is empty for a single unit.
struct IntervalQualifier {
  std::string from;
  std::string to;
  std::optional<int> precision;
  std::optional<int> fraction;
};
// INTERVAL -'1 02:03' DAY TO MINUTE
struct IntervalExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kInterval;
  IntervalExpr() : Expr(kKind) {}
  std::string text;
  bool negative = false;
  IntervalQualifier qualifier;
};

// a, t.a, db.t.a, or a field of a row column: which one it is, the binder finds out.
struct ColumnExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kColumn;
  ColumnExpr() : Expr(kKind) {}
  std::vector<Identifier> parts;
};

// * or t.*
struct StarExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kStar;
  StarExpr() : Expr(kKind) {}
  std::vector<Identifier> qualifier;
};

enum class UnaryOp : uint8_t { kPlus, kMinus, kNot };
struct UnaryExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kUnary;
  UnaryExpr() : Expr(kKind) {}
  UnaryOp op = UnaryOp::kPlus;
  ExprPtr operand;
};

enum class BinaryOp : uint8_t {
  kOr,
  kAnd,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kConcat,
  kOverlaps,
};
std::string_view SymbolOf(BinaryOp op);
struct BinaryExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kBinary;
  BinaryExpr() : Expr(kKind) {}
  BinaryOp op = BinaryOp::kAnd;
  ExprPtr left, right;
  SourceSpan op_span;
  std::optional<IntervalQualifier> difference_unit;  // (t1 - t2) DAY
};

struct BetweenExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kBetween;
  BetweenExpr() : Expr(kKind) {}
  ExprPtr operand, low, high;
  bool negated = false;
  bool symmetric = false;
};

// Exactly one of `list` and `query`.
struct InExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kIn;
  InExpr();
  ~InExpr() override;
  ExprPtr operand;
  std::vector<ExprPtr> list;
  std::unique_ptr<Query> query;
  bool negated = false;
};

struct LikeExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kLike;
  LikeExpr() : Expr(kKind) {}
  ExprPtr operand, pattern, escape;
  bool negated = false;
  bool similar = false;  // SIMILAR TO
};

enum class IsTest : uint8_t {
  kNull,
  kTrue,
  kFalse,
  kUnknown,
  kDistinctFrom,
  kJsonValue,
  kJsonObject,
  kJsonArray,
  kJsonScalar,
};
struct IsExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kIs;
  IsExpr() : Expr(kKind) {}
  ExprPtr operand;
  IsTest test = IsTest::kNull;
  ExprPtr other;  // of DISTINCT FROM
  bool negated = false;
};

struct CaseExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kCase;
  CaseExpr() : Expr(kKind) {}
  struct Branch {
    ExprPtr when, then;
  };
  ExprPtr operand;  // CASE x WHEN ..; may be null
  std::vector<Branch> branches;
  ExprPtr otherwise;  // may be null
};

struct CastExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kCast;
  CastExpr() : Expr(kKind) {}
  ExprPtr operand;
  TypeSyntaxPtr type;
  bool is_try = false;
};

struct OrderItem {
  ExprPtr expr;
  bool descending = false;
  std::optional<bool> nulls_first;
};

enum class FrameBoundKind : uint8_t {
  kUnboundedPreceding,
  kPreceding,
  kCurrentRow,
  kFollowing,
  kUnboundedFollowing,
};
struct FrameBound {
  FrameBoundKind kind = FrameBoundKind::kUnboundedPreceding;
  ExprPtr distance;  // of kPreceding and kFollowing
};
struct WindowFrame {
  bool rows = false;  // else RANGE
  FrameBound begin;
  std::optional<FrameBound> end;
};
// OVER (...), or an entry of the WINDOW clause.
struct WindowSpec {
  std::optional<Identifier> base;  // OVER w, or (w ORDER BY ..)
  std::vector<ExprPtr> partition_by;
  std::vector<OrderItem> order_by;
  std::optional<WindowFrame> frame;
  SourceSpan span;
};

struct FunctionExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kFunction;
  FunctionExpr() : Expr(kKind) {}
  struct Argument {
    std::optional<Identifier> name;  // name => value
    ExprPtr value;
  };
  ObjectName name;
  std::vector<Argument> arguments;
  bool star = false;      // COUNT(*)
  bool distinct = false;  // COUNT(DISTINCT ..)
  bool niladic = false;   // written without parentheses
  bool ignore_nulls = false;
  std::vector<OrderItem> within_group;
  ExprPtr filter;  // FILTER (WHERE ..)
  std::unique_ptr<WindowSpec> over;
  // Words after the arguments of JSON functions, normalised: "RETURNING INT", "NULL ON EMPTY",
  // "DEFAULT .. ON ERROR" (its value in `clause_values`), "WITH CONDITIONAL WRAPPER" ...
  std::vector<std::string> clauses;
  std::vector<ExprPtr> clause_values;
  TypeSyntaxPtr returning;
};

// A keyword argument: a time unit, BOTH / LEADING / TRAILING.
struct SymbolExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kSymbol;
  SymbolExpr() : Expr(kKind) {}
  std::string symbol;  // upper case
};

enum class ConstructorKind : uint8_t { kArray, kMap, kMultiset, kRow };
struct ConstructorExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kConstructor;
  ConstructorExpr() : Expr(kKind) {}
  ConstructorKind constructor = ConstructorKind::kRow;
  std::vector<ExprPtr> elements;  // of a MAP: key, value, key, value ...
  bool explicit_row = false;      // ROW(a, b), not (a, b)
};

struct SubscriptExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kSubscript;
  SubscriptExpr() : Expr(kKind) {}
  ExprPtr base, index;
};

// expr.field where expr is no plain name: f(x).a, (r).a, arr[1].a
struct FieldExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kField;
  FieldExpr() : Expr(kKind) {}
  ExprPtr base;
  Identifier field;
};

enum class SubqueryKind : uint8_t { kScalar, kExists, kArray, kMap, kMultiset };
struct SubqueryExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kSubquery;
  SubqueryExpr();
  ~SubqueryExpr() override;
  SubqueryKind subquery = SubqueryKind::kScalar;
  std::unique_ptr<Query> query;
};

// x > ALL (SELECT ..), x = ANY (..)
struct QuantifiedExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kQuantified;
  QuantifiedExpr();
  ~QuantifiedExpr() override;
  ExprPtr operand;
  BinaryOp op = BinaryOp::kEqual;
  bool all = false;
  std::unique_ptr<Query> query;
  std::vector<ExprPtr> list;
};

// DESCRIPTOR(a, b)
struct DescriptorExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kDescriptor;
  DescriptorExpr() : Expr(kKind) {}
  std::vector<Identifier> columns;
};

// TABLE t [PARTITION BY ..] [ORDER BY ..] or (SELECT ..) as an argument of a table function.
struct TableArgumentExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kTableArgument;
  TableArgumentExpr();
  ~TableArgumentExpr() override;
  std::unique_ptr<Query> query;  // TABLE t is a query too
  std::vector<ExprPtr> partition_by;
  std::vector<OrderItem> order_by;
};

// DEFAULT in VALUES or as an argument.
struct DefaultExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kDefault;
  DefaultExpr() : Expr(kKind) {}
};

}  // namespace mainstem::process::sql
