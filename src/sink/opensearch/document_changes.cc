#include "sink/opensearch/document_changes.h"

#include <algorithm>

#include <absl/container/flat_hash_map.h>
#include <arrow/api.h>
#include <fmt/format.h>

namespace mainstem::sink {
namespace {

// The limit of the server, which would refuse the whole request that holds a longer one.
constexpr size_t kIdBytesMax = 512;

RowKind KindOf(const ChangelogBatch& batch, int64_t row) {
  return batch.kinds.empty() ? RowKind::kInsert : batch.kinds[static_cast<size_t>(row)];
}

std::string IdOfKey(const DocumentNaming& naming, const arrow::RecordBatch& rows, int64_t row) {
  std::string id;
  for (size_t i = 0; i < naming.key_columns.size(); ++i) {
    if (i > 0) id += naming.key_delimiter;
    const arrow::Array& column = *rows.column(naming.key_columns[i]);
    if (column.IsNull(row)) {
      id += "null";
    } else {
      AppendJavaText(column, row, &id);
    }
  }
  return id;
}

class Folder {
 public:
  explicit Folder(const DocumentNaming& naming) : naming_(naming) {}

  Status Add(const DeliveredRows& delivery) {
    const arrow::RecordBatch& rows = *delivery.batch.rows;
    for (int64_t row = 0; row < rows.num_rows(); ++row) {
      RowKind kind = KindOf(delivery.batch, row);
      if (kind == RowKind::kUpdateBefore) continue;
      if (naming_.key_columns.empty() && kind != RowKind::kInsert) {
        return MakeError(ErrorCode::kInvalidArgument,
                         {.message = "a table without a PRIMARY KEY takes inserts only",
                          .hint = "declare PRIMARY KEY (...) NOT ENFORCED in the SQL table"});
      }
      AddRow(delivery, row, kind == RowKind::kDelete);
    }
    row_count_ += rows.num_rows();
    return Status::OK();
  }

  void Finish(DocumentChanges* changes) {
    changes->changes.reserve(last_.size());
    for (auto& [name, change] : last_) changes->changes.push_back(std::move(change));
    std::sort(changes->changes.begin(), changes->changes.end(),
              [](const DocumentChange& a, const DocumentChange& b) { return a.row < b.row; });
    changes->unnamed = std::move(unnamed_);
  }

 private:
  void AddRow(const DeliveredRows& delivery, int64_t row, bool is_delete) {
    const arrow::RecordBatch& rows = *delivery.batch.rows;
    int64_t place = row_count_ + row;
    std::optional<std::string> index = naming_.index->NameOf(rows, row);
    if (!index) {
      unnamed_.push_back({place, is_delete, "a column of the option 'index' is NULL"});
      return;
    }
    std::string id = naming_.key_columns.empty()
                         ? fmt::format("{:x}-{}-{}-{}", naming_.first_version,
                                       naming_.partition.value(), delivery.end.value(), row)
                         : IdOfKey(naming_, rows, row);
    if (id.empty() || id.size() > kIdBytesMax) {
      unnamed_.push_back({place, is_delete,
                          fmt::format("its key makes a document id of {} bytes: 1 to {} can be",
                                      id.size(), kIdBytesMax)});
      return;
    }
    std::string name = *index + '\0' + id;
    last_[std::move(name)] = {.row = place,
                              .is_delete = is_delete,
                              .index = std::move(*index),
                              .id = std::move(id),
                              .version = naming_.first_version + delivery.end.value()};
  }

  const DocumentNaming& naming_;
  absl::flat_hash_map<std::string, DocumentChange> last_;
  std::vector<UnnamedRow> unnamed_;
  int64_t row_count_ = 0;
};

}  // namespace

Result<DocumentChanges> FoldDocuments(const DocumentNaming& naming,
                                      const std::vector<DeliveredRows>& deliveries) {
  DocumentChanges changes;
  arrow::RecordBatchVector parts;
  Folder folder(naming);
  for (const DeliveredRows& delivery : deliveries) {
    const arrow::RecordBatch& rows = *delivery.batch.rows;
    // The declared schema: names and nullability of a query's own may differ.
    auto part = arrow::RecordBatch::Make(naming.schema, rows.num_rows(), rows.columns());
    RETURN_IF_ERROR(folder.Add({.batch = {part, delivery.batch.kinds}, .end = delivery.end}));
    parts.push_back(std::move(part));
  }
  if (parts.empty()) {
    ASSIGN_OR_RETURN(changes.rows, arrow::RecordBatch::MakeEmpty(naming.schema));
    return changes;
  }
  ASSIGN_OR_RETURN(changes.rows, arrow::ConcatenateRecordBatches(parts));
  folder.Finish(&changes);
  return changes;
}

}  // namespace mainstem::sink
