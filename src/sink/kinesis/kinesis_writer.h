// Puts the rows of one partition of a delivery into a stream: see kinesis_sink.h. Private to this
// folder.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "connector/kinesis/kinesis_stream.h"
#include "connector/options.h"
#include "connector/table.h"

namespace mainstem::sink {

// What a table's options say.
struct KinesisSinkOptions {
  std::string table_name;
  std::string stream_name;
  std::shared_ptr<arrow::Schema> schema;
  connector::FormatChoice format;
  std::vector<int> key_columns = {};  // of PARTITIONED BY, else of the PRIMARY KEY
  std::string key_delimiter = "|";
  bool is_fixed = false;   // without key columns: one key for all of a writer; else a random one
  bool is_upsert = false;  // deletions are records without data
  bool fails_at_once = false;
  size_t records_max = 500;  // of one call
  size_t bytes_max = 5 << 20;
};

// How far each partition has come, kept from one writer to the next while the process lives: the
// stream cannot be asked. Thread-safe.
class KinesisProgress {
 public:
  struct Place {
    std::optional<Offset> position;  // all rows before it are in the stream
    // Of the delivery behind it, which ends here, so many records are there, too.
    Offset part_end;
    size_t part_sent = 0;
  };
  Place Find(const std::string& id) const;
  void Set(const std::string& id, Place place);

 private:
  mutable std::mutex mutex_;  // guards places_
  std::map<std::string, Place> places_;
};

// The key columns' values as texts with delimiters between, its first 256 characters: what Kinesis
// takes. Empty: no key.
std::string PartitionKeyOf(const arrow::RecordBatch& rows, int64_t row,
                           const KinesisSinkOptions& options);

std::unique_ptr<connector::DeliveryWriter> MakeKinesisWriter(
    Env* env, std::shared_ptr<const KinesisSinkOptions> options,
    std::shared_ptr<KinesisProgress> progress, std::shared_ptr<connector::KinesisStream> stream,
    std::string delivery_id, PartitionId partition);

}  // namespace mainstem::sink
