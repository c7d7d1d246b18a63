#include "format/envelope.h"

#include <algorithm>

#include <absl/strings/numbers.h>
#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "format/json_options.h"

namespace mainstem::format {
namespace {

Result<std::shared_ptr<arrow::RecordBatch>> TakeRows(const arrow::RecordBatch& rows,
                                                     const arrow::Array& indices) {
  arrow::ArrayVector columns;
  for (const auto& column : rows.columns()) {
    ASSIGN_OR_RETURN(auto taken, arrow::compute::Take(*column, indices));
    columns.push_back(std::move(taken));
  }
  return arrow::RecordBatch::Make(rows.schema(), indices.length(), std::move(columns));
}

// The last value of `property` in each map of the column.
Result<std::shared_ptr<arrow::Array>> PropertyOf(const arrow::Array& column,
                                                 const std::string& property) {
  const auto& maps = static_cast<const arrow::MapArray&>(column);
  const auto& keys = static_cast<const arrow::StringArray&>(*maps.keys());
  const auto& items = static_cast<const arrow::StringArray&>(*maps.items());
  arrow::StringBuilder values;
  for (int64_t row = 0; row < maps.length(); ++row) {
    int64_t found = -1;
    if (!maps.IsNull(row)) {
      for (int64_t i = maps.value_offset(row); i < maps.value_offset(row + 1); ++i) {
        if (keys.GetView(i) == property) found = i;
      }
    }
    bool is_null = found < 0 || items.IsNull(found);
    RETURN_IF_ERROR(is_null ? values.AppendNull() : values.Append(items.GetView(found)));
  }
  return values.Finish();
}

// Text that is no whole number gives NULL: a date from another connector must not stop the row.
Result<std::shared_ptr<arrow::Array>> MillisOfText(const arrow::Array& column) {
  const auto& texts = static_cast<const arrow::StringArray&>(column);
  arrow::Int64Builder values;
  for (int64_t row = 0; row < texts.length(); ++row) {
    int64_t value = 0;
    std::string_view text = texts.IsNull(row) ? std::string_view() : texts.GetView(row);
    bool is_number = absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &value);
    RETURN_IF_ERROR(is_number ? values.Append(value) : values.AppendNull());
  }
  return values.Finish();
}

Result<std::shared_ptr<arrow::Array>> MetadataOf(const MetadataField& field,
                                                 std::shared_ptr<arrow::Array> column) {
  using Form = MetadataField::Form;
  auto millis = arrow::timestamp(arrow::TimeUnit::MILLI, "UTC");
  switch (field.form) {
    case Form::kAsIs: return column;
    case Form::kMillis: return column->View(millis);
    case Form::kSeconds: {
      ASSIGN_OR_RETURN(auto seconds,
                       column->View(arrow::timestamp(arrow::TimeUnit::SECOND, "UTC")));
      return arrow::compute::Cast(*seconds, millis, arrow::compute::CastOptions::Unsafe(millis));
    }
    case Form::kText: return PropertyOf(*column, field.property);
    case Form::kTextMillis: {
      ASSIGN_OR_RETURN(auto text, PropertyOf(*column, field.property));
      ASSIGN_OR_RETURN(auto values, MillisOfText(*text));
      return values->View(millis);
    }
  }
  return column;
}

class EnvelopeEncoder final : public Encoder {
 public:
  EnvelopeEncoder(JsonRowWriter writer, EnvelopeTexts texts)
      : writer_(std::move(writer)), texts_(std::move(texts)) {}

  Result<std::vector<std::string>> Encode(const ChangelogBatch& batch) override {
    RETURN_IF_ERROR(writer_.Bind(batch.rows->columns()));
    std::vector<std::string> messages(static_cast<size_t>(batch.rows->num_rows()));
    for (size_t row = 0; row < messages.size(); ++row) {
      RowKind kind = batch.kinds.empty() ? RowKind::kInsert : batch.kinds[row];
      bool goes = kind == RowKind::kUpdateBefore || kind == RowKind::kDelete;
      std::string& out = messages[row];
      out = goes ? texts_.go_begin : texts_.come_begin;
      RETURN_IF_ERROR(writer_.Write(static_cast<int64_t>(row), &out));
      out += goes ? texts_.go_end : texts_.come_end;
    }
    return messages;
  }

 private:
  JsonRowWriter writer_;
  EnvelopeTexts texts_;
};

}  // namespace

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

std::string_view TextOrEmpty(const arrow::Array& column, int64_t row) {
  if (column.IsNull(row)) return {};
  return static_cast<const arrow::StringArray&>(column).GetView(row);
}

Status EnvelopeDecoder::Open(DecodeTarget target, const FormatOptions& options, Setup setup) {
  ASSIGN_OR_RETURN(JsonRules rules, ReadJsonRules(setup.format, options));
  ignore_parse_errors_ = rules.ignore_parse_errors;
  arrow::FieldVector inside = setup.fields;
  arrow::FieldVector outside;
  std::map<std::string, int> column_of;  // of metadata fields, by name; outside: behind all others
  auto find_or_add = [](arrow::FieldVector* fields, const std::shared_ptr<arrow::Field>& field) {
    for (size_t i = 0; i < fields->size(); ++i) {
      if ((*fields)[i]->name() == field->name()) return static_cast<int>(i);
    }
    fields->push_back(field);
    return static_cast<int>(fields->size()) - 1;
  };
  for (const std::string& key : target.metadata) {
    const MetadataField& metadata = setup.metadata.at(key);
    metadata_.push_back(metadata);
    const auto& names = setup.outside_payload;
    bool beside = std::find(names.begin(), names.end(), metadata.field->name()) != names.end();
    // Marked by the sign until the number of inner fields is known.
    int column = find_or_add(beside ? &outside : &inside, metadata.field);
    metadata_columns_.push_back(beside ? -1 - column : column);
  }
  for (int& column : metadata_columns_) {
    if (column < 0) column = static_cast<int>(inside.size()) - 1 - column;
  }
  has_payload_ = !setup.payload.empty();
  arrow::FieldVector fields = inside;
  if (has_payload_) fields = {arrow::field(setup.payload, arrow::struct_(inside))};
  fields.insert(fields.end(), outside.begin(), outside.end());
  FormatOptions envelope_options;
  if (ignore_parse_errors_) envelope_options["ignore-parse-errors"] = "true";
  ASSIGN_OR_RETURN(envelopes_,
                   MakeJsonDecoder(AllColumns(arrow::schema(fields)), envelope_options));
  target.metadata.clear();
  ASSIGN_OR_RETURN(rows_, MakeJsonDecoder(std::move(target), JsonOptionsOf(options)));
  return Status::OK();
}

Result<DecodedMessages> EnvelopeDecoder::Decode(std::span<const std::string_view> messages) {
  // An empty message is no event, as a missing one.
  std::vector<std::string_view> given(messages.begin(), messages.end());
  for (std::string_view& message : given) {
    if (message.empty()) message = std::string_view();
  }
  ASSIGN_OR_RETURN(DecodedMessages events, envelopes_->Decode(given));
  out_ = DecodedMessages();
  out_.rejected = std::move(events.rejected);
  out_.skipped = events.skipped;
  arrow::ArrayVector columns = events.batch.rows->columns();
  if (has_payload_) {
    auto payload = std::static_pointer_cast<arrow::StructArray>(columns[0]);
    ASSIGN_OR_RETURN(arrow::ArrayVector inside, payload->Flatten());
    inside.insert(inside.end(), columns.begin() + 1, columns.end());
    columns = std::move(inside);
  }
  images_.clear();
  message_of_event_ = std::move(events.message_of_row);
  for (int64_t row = 0; row < events.batch.rows->num_rows(); ++row) AddImages(columns, row);
  RETURN_IF_ERROR(DecodeImages());
  RETURN_IF_ERROR(FillUnchanged(columns));
  RETURN_IF_ERROR(AddMetadata(columns));
  // Each step has told those that it found.
  std::stable_sort(out_.rejected.begin(), out_.rejected.end(),
                   [](const auto& a, const auto& b) { return a.index < b.index; });
  return std::move(out_);
}

void EnvelopeDecoder::Reject(int64_t row, std::string problem, std::string hint) {
  if (ignore_parse_errors_) return Skip();
  out_.rejected.push_back(
      {.index = message_of_event_[static_cast<size_t>(row)],
       .cause = MakeError(ErrorCode::kDecodeError,
                          {.message = std::move(problem), .hint = std::move(hint)})});
}

Status EnvelopeDecoder::DecodeImages() {
  std::vector<std::string_view> messages;
  messages.reserve(images_.size());
  for (const Image& image : images_) messages.push_back(image.json);
  ASSIGN_OR_RETURN(DecodedMessages decoded, rows_->Decode(messages));
  std::vector<bool> has_row(images_.size(), false);
  for (uint32_t image : decoded.message_of_row) has_row[image] = true;
  absl::flat_hash_map<uint32_t, bool> bad_events;
  for (size_t i = 0; i < images_.size(); ++i) {
    if (!has_row[i]) bad_events[images_[i].event] = false;
  }
  for (RejectedMessage& rejected : decoded.rejected) {
    uint32_t event = images_[rejected.index].event;
    bool& reported = bad_events[event];
    if (std::exchange(reported, true)) continue;
    out_.rejected.push_back(
        {.index = message_of_event_[event], .cause = std::move(rejected.cause)});
  }
  for (const auto& [event, reported] : bad_events) out_.skipped += reported ? 0 : 1;
  arrow::Int64Builder kept;
  event_of_row_.clear();
  for (size_t row = 0; row < decoded.message_of_row.size(); ++row) {
    const Image& image = images_[decoded.message_of_row[row]];
    if (bad_events.contains(image.event)) continue;
    RETURN_IF_ERROR(kept.Append(static_cast<int64_t>(row)));
    event_of_row_.push_back(image.event);
    out_.message_of_row.push_back(message_of_event_[image.event]);
    out_.batch.kinds.push_back(image.kind);
  }
  auto is_insert = [](RowKind kind) { return kind == RowKind::kInsert; };
  if (std::all_of(out_.batch.kinds.begin(), out_.batch.kinds.end(), is_insert)) {
    out_.batch.kinds.clear();
  }
  out_.batch.rows = std::move(decoded.batch.rows);
  if (bad_events.empty()) return Status::OK();
  ASSIGN_OR_RETURN(auto indices, kept.Finish());
  ASSIGN_OR_RETURN(out_.batch.rows, TakeRows(*out_.batch.rows, *indices));
  return Status::OK();
}

// A column that an older image does not name comes from the row behind.
Status EnvelopeDecoder::FillUnchanged(const arrow::ArrayVector& columns) {
  const std::vector<RowKind>& kinds = out_.batch.kinds;
  if (std::find(kinds.begin(), kinds.end(), RowKind::kUpdateBefore) == kinds.end()) {
    return Status::OK();
  }
  arrow::ArrayVector filled;
  for (int c = 0; c < out_.batch.rows->num_columns(); ++c) {
    const auto& column = out_.batch.rows->column(c);
    std::string key;
    AppendJsonString(out_.batch.rows->schema()->field(c)->name(), &key);
    key += ':';
    arrow::Int64Builder source;
    bool is_changed = false;
    // Of the last event that was asked for: one message may hold very many rows.
    int64_t event = -1;
    bool is_named = false;
    for (int64_t row = 0; row < column->length(); ++row) {
      int64_t from = row;
      if (kinds[static_cast<size_t>(row)] == RowKind::kUpdateBefore && column->IsNull(row)) {
        int64_t event_of_row = event_of_row_[static_cast<size_t>(row)];
        if (std::exchange(event, event_of_row) != event_of_row) {
          is_named = OldImageNames(columns, event, key);
        }
        if (!is_named) from = row + 1;
        is_changed |= !is_named;
      }
      RETURN_IF_ERROR(source.Append(from));
    }
    filled.push_back(column);
    if (!is_changed) continue;
    ASSIGN_OR_RETURN(auto indices, source.Finish());
    ASSIGN_OR_RETURN(filled.back(), arrow::compute::Take(*column, *indices));
  }
  out_.batch.rows = arrow::RecordBatch::Make(out_.batch.rows->schema(), out_.batch.rows->num_rows(),
                                             std::move(filled));
  return Status::OK();
}

Status EnvelopeDecoder::AddMetadata(const arrow::ArrayVector& columns) {
  if (metadata_.empty()) return Status::OK();
  arrow::UInt32Builder builder;
  RETURN_IF_ERROR(builder.AppendValues(event_of_row_));
  ASSIGN_OR_RETURN(auto indices, builder.Finish());
  for (size_t i = 0; i < metadata_.size(); ++i) {
    ASSIGN_OR_RETURN(auto values, MetadataOf(metadata_[i], columns[metadata_columns_[i]]));
    ASSIGN_OR_RETURN(auto taken, arrow::compute::Take(*values, *indices));
    out_.metadata.push_back(std::move(taken));
  }
  return Status::OK();
}

Result<std::unique_ptr<Encoder>> MakeEnvelopeEncoder(const std::string& format,
                                                     std::shared_ptr<arrow::Schema> schema,
                                                     const FormatOptions& options,
                                                     EnvelopeTexts texts) {
  ASSIGN_OR_RETURN(JsonRowWriter writer, JsonRowWriter::Make(format, *schema, options));
  return std::make_unique<EnvelopeEncoder>(std::move(writer), std::move(texts));
}

}  // namespace mainstem::format
