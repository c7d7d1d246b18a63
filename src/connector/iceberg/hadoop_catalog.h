// The catalog that is nothing but files: <warehouse>/<database>/<table>/metadata/vN.metadata.json,
// of which the one with the greatest N counts, and version-hint.text, which names an N from which
// to look. Version N+1 is written by who finds its name free: by a conditional put in a bucket, by
// a link on the local disk, so of several who try at once one succeeds.
#pragma once

#include <memory>
#include <string>

#include "connector/iceberg/catalog.h"
#include "connector/iceberg/lake_files.h"

namespace mainstem::connector::iceberg {

struct HadoopCatalogOptions {
  std::string warehouse;  // location
  std::string database;   // "a.b" lies in a/b
  std::string table;
};
std::unique_ptr<Catalog> MakeHadoopCatalog(Env* env, std::shared_ptr<LakeFiles> files,
                                           HadoopCatalogOptions options);

}  // namespace mainstem::connector::iceberg
