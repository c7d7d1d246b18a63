// The delivery writer of the file sink: keeps one open file for each folder, ends them by size and
// time, and commits all of them with the position as one (file_target.h).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "connector/s3/object_store.h"
#include "connector/table.h"
#include "sink/filesystem/file_compressor.h"
#include "sink/filesystem/file_encoder.h"
#include "sink/filesystem/file_name.h"
#include "sink/filesystem/partition_path.h"
#include "sink/filesystem/record_partitions.h"

namespace mainstem::sink {

struct FileSinkOptions {
  std::string table_name = {};  // in SQL
  std::string path;             // of the local disk
  // Set: objects of this bucket instead, whose keys begin with `prefix` ("a/b/" or empty).
  std::shared_ptr<connector::ObjectStore> store = {};
  std::string bucket = {};
  std::string prefix = {};
  std::string success_file = {};  // empty: none; as FileCommitter's
  PartitionLayout layout;
  std::shared_ptr<const FileEncoderFactory> encoders;
  std::optional<FileNamePattern> names = {};  // none: they tell what a file holds
  // Set: a file for each set of values that it finds in rows of bytes, which `names` has.
  std::optional<RecordPartitions> records = {};
  FileCompression compression = FileCompression::kNone;
  int64_t file_bytes = 128 << 20;  // before compression
  Duration rollover = std::chrono::minutes(30);
  Duration inactivity = std::chrono::minutes(30);
  // INSERT OVERWRITE (connector/overwrite.h): at the end the folders of the files are replaced, of
  // a table without partitions all, and `overwritten_folder` ("day=1/") without a row, too.
  bool overwrites = false;
  std::string overwritten_folder = {};
};

// Flush without `final` commits only what the rolling policy has made due: the position it returns
// may stay behind what was delivered.
std::unique_ptr<connector::DeliveryWriter> MakeFileWriter(
    Env* env, std::shared_ptr<const FileSinkOptions> options, std::string delivery_id,
    PartitionId partition);

}  // namespace mainstem::sink
