// maxwell-json: {"database":..., "table":..., "type":"update", "ts":seconds, "data":row,
// "old":changed columns}
#include <arrow/api.h>

#include "format/envelope.h"

namespace mainstem::format {
namespace {

MetadataFields MaxwellMetadata() {
  using Form = MetadataField::Form;
  return {
      {"database", {arrow::field("database", arrow::utf8())}},
      {"table", {arrow::field("table", arrow::utf8())}},
      {"primary-key-columns", {arrow::field("primary_key_columns", arrow::list(arrow::utf8()))}},
      {"ingestion-timestamp", {arrow::field("ts", arrow::int64()), Form::kSeconds}}};
}

class MaxwellDecoder final : public EnvelopeDecoder {
 public:
  Status Open(DecodeTarget target, const FormatOptions& options) {
    Setup setup{.format = "maxwell-json",
                .fields = {arrow::field("data", arrow::utf8()), arrow::field("old", arrow::utf8()),
                           arrow::field("type", arrow::utf8())},
                .metadata = MaxwellMetadata()};
    return EnvelopeDecoder::Open(std::move(target), options, std::move(setup));
  }

 private:
  void AddImages(const arrow::ArrayVector& columns, int64_t row) override {
    std::string_view data = TextOrEmpty(*columns[0], row);
    std::string_view old = TextOrEmpty(*columns[1], row);
    std::string_view type = TextOrEmpty(*columns[2], row);
    bool is_update = type == "update";
    if ((type != "insert" && type != "delete" && !is_update) || data.empty()) {
      return Reject(row, "'type' is '" + std::string(type.substr(0, 20)) + "'",
                    "known are insert, update and delete, with 'data'");
    }
    if (is_update && old.empty()) return Reject(row, "an update has no 'old'", "");
    if (is_update) AddImage(old, row, RowKind::kUpdateBefore);
    RowKind kind = type == "insert" ? RowKind::kInsert : RowKind::kDelete;
    AddImage(data, row, is_update ? RowKind::kUpdateAfter : kind);
  }

  bool OldImageNames(const arrow::ArrayVector& columns, int64_t row,
                     const std::string& key) const override {
    return TextOrEmpty(*columns[1], row).find(key) != std::string_view::npos;
  }
};

}  // namespace

Result<std::unique_ptr<Decoder>> MakeMaxwellDecoder(DecodeTarget target,
                                                    const FormatOptions& options) {
  auto decoder = std::make_unique<MaxwellDecoder>();
  RETURN_IF_ERROR(decoder->Open(std::move(target), options));
  return decoder;
}

Result<std::unique_ptr<Encoder>> MakeMaxwellEncoder(std::shared_ptr<arrow::Schema> schema,
                                                    const FormatOptions& options) {
  return MakeEnvelopeEncoder("maxwell-json", std::move(schema), options,
                             {.come_begin = R"({"data":)",
                              .come_end = R"(,"type":"insert"})",
                              .go_begin = R"({"data":)",
                              .go_end = R"(,"type":"delete"})"});
}

}  // namespace mainstem::format
