#include "process/plan/show_create.h"

#include <algorithm>

#include <absl/strings/ascii.h>
#include <fmt/format.h>

namespace mainstem::process::plan {
namespace {

std::string Backticks(std::string_view name) {
  std::string out = "`";
  for (const char c : name) out += c == '`' ? std::string("``") : std::string(1, c);
  return out + "`";
}

std::string Quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

std::string Path(const TablePath& path) {
  return Backticks(path.catalog) + "." + Backticks(path.database) + "." + Backticks(path.name);
}

std::string NameList(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + Backticks(name);
  return out;
}

bool IsSecret(std::string_view key) {
  const std::string lower = absl::AsciiStrToLower(std::string(key));
  for (const std::string_view word :
       {"password", "secret", "token", "credential", "sasl.jaas", "user-info"}) {
    if (lower.find(word) != std::string::npos) return true;
  }
  return false;
}

std::string Extras(const TableColumn& column) {
  if (column.kind == sql::ColumnKind::kComputed) return "AS " + column.expr_sql;
  if (column.kind != sql::ColumnKind::kMetadata) return {};
  std::string out = "METADATA";
  if (column.metadata_key != column.name) out += " FROM " + Quotes(column.metadata_key);
  return column.is_virtual ? out + " VIRTUAL" : out;
}

std::string ColumnSql(const TableColumn& column) {
  std::string out = "  " + Backticks(column.name) + " ";
  const std::string extras = Extras(column);
  if (column.kind == sql::ColumnKind::kComputed)
    out += extras;
  else
    out += column.type.ToString() + (extras.empty() ? "" : " " + extras);
  if (!column.comment.empty()) out += " COMMENT " + Quotes(column.comment);
  return out;
}

}  // namespace

std::string CreateTableSql(const TablePath& path, const CatalogTable& table) {
  std::string out =
      fmt::format("CREATE {}TABLE {} (\n", table.temporary ? "TEMPORARY " : "", Path(path));
  std::string body;
  for (const TableColumn& column : table.columns) {
    body += (body.empty() ? "" : ",\n") + ColumnSql(column);
  }
  if (table.watermark.has_value()) {
    body += fmt::format(",\n  WATERMARK FOR {} AS {}",
                        Backticks(table.columns[static_cast<size_t>(table.watermark->column)].name),
                        table.watermark->expr_sql);
  }
  if (!table.primary_key.empty()) {
    body += fmt::format(",\n  PRIMARY KEY ({}) NOT ENFORCED", NameList(table.primary_key));
  }
  out += body + "\n)";
  if (!table.comment.empty()) out += "\nCOMMENT " + Quotes(table.comment);
  if (!table.partition_keys.empty()) {
    out += fmt::format("\nPARTITIONED BY ({})", NameList(table.partition_keys));
  }
  std::string options;
  for (const auto& [key, value] : table.options) {
    options += fmt::format("{}\n  {} = {}", options.empty() ? "" : ",", Quotes(key),
                           IsSecret(key) ? "'******'" : Quotes(value));
  }
  return out + "\nWITH (" + options + "\n)";
}

std::string CreateViewSql(const TablePath& path, const CatalogView& view) {
  std::vector<std::string> names;
  for (const RowField& column : view.columns) names.push_back(column.name());
  return fmt::format("CREATE {}VIEW {} ({})\nAS {}", view.temporary ? "TEMPORARY " : "", Path(path),
                     NameList(names), view.query_sql);
}

std::vector<std::optional<std::string>> DescribeColumn(const CatalogTable& table, size_t index) {
  const TableColumn& column = table.columns[index];
  std::string type = column.type.WithNullable(true).ToString();
  if (column.type.time_attribute() == TimeAttribute::kRowtime) type += " *ROWTIME*";
  if (column.type.time_attribute() == TimeAttribute::kProctime) type += " *PROCTIME*";
  const auto& keys = table.primary_key;
  const auto text_or_null = [](std::string text) {
    return text.empty() ? std::nullopt : std::optional<std::string>(std::move(text));
  };
  std::string key;
  if (std::find(keys.begin(), keys.end(), column.name) != keys.end()) {
    for (const std::string& name : keys) key += (key.empty() ? "PRI(" : ", ") + name;
    key += ")";
  }
  std::string watermark;
  if (table.watermark.has_value() && table.watermark->column == static_cast<int>(index)) {
    watermark = table.watermark->expr_sql;
  }
  return {column.name,
          type,
          column.type.nullable() ? "TRUE" : "FALSE",
          text_or_null(key),
          text_or_null(Extras(column)),
          text_or_null(watermark)};
}

bool MatchesLike(std::string_view text, std::string_view pattern, bool ignore_case) {
  const auto same = [ignore_case](char a, char b) {
    return a == b || (ignore_case && absl::ascii_tolower(static_cast<unsigned char>(a)) ==
                                         absl::ascii_tolower(static_cast<unsigned char>(b)));
  };
  // The usual two pointers: on a mismatch go back to the last % and let it take one more.
  size_t t = 0, p = 0, star = std::string_view::npos, star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '%') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && (pattern[p] == '_' || same(pattern[p], text[t]))) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '%') ++p;
  return p == pattern.size();
}

}  // namespace mainstem::process::plan
