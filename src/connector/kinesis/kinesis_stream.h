// A Kinesis data stream as its readers and writers see it, wherever it is: the seam between what is
// read and written and who answers (kinesis_client.h; twins in tests).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/executor.h"
#include "core/status.h"

namespace mainstem::connector {

struct KinesisShard {
  std::string id;
  std::string parent = {};           // empty: none
  std::string adjacent_parent = {};  // the second one of a merge
  bool is_open = true;
};

// Where reading a shard begins, or goes on.
struct ShardPosition {
  enum class Kind : uint8_t { kTrimHorizon, kTimestamp, kAfter, kEnd };
  Kind kind = Kind::kTrimHorizon;
  int64_t timestamp_ms = 0;          // kTimestamp: with the first record of that time or later
  std::string sequence_number = {};  // kAfter: behind this record

  // "TRIM_HORIZON", "AT_TIMESTAMP:<ms>", "AFTER:<sequence number>" and "SHARD_END".
  std::string ToString() const;
  static Result<ShardPosition> Parse(const std::string& text);
  bool operator==(const ShardPosition&) const = default;
};

struct KinesisRecord {
  std::string data;
  std::string partition_key;
  std::string sequence_number;
  int64_t arrival_ms = 0;
};

struct KinesisRecords {
  std::vector<KinesisRecord> records;
  std::string next_iterator;  // empty: the shard has ended
  int64_t millis_behind = 0;  // 0: nothing unread right now
  size_t bytes = 0;           // of the answer
};

struct KinesisPut {
  std::string partition_key;
  std::string data;
};

// What became of one record of a call.
struct KinesisPutOutcome {
  std::string error_code = {};  // empty: it is in the stream
  std::string message = {};
};

// Calls are tried again while that may help, for half a minute; errors name stream, right and cure.
// kNotFound: there is no such stream, or shard; kOffsetOutOfRange: the iterator has expired;
// kResourceExhausted: throttled all that time.
class KinesisStream {
 public:
  virtual ~KinesisStream() = default;
  // All that the stream still has records of.
  virtual Task<std::vector<KinesisShard>> ListShards() = 0;
  virtual Task<std::string> GetIterator(std::string shard, ShardPosition position) = 0;
  virtual Task<KinesisRecords> GetRecords(std::string iterator, int64_t limit) = 0;
  // One outcome for each record, in their order.
  virtual Task<std::vector<KinesisPutOutcome>> PutRecords(std::vector<KinesisPut> records) = 0;
  // How many bytes key and data of a record may have together.
  virtual Task<int64_t> RecordBytesMax() = 0;
  // The time of the server, as far as it is known.
  virtual int64_t NowMs() const = 0;
};

}  // namespace mainstem::connector
