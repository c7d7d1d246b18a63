// Scalar functions and operators by name: type inference, implicit casts, error texts in the
// dialect's manner, and the vectorised kernel of each overload. Made once at start-up
// (MakeBuiltinRegistry), then read-only and thread-safe; owned by whoever plans statements.
//
// Operators and forms with a syntax of their own are functions under these names, arguments in this
// order (the binder writes calls so; x NOT op y has its own name "NOT op" where listed):
//   + - * / % = <> < <= > >= ||      NEGATE(x)   AND OR (two or more)   NOT
//   IS NULL, IS NOT NULL, IS TRUE, IS NOT TRUE, IS FALSE, IS NOT FALSE, IS UNKNOWN, IS NOT UNKNOWN
//   IS DISTINCT FROM, IS NOT DISTINCT FROM    BETWEEN(x, low, high), NOT BETWEEN
//   IN(x, v, ...), NOT IN    LIKE(x, pattern[, escape]), NOT LIKE, SIMILAR TO, NOT SIMILAR TO
//   CASE(when, then, when, then, ..., else)   COALESCE   NULLIF   IF   IFNULL
//   DATE_MINUS(a, b, SYMBOL unit) for (a - b) DAY     OVERLAPS(start, end, start, end)
//   EXTRACT(SYMBOL unit, x)   FLOOR/CEIL(x[, SYMBOL unit])   TIMESTAMPADD/DIFF(SYMBOL unit, a, b)
//   TRIM([SYMBOL BOTH|LEADING|TRAILING, characters,] x)   OVERLAY(x, replacement, start[, length])
//   POSITION(needle, x)   ITEM(array or map, subscript)   FIELD(row, 'name')   ARRAY MAP ROW
//   JSON_EXISTS(doc, path[, SYMBOL TRUE|FALSE|UNKNOWN|ERROR])
//   JSON_VALUE(doc, path[, SYMBOL on_empty, default, SYMBOL on_error, default]) with SYMBOL one of
//     NULL|ERROR|DEFAULT; the default is ignored (a NULL literal) unless DEFAULT; RETURNING t is a
//     cast
//   JSON_QUERY(doc, path[, SYMBOL WITHOUT|CONDITIONAL|UNCONDITIONAL, SYMBOL on_empty, SYMBOL
//   on_error])
//     with on_* one of NULL|EMPTY ARRAY|EMPTY OBJECT|ERROR
//   JSON_OBJECT(SYMBOL NULL|ABSENT, key, value, ...)   JSON_ARRAY(SYMBOL NULL|ABSENT, value, ...)
//   IS JSON VALUE|OBJECT|ARRAY|SCALAR and IS NOT JSON VALUE|... (x)
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "process/expr/bound_expr.h"

namespace mainstem::process {

struct Vector;      // expr/vector.h
class KernelScope;  // expr/vector.h

// Computes one call for a batch: one virtual call per batch, tight loops inside.
using Kernel = std::function<Result<Vector>(KernelScope&, std::span<const Vector>)>;

// Function names are compared in upper case; letters beyond ASCII stay as they are.
std::string UpperAscii(std::string_view text);

// Who decides which arguments are evaluated for which rows.
enum class CallForm : uint8_t { kEager, kAnd, kOr, kCase, kCoalesce };

struct FunctionFlags {
  bool deterministic = true;  // false: a new value for every row (UUID, RAND)
  bool dynamic = false;       // one value per evaluation time (CURRENT_TIMESTAMP)
  bool can_fail = false;      // may fail on some values: run only on rows that reach it
};

// An overload chosen for a call.
struct BoundFunction {
  std::string name;  // upper case
  FunctionFlags flags;
  CallForm form = CallForm::kEager;
  Kernel kernel;
};

// What type inference sees of a call.
class CallSite {
 public:
  CallSite(std::string_view name, std::span<const ExprPtr> args) : name_(name), args_(args) {}
  std::string_view name() const { return name_; }
  size_t size() const { return args_.size(); }
  const BoundExpr& arg(size_t i) const { return *args_[i]; }
  std::span<const ExprPtr> args() const { return args_; }
  const LogicalType& type(size_t i) const { return args_[i]->type(); }
  std::vector<LogicalType> types() const;
  bool AnyNullable() const;
  // The value if the argument is a non-null literal of that kind.
  std::optional<std::string> StringLiteral(size_t i) const;
  std::optional<int64_t> IntLiteral(size_t i) const;
  // "NAME(<INTEGER>, <VARCHAR(5)>)" or "<INTEGER> + <VARCHAR(5)>".
  std::string Signature() const;
  // "Cannot apply 'X' to arguments of type '...'. Supported form(s): '...'".
  Status CannotApply(std::string_view supported_forms) const;

 private:
  std::string_view name_;
  std::span<const ExprPtr> args_;
};

// What inference answers.
struct Signature {
  LogicalType result = {};
  std::vector<LogicalType> args =
      {};  // wanted types (implicit casts are inserted); empty = as given
  Kernel kernel = {};
  std::optional<bool> can_fail = {};  // overrides the function's flag
};
using Infer = std::function<Result<Signature>(const CallSite&)>;
class FunctionRegistry;
// For functions that are an expression of others (BETWEEN, NULLIF): instead of `infer`.
using Rewrite =
    std::function<Result<ExprPtr>(const FunctionRegistry&, const CallSite&, SourceSpan)>;

struct FunctionEntry {
  std::string name;
  FunctionFlags flags;
  CallForm form = CallForm::kEager;
  int args_min = 0;
  int args_max = 0;  // -1 = any number
  Infer infer = {};
  Rewrite rewrite = {};
};

class FunctionRegistry {
 public:
  void Add(FunctionEntry entry);  // a name is added once
  // Chooses the overload for `name` (any case), inserts implicit casts and makes the call.
  // Errors (SemanticError): no such function with near names as hint, wrong arguments.
  Result<ExprPtr> Bind(std::string_view name, std::vector<ExprPtr> args,
                       SourceSpan span = {}) const;
  bool Contains(std::string_view name) const;
  // Everything that may be called by its name, aggregates and what only OVER and FROM take among
  // it; sorted, for SHOW FUNCTIONS.
  std::vector<std::string> Names() const;
  // Names near to `name`, best first, at most three.
  std::vector<std::string> NearNames(std::string_view name) const;

 private:
  std::map<std::string, FunctionEntry, std::less<>> entries_;
};

// All built-in scalar functions and operators.
FunctionRegistry MakeBuiltinRegistry();

}  // namespace mainstem::process
