// Reads one shard of a stream by polling, from a position to its end. Private to kinesis; a reader
// runs on its task's shard.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "connector/kinesis/kinesis_stream.h"
#include "connector/table.h"
#include "core/backoff.h"
#include "source/kinesis/shard_decoder.h"
#include "source/kinesis/shard_lineage.h"

namespace mainstem::source {

struct ShardReadOptions {
  Env* env = nullptr;
  std::shared_ptr<connector::KinesisStream> stream = {};
  std::shared_ptr<ShardLineage> lineage = {};
  std::string stream_name = {};
  std::string shard = {};
  int64_t fetch_max = 10000;  // records of one call
  Duration empty_pause{};     // behind a call that gave no records
  Duration filled_pause{};    // behind one that did
};

class ShardReader final : public connector::SplitReader {
 public:
  ShardReader(ShardReadOptions options, connector::ShardPosition position,
              std::unique_ptr<ShardDecoder> decoder);

  // The positions it tells are those behind whole records, packed ones, too. Its last rows come
  // with the position "SHARD_END"; the split ends when the shard's children are being read.
  Task<connector::SourceBatch> Read(size_t max_rows, TimePoint deadline) override;

 private:
  Task<connector::SourceBatch> WaitForChildren(TimePoint deadline);
  // Into `waiting_`, unless it is not yet time for that.
  Task<> Fetch(TimePoint deadline);
  Task<connector::SourceBatch> EmptyBatch() const;
  Status Named(const Status& status) const;

  const ShardReadOptions options_;
  connector::ShardPosition position_;
  std::unique_ptr<ShardDecoder> decoder_;
  std::string iterator_;                          // empty: to be asked for
  std::deque<connector::KinesisRecord> waiting_;  // fetched, and not yet given out
  bool is_last_fetched_ = false;                  // nothing comes behind what waits
  bool is_at_tip_ = false;
  TimePoint next_fetch_{};
  Backoff throttled_;
};

}  // namespace mainstem::source
