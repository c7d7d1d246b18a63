// Any bytes as an Avro message, as a container file, and as a schema with a record behind it.
#include "format/avro/avro_file.h"
#include "format/avro/avro_json.h"
#include "format/avro/avro_reader.h"
#include "format/testing/fuzz_decoder.h"

namespace mainstem::format {
namespace {

void FuzzMessage(std::string_view input, const char* encoding) {
  auto decoder = MakeDecoder("avro", FuzzSchema(true),
                             {{"encoding", encoding}, {"timestamp_mapping.legacy", "false"}})
                     .ValueOrDie();
  DecodedMessages first = decoder->Decode({&input, 1}).ValueOrDie();
  CHECK_OK(first.batch.rows->ValidateFull());
  CHECK(static_cast<size_t>(first.batch.rows->num_rows()) + first.rejected.size() == 1);
  DecodedMessages second = decoder->Decode({&input, 1}).ValueOrDie();
  CHECK(second.batch.rows->Equals(*first.batch.rows, arrow::EqualOptions().nans_equal(true)));
}

// The first line is a schema, the rest one of its records.
void FuzzSchemaAndRecord(std::string_view input) {
  size_t line = input.find('\n');
  if (line == std::string_view::npos) return;
  Result<std::shared_ptr<const AvroSchema>> schema = AvroSchema::Parse(input.substr(0, line));
  if (!schema.ok()) return;
  std::string_view record = input.substr(line + 1);
  std::string json;
  AvroInput value(record);
  if (AvroToJson((*schema)->root(), &value, 0, &json)) {
    std::string binary;
    IgnoreError(AvroJsonReader().ToBinary(json, (*schema)->root(), &binary), "any bytes");
  }
  std::vector<std::unique_ptr<arrow::ArrayBuilder>> owned;
  std::vector<arrow::ArrayBuilder*> builders;
  auto columns = FuzzSchema(true);
  for (const auto& column : columns->fields()) {
    owned.emplace_back();
    CHECK_OK(arrow::MakeBuilder(arrow::default_memory_pool(), column->type(), &owned.back()));
    builders.push_back(owned.back().get());
  }
  auto reader = AvroRecordReader::Make(*schema, *columns, builders, schema->get(), {});
  if (!reader.ok()) return;
  AvroInput again(record);
  (*reader)->Read(&again);
  for (auto* builder : builders) {
    auto array = builder->Finish().ValueOrDie();
    CHECK(array->length() == 1);
    CHECK_OK(array->ValidateFull());
  }
}

void FuzzFile(std::string_view input) {
  Result<std::optional<AvroFileHeader>> header = ParseAvroFileHeader(input);
  if (!header.ok() || !*header) return;
  DecodeTarget target{.schema = FuzzSchema(false), .projection = {0, 1, 2, 3}};
  Result<std::unique_ptr<AvroFileDecoder>> decoder = AvroFileDecoder::Make(**header, target, {});
  if (!decoder.ok()) return;
  std::string_view rest = input.substr((*header)->bytes);
  while (!rest.empty()) {
    Result<std::optional<AvroBlockHead>> head = ParseAvroBlockHead(rest);
    if (!head.ok() || !*head || rest.size() < (*head)->bytes()) return;
    std::string_view data = rest.substr((*head)->head_bytes, (*head)->data_bytes);
    if (!(*decoder)->Begin(data, (*head)->row_count).ok()) return;
    while ((*decoder)->rows_left() > 0) {
      auto rows = (*decoder)->Next(1000);
      if (!rows.ok()) return;
      CHECK_OK((*rows)->ValidateFull());
    }
    rest.remove_prefix((*head)->bytes());
  }
}

}  // namespace
}  // namespace mainstem::format

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const char kNothing = 0;
  std::string_view input(size == 0 ? &kNothing : reinterpret_cast<const char*>(data), size);
  mainstem::format::FuzzMessage(input, "binary");
  mainstem::format::FuzzMessage(input, "json");
  mainstem::format::FuzzSchemaAndRecord(input);
  mainstem::format::FuzzFile(input);
  return 0;
}
