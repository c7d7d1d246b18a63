// Which column of a scan comes from where: out of the messages (by the decoder), from metadata, or
// from elsewhere (a record's key, a folder's name). Shared by the sources that decode messages.
// Immutable after Make; not tied to a thread.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "connector/table.h"
#include "core/status.h"
#include "format/format.h"

namespace mainstem::source {

class ScanLayout {
 public:
  // `outside`: physical columns that the messages do not hold.
  static ScanLayout Make(const connector::TableDescriptor& table,
                         const std::vector<int>& projection, const std::set<std::string>& outside);

  // What the decoder is made with.
  const std::shared_ptr<arrow::Schema>& message_schema() const { return message_schema_; }
  const std::vector<int>& message_projection() const { return message_projection_; }
  const std::shared_ptr<arrow::Schema>& output_schema() const { return output_schema_; }
  // What the format is to tell of each message, by its own keys: metadata 'value.<key>'.
  const std::vector<std::string>& format_metadata() const { return format_metadata_; }
  format::DecodeTarget decode_target() const {
    return {
        .schema = message_schema_, .projection = message_projection_, .metadata = format_metadata_};
  }

  // Column of the output that is not decoded.
  struct Other {
    std::string column;
    std::string metadata_key;  // empty: a column of `outside`
    int format_metadata = -1;  // index into format_metadata(), when it is one of these
    std::shared_ptr<arrow::DataType> type;
  };
  using Fill = std::function<Result<std::shared_ptr<arrow::Array>>(const Other&)>;
  // Puts decoded columns and the others together. `fill` may give another type than asked: it is
  // cast.
  Result<std::shared_ptr<arrow::RecordBatch>> Assemble(const arrow::RecordBatch& decoded,
                                                       const Fill& fill) const;

 private:
  struct Slot {
    int decoded = -1;  // column of the decoder's output
    Other other;
  };
  std::shared_ptr<arrow::Schema> message_schema_;
  std::vector<int> message_projection_;
  std::vector<std::string> format_metadata_;
  std::shared_ptr<arrow::Schema> output_schema_;
  std::vector<Slot> slots_;
};

// As much of a message as a rejected record keeps.
std::string CutRawBytes(std::string_view message);

}  // namespace mainstem::source
