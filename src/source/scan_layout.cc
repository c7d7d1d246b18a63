#include "source/scan_layout.h"

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "connector/options.h"

namespace mainstem::source {

ScanLayout ScanLayout::Make(const connector::TableDescriptor& table,
                            const std::vector<int>& projection,
                            const std::set<std::string>& outside) {
  ScanLayout layout;
  connector::ColumnSplit split = connector::SplitColumns(table);
  arrow::FieldVector message_fields;
  std::map<int, int> message_index;  // column of the table -> column of the messages
  for (int column : split.physical) {
    const auto& field = table.schema->field(column);
    if (outside.count(field->name()) > 0) continue;
    message_index[column] = static_cast<int>(message_fields.size());
    message_fields.push_back(field);
  }
  arrow::FieldVector output_fields;
  for (int column : projection) {
    const auto& field = table.schema->field(column);
    output_fields.push_back(field);
    Slot slot;
    auto in_message = message_index.find(column);
    if (in_message != message_index.end()) {
      slot.decoded = static_cast<int>(layout.message_projection_.size());
      layout.message_projection_.push_back(in_message->second);
    } else {
      auto metadata = split.metadata.find(column);
      slot.other = {.column = field->name(),
                    .metadata_key = metadata == split.metadata.end() ? "" : metadata->second,
                    .type = field->type()};
      constexpr std::string_view kOfValue = connector::kValueMetadataPrefix;
      if (slot.other.metadata_key.starts_with(kOfValue)) {
        slot.other.format_metadata = static_cast<int>(layout.format_metadata_.size());
        layout.format_metadata_.push_back(slot.other.metadata_key.substr(kOfValue.size()));
      }
    }
    layout.slots_.push_back(std::move(slot));
  }
  layout.message_schema_ = arrow::schema(std::move(message_fields));
  layout.output_schema_ = arrow::schema(std::move(output_fields));
  return layout;
}

Result<std::shared_ptr<arrow::RecordBatch>> ScanLayout::Assemble(const arrow::RecordBatch& decoded,
                                                                 const Fill& fill) const {
  arrow::ArrayVector columns;
  for (const Slot& slot : slots_) {
    if (slot.decoded >= 0) {
      columns.push_back(decoded.column(slot.decoded));
      continue;
    }
    ASSIGN_OR_RETURN(auto column, fill(slot.other));
    if (!column->type()->Equals(*slot.other.type)) {
      ASSIGN_OR_RETURN(column, arrow::compute::Cast(*column, slot.other.type));
    }
    columns.push_back(std::move(column));
  }
  return arrow::RecordBatch::Make(output_schema_, decoded.num_rows(), std::move(columns));
}

std::string CutRawBytes(std::string_view message) {
  constexpr size_t kKept = size_t{64} << 10;
  return std::string(message.substr(0, kKept));
}

}  // namespace mainstem::source
