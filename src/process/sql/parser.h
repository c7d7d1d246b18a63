// Flink SQL text to syntax trees. Pure: no catalogue, no I/O; safe from any thread. Errors are
// SyntaxError, or Unsupported for grammar that is known and not taken yet; both show the place.
#pragma once

#include <string>

#include "core/status.h"
#include "process/sql/syntax_statement.h"

namespace mainstem::process::sql {

// Statements separated by `;`. BEGIN STATEMENT SET; ...; END; comes out as one StatementSet.
// `first_line_at`: see SourceText.
Result<Script> ParseScript(std::string text, size_t first_line_at = 0);

// Exactly one statement; a final `;` is allowed.
Result<StatementPtr> ParseStatement(std::string text);

struct ParsedExpression {
  SourceTextPtr source;
  ExprPtr expr;
};
Result<ParsedExpression> ParseExpression(std::string text);
Result<TypeSyntaxPtr> ParseDataType(std::string text);

}  // namespace mainstem::process::sql
