// The one interface between the engine and the outside: a table as declared by CREATE TABLE, its
// source (splits and their readers) and its sink. The engine (process/) calls it, connectors
// (source/, sink/) implement it, connector/registry.h joins the two.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "core/env.h"
#include "format/changelog.h"
#include "storage/log.h"

namespace mainstem::connector {

struct MetadataColumn {
  std::string column;  // name in the table
  std::string key;     // connector's name: 'timestamp', 'offset', 'partition', 'file.path' ...
  bool is_virtual = false;
};

// What CREATE TABLE said, after checks that need no connector.
struct TableDescriptor {
  std::string name;                                   // for messages
  std::shared_ptr<arrow::Schema> schema;              // physical columns, then metadata columns
  std::vector<MetadataColumn> metadata_columns = {};  // those of `schema` that are not physical
  std::vector<std::string> primary_key = {};
  std::vector<std::string> partition_keys = {};
  std::map<std::string, std::string> options = {};  // the WITH clause, 'connector' included
};

// What a connector may use; outlives every object made from it.
struct ConnectorContext {
  Env* env = nullptr;
  storage::Log* log = nullptr;                  // this node's own log; null in tools without one
  std::vector<std::string> own_addresses = {};  // bootstrap addresses that mean this node
  std::string time_zone = "UTC";                // table.local-time-zone
  std::string base_directory = {};              // relative paths are resolved against it
};

// ---- sources

// A part of a source that is read in order: a topic partition, a file, a generator's share.
struct SourceSplit {
  std::string id;        // stable over restarts: "clicks/3", "file:/var/log/a.log#inode"
  std::string position;  // opaque start position; what a reader reported, or the initial one
};

struct RejectedRecord {
  std::string origin;     // "clicks/3@1042", "a.log:17"
  std::string raw_bytes;  // as received, cut at 64 KiB
  Status cause;
};

struct SourceBatch {
  ChangelogBatch batch;  // columns of the scan's projection; may have 0 rows
  std::string position;  // to restart after this batch
  std::vector<RejectedRecord> rejected;
  size_t bytes_read = 0;
  bool end_of_split = false;  // bounded split is exhausted
  // Nothing unread right now: the split is at its high watermark. Exact idleness builds on it.
  bool caught_up = false;
  int64_t lag_records = -1;  // unread records after this batch; -1 unknown
};

class SplitReader {
 public:
  virtual ~SplitReader() = default;
  // Waits for data up to `deadline`; then an empty batch. `max_rows` is soft.
  virtual Task<SourceBatch> Read(size_t max_rows, TimePoint deadline) = 0;
};

// How a look-up join asks (options 'lookup.*' of the table).
struct LookupOptions {
  bool caches = false;
  int64_t cache_rows_max = -1;      // -1: only by memory
  Duration expires_after_write{};   // 0: never
  Duration expires_after_access{};  // 0: never
  bool caches_missing_keys = true;
  int retries_max = 3;
};

// Finds rows of a table by the values of some columns.
class TableLookup {
 public:
  virtual ~TableLookup() = default;
  virtual const LookupOptions& options() const = 0;
  // `keys`: different keys without NULL, the key columns in order. All rows that have one of them,
  // in the columns of the projection. Retriable errors are retried by the caller.
  virtual Task<std::shared_ptr<arrow::RecordBatch>> Find(
      std::shared_ptr<arrow::RecordBatch> keys) = 0;
};

class TableSource {
 public:
  virtual ~TableSource() = default;
  virtual bool bounded() const = 0;
  // May emit updates and deletes (a changelog format).
  virtual bool insert_only() const { return true; }
  // Rows are the newest of their PRIMARY KEY, deletions tell the key only: what was before is not
  // told. Not insert_only() then.
  virtual bool upserts() const { return false; }
  // The table's schema may leave out fields of its ROW columns: they are found by name, not by
  // position, and those left out are not decoded.
  virtual bool reads_rows_by_name() const { return false; }
  // All splits known now, with initial positions; asked again every discovery_interval() (zero:
  // once). New ids are new splits; ids never change meaning.
  virtual Task<std::vector<SourceSplit>> DiscoverSplits() = 0;
  virtual Duration discovery_interval() const { return Duration::zero(); }
  // `projection`: indices into TableDescriptor::schema, in output order. Called on the task's
  // shard.
  virtual Task<std::unique_ptr<SplitReader>> OpenSplit(SourceSplit split,
                                                       std::vector<int> projection) = 0;
  // Whether rows can be found by key: for look-up joins.
  virtual bool can_look_up() const { return false; }
  // Columns are indices into TableDescriptor::schema; the projection has the key columns, too.
  virtual Result<std::unique_ptr<TableLookup>> MakeLookup(std::vector<int> key_columns,
                                                          std::vector<int> projection);
  // The checkpoint that holds these positions is complete: commit them outside (group offsets).
  virtual Task<> OnCheckpointComplete(std::vector<SourceSplit> positions) {
    co_return Status::OK();
  }
};

// ---- sinks

enum class SinkKind : uint8_t {
  kInline,    // written by the task itself, at least once: print, blackhole, collect
  kLog,       // records into topics of this node's log: committed with the job's epoch, but for
              // those that ask for less
  kDelivery,  // outside: an independent reader of an internal topic, see DeliveryWriter
};

// In which changelog the sink wants its rows.
enum class SinkMode : uint8_t { kAppendOnly, kUpsert, kRetract };

class InlineWriter {
 public:
  virtual ~InlineWriter() = default;
  virtual Task<> Write(ChangelogBatch batch) = 0;
  virtual Task<> Finish() { co_return Status::OK(); }  // bounded input has ended
};

// Encodes rows to records of topics. Pure; the engine appends them with its epoch.
struct LogRecord {
  storage::TopicPartition partition;
  std::optional<std::string> key;
  std::optional<std::string> value;  // nullopt: tombstone
  std::vector<std::pair<std::string, std::string>> headers;
  int64_t timestamp_ms = -1;  // -1: now
};
class LogWriter {
 public:
  virtual ~LogWriter() = default;
  // Rows that the topic can't take go to `refused` (as text, with the cause), the others are
  // returned, in their order.
  virtual Result<std::vector<LogRecord>> Encode(const ChangelogBatch& batch,
                                                std::vector<RejectedRecord>* refused) = 0;
  // What a batch of them may have at most.
  virtual size_t max_batch_bytes() const { return SIZE_MAX; }
};

// Keeps rows that a destination refused. Outlives the writers that know it.
class RejectHandler {
 public:
  virtual ~RejectHandler() = default;
  // Called before the position moves past the rows: once this returns OK they are safe elsewhere.
  // After a crash between the two the same rows come again (equal origins).
  virtual Task<> OnRejected(std::vector<RejectedRecord> records) = 0;
};

// Delivers one partition of a job's internal topic. Exactly once: the position is stored in the
// destination together with the rows.
class DeliveryWriter {
 public:
  virtual ~DeliveryWriter() = default;
  // Connects, checks table and rights, and returns the position stored there (nullopt: none).
  virtual Task<std::optional<Offset>> Open() = 0;
  // Takes rows of the log up to (excluding) `end`. May buffer. Errors that are IsRetriable are
  // retried for ever by the caller after Open() is called anew on a new writer.
  virtual Task<> Deliver(ChangelogBatch batch, Offset end) = 0;
  // Makes all delivered rows and their position durable; returns it. Called when input pauses, at
  // most every flush interval, and with `final` at the end of a bounded job.
  struct FlushOptions {
    bool final = false;
  };
  virtual Task<Offset> Flush(FlushOptions options) = 0;

  // Without a handler a row that the destination refuses is an error of Deliver or Flush, with
  // nothing of its batch written. `handler` may be null; set it before Open.
  void set_reject_handler(RejectHandler* handler) { reject_handler_ = handler; }

 protected:
  RejectHandler* reject_handler() const { return reject_handler_; }
  // What is refused is kept by somebody else before the position passes it. Without a handler: the
  // cause of the first.
  Task<> KeepRefused(std::vector<RejectedRecord> refused);

 private:
  RejectHandler* reject_handler_ = nullptr;
};

class TableSink {
 public:
  virtual ~TableSink() = default;
  virtual SinkKind kind() const = 0;
  virtual SinkMode mode() const = 0;
  // Says what is promised: "exactly once (position in the same transaction)".
  virtual std::string guarantee() const = 0;
  // kLog: its records are appended as they come, at least once, not with the job's epoch.
  virtual bool writes_at_once() const { return false; }
  // Exactly one of these works, by kind().
  virtual Result<std::unique_ptr<InlineWriter>> MakeInlineWriter(int subtask);
  virtual Task<std::unique_ptr<LogWriter>> MakeLogWriter();
  // `delivery_id` names job and sink, stable over restarts; `partition` of the internal topic.
  virtual Result<std::unique_ptr<DeliveryWriter>> MakeDeliveryWriter(std::string delivery_id,
                                                                     PartitionId partition);
};

}  // namespace mainstem::connector
