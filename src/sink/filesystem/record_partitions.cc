#include "sink/filesystem/record_partitions.h"

#include <absl/container/flat_hash_map.h>
#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <simdjson.h>

namespace mainstem::sink {
namespace {

// Rows of one file: where each came from, and its bytes.
struct ValueGroup {
  std::vector<std::string> values;
  std::vector<int64_t> rows;
  std::vector<std::string_view> data;
};

Result<ChangelogBatch> RowsOfGroup(const arrow::RecordBatch& batch, const ValueGroup& group) {
  arrow::Int64Builder indices;
  RETURN_IF_ERROR(indices.AppendValues(group.rows));
  ASSIGN_OR_RETURN(std::shared_ptr<arrow::Array> taken, indices.Finish());
  arrow::BinaryBuilder bytes;
  for (std::string_view data : group.data) RETURN_IF_ERROR(bytes.Append(data));
  arrow::ArrayVector columns(1);
  RETURN_IF_ERROR(bytes.Finish(&columns[0]));
  for (int i = 1; i < batch.num_columns(); ++i) {
    ASSIGN_OR_RETURN(arrow::Datum column, arrow::compute::Take(batch.column(i), taken));
    columns.push_back(column.make_array());
  }
  ChangelogBatch rows;
  rows.rows = arrow::RecordBatch::Make(batch.schema(), static_cast<int64_t>(group.rows.size()),
                                       std::move(columns));
  return rows;
}

}  // namespace

Result<std::vector<std::string_view>> SplitJsonObjects(std::string_view text) {
  std::vector<std::string_view> objects;
  size_t begin = 0;
  int depth = 0;
  bool in_text = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text) {
      if (c == '\\') ++i;
      in_text = c != '"';
      continue;
    }
    if (depth == 0) {
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
      if (c != '{') {
        return MakeError(ErrorCode::kInvalidRecord, "between JSON objects stands something else");
      }
      begin = i;
    }
    in_text = c == '"';
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (depth == 0) objects.push_back(text.substr(begin, i + 1 - begin));
  }
  if (depth == 0 && !in_text && !objects.empty()) return objects;
  return MakeError(ErrorCode::kInvalidRecord, objects.empty() && depth == 0
                                                  ? "there is no JSON object"
                                                  : "a JSON object has no end");
}

Result<RecordPartitions::Split> RecordPartitions::Run(const ChangelogBatch& batch,
                                                      const FileNamePattern& names) const {
  const auto& data = static_cast<const arrow::BinaryArray&>(*batch.rows->column(0));
  std::vector<ValueGroup> groups;
  absl::flat_hash_map<std::string, size_t> index_of;
  Split split;
  simdjson::dom::parser parser;
  // The group of one record; what fails is noted.
  auto place = [&](int64_t row, std::string_view record) -> Status {
    simdjson::dom::element root;
    if (auto error = parser.parse(record.data(), record.size()).get(root)) {
      return MakeError(ErrorCode::kInvalidRecord,
                       std::string("the record is not JSON: ") + simdjson::error_message(error));
    }
    ASSIGN_OR_RETURN(std::vector<std::string> values, query_.Run(root));
    RETURN_IF_ERROR(names.CheckKeys(values));
    std::string id;
    for (const std::string& value : values) id += value + '\0';
    auto [found, is_new] = index_of.try_emplace(std::move(id), groups.size());
    if (is_new) groups.push_back({.values = std::move(values), .rows = {}, .data = {}});
    groups[found->second].rows.push_back(row);
    groups[found->second].data.push_back(record);
    return Status::OK();
  };
  auto fail = [&](int64_t row, std::string_view record, const Status& problem) {
    split.failed.push_back(
        {.row = row, .data = std::string(record), .problem = TextOf(problem).message});
  };
  for (int64_t row = 0; row < data.length(); ++row) {
    const std::string_view whole = data.GetView(row);
    std::vector<std::string_view> records = {whole};
    if (options_.splits_json) {
      auto objects = SplitJsonObjects(whole);
      if (!objects.ok()) {
        fail(row, whole, objects.status());
        continue;
      }
      records = *std::move(objects);
    }
    for (std::string_view record : records) {
      Status placed = place(row, record);
      if (!placed.ok()) fail(row, record, placed);
    }
  }
  for (ValueGroup& group : groups) {
    ASSIGN_OR_RETURN(ChangelogBatch rows, RowsOfGroup(*batch.rows, group));
    split.parts.push_back({.values = std::move(group.values), .rows = std::move(rows)});
  }
  return split;
}

}  // namespace mainstem::sink
