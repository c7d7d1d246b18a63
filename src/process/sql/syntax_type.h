// Names and data types as written. Whether a type exists and fits is the binder's question.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "process/sql/source_text.h"

namespace mainstem::process::sql {

struct Identifier {
  std::string text;
  SourceSpan span;
};

// catalog.database.table, or a shorter form of it.
struct ObjectName {
  std::vector<Identifier> parts;
  SourceSpan span;
  const std::string& last() const { return parts.back().text; }
  // Dotted, each part quoted where it must be.
  std::string ToString() const;
};

struct TypeSyntax {
  struct Field {
    Identifier name;
    std::shared_ptr<const TypeSyntax> type;
    std::string comment;
  };
  // Canonical upper-case: BOOLEAN TINYINT SMALLINT INT BIGINT FLOAT DOUBLE DECIMAL CHAR VARCHAR
  // STRING BINARY VARBINARY BYTES DATE TIME TIMESTAMP TIMESTAMP_LTZ INTERVAL ARRAY MAP MULTISET ROW
  // RAW VARIANT, or a user's type name.
  std::string name;
  std::optional<int> precision;  // also the length of CHAR and BINARY
  std::optional<int> scale;
  std::string interval_from;  // INTERVAL: YEAR, MONTH, DAY, HOUR, MINUTE, SECOND
  std::string interval_to;    // or empty
  std::vector<std::shared_ptr<const TypeSyntax>> elements;  // ARRAY 1, MULTISET 1, MAP 2
  std::vector<Field> fields;                                // ROW
  bool nullable = true;
  SourceSpan span;
};
using TypeSyntaxPtr = std::shared_ptr<const TypeSyntax>;

std::string ToSql(const TypeSyntax& type);

}  // namespace mainstem::process::sql
