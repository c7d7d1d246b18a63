// Change events in JSON: debezium-json and canal-json. The envelope is read as a row whose images
// are JSON text; the images are then decoded like ordinary messages of the json format.
#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "format/format_options.h"
#include "format/formats.h"
#include "format/json_options.h"
#include "format/json_writer.h"

namespace mainstem::format {
namespace {

// The part of the options that json knows.
FormatOptions JsonOptionsOf(const FormatOptions& options) {
  FormatOptions json = options;
  for (const char* name : {"schema-include", "database.include", "table.include"}) json.erase(name);
  return json;
}

DecodeTarget AllColumns(std::shared_ptr<arrow::Schema> schema) {
  DecodeTarget target{.schema = std::move(schema), .projection = {}};
  for (int i = 0; i < target.schema->num_fields(); ++i) target.projection.push_back(i);
  return target;
}

// One row image to decode, and the event it belongs to.
struct Image {
  std::string_view json;
  uint32_t event = 0;
  RowKind kind = RowKind::kInsert;
};

// Decodes images as rows; an event with a bad image gives no row at all.
class ImageDecoder {
 public:
  explicit ImageDecoder(std::unique_ptr<Decoder> rows) : rows_(std::move(rows)) {}

  Status Decode(const std::vector<Image>& images, DecodedMessages* out) {
    std::vector<std::string_view> messages;
    for (const Image& image : images) messages.push_back(image.json);
    ASSIGN_OR_RETURN(DecodedMessages decoded, rows_->Decode(messages));
    std::vector<bool> has_row(images.size(), false);
    for (uint32_t image : decoded.message_of_row) has_row[image] = true;
    absl::flat_hash_map<uint32_t, bool> bad_events;
    for (size_t i = 0; i < images.size(); ++i) {
      if (!has_row[i]) bad_events[images[i].event] = false;
    }
    for (RejectedMessage& rejected : decoded.rejected) {
      bool& reported = bad_events[images[rejected.index].event];
      if (std::exchange(reported, true)) continue;
      out->rejected.push_back(
          {.index = images[rejected.index].event, .cause = std::move(rejected.cause)});
    }
    for (const auto& [event, reported] : bad_events) out->skipped += reported ? 0 : 1;
    arrow::Int64Builder kept;
    for (size_t row = 0; row < decoded.message_of_row.size(); ++row) {
      const Image& image = images[decoded.message_of_row[row]];
      if (bad_events.contains(image.event)) continue;
      RETURN_IF_ERROR(kept.Append(static_cast<int64_t>(row)));
      out->message_of_row.push_back(image.event);
      out->batch.kinds.push_back(image.kind);
      image_of_row_.push_back(decoded.message_of_row[row]);
    }
    auto is_insert = [](RowKind kind) { return kind == RowKind::kInsert; };
    if (std::all_of(out->batch.kinds.begin(), out->batch.kinds.end(), is_insert)) {
      out->batch.kinds.clear();
    }
    out->batch.rows = decoded.batch.rows;
    if (bad_events.empty()) return Status::OK();
    ASSIGN_OR_RETURN(auto indices, kept.Finish());
    arrow::ArrayVector columns;
    for (const auto& column : decoded.batch.rows->columns()) {
      ASSIGN_OR_RETURN(auto taken, arrow::compute::Take(*column, *indices));
      columns.push_back(std::move(taken));
    }
    out->batch.rows =
        arrow::RecordBatch::Make(decoded.batch.rows->schema(), indices->length(), columns);
    return Status::OK();
  }

  // Which image each row of the last call came from.
  std::vector<uint32_t> TakeImagesOfRows() { return std::exchange(image_of_row_, {}); }

 private:
  std::unique_ptr<Decoder> rows_;
  std::vector<uint32_t> image_of_row_;
};

void Reject(uint32_t event, std::string problem, std::string hint, bool ignore,
            DecodedMessages* out) {
  if (ignore) {
    ++out->skipped;
    return;
  }
  out->rejected.push_back(
      {.index = event,
       .cause = MakeError(ErrorCode::kDecodeError,
                          {.message = std::move(problem), .hint = std::move(hint)})});
}

std::string_view TextOrEmpty(const arrow::Array& column, int64_t row) {
  if (column.IsNull(row)) return {};
  return static_cast<const arrow::StringArray&>(column).GetView(row);
}

class DebeziumDecoder final : public Decoder {
 public:
  DebeziumDecoder(std::unique_ptr<Decoder> envelope, std::unique_ptr<Decoder> rows,
                  bool schema_include, bool ignore_parse_errors)
      : envelope_(std::move(envelope)),
        images_(std::move(rows)),
        schema_include_(schema_include),
        ignore_parse_errors_(ignore_parse_errors) {}

  Result<DecodedMessages> Decode(std::span<const std::string_view> messages) override {
    ASSIGN_OR_RETURN(DecodedMessages events, envelope_->Decode(messages));
    DecodedMessages out;
    out.rejected = std::move(events.rejected);
    out.skipped = events.skipped;
    arrow::ArrayVector columns = events.batch.rows->columns();
    if (schema_include_) {
      auto payload = std::static_pointer_cast<arrow::StructArray>(columns[0]);
      ASSIGN_OR_RETURN(columns, payload->Flatten());
    }
    std::vector<Image> images;
    for (int64_t row = 0; row < events.batch.rows->num_rows(); ++row) {
      AddImages(columns, row, events.message_of_row[static_cast<size_t>(row)], &images, &out);
    }
    RETURN_IF_ERROR(images_.Decode(images, &out));
    images_.TakeImagesOfRows();
    return out;
  }

 private:
  void AddImages(const arrow::ArrayVector& columns, int64_t row, uint32_t event,
                 std::vector<Image>* images, DecodedMessages* out) {
    std::string_view before = TextOrEmpty(*columns[0], row);
    std::string_view after = TextOrEmpty(*columns[1], row);
    std::string_view op = TextOrEmpty(*columns[2], row);
    bool is_update = op == "u";
    bool is_delete = op == "d";
    if (op != "c" && op != "r" && !is_update && !is_delete) {
      return Reject(event, "'op' is '" + std::string(op.substr(0, 20)) + "'",
                    "known are c, r, u and d; set 'debezium-json.schema-include' if the event is "
                    "inside a 'payload'",
                    ignore_parse_errors_, out);
    }
    if ((is_update || is_delete) && before.empty()) {
      return Reject(event, "an event with op '" + std::string(op) + "' has no 'before' image",
                    "PostgreSQL needs REPLICA IDENTITY FULL for the table", ignore_parse_errors_,
                    out);
    }
    if (!is_delete && after.empty()) {
      return Reject(event, "an event with op '" + std::string(op) + "' has no 'after' image", "",
                    ignore_parse_errors_, out);
    }
    if (is_update) images->push_back({before, event, RowKind::kUpdateBefore});
    if (is_delete) images->push_back({before, event, RowKind::kDelete});
    if (is_update) images->push_back({after, event, RowKind::kUpdateAfter});
    if (!is_update && !is_delete) images->push_back({after, event, RowKind::kInsert});
  }

  std::unique_ptr<Decoder> envelope_;
  ImageDecoder images_;
  bool schema_include_;
  bool ignore_parse_errors_;
};

class DebeziumEncoder final : public Encoder {
 public:
  explicit DebeziumEncoder(JsonRowWriter writer) : writer_(std::move(writer)) {}

  Result<std::vector<std::string>> Encode(const ChangelogBatch& batch) override {
    RETURN_IF_ERROR(writer_.Bind(batch.rows->columns()));
    std::vector<std::string> messages(static_cast<size_t>(batch.rows->num_rows()));
    for (size_t row = 0; row < messages.size(); ++row) {
      RowKind kind = batch.kinds.empty() ? RowKind::kInsert : batch.kinds[row];
      bool gone = kind == RowKind::kUpdateBefore || kind == RowKind::kDelete;
      std::string& out = messages[row];
      out = gone ? "{\"before\":" : "{\"before\":null,\"after\":";
      RETURN_IF_ERROR(writer_.Write(static_cast<int64_t>(row), &out));
      out += gone ? ",\"after\":null,\"op\":\"d\"}" : ",\"op\":\"c\"}";
    }
    return messages;
  }

 private:
  JsonRowWriter writer_;
};

// {"data":[row, ...], "old":[changed columns of each row, ...], "type":"UPDATE", ...}
class CanalDecoder final : public Decoder {
 public:
  CanalDecoder(std::unique_ptr<Decoder> envelope, std::unique_ptr<Decoder> rows)
      : envelope_(std::move(envelope)), images_(std::move(rows)) {}

  void SetFilters(std::string database, std::string table, bool ignore_parse_errors) {
    database_ = std::move(database);
    table_ = std::move(table);
    ignore_parse_errors_ = ignore_parse_errors;
  }

  Result<DecodedMessages> Decode(std::span<const std::string_view> messages) override {
    ASSIGN_OR_RETURN(DecodedMessages events, envelope_->Decode(messages));
    DecodedMessages out;
    out.rejected = std::move(events.rejected);
    out.skipped = events.skipped;
    std::vector<Image> images;
    for (int64_t row = 0; row < events.batch.rows->num_rows(); ++row) {
      AddImages(events.batch.rows->columns(), row, events.message_of_row[static_cast<size_t>(row)],
                &images, &out);
    }
    RETURN_IF_ERROR(images_.Decode(images, &out));
    std::vector<uint32_t> image_of_row = images_.TakeImagesOfRows();
    RETURN_IF_ERROR(FillUnchanged(events.batch.rows->columns(), events.message_of_row, &out));
    return out;
  }

 private:
  void AddImages(const arrow::ArrayVector& columns, int64_t row, uint32_t event,
                 std::vector<Image>* images, DecodedMessages* out) {
    std::string_view type = TextOrEmpty(*columns[2], row);
    bool other_table = (!database_.empty() && TextOrEmpty(*columns[3], row) != database_) ||
                       (!table_.empty() && TextOrEmpty(*columns[4], row) != table_);
    if (other_table || type == "CREATE" || type == "QUERY") {
      ++out->skipped;
      return;
    }
    const auto& data = static_cast<const arrow::ListArray&>(*columns[0]);
    const auto& old = static_cast<const arrow::ListArray&>(*columns[1]);
    bool is_update = type == "UPDATE";
    if ((type != "INSERT" && type != "DELETE" && !is_update) || data.IsNull(row)) {
      return Reject(event, "'type' is '" + std::string(type.substr(0, 20)) + "'",
                    "known are INSERT, UPDATE, DELETE, CREATE and QUERY, the first three with "
                    "'data'",
                    ignore_parse_errors_, out);
    }
    int64_t count = data.value_length(row);
    if (is_update && (old.IsNull(row) || old.value_length(row) != count)) {
      return Reject(event, "an UPDATE has not one entry of 'old' for each of 'data'", "",
                    ignore_parse_errors_, out);
    }
    for (int64_t i = 0; i < count; ++i) {
      std::string_view image = TextOrEmpty(*data.values(), data.value_offset(row) + i);
      RowKind kind = type == "INSERT" ? RowKind::kInsert : RowKind::kDelete;
      if (is_update) {
        std::string_view before = TextOrEmpty(*old.values(), old.value_offset(row) + i);
        images->push_back({before, event, RowKind::kUpdateBefore});
        kind = RowKind::kUpdateAfter;
      }
      images->push_back({image, event, kind});
    }
  }

  // 'old' holds changed columns only: the others come from the row behind. A column counts as
  // changed when any entry of the event's 'old' names it, as in the dialect's own reader.
  Status FillUnchanged(const arrow::ArrayVector& columns, const std::vector<uint32_t>& event_rows,
                       DecodedMessages* out) {
    bool has_update = std::find(out->batch.kinds.begin(), out->batch.kinds.end(),
                                RowKind::kUpdateBefore) != out->batch.kinds.end();
    if (!has_update) return Status::OK();
    const auto& old = static_cast<const arrow::ListArray&>(*columns[1]);
    absl::flat_hash_map<uint32_t, int64_t> row_of_event;
    for (size_t i = 0; i < event_rows.size(); ++i) {
      row_of_event[event_rows[i]] = static_cast<int64_t>(i);
    }
    arrow::ArrayVector filled;
    for (int c = 0; c < out->batch.rows->num_columns(); ++c) {
      const auto& column = out->batch.rows->column(c);
      const std::string& name = out->batch.rows->schema()->field(c)->name();
      std::string key;
      AppendJsonString(name, &key);
      key += ':';
      arrow::Int64Builder source;
      for (int64_t row = 0; row < column->length(); ++row) {
        int64_t from = row;
        if (out->batch.kinds[static_cast<size_t>(row)] == RowKind::kUpdateBefore &&
            column->IsNull(row)) {
          int64_t event = row_of_event[out->message_of_row[static_cast<size_t>(row)]];
          if (!NamesKey(old, event, key)) from = row + 1;
        }
        RETURN_IF_ERROR(source.Append(from));
      }
      ASSIGN_OR_RETURN(auto indices, source.Finish());
      ASSIGN_OR_RETURN(auto taken, arrow::compute::Take(*column, *indices));
      filled.push_back(std::move(taken));
    }
    out->batch.rows = arrow::RecordBatch::Make(out->batch.rows->schema(),
                                               out->batch.rows->num_rows(), std::move(filled));
    return Status::OK();
  }

  static bool NamesKey(const arrow::ListArray& old, int64_t event, const std::string& key) {
    for (int64_t i = old.value_offset(event); i < old.value_offset(event + 1); ++i) {
      if (TextOrEmpty(*old.values(), i).find(key) != std::string_view::npos) return true;
    }
    return false;
  }

  std::unique_ptr<Decoder> envelope_;
  ImageDecoder images_;
  std::string database_;
  std::string table_;
  bool ignore_parse_errors_ = false;
};

}  // namespace

Result<std::unique_ptr<Decoder>> MakeDebeziumDecoder(DecodeTarget target,
                                                     const FormatOptions& options) {
  OptionReader reader("debezium-json", options);
  bool schema_include = reader.Bool("schema-include", false);
  RETURN_IF_ERROR(reader.status());
  ASSIGN_OR_RETURN(JsonRules rules, ReadJsonRules("debezium-json", options));
  arrow::FieldVector fields = {arrow::field("before", arrow::utf8()),
                               arrow::field("after", arrow::utf8()),
                               arrow::field("op", arrow::utf8())};
  if (schema_include) fields = {arrow::field("payload", arrow::struct_(fields))};
  FormatOptions envelope_options;
  if (rules.ignore_parse_errors) envelope_options["ignore-parse-errors"] = "true";
  ASSIGN_OR_RETURN(auto envelope,
                   MakeJsonDecoder(AllColumns(arrow::schema(fields)), envelope_options));
  ASSIGN_OR_RETURN(auto rows, MakeJsonDecoder(std::move(target), JsonOptionsOf(options)));
  return std::make_unique<DebeziumDecoder>(std::move(envelope), std::move(rows), schema_include,
                                           rules.ignore_parse_errors);
}

Result<std::unique_ptr<Encoder>> MakeDebeziumEncoder(std::shared_ptr<arrow::Schema> schema,
                                                     const FormatOptions& options) {
  OptionReader reader("debezium-json", options);
  if (reader.Bool("schema-include", false)) {
    reader.Fail("schema-include", "is for reading; a sink writes events without schema");
  }
  RETURN_IF_ERROR(reader.status());
  ASSIGN_OR_RETURN(JsonRowWriter writer, JsonRowWriter::Make("debezium-json", *schema, options));
  return std::make_unique<DebeziumEncoder>(std::move(writer));
}

Result<std::unique_ptr<Decoder>> MakeCanalDecoder(DecodeTarget target,
                                                  const FormatOptions& options) {
  ASSIGN_OR_RETURN(JsonRules rules, ReadJsonRules("canal-json", options));
  auto schema = arrow::schema(
      {arrow::field("data", arrow::list(arrow::utf8())),
       arrow::field("old", arrow::list(arrow::utf8())), arrow::field("type", arrow::utf8()),
       arrow::field("database", arrow::utf8()), arrow::field("table", arrow::utf8())});
  FormatOptions envelope_options;
  if (rules.ignore_parse_errors) envelope_options["ignore-parse-errors"] = "true";
  ASSIGN_OR_RETURN(auto envelope, MakeJsonDecoder(AllColumns(schema), envelope_options));
  ASSIGN_OR_RETURN(auto rows, MakeJsonDecoder(std::move(target), JsonOptionsOf(options)));
  OptionReader reader("canal-json", options);
  auto decoder = std::make_unique<CanalDecoder>(std::move(envelope), std::move(rows));
  decoder->SetFilters(reader.Text("database.include", ""), reader.Text("table.include", ""),
                      rules.ignore_parse_errors);
  return decoder;
}

}  // namespace mainstem::format
