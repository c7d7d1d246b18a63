// debezium-json: {"before":row, "after":row, "op":"u", "ts_ms":..., "source":{...}}, as it is or,
// with 'schema-include', as the "payload" of {"schema":..., "payload":...}.
#include <arrow/api.h>

#include "format/envelope.h"
#include "format/format_options.h"

namespace mainstem::format {
namespace {

MetadataFields DebeziumMetadata() {
  using Form = MetadataField::Form;
  auto source = arrow::field("source", arrow::map(arrow::utf8(), arrow::utf8()));
  return {{"schema", {arrow::field("schema", arrow::utf8())}},
          {"ingestion-timestamp", {arrow::field("ts_ms", arrow::int64()), Form::kMillis}},
          {"source.timestamp", {source, Form::kTextMillis, "ts_ms"}},
          {"source.database", {source, Form::kText, "db"}},
          {"source.schema", {source, Form::kText, "schema"}},
          {"source.table", {source, Form::kText, "table"}},
          {"source.properties", {source}}};
}

class DebeziumDecoder final : public EnvelopeDecoder {
 public:
  Status Open(DecodeTarget target, const FormatOptions& options) {
    OptionReader reader("debezium-json", options);
    bool schema_include = reader.Bool("schema-include", false);
    RETURN_IF_ERROR(reader.status());
    Setup setup{.format = "debezium-json",
                .fields = {arrow::field("before", arrow::utf8()),
                           arrow::field("after", arrow::utf8()), arrow::field("op", arrow::utf8())},
                .metadata = DebeziumMetadata()};
    if (schema_include) {
      setup.payload = "payload";
      setup.outside_payload = {"schema"};
    }
    return EnvelopeDecoder::Open(std::move(target), options, std::move(setup));
  }

 private:
  void AddImages(const arrow::ArrayVector& columns, int64_t row) override {
    std::string_view before = TextOrEmpty(*columns[0], row);
    std::string_view after = TextOrEmpty(*columns[1], row);
    std::string_view op = TextOrEmpty(*columns[2], row);
    bool is_update = op == "u";
    bool is_delete = op == "d";
    if (op != "c" && op != "r" && !is_update && !is_delete) {
      return Reject(row, "'op' is '" + std::string(op.substr(0, 20)) + "'",
                    "known are c, r, u and d; set 'debezium-json.schema-include' if the event is "
                    "inside a 'payload'");
    }
    if ((is_update || is_delete) && before.empty()) {
      return Reject(row, "an event with op '" + std::string(op) + "' has no 'before' image",
                    "PostgreSQL needs REPLICA IDENTITY FULL for the table");
    }
    if (!is_delete && after.empty()) {
      return Reject(row, "an event with op '" + std::string(op) + "' has no 'after' image", "");
    }
    if (is_update) AddImage(before, row, RowKind::kUpdateBefore);
    if (is_delete) AddImage(before, row, RowKind::kDelete);
    if (is_update) AddImage(after, row, RowKind::kUpdateAfter);
    if (!is_update && !is_delete) AddImage(after, row, RowKind::kInsert);
  }
};

}  // namespace

Result<std::unique_ptr<Decoder>> MakeDebeziumDecoder(DecodeTarget target,
                                                     const FormatOptions& options) {
  auto decoder = std::make_unique<DebeziumDecoder>();
  RETURN_IF_ERROR(decoder->Open(std::move(target), options));
  return decoder;
}

Result<std::unique_ptr<Encoder>> MakeDebeziumEncoder(std::shared_ptr<arrow::Schema> schema,
                                                     const FormatOptions& options) {
  OptionReader reader("debezium-json", options);
  if (reader.Bool("schema-include", false)) {
    reader.Fail("schema-include", "is for reading; a sink writes events without schema");
  }
  RETURN_IF_ERROR(reader.status());
  return MakeEnvelopeEncoder("debezium-json", std::move(schema), options,
                             {.come_begin = R"({"before":null,"after":)",
                              .come_end = R"(,"op":"c"})",
                              .go_begin = R"({"before":)",
                              .go_end = R"(,"after":null,"op":"d"})"});
}

}  // namespace mainstem::format
