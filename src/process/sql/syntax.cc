// Out-of-line parts of the syntax nodes that own queries, and names of operators.
#include "process/sql/keywords.h"
#include "process/sql/syntax_statement.h"

namespace mainstem::process::sql {

InExpr::InExpr() : Expr(kKind) {}
InExpr::~InExpr() = default;
SubqueryExpr::SubqueryExpr() : Expr(kKind) {}
SubqueryExpr::~SubqueryExpr() = default;
QuantifiedExpr::QuantifiedExpr() : Expr(kKind) {}
QuantifiedExpr::~QuantifiedExpr() = default;
TableArgumentExpr::TableArgumentExpr() : Expr(kKind) {}
TableArgumentExpr::~TableArgumentExpr() = default;

std::string ObjectName::ToString() const {
  std::string out;
  for (const Identifier& part : parts) {
    if (!out.empty()) out += '.';
    out += QuoteIfNeeded(part.text);
  }
  return out;
}

std::string_view SymbolOf(BinaryOp op) {
  switch (op) {
    case BinaryOp::kOr: return "OR";
    case BinaryOp::kAnd: return "AND";
    case BinaryOp::kEqual: return "=";
    case BinaryOp::kNotEqual: return "<>";
    case BinaryOp::kLess: return "<";
    case BinaryOp::kLessEqual: return "<=";
    case BinaryOp::kGreater: return ">";
    case BinaryOp::kGreaterEqual: return ">=";
    case BinaryOp::kAdd: return "+";
    case BinaryOp::kSubtract: return "-";
    case BinaryOp::kMultiply: return "*";
    case BinaryOp::kDivide: return "/";
    case BinaryOp::kModulo: return "%";
    case BinaryOp::kConcat: return "||";
    case BinaryOp::kOverlaps: return "OVERLAPS";
  }
  return "?";
}

std::string_view NameOf(SetOperator op) {
  switch (op) {
    case SetOperator::kUnion: return "UNION";
    case SetOperator::kIntersect: return "INTERSECT";
    case SetOperator::kExcept: return "EXCEPT";
  }
  return "?";
}

}  // namespace mainstem::process::sql
