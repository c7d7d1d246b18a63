#include "process/plan/table_option.h"

#include <fmt/format.h>

#include "process/sql/parser.h"

namespace mainstem::process::plan {
namespace {

// A name without catalogue or database may mean this table: the script may have changed the current
// ones.
bool MayName(const sql::ObjectName& name, const TablePath& table) {
  const std::string* const full[] = {&table.name, &table.database, &table.catalog};
  const size_t count = name.parts.size();
  if (count > std::size(full)) return false;
  for (size_t i = 0; i < count; ++i) {
    if (name.parts[count - 1 - i].text != *full[i]) return false;
  }
  return true;
}

TablePath NamedBeside(const sql::ObjectName& name, TablePath table) {
  const size_t count = name.parts.size();
  table.name = name.last();
  if (count > 1) table.database = name.parts[count - 2].text;
  if (count > 2) table.catalog = name.parts[count - 3].text;
  return table;
}

}  // namespace

bool IsAboutOption(std::string_view message, std::string_view key, std::string_view value) {
  // The message may leave out "value." or "key." before a format's option.
  for (const std::string_view prefix : {"", "value.", "key."}) {
    if (!key.starts_with(prefix)) continue;
    const std::string told = fmt::format("option '{}' = '{}'", key.substr(prefix.size()), value);
    if (message.find(told) != std::string_view::npos) return true;
  }
  return false;
}

std::optional<sql::SourceSpan> PlaceOfOption(const sql::SourceText& source, const TablePath& table,
                                             std::string_view message, uint32_t before) {
  const Result<sql::Script> script = sql::ParseScript(source.text(), source.first_line_at());
  if (!script.ok()) return std::nullopt;  // a text that is part of another one
  TablePath wanted = table;
  for (size_t i = script->statements.size(); i-- > 0;) {
    const sql::Statement& statement = *script->statements[i];
    if (statement.span.begin >= before) continue;
    const sql::ObjectName* name = nullptr;
    const std::vector<sql::Option>* options = nullptr;
    const sql::ObjectName* like = nullptr;
    if (statement.kind == sql::StatementKind::kCreateTable) {
      const auto& create = static_cast<const sql::CreateTable&>(statement);
      name = &create.name;
      options = &create.options;
      if (create.like.has_value()) like = &create.like->table;
    } else if (statement.kind == sql::StatementKind::kAlterTable) {
      const auto& alter = static_cast<const sql::AlterTable&>(statement);
      name = &alter.name;
      options = &alter.options;
    }
    if (name == nullptr || !MayName(*name, wanted)) continue;
    for (const sql::Option& option : *options) {
      if (!IsAboutOption(message, option.key, option.value)) continue;
      if (option.value_span.begin < source.first_line_at()) return std::nullopt;
      return option.value_span;
    }
    if (like != nullptr) wanted = NamedBeside(*like, wanted);
  }
  return std::nullopt;
}

}  // namespace mainstem::process::plan
