#include "sink/opensearch/index_drift.h"

#include <arrow/api.h>

namespace mainstem::sink {
namespace {

std::string StaticNameOf(const OpenSearchOptions& options) {
  auto no_rows = arrow::RecordBatch::Make(options.schema, 0, arrow::ArrayVector());
  return options.index.NameOf(*no_rows, 0).value_or("");
}

}  // namespace

Result<connector::Differences> FindIndexDifferences(SearchCluster* cluster,
                                                    const OpenSearchOptions& options) {
  connector::Differences none;
  if (!options.index.is_static()) return none;
  const std::string name = StaticNameOf(options);
  Result<std::optional<IndexMapping>> mapping = cluster->ReadMapping(name);
  if (Is(mapping.status(), ErrorCode::kPermissionDenied)) return none;
  RETURN_IF_ERROR(mapping);
  if (!*mapping) return none;
  return CompareMapping(name, **mapping, *options.schema);
}

Status EvolveIndex(SearchCluster* cluster, const OpenSearchOptions& options) {
  ASSIGN_OR_RETURN(connector::Differences differences, FindIndexDifferences(cluster, options));
  for (const connector::Difference& difference : differences) {
    if (difference.statement.empty()) continue;
    // Adding a field that is there is no error.
    RETURN_IF_ERROR(cluster->AddField(
        StaticNameOf(options), FieldMapping(*options.schema->GetFieldByName(difference.column))));
  }
  return Status::OK();
}

}  // namespace mainstem::sink
