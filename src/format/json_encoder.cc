// Rows to JSON objects, one each, in the text that the dialect's json format writes.
#include <absl/strings/escaping.h>
#include <arrow/api.h>

#include "format/formats.h"
#include "format/json_options.h"
#include "format/json_writer.h"
#include "format/text_number.h"

namespace mainstem::format {
namespace {

class JsonEncoder final : public Encoder {
 public:
  JsonEncoder(std::shared_ptr<arrow::Schema> schema, JsonRowWriter writer)
      : schema_(std::move(schema)), writer_(std::move(writer)) {}

  Result<std::vector<std::string>> Encode(const ChangelogBatch& batch) override {
    for (RowKind kind : batch.kinds) {
      if (kind == RowKind::kInsert || kind == RowKind::kUpdateAfter) continue;
      return MakeError(ErrorCode::kUnsupported,
                       {.message = "format 'json' cannot write updates and deletes",
                        .hint = "use 'debezium-json', or 'upsert-kafka' with a primary key"});
    }
    RETURN_IF_ERROR(writer_.Bind(batch.rows->columns()));
    std::vector<std::string> messages(static_cast<size_t>(batch.rows->num_rows()));
    for (size_t row = 0; row < messages.size(); ++row) {
      RETURN_IF_ERROR(writer_.Write(static_cast<int64_t>(row), &messages[row]));
    }
    return messages;
  }

 private:
  std::shared_ptr<arrow::Schema> schema_;
  JsonRowWriter writer_;
};

}  // namespace

Result<std::unique_ptr<Encoder>> MakeJsonEncoder(std::shared_ptr<arrow::Schema> schema,
                                                 const FormatOptions& options) {
  ASSIGN_OR_RETURN(JsonRowWriter writer, JsonRowWriter::Make("json", *schema, options));
  return std::make_unique<JsonEncoder>(std::move(schema), std::move(writer));
}

}  // namespace mainstem::format
