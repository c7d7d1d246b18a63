// Writes the rows of several Parquet files of an Iceberg table into one, in the table's schema of
// now: columns are found by their ids. Rows go group by group; memory holds one input as it is
// stored, and one of its row groups.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connector/iceberg/table_maintenance.h"

namespace mainstem::sink {

struct RewriterOptions {
  std::string compression = {};               // empty: as the table says
  std::vector<std::string> key_columns = {};  // of a table that is upserted to
};
std::unique_ptr<connector::iceberg::FileRewriter> MakeParquetRewriter(
    Env* env, std::shared_ptr<connector::iceberg::LakeFiles> files, RewriterOptions options);
// Reads only the columns of the key.
std::shared_ptr<connector::iceberg::KeyReader> MakeParquetKeyReader(
    Env* env, std::shared_ptr<connector::iceberg::LakeFiles> files,
    std::vector<std::string> key_columns);

}  // namespace mainstem::sink
