// Where the current metadata of one Iceberg table is kept, and how it is replaced: the seam between
// commits and catalogs. Implementations: hadoop_catalog.h (files alone), rest_catalog.h.
#pragma once

#include <memory>
#include <optional>

#include "connector/iceberg/table_metadata.h"
#include "core/executor.h"

namespace mainstem::connector::iceberg {

using MetadataPtr = std::shared_ptr<const TableMetadata>;

// Of one table. Not thread-safe: one call at a time.
class Catalog {
 public:
  virtual ~Catalog() = default;
  // nullopt: there is no such table.
  virtual Task<std::optional<MetadataPtr>> Load() = 0;
  // kAlreadyExists when somebody else has made it meanwhile.
  virtual Task<MetadataPtr> Create(NewTable table) = 0;
  // The change on top of `base`. kAlreadyExists: the table has changed since, nothing was done.
  // After any other error it may have been done, or be done at any later moment, unless another
  // commit comes first.
  virtual Task<MetadataPtr> Commit(MetadataPtr base, TableChange change) = 0;
  // "warehouse.db.table", for messages.
  virtual std::string TableName() const = 0;
};

}  // namespace mainstem::connector::iceberg
