#include "sink/clickhouse/clickhouse_table.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <absl/strings/numbers.h>
#include <arrow/api.h>
#include <fmt/format.h>
#include <re2/re2.h>

#include "core/suggest.h"

namespace mainstem::sink {

using connector::Difference;
using connector::DifferenceKind;
using connector::Differences;
namespace {

constexpr int64_t kDaySeconds = 86400;
constexpr int64_t kDateTimeSecondsMax = 4291747199;  // 2105-12-31 23:59:59
constexpr int64_t kWideSecondsMin = -2208988800;     // 1900-01-01
constexpr int64_t kWideSecondsMax = 10413791999;     // 2299-12-31 23:59:59

// 'LowCardinality(Nullable(String))' is String that may be NULL.
struct PlainType {
  std::string name;  // 'Decimal'
  std::vector<int> arguments;
  bool is_nullable = false;
};

PlainType PlainTypeOf(std::string type) {
  PlainType plain;
  static const re2::RE2 wrapped(R"((LowCardinality|Nullable)\((.*)\))");
  std::string wrapper, inside;
  while (re2::RE2::FullMatch(type, wrapped, &wrapper, &inside)) {
    plain.is_nullable |= wrapper == "Nullable";
    type = inside;
  }
  static const re2::RE2 number(R"((\d+))");
  size_t open = type.find('(');
  plain.name = type.substr(0, open);
  if (open == std::string::npos) return plain;
  type = type.substr(open);
  re2::StringPiece rest(type);
  std::string digits;
  while (re2::RE2::FindAndConsume(&rest, number, &digits)) {
    int value = 0;
    if (absl::SimpleAtoi(digits, &value)) plain.arguments.push_back(value);
  }
  return plain;
}

int ArgumentOf(const PlainType& type, size_t index, int otherwise) {
  return index < type.arguments.size() ? type.arguments[index] : otherwise;
}

int TicksPerSecondDigits(arrow::TimeUnit::type unit) { return static_cast<int>(unit) * 3; }

bool IsOneOf(const std::string& name, std::initializer_list<const char*> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The least types that take all values of a column; empty: none does.
std::string TakerOf(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL: return "Bool or UInt8";
    case arrow::Type::INT8: return "Int8 or wider";
    case arrow::Type::INT16: return "Int16 or wider";
    case arrow::Type::INT32: return "Int32 or wider";
    case arrow::Type::INT64: return "Int64 or wider";
    case arrow::Type::FLOAT: return "Float32 or Float64";
    case arrow::Type::DOUBLE: return "Float64";
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      return fmt::format("Decimal({}, {})", decimal.precision(), decimal.scale());
    }
    case arrow::Type::STRING:
    case arrow::Type::BINARY: return "String";
    case arrow::Type::DATE32: return "Date or Date32";
    case arrow::Type::TIMESTAMP: {
      const auto& time = static_cast<const arrow::TimestampType&>(type);
      int digits = TicksPerSecondDigits(time.unit());
      std::string text = time.timezone().empty() ? " or String" : "";
      std::string seconds = digits <= 3 ? "DateTime or " : "";
      return fmt::format("{}DateTime64({}){}", seconds, digits, text);
    }
    default: return "";
  }
}

bool Takes(const PlainType& target, const arrow::DataType& type) {
  const std::string& name = target.name;
  switch (type.id()) {
    case arrow::Type::BOOL: return IsOneOf(name, {"Bool", "UInt8"});
    case arrow::Type::INT8:
      if (name == "Int8") return true;
      [[fallthrough]];
    case arrow::Type::INT16:
      if (name == "Int16") return true;
      [[fallthrough]];
    case arrow::Type::INT32:
      if (name == "Int32") return true;
      [[fallthrough]];
    case arrow::Type::INT64: return IsOneOf(name, {"Int64", "Int128", "Int256"});
    case arrow::Type::FLOAT:
      if (name == "Float32") return true;
      [[fallthrough]];
    case arrow::Type::DOUBLE: return name == "Float64";
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      int scale = ArgumentOf(target, 1, -1);
      return name == "Decimal" && scale >= decimal.scale() &&
             ArgumentOf(target, 0, 0) - scale >= decimal.precision() - decimal.scale();
    }
    case arrow::Type::STRING:
    case arrow::Type::BINARY: return name == "String";
    case arrow::Type::DATE32: return IsOneOf(name, {"Date", "Date32"});
    case arrow::Type::TIMESTAMP: {
      const auto& time = static_cast<const arrow::TimestampType&>(type);
      int digits = TicksPerSecondDigits(time.unit());
      if (name == "String") return time.timezone().empty();
      if (name == "DateTime64") return ArgumentOf(target, 0, 3) >= digits;
      // Up to three digits are one type here; rows with fractions of a second are misfits.
      return name == "DateTime" && digits <= 3;
    }
    default: return false;
  }
}

// What 'evolve' makes a column; empty: it is not made.
std::string MadeTypeOf(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL: return "UInt8";
    case arrow::Type::INT8: return "Int8";
    case arrow::Type::INT16: return "Int16";
    case arrow::Type::INT32: return "Int32";
    case arrow::Type::INT64: return "Int64";
    case arrow::Type::FLOAT: return "Float32";
    case arrow::Type::DATE32: return "Date32";
    case arrow::Type::TIMESTAMP: {
      const auto& time = static_cast<const arrow::TimestampType&>(type);
      return fmt::format("DateTime64({}, 'UTC')", TicksPerSecondDigits(time.unit()));
    }
    default: return TakerOf(type);
  }
}

// Whether every value of a column of type `found` is one of type `made`, both of numbers.
bool IsWidening(const PlainType& found, const PlainType& made) {
  auto whole_bits = [](const PlainType& type) {
    int bits = 0;
    return re2::RE2::FullMatch(type.name, R"(Int(\d+))", &bits) ? bits : 0;
  };
  if (made.name == "Float64") return found.name == "Float32";
  if (made.name == "Decimal") {
    return found.name == "Decimal" && ArgumentOf(found, 1, -1) == ArgumentOf(made, 1, -2) &&
           ArgumentOf(found, 0, 0) < ArgumentOf(made, 0, 0);
  }
  return whole_bits(found) > 0 && whole_bits(found) < whole_bits(made);
}

class ClickhouseComparison {
 public:
  explicit ClickhouseComparison(const ClickhouseTable& table) : table_(table) {}

  void CompareColumn(const arrow::Field& field) {
    const std::string taker = TakerOf(*field.type());
    if (taker.empty()) {
      Note(DifferenceKind::kType, field.name(),
           "values of column '" + field.name() + "' (" + field.type()->ToString() +
               ") cannot be written",
           "declare it STRING, and CAST it in the query");
      return;
    }
    const ClickhouseColumn* column = table_.Find(field.name());
    if (column == nullptr) {
      std::vector<std::string> names;
      for (const ClickhouseColumn& known : table_.columns) names.push_back(known.name);
      Note(DifferenceKind::kColumn, field.name(), "there is no column '" + field.name() + "'",
           SuggestionFor(field.name(), names));
      SetStatement("ADD", field.name(), MadeTypeOf(*field.type()), field.nullable());
      return;
    }
    PlainType target = PlainTypeOf(column->type);
    if (!Takes(target, *field.type())) {
      Note(DifferenceKind::kType, field.name(),
           "column '" + field.name() + "' is " + column->type + ", which does not take every " +
               field.type()->ToString(),
           "it needs " + taker + "; or CAST the column in the query");
      const std::string made = MadeTypeOf(*field.type());
      if (CanModify(*column) && IsWidening(target, PlainTypeOf(made))) {
        SetStatement("MODIFY", field.name(), made, field.nullable() || target.is_nullable);
      }
    } else if (field.nullable() && !target.is_nullable) {
      Note(DifferenceKind::kNull, field.name(), "column '" + field.name() + "' takes no NULL",
           "make it Nullable(" + column->type + "), or declare the column NOT NULL in SQL");
      if (CanModify(*column)) SetStatement("MODIFY", field.name(), column->type, true);
    }
  }

  void ComparePlaceColumn(const char* option, const std::string& name, const std::string& type) {
    if (name.empty()) return;
    const ClickhouseColumn* column = table_.Find(name);
    if (column != nullptr && column->type == type) return;
    Note(column == nullptr ? DifferenceKind::kColumn : DifferenceKind::kType, name,
         column == nullptr ? "there is no column '" + name + "'"
                           : "column '" + name + "' is " + column->type,
         fmt::format("'{}' needs a column of type {}", option, type));
  }

  void CompareEngine(const std::vector<std::string>& key, const ClickhousePlaceColumns& place) {
    if (key.empty() && place.row_id.empty()) return;
    std::vector<std::string> wanted = key.empty() ? std::vector<std::string>{place.row_id} : key;
    std::string list;
    for (const std::string& name : wanted) list += (list.empty() ? "" : ", ") + name;
    std::string cure = "ENGINE = ReplacingMergeTree" +
                       (place.version.empty() ? "" : "(" + place.version + ")") + " ORDER BY (" +
                       list + ")";
    if (table_.engine.find("ReplacingMergeTree") == std::string::npos) {
      Note(DifferenceKind::kKey, "",
           "its engine is " + table_.engine + ", which keeps rows that come twice", cure);
      return;
    }
    std::set<std::string> sorted(table_.sorting_key.begin(), table_.sorting_key.end());
    bool has_all = std::all_of(wanted.begin(), wanted.end(),
                               [&](const std::string& name) { return sorted.count(name) > 0; });
    if (has_all && (key.empty() || sorted.size() == wanted.size())) return;
    Note(DifferenceKind::kKey, "",
         key.empty() ? "its sorting key does not hold '" + place.row_id + "'"
                     : "its sorting key is not the PRIMARY KEY",
         cure);
  }

  Differences Take() { return std::move(differences_); }

 private:
  void Note(DifferenceKind kind, std::string column, const std::string& problem, std::string cure) {
    differences_.push_back({.kind = kind,
                            .column = std::move(column),
                            .problem = "table '" + table_.shown + "' of ClickHouse: " + problem,
                            .cure = std::move(cure)});
  }
  void SetStatement(const char* verb, const std::string& column, std::string type, bool nullable) {
    if (nullable) type = "Nullable(" + type + ")";
    differences_.back().statement = fmt::format("ALTER TABLE {} {} COLUMN {} {}", table_.full_name,
                                                verb, ClickhouseName(column), type);
  }
  // Neither a column of the sorting key nor one with more to it than a type.
  bool CanModify(const ClickhouseColumn& column) const {
    const auto& key = table_.sorting_key;
    return std::find(key.begin(), key.end(), column.name) == key.end() &&
           column.type.find("LowCardinality") == std::string::npos;
  }

  const ClickhouseTable& table_;
  Differences differences_;
};

struct SplitTime {
  int64_t seconds = 0;  // since 1970
  int64_t fraction = 0;
};

SplitTime SplitTimeOf(const arrow::Array& column, int64_t row) {
  if (column.type_id() == arrow::Type::DATE32) {
    return {.seconds = static_cast<const arrow::Date32Array&>(column).Value(row) * kDaySeconds};
  }
  SplitTime time;
  int64_t ticks = static_cast<const arrow::TimestampArray&>(column).Value(row);
  int digits =
      TicksPerSecondDigits(static_cast<const arrow::TimestampType&>(*column.type()).unit());
  int64_t per_second = 1;
  for (int i = 0; i < digits; ++i) per_second *= 10;
  time.seconds = ticks / per_second;
  time.fraction = ticks % per_second;
  if (time.fraction < 0) {
    --time.seconds;
    time.fraction += per_second;
  }
  return time;
}

bool IsTime(const arrow::Array& column) {
  return column.type_id() == arrow::Type::DATE32 || column.type_id() == arrow::Type::TIMESTAMP;
}

std::string NumberText(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return fmt::format("{}", value);
}

// An instant says that it is UTC, whatever time zone the column has; a time as it is read on the
// wall is the column's. Numbers would be shorter, but those of few digits are taken for dates.
std::string TimeText(const arrow::Array& column, std::string text, bool has_fraction) {
  const auto& type = static_cast<const arrow::TimestampType&>(*column.type());
  if (text.ends_with('Z')) text.pop_back();
  if (!has_fraction) text = text.substr(0, text.find('.'));
  return type.timezone().empty() ? text : text + 'Z';
}

}  // namespace

const ClickhouseColumn* ClickhouseTable::Find(const std::string& name) const {
  auto is_it = [&](const ClickhouseColumn& column) { return column.name == name; };
  auto found = std::find_if(columns.begin(), columns.end(), is_it);
  return found == columns.end() ? nullptr : &*found;
}

Differences CompareClickhouseTable(const ClickhouseTable& table, const arrow::Schema& schema,
                                   const std::vector<std::string>& key,
                                   const ClickhousePlaceColumns& place) {
  ClickhouseComparison comparison(table);
  for (const auto& field : schema.fields()) comparison.CompareColumn(*field);
  comparison.ComparePlaceColumn("sink.version-column", place.version, "UInt64");
  comparison.ComparePlaceColumn("sink.deleted-column", place.deleted, "UInt8");
  comparison.ComparePlaceColumn("sink.row-id-column", place.row_id, "String");
  comparison.CompareEngine(key, place);
  return comparison.Take();
}

std::string ClickhouseName(std::string_view name) {
  std::string out = "`";
  for (char c : name) {
    if (c == '`' || c == '\\') out += '\\';
    out += c;
  }
  return out + "`";
}

std::string ClickhouseMisfit(const ClickhouseTable& table, const arrow::RecordBatch& rows,
                             int64_t row) {
  for (int i = 0; i < rows.num_columns(); ++i) {
    const arrow::Array& column = *rows.column(i);
    if (!IsTime(column) || column.IsNull(row)) continue;
    const std::string& name = rows.schema()->field(i)->name();
    std::string target = PlainTypeOf(table.Find(name)->type).name;
    if (target == "String") continue;
    bool is_wide = target == "Date32" || target == "DateTime64";
    SplitTime time = SplitTimeOf(column, row);
    if (target == "DateTime" && time.fraction != 0) {
      return fmt::format(
          "column '{}' is a DateTime, which has no fractions of a second: CAST it AS "
          "TIMESTAMP(0)",
          name);
    }
    // The first day may lie before 1970 in the column's time zone.
    bool is_date = column.type_id() == arrow::Type::DATE32;
    int64_t least = is_wide ? kWideSecondsMin : is_date ? 0 : kDaySeconds;
    int64_t most = is_wide ? kWideSecondsMax : kDateTimeSecondsMax;
    if (time.seconds >= least && time.seconds <= most) continue;
    return fmt::format("column '{}' is a {}, which holds times of {} to {}", name, target,
                       is_wide ? 1900 : 1970, is_wide ? 2299 : 2105);
  }
  return "";
}

std::string ClickhouseText(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    switch (c) {
      case '\\': out += "\\\\"; break;
      case '\t': out += "\\t"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\0': out += "\\0"; break;
      default: out += c;
    }
  }
  return out;
}

Result<std::string> ClickhouseLine(const ClickhouseTable& table, const arrow::RecordBatch& rows,
                                   int64_t row) {
  std::string line;
  for (int i = 0; i < rows.num_columns(); ++i) {
    if (i > 0) line += '\t';
    const arrow::Array& column = *rows.column(i);
    if (column.IsNull(row)) {
      line += "\\N";
      continue;
    }
    switch (column.type_id()) {
      case arrow::Type::BOOL:
        line += static_cast<const arrow::BooleanArray&>(column).Value(row) ? '1' : '0';
        break;
      case arrow::Type::FLOAT:
        line += NumberText(static_cast<const arrow::FloatArray&>(column).Value(row));
        break;
      case arrow::Type::DOUBLE:
        line += NumberText(static_cast<const arrow::DoubleArray&>(column).Value(row));
        break;
      case arrow::Type::STRING:
      case arrow::Type::BINARY:
        // The two have one layout.
        line += ClickhouseText(static_cast<const arrow::BinaryArray&>(column).GetView(row));
        break;
      default: {
        ASSIGN_OR_RETURN(auto scalar, column.GetScalar(row));
        std::string text = scalar->ToString();
        if (column.type_id() == arrow::Type::TIMESTAMP) {
          const std::string& name = rows.schema()->field(i)->name();
          bool has_fraction = PlainTypeOf(table.Find(name)->type).name != "DateTime";
          text = TimeText(column, std::move(text), has_fraction);
        }
        line += text;
      }
    }
  }
  return line;
}

}  // namespace mainstem::sink
