#include "sink/redis/row_commands.h"

#include <cmath>

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <fmt/format.h>

#include "format/value_text.h"

namespace mainstem::sink {
namespace {

double ScoreOf(const arrow::Array& column, int64_t row) {
  switch (column.type_id()) {
    case arrow::Type::FLOAT: return static_cast<const arrow::FloatArray&>(column).Value(row);
    case arrow::Type::DOUBLE: return static_cast<const arrow::DoubleArray&>(column).Value(row);
    default: return 0;  // whole and decimal numbers are written as they are
  }
}

std::string ScoreText(const arrow::Array& column, int64_t row) {
  bool is_floating =
      column.type_id() == arrow::Type::FLOAT || column.type_id() == arrow::Type::DOUBLE;
  if (is_floating) return fmt::format("{}", ScoreOf(column, row));
  std::string text;
  format::AppendValueText(column, row, &text);
  return text;
}

// Values of one column: texts and bytes as they are, ARRAY, MAP and ROW as JSON, all others as
// their text. nullopt: NULL.
class FieldValues {
 public:
  static Result<FieldValues> Of(const std::shared_ptr<arrow::Array>& column,
                                const connector::FormatChoice& format) {
    FieldValues values;
    values.column_ = column;
    if (arrow::is_nested(column->type_id())) {
      ASSIGN_OR_RETURN(values.texts_, JsonTexts(column, format));
    }
    return values;
  }

  std::optional<std::string> Text(int64_t row) const {
    if (column_->IsNull(row)) return std::nullopt;
    if (!texts_.empty()) return texts_[static_cast<size_t>(row)];
    if (column_->type_id() == arrow::Type::BOOL) {
      return static_cast<const arrow::BooleanArray&>(*column_).Value(row) ? "true" : "false";
    }
    std::string text;
    format::AppendValueText(*column_, row, &text);
    return text;
  }

 private:
  std::shared_ptr<arrow::Array> column_;
  std::vector<std::string> texts_;
};

std::vector<RenderedRow> Unnamed(size_t count) { return std::vector<RenderedRow>(count); }

// Adds the words of one row to a command: HSET and XADD take fields and values in turn.
void AddFields(const RedisLayout& layout, const std::vector<FieldValues>& columns, int64_t row,
               std::vector<std::string>* words, std::vector<std::string>* missing) {
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::string& name = layout.schema->field(static_cast<int>(i))->name();
    std::optional<std::string> text = columns[i].Text(row);
    if (!text) {
      missing->push_back(name);
      continue;
    }
    words->push_back(name);
    words->push_back(std::move(*text));
  }
}

void AddWords(const std::vector<std::string>& words, RespCommands* commands) {
  std::vector<std::string_view> views(words.begin(), words.end());
  commands->Add(views);
}

class CommandWriter {
 public:
  CommandWriter(const RedisLayout& layout, std::shared_ptr<arrow::RecordBatch> rows)
      : layout_(layout), rows_(std::move(rows)) {}

  Status Prepare() {
    auto about = Unnamed(static_cast<size_t>(rows_->num_rows()));
    ASSIGN_OR_RETURN(keys_, layout_.key.Render(rows_, about));
    if (layout_.member) {
      ASSIGN_OR_RETURN(members_, layout_.member->Render(rows_, about));
    }
    if (layout_.value) {
      ASSIGN_OR_RETURN(values_, layout_.value->Render(rows_, about));
    }
    if (layout_.type != RedisType::kHash && layout_.type != RedisType::kStream) return Status::OK();
    for (const auto& column : rows_->columns()) {
      ASSIGN_OR_RETURN(FieldValues values, FieldValues::Of(column, layout_.format));
      columns_.push_back(std::move(values));
    }
    return Status::OK();
  }

  // `row` of the rows that are here, for the change that it stands for.
  RowCommands Write(int64_t row, RowChange change) const {
    auto at = static_cast<size_t>(row);
    RowCommands made{.change = change, .key = keys_[at], .commands = {}};
    switch (layout_.type) {
      case RedisType::kHash: WriteHash(row, &made); break;
      case RedisType::kString:
        if (change.is_delete) {
          made.commands.Add({"DEL", made.key});
        } else {
          made.commands.Add({"SET", made.key, values_[at]});
          Expire(&made);
        }
        break;
      case RedisType::kSortedSet:
        if (change.is_delete) {
          made.commands.Add({"ZREM", made.key, members_[at]});
        } else {
          std::string score = ScoreText(*rows_->column(layout_.score_column), row);
          made.commands.Add({"ZADD", made.key, score, members_[at]});
        }
        break;
      case RedisType::kStream: WriteStream(row, &made); break;
    }
    return made;
  }

 private:
  void WriteHash(int64_t row, RowCommands* made) const {
    if (made->change.is_delete) {
      made->commands.Add({"DEL", made->key});
      return;
    }
    std::vector<std::string> words = {"HSET", made->key};
    std::vector<std::string> missing = {"HDEL", made->key};
    AddFields(layout_, columns_, row, &words, &missing);
    AddWords(words, &made->commands);  // a key column is never NULL, so there is a field
    if (missing.size() > 2) AddWords(missing, &made->commands);
    Expire(made);
  }

  void WriteStream(int64_t row, RowCommands* made) const {
    std::vector<std::string> words = {"XADD", made->key};
    if (layout_.stream_length_max > 0) {
      words.insert(words.end(), {"MAXLEN", "~", std::to_string(layout_.stream_length_max)});
    }
    words.emplace_back("*");
    std::vector<std::string> missing;
    size_t fixed = words.size();
    AddFields(layout_, columns_, row, &words, &missing);
    // An entry has at least one field.
    if (words.size() == fixed) words.insert(words.end(), {missing[0], ""});
    AddWords(words, &made->commands);
  }

  void Expire(RowCommands* made) const {
    if (layout_.time_to_live <= Duration::zero()) return;
    auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(layout_.time_to_live);
    made->commands.Add({"PEXPIRE", made->key, std::to_string(millis.count())});
  }

  const RedisLayout& layout_;
  std::shared_ptr<arrow::RecordBatch> rows_;
  std::vector<std::string> keys_;
  std::vector<std::string> members_;
  std::vector<std::string> values_;
  std::vector<FieldValues> columns_;
};

}  // namespace

std::string_view RedisTypeName(RedisType type) {
  switch (type) {
    case RedisType::kHash: return "hash";
    case RedisType::kString: return "string";
    case RedisType::kSortedSet: return "zset";
    case RedisType::kStream: return "stream";
  }
  return "";
}

std::string UnstorableCause(const RedisLayout& layout, const arrow::RecordBatch& rows,
                            int64_t row) {
  if (layout.type != RedisType::kSortedSet) return "";
  const arrow::Array& column = *rows.column(layout.score_column);
  if (column.IsNull(row)) return "its score is NULL";
  return std::isnan(ScoreOf(column, row)) ? "its score is no number (NaN)" : "";
}

Result<std::vector<RowCommands>> CommandsOf(const RedisLayout& layout, const RowChanges& rows) {
  std::vector<RowCommands> made;
  if (rows.changes.empty()) return made;
  // Of the rows that count only: most changes of a hot key are folded away.
  arrow::Int64Builder indices;
  for (const RowChange& change : rows.changes) RETURN_IF_ERROR(indices.Append(change.row));
  ASSIGN_OR_RETURN(auto chosen, indices.Finish());
  ASSIGN_OR_RETURN(arrow::Datum taken, arrow::compute::Take(rows.rows, chosen));
  CommandWriter writer(layout, taken.record_batch());
  RETURN_IF_ERROR(writer.Prepare());
  made.reserve(rows.changes.size());
  for (size_t i = 0; i < rows.changes.size(); ++i) {
    made.push_back(writer.Write(static_cast<int64_t>(i), rows.changes[i]));
  }
  return made;
}

}  // namespace mainstem::sink
