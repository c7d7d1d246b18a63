// How each format is made; format.cc joins them. Private to format/. Options are checked for
// unknown names before these run.
#pragma once

#include <memory>
#include <vector>

#include "format/format.h"

namespace mainstem::format {

Result<std::unique_ptr<Decoder>> MakeJsonDecoder(DecodeTarget target, const FormatOptions& options);
Result<std::unique_ptr<Encoder>> MakeJsonEncoder(std::shared_ptr<arrow::Schema> schema,
                                                 const FormatOptions& options);
Result<std::unique_ptr<Decoder>> MakeCsvDecoder(DecodeTarget target, const FormatOptions& options);
Result<std::unique_ptr<Encoder>> MakeCsvEncoder(std::shared_ptr<arrow::Schema> schema,
                                                const FormatOptions& options);
Result<std::unique_ptr<Decoder>> MakeRawDecoder(DecodeTarget target, const FormatOptions& options);
Result<std::unique_ptr<Encoder>> MakeRawEncoder(std::shared_ptr<arrow::Schema> schema,
                                                const FormatOptions& options);
Result<std::unique_ptr<Decoder>> MakeRegexDecoder(DecodeTarget target,
                                                  const FormatOptions& options);
Result<std::unique_ptr<Decoder>> MakeDebeziumDecoder(DecodeTarget target,
                                                     const FormatOptions& options);
Result<std::unique_ptr<Encoder>> MakeDebeziumEncoder(std::shared_ptr<arrow::Schema> schema,
                                                     const FormatOptions& options);
Result<std::unique_ptr<Decoder>> MakeCanalDecoder(DecodeTarget target,
                                                  const FormatOptions& options);
Result<std::unique_ptr<Encoder>> MakeCanalEncoder(std::shared_ptr<arrow::Schema> schema,
                                                  const FormatOptions& options);
Result<std::unique_ptr<Decoder>> MakeMaxwellDecoder(DecodeTarget target,
                                                    const FormatOptions& options);
Result<std::unique_ptr<Encoder>> MakeMaxwellEncoder(std::shared_ptr<arrow::Schema> schema,
                                                    const FormatOptions& options);

Result<std::unique_ptr<Decoder>> MakeAvroDecoder(DecodeTarget target, const FormatOptions& options);
Result<std::unique_ptr<Encoder>> MakeAvroEncoder(std::shared_ptr<arrow::Schema> schema,
                                                 const FormatOptions& options);
Result<std::unique_ptr<Decoder>> MakeAvroConfluentDecoder(DecodeTarget target,
                                                          const FormatOptions& options);
Result<std::unique_ptr<Encoder>> MakeAvroConfluentEncoder(std::shared_ptr<arrow::Schema> schema,
                                                          const FormatOptions& options);

Result<std::unique_ptr<Decoder>> MakeProtobufDecoder(DecodeTarget target,
                                                     const FormatOptions& options);
Result<std::unique_ptr<Encoder>> MakeProtobufEncoder(std::shared_ptr<arrow::Schema> columns,
                                                     const FormatOptions& options);

// Of a format that cannot tell row kinds: kUnsupported for updates and deletes.
Status RefuseChanges(const std::string& format, const ChangelogBatch& batch);

// Columns built row by row, from which rows that turned out bad are taken out at the end.
class RowSet {
 public:
  explicit RowSet(std::shared_ptr<arrow::Schema> schema);
  ~RowSet();
  arrow::ArrayBuilder* builder(int column) { return builders_[column].get(); }
  void Reserve(size_t row_count);
  // Call once for each row after its columns were appended.
  void EndRow(uint32_t message, RowKind kind, bool keep);
  // Moves everything into `out` and starts anew.
  Status Finish(DecodedMessages* out);

 private:
  std::shared_ptr<arrow::Schema> schema_;
  std::vector<std::unique_ptr<arrow::ArrayBuilder>> builders_;
  std::vector<uint32_t> messages_;
  std::vector<RowKind> kinds_;
  std::vector<bool> keep_;
  size_t dropped_ = 0;
  bool insert_only_ = true;
};

}  // namespace mainstem::format
