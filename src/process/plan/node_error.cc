#include "process/plan/node_error.h"

namespace mainstem::process::plan {

Status ErrorAtNode(const sql::SourceText& source, const PlanNode& node, std::string message,
                   std::string hint) {
  const sql::SourceSpan span{
      static_cast<uint32_t>(node.span.begin), static_cast<uint32_t>(node.span.end),
      static_cast<uint32_t>(node.span.line), static_cast<uint32_t>(node.span.column)};
  return sql::ErrorAt(ErrorCode::kSemanticError, source,
                      {.span = span, .message = std::move(message), .hint = std::move(hint)});
}

}  // namespace mainstem::process::plan
