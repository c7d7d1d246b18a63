// Where the files of a table come to lie: a folder of the local disk (local_target.h) or a bucket
// (object_target.h). Files are invisible while they are written, and become visible with a commit
// that also stores how far the delivery is. Private to filesystem; owned by a FileWriter.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/executor.h"
#include "core/ids.h"
#include "core/status.h"

namespace mainstem::sink {

class PendingFile {
 public:
  virtual ~PendingFile() = default;
  virtual Task<> Append(std::string bytes) = 0;
  // The file is whole: the next Commit makes it visible. `end`: of the rows in it.
  virtual Task<> Finish(Offset end) = 0;
};

// Lifecycle: Recover once, then the others in turn, until one fails. One target for a delivery's
// partition at a time.
class FileTarget {
 public:
  virtual ~FileTarget() = default;
  // Finishes a commit that was cut off, removes leftovers; the position, if there is one.
  virtual Task<std::optional<Offset>> Recover() = 0;

  struct NewFile {
    std::string folder;  // "day=1/", relative to the table's; may be empty
    std::string suffix;  // ".parquet"
    Offset start;        // of the rows in it
    // Instead of a name that tells what the file holds; nobody else uses it. May have folders.
    std::string name = {};  // "2026/11/30/clicks-3f2a.gz"
  };
  // The target outlives its files.
  virtual Task<std::unique_ptr<PendingFile>> Start(NewFile file) = 0;
  // Everything that was finished, and the position: durable and visible when it returns. No file
  // is pending.
  virtual Task<> Commit(Offset position) = 0;
  // As Commit, and what these folders held before is gone when it returns; "" is the table's own,
  // with all below it. Where it is cut off, Recover makes all of it true, or nothing has changed.
  virtual Task<> Replace(Offset position, std::vector<std::string> folders) = 0;
};

// Names this delivery's partition in the names of files: "3f2a...-0". By a hash: manifests hold the
// id itself, so that two ids that meet in one are noticed.
std::string DeliveryTag(const std::string& delivery_id, PartitionId partition);

Status DamagedManifest(const std::string& what);

}  // namespace mainstem::sink
