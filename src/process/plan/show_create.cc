#include "process/plan/show_create.h"

#include <algorithm>

#include <absl/strings/ascii.h>
#include <absl/strings/str_join.h>
#include <fmt/format.h>

#include "connector/shown_option.h"
#include "process/sql/lexer.h"

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

// The expression with the table's columns in backticks and functions in capitals, as Flink shows
// it.
std::string ShownExpr(const std::string& expr_sql, const CatalogTable& table) {
  const sql::SourceText source(expr_sql);
  const Result<std::vector<sql::Token>> tokens = sql::Tokenize(source);
  if (!tokens.ok()) return expr_sql;
  std::string out;
  uint32_t copied = 0;
  for (size_t i = 0; i < tokens->size(); ++i) {
    const sql::Token& token = (*tokens)[i];
    if (token.kind != sql::TokenKind::kWord) continue;
    const bool is_call = i + 1 < tokens->size() && (*tokens)[i + 1].text == "(";
    if (!is_call && table.FindColumn(token.text) < 0) continue;
    out += expr_sql.substr(copied, token.span.begin - copied);
    out += is_call ? token.upper : Backticks(token.text);
    copied = token.span.end;
  }
  return out + expr_sql.substr(copied);
}

// TIMESTAMP(3), VARCHAR(2147483647): as types are written down, not as people say them.
std::string StoredType(const LogicalType& type) {
  std::string text = type.ToString();
  for (const auto& [said, stored] :
       {std::pair<std::string_view, std::string_view>{"STRING", "VARCHAR(2147483647)"},
        {"BYTES", "VARBINARY(2147483647)"}}) {
    for (size_t at = text.find(said); at != std::string::npos; at = text.find(said, at + 1)) {
      const bool begins = at == 0 || text[at - 1] == '<' || text[at - 1] == ' ';
      if (begins) text.replace(at, said.size(), stored);
    }
  }
  return text;
}

std::string Extras(const TableColumn& column, const CatalogTable& table) {
  if (column.kind == sql::ColumnKind::kComputed) return "AS " + ShownExpr(column.expr_sql, table);
  if (column.kind != sql::ColumnKind::kMetadata) return {};
  std::string out = "METADATA";
  if (column.metadata_key != column.name) out += " FROM " + Quotes(column.metadata_key);
  return column.is_virtual ? out + " VIRTUAL" : out;
}

std::string ColumnSql(const TableColumn& column, const CatalogTable& table) {
  std::string out = "  " + Backticks(column.name) + " ";
  const std::string extras = Extras(column, table);
  if (column.kind == sql::ColumnKind::kComputed)
    out += extras;
  else
    out += StoredType(column.type) + (extras.empty() ? "" : " " + extras);
  if (!column.comment.empty()) out += " COMMENT " + Quotes(column.comment);
  return out;
}

}  // namespace

std::string CreateTableSql(const TablePath& path, const CatalogTable& table) {
  std::string out =
      fmt::format("CREATE {}TABLE {} (\n", table.temporary ? "TEMPORARY " : "", Path(path));
  std::string body;
  for (const TableColumn& column : table.columns) {
    body += (body.empty() ? "" : ",\n") + ColumnSql(column, table);
  }
  if (table.watermark.has_value()) {
    body += fmt::format(",\n  WATERMARK FOR {} AS {}",
                        Backticks(table.columns[static_cast<size_t>(table.watermark->column)].name),
                        ShownExpr(table.watermark->expr_sql, table));
  }
  if (!table.primary_key.empty()) {
    std::string constraint = "PK";
    for (const std::string& name : table.primary_key) constraint += "_" + name;
    body += fmt::format(",\n  CONSTRAINT {} PRIMARY KEY ({}) NOT ENFORCED", Backticks(constraint),
                        NameList(table.primary_key));
  }
  out += body + "\n)";
  if (!table.comment.empty()) out += "\nCOMMENT " + Quotes(table.comment);
  if (!table.partition_keys.empty()) {
    out += fmt::format("\nPARTITIONED BY ({})", NameList(table.partition_keys));
  }
  std::string options;
  for (const auto& [key, value] : table.options) {
    options += fmt::format("{}\n  {} = {}", options.empty() ? "" : ",", Quotes(key),
                           Quotes(connector::ShownOption(key, value)));
  }
  if (!options.empty()) out += "\nWITH (" + options + "\n)";
  return out + "\n";
}

std::string CreateViewSql(const TablePath& path, const CatalogView& view) {
  std::vector<std::string> names;
  for (const RowField& column : view.columns) names.push_back("  " + Backticks(column.name()));
  return fmt::format("CREATE {}VIEW {} (\n{}\n)\n{}AS {}\n", view.temporary ? "TEMPORARY " : "",
                     Path(path), absl::StrJoin(names, ",\n"),
                     view.comment.empty() ? "" : "COMMENT " + Quotes(view.comment) + "\n",
                     view.query_sql);
}

std::string CreateCatalogSql(const std::string& name, const std::string& default_database) {
  std::string options;
  if (default_database != kDefaultDatabase) {
    options = fmt::format("  'default-database' = {},\n", Quotes(default_database));
  }
  return fmt::format("CREATE CATALOG {}\nWITH (\n{}  'type' = 'generic_in_memory'\n)\n",
                     Backticks(name), options);
}

std::string DescribedType(const LogicalType& type) {
  std::string text = type.WithNullable(true).ToString();
  if (type.time_attribute() == TimeAttribute::kRowtime) text += " *ROWTIME*";
  if (type.time_attribute() == TimeAttribute::kProctime) text += " *PROCTIME*";
  return text;
}

std::vector<std::optional<std::string>> DescribeColumn(const CatalogTable& table, size_t index) {
  const TableColumn& column = table.columns[index];
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
    watermark = ShownExpr(table.watermark->expr_sql, table);
  }
  return {column.name,
          DescribedType(column.type),
          column.type.nullable() ? "TRUE" : "FALSE",
          text_or_null(key),
          text_or_null(Extras(column, table)),
          text_or_null(watermark),
          text_or_null(column.comment)};
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
