// Delivers one partition into a table of Redshift, by files in S3. Private to redshift.
//
// The files of a load are made for it and removed after it; they lie under
//   <sink.copy.path>/<hash of the delivery>-<partition>/
// where nobody else writes, so that an opening writer removes what a crash has left there.
#pragma once

#include <memory>
#include <string>

#include "connector/drift.h"
#include "connector/s3/object_store.h"
#include "connector/table.h"
#include "sink/redshift/redshift_table.h"

namespace mainstem::sink {

struct RedshiftSinkOptions {
  std::string table_name;  // in SQL
  RedshiftOptions redshift;
  std::shared_ptr<connector::ObjectStore> store;
  std::string bucket;
  std::string prefix;  // of keys: "a/b/" or empty
  int64_t max_rows = 0;
  Duration interval{};
  connector::DriftPolicy drift = connector::DriftPolicy::kFail;
};

std::unique_ptr<connector::DeliveryWriter> MakeRedshiftWriter(
    Env* env, std::shared_ptr<const RedshiftSinkOptions> options, std::string delivery_id,
    PartitionId partition);

}  // namespace mainstem::sink
