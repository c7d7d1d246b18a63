// canal-json: {"data":[row, ...], "old":[changed columns of each row, ...], "type":"UPDATE", ...}
#include <arrow/api.h>
#include <re2/re2.h>

#include "format/envelope.h"
#include "format/format_options.h"

namespace mainstem::format {
namespace {

MetadataFields CanalMetadata() {
  using Form = MetadataField::Form;
  return {{"database", {arrow::field("database", arrow::utf8())}},
          {"table", {arrow::field("table", arrow::utf8())}},
          {"sql-type", {arrow::field("sqlType", arrow::map(arrow::utf8(), arrow::int32()))}},
          {"pk-names", {arrow::field("pkNames", arrow::list(arrow::utf8()))}},
          {"ingestion-timestamp", {arrow::field("ts", arrow::int64()), Form::kMillis}},
          {"event-timestamp", {arrow::field("es", arrow::int64()), Form::kMillis}}};
}

class CanalDecoder final : public EnvelopeDecoder {
 public:
  Status Open(DecodeTarget target, const FormatOptions& options) {
    OptionReader reader("canal-json", options);
    ASSIGN_OR_RETURN(database_, Filter(&reader, "database.include"));
    ASSIGN_OR_RETURN(table_, Filter(&reader, "table.include"));
    Setup setup{
        .format = "canal-json",
        .fields = {arrow::field("data", arrow::list(arrow::utf8())),
                   arrow::field("old", arrow::list(arrow::utf8())),
                   arrow::field("type", arrow::utf8()), arrow::field("database", arrow::utf8()),
                   arrow::field("table", arrow::utf8())},
        .metadata = CanalMetadata()};
    return EnvelopeDecoder::Open(std::move(target), options, std::move(setup));
  }

 private:
  // A regular expression that the whole name must match; null: any.
  static Result<std::unique_ptr<re2::RE2>> Filter(OptionReader* reader, const std::string& option) {
    if (!reader->Has(option)) return nullptr;
    re2::RE2::Options quiet;
    quiet.set_log_errors(false);
    auto pattern = std::make_unique<re2::RE2>(reader->Text(option, ""), quiet);
    if (!pattern->ok()) reader->Fail(option, "is no regular expression: " + pattern->error());
    RETURN_IF_ERROR(reader->status());
    return pattern;
  }

  static bool Passes(const std::unique_ptr<re2::RE2>& filter, std::string_view name) {
    return filter == nullptr ||
           re2::RE2::FullMatch(re2::StringPiece(name.data(), name.size()), *filter);
  }

  void AddImages(const arrow::ArrayVector& columns, int64_t row) override {
    std::string_view type = TextOrEmpty(*columns[2], row);
    if (!Passes(database_, TextOrEmpty(*columns[3], row)) ||
        !Passes(table_, TextOrEmpty(*columns[4], row)) || type == "CREATE" || type == "QUERY") {
      return Skip();
    }
    const auto& data = static_cast<const arrow::ListArray&>(*columns[0]);
    const auto& old = static_cast<const arrow::ListArray&>(*columns[1]);
    bool is_update = type == "UPDATE";
    if ((type != "INSERT" && type != "DELETE" && !is_update) || data.IsNull(row)) {
      return Reject(row, "'type' is '" + std::string(type.substr(0, 20)) + "'",
                    "known are INSERT, UPDATE, DELETE, CREATE and QUERY, the first three with "
                    "'data'");
    }
    int64_t count = data.value_length(row);
    if (is_update && (old.IsNull(row) || old.value_length(row) != count)) {
      return Reject(row, "an UPDATE has not one entry of 'old' for each of 'data'", "");
    }
    for (int64_t i = 0; i < count; ++i) {
      bool has_images = data.values()->IsValid(data.value_offset(row) + i) &&
                        (!is_update || old.values()->IsValid(old.value_offset(row) + i));
      if (!has_images) return Reject(row, "an entry of 'data' or 'old' is null", "");
    }
    for (int64_t i = 0; i < count; ++i) {
      std::string_view image = TextOrEmpty(*data.values(), data.value_offset(row) + i);
      RowKind kind = type == "INSERT" ? RowKind::kInsert : RowKind::kDelete;
      if (is_update) {
        std::string_view before = TextOrEmpty(*old.values(), old.value_offset(row) + i);
        AddImage(before, row, RowKind::kUpdateBefore);
        kind = RowKind::kUpdateAfter;
      }
      AddImage(image, row, kind);
    }
  }

  // A column counts as changed when any entry of the event's 'old' names it, as in the dialect's
  // own reader.
  bool OldImageNames(const arrow::ArrayVector& columns, int64_t row,
                     const std::string& key) const override {
    const auto& old = static_cast<const arrow::ListArray&>(*columns[1]);
    for (int64_t i = old.value_offset(row); i < old.value_offset(row + 1); ++i) {
      if (TextOrEmpty(*old.values(), i).find(key) != std::string_view::npos) return true;
    }
    return false;
  }

  std::unique_ptr<re2::RE2> database_;
  std::unique_ptr<re2::RE2> table_;
};

}  // namespace

Result<std::unique_ptr<Decoder>> MakeCanalDecoder(DecodeTarget target,
                                                  const FormatOptions& options) {
  auto decoder = std::make_unique<CanalDecoder>();
  RETURN_IF_ERROR(decoder->Open(std::move(target), options));
  return decoder;
}

Result<std::unique_ptr<Encoder>> MakeCanalEncoder(std::shared_ptr<arrow::Schema> schema,
                                                  const FormatOptions& options) {
  return MakeEnvelopeEncoder("canal-json", std::move(schema), JsonOptionsOf(options),
                             {.come_begin = R"({"data":[)",
                              .come_end = R"(],"type":"INSERT"})",
                              .go_begin = R"({"data":[)",
                              .go_end = R"(],"type":"DELETE"})"});
}

}  // namespace mainstem::format
