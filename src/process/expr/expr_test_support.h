// Builds and runs expressions in tests without a parser.
#pragma once

#include <string>
#include <vector>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "process/expr/cast.h"
#include "process/expr/evaluator.h"
#include "process/expr/function_registry.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process::testing {

inline const FunctionRegistry& Functions() {
  static const FunctionRegistry registry = MakeBuiltinRegistry();
  return registry;
}

inline ExprPtr S(std::string text) { return MakeStringLiteral(std::move(text)); }
inline ExprPtr Sym(std::string text) { return MakeSymbol(std::move(text)); }
inline ExprPtr I(int32_t value) { return MakeIntLiteral(value); }
inline ExprPtr L(int64_t value) { return MakeBigIntLiteral(value); }
inline ExprPtr F(double value) { return MakeDoubleLiteral(value); }
inline ExprPtr B(bool value) { return MakeBoolLiteral(value); }
inline ExprPtr N(LogicalType type) { return MakeNullLiteral(std::move(type)); }
inline ExprPtr Must(Result<ExprPtr> expr) {
  EXPECT_TRUE(expr.ok()) << expr.status().ToString();
  return expr.ok() ? *expr : N(LogicalType::Null());
}
inline ExprPtr Num(const char* text) { return Must(MakeExactNumberLiteral(text)); }
inline ExprPtr Ts(const char* text) { return Must(MakeTimestampLiteral(text)); }
inline ExprPtr Date(const char* text) { return Must(MakeDateLiteral(text)); }
inline ExprPtr Time(const char* text) { return Must(MakeTimeLiteral(text)); }
inline ExprPtr Millis(int64_t value) { return MakeIntervalMillisLiteral(value); }
inline ExprPtr Months(int32_t value) { return MakeIntervalMonthsLiteral(value); }
inline ExprPtr Cast(ExprPtr operand, LogicalType type) {
  return Must(BindCast(std::move(operand), std::move(type)));
}
inline ExprPtr TryCast(ExprPtr operand, LogicalType type) {
  return Must(BindTryCast(std::move(operand), std::move(type)));
}
inline ExprPtr Dec(const char* text, int precision, int scale) {
  return Cast(S(text), LogicalType::Decimal(precision, scale));
}
inline ExprPtr Fn(const char* name, std::vector<ExprPtr> args) {
  return Must(Functions().Bind(name, std::move(args)));
}

inline EvalContext UtcContext() {
  EvalContext context;
  context.now_us = 1'700'000'000'123'456;
  context.random = [] { return uint64_t{7}; };
  return context;
}

// The value as CAST-to-STRING text, "NULL", or "error: ..." with the failure's message.
inline std::string Folded(const ExprPtr& expr, const EvalContext& context = UtcContext()) {
  auto program = ExprProgram::Make({expr}, context);
  if (!program.ok()) return "error: " + TextOf(program.status()).message;
  EvalFailure failure;
  auto columns = (*program)->Evaluate({}, 1, context, &failure);
  if (!columns.ok()) return "error: " + TextOf(columns.status()).message;
  auto text = ToText((*columns)[0], expr->type(), context);
  EXPECT_TRUE(text.ok()) << text.status().ToString();
  const auto& strings = static_cast<const arrow::StringArray&>(**text);
  return strings.IsNull(0) ? "NULL" : strings.GetString(0);
}

// The same with every literal made an input column of three rows, the middle one NULL: exercises
// the column loops where Folded exercises constants. Gives the text of rows 0 and 2 (must agree).
inline std::string OverColumns(const ExprPtr& expr, const EvalContext& context = UtcContext()) {
  std::vector<std::shared_ptr<arrow::Array>> inputs;
  const std::function<ExprPtr(const ExprPtr&)> lift = [&](const ExprPtr& node) -> ExprPtr {
    if (node->kind() == ExprKind::kLiteral) {
      if (node->type().root() == TypeRoot::kSymbol || node->type().root() == TypeRoot::kNull) {
        return node;
      }
      auto builder = arrow::MakeBuilder(ToArrowType(node->type()));
      EXPECT_TRUE(builder.ok());
      EXPECT_TRUE((*builder)->AppendScalar(*node->value()).ok());
      EXPECT_TRUE((*builder)->AppendNull().ok());
      EXPECT_TRUE((*builder)->AppendScalar(*node->value()).ok());
      inputs.push_back(*(*builder)->Finish());
      return MakeInputRef(static_cast<int>(inputs.size()) - 1, node->type());
    }
    if (node->args().empty()) return node;
    std::vector<ExprPtr> args;
    for (const ExprPtr& arg : node->args()) args.push_back(lift(arg));
    return WithArgs(*node, std::move(args));
  };
  const ExprPtr lifted = lift(expr);
  auto program = ExprProgram::Make({lifted}, context);
  if (!program.ok()) return "error: " + TextOf(program.status()).message;
  EvalFailure failure;
  auto columns = (*program)->Evaluate(inputs, 3, context, &failure);
  if (!columns.ok()) return "error: " + TextOf(columns.status()).message;
  EXPECT_TRUE((*columns)[0]->ValidateFull().ok()) << expr->ToString();
  auto text = ToText((*columns)[0], expr->type(), context);
  EXPECT_TRUE(text.ok()) << text.status().ToString();
  const auto& strings = static_cast<const arrow::StringArray&>(**text);
  const std::string first = strings.IsNull(0) ? "NULL" : strings.GetString(0);
  const std::string last = strings.IsNull(2) ? "NULL" : strings.GetString(2);
  EXPECT_EQ(first, last) << expr->ToString();
  return first;
}

struct Expected {
  ExprPtr expr;
  std::string type;  // ToResultString; empty = not checked
  std::string text;
};
inline void Check(const std::vector<Expected>& cases) {
  for (const Expected& expected : cases) {
    SCOPED_TRACE(expected.expr->ToString());
    if (!expected.type.empty()) {
      EXPECT_EQ(expected.expr->type().ToResultString(), expected.type);
    }
    EXPECT_EQ(Folded(expected.expr), expected.text);
    EXPECT_EQ(OverColumns(expected.expr), expected.text);
  }
}

}  // namespace mainstem::process::testing
