// What the change events in JSON share (debezium-json, canal-json, maxwell-json): the envelope is
// read as a row whose images are JSON text; the images are then decoded like ordinary messages of
// the json format. Private to format/. Not thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "format/formats.h"
#include "format/json_writer.h"

namespace mainstem::format {

// The part of the options that json knows.
FormatOptions JsonOptionsOf(const FormatOptions& options);
DecodeTarget AllColumns(std::shared_ptr<arrow::Schema> schema);
std::string_view TextOrEmpty(const arrow::Array& column, int64_t row);

// One row image to decode, and the event it belongs to (a row of the envelopes).
struct Image {
  std::string_view json;
  uint32_t event = 0;
  RowKind kind = RowKind::kInsert;
};

// How metadata comes out of a field of the envelope.
struct MetadataField {
  enum class Form : uint8_t { kAsIs, kMillis, kSeconds, kText, kTextMillis };
  std::shared_ptr<arrow::Field> field;  // in the envelope
  Form form = Form::kAsIs;
  std::string property = {};  // of the map that `field` is: for kText, kTextMillis
};
using MetadataFields = std::map<std::string, MetadataField>;  // by metadata key

// Decodes envelopes, then images as rows; an event with a bad image gives no row at all.
class EnvelopeDecoder : public Decoder {
 public:
  Result<DecodedMessages> Decode(std::span<const std::string_view> messages) override;

 protected:
  struct Setup {
    std::string format;
    arrow::FieldVector fields;  // of the envelope, as AddImages gets them
    MetadataFields metadata;
    std::string payload = {};  // a field of the message that holds the envelope; else the message
    // Of the envelope: metadata fields that stand beside the payload, not in it.
    std::vector<std::string> outside_payload = {};
  };
  // Call once, before Decode.
  Status Open(DecodeTarget target, const FormatOptions& options, Setup setup);

  // The images of the event in `row`, in order; updates are pairs, the older image first.
  virtual void AddImages(const arrow::ArrayVector& columns, int64_t row) = 0;
  // For dialects whose older image holds changed columns only: whether it holds `key`
  // ("name": with quotes and colon). The others come from the newer image.
  virtual bool OldImageNames(const arrow::ArrayVector& columns, int64_t row,
                             const std::string& key) const {
    return true;
  }

  // For AddImages.
  void AddImage(std::string_view json, int64_t row, RowKind kind) {
    images_.push_back({json, static_cast<uint32_t>(row), kind});
  }
  void Skip() { ++out_.skipped; }
  void Reject(int64_t row, std::string problem, std::string hint);

 private:
  Status DecodeImages();
  Status FillUnchanged(const arrow::ArrayVector& columns);
  Status AddMetadata(const arrow::ArrayVector& columns);

  std::unique_ptr<Decoder> envelopes_;
  std::unique_ptr<Decoder> rows_;
  std::vector<MetadataField> metadata_;
  std::vector<int> metadata_columns_;  // of the envelope
  bool has_payload_ = false;
  bool ignore_parse_errors_ = false;
  // Of the current call:
  std::vector<Image> images_;
  std::vector<uint32_t> message_of_event_;
  std::vector<uint32_t> event_of_row_;
  DecodedMessages out_;
};

// Writes {"<before>": row, ...}: what stands around a row for one that comes and one that goes.
struct EnvelopeTexts {
  std::string come_begin, come_end;
  std::string go_begin, go_end;
};
Result<std::unique_ptr<Encoder>> MakeEnvelopeEncoder(const std::string& format,
                                                     std::shared_ptr<arrow::Schema> schema,
                                                     const FormatOptions& options,
                                                     EnvelopeTexts texts);

}  // namespace mainstem::format
