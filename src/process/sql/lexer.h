// Text to tokens, all at once. Rules are Flink's: names in backticks, strings in single quotes,
// double quotes are an error, `/*+` opens a hint.
#pragma once

#include <string_view>
#include <vector>

#include "core/status.h"
#include "process/sql/source_text.h"
#include "process/sql/token.h"

namespace mainstem::process::sql {

// Limits on what a script may hold; beyond them a clear error, not exhausted memory.
inline constexpr size_t kScriptBytesMax = 8u << 20;
inline constexpr size_t kScriptTokensMax = 1'000'000;
inline constexpr size_t kNameBytesMax = 1024;

// The last token is kEnd.
Result<std::vector<Token>> Tokenize(const SourceText& source);

}  // namespace mainstem::process::sql
