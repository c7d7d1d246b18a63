// Errors that show the place: "line 3, column 8: ...", the source line with the part underlined,
// and what to do about it. Used by lexer, parser, binder and planner alike.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "process/sql/source_text.h"

namespace mainstem::process::sql {

struct Problem {
  SourceSpan span;
  std::string message;    // lower-case, without the position
  std::string hint = {};  // what to change; may be empty
};

// message = "line L, column C: <message>"; detail = the line and its underline; hint as given.
Status ErrorAt(ErrorCode code, const SourceText& source, const Problem& problem);

// Several lines for people: "error: ...", the excerpt, "hint: ...". Takes any failed Status.
std::string RenderError(const Status& status);

// The candidate that `name` most likely meant, or empty: ignoring case, within an edit distance
// that grows with the length (Damerau-Levenshtein, a third of the length, at most 4).
std::string NearestName(std::string_view name, const std::vector<std::string>& candidates);

// "did you mean 'x'?" for the nearest candidate, or empty.
std::string DidYouMean(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace mainstem::process::sql
