// Which shards of a stream may be read when: a child only behind its parents, so that records of
// one partition key keep their order when shards are split and merged. Pure but for its lock: the
// job discovers, readers on other shards tell how far they are. Private to kinesis.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "connector/kinesis/kinesis_stream.h"

namespace mainstem::source {

class ShardLineage {
 public:
  // These have been given out before; `ended` of them are read to their ends. All else is
  // forgotten.
  void Restore(const std::vector<std::string>& given, const std::set<std::string>& ended);

  // Of a listing of the stream those that may be read now; each shard once. Shards that end where
  // one that was given out begins (parents of parents, too) are older than the job and never read.
  // kNewest: the first listing of a job that wants nothing older; those that are written to.
  enum class Want : uint8_t { kAll, kNewest };
  std::vector<std::string> Take(const std::vector<connector::KinesisShard>& listing, Want want);

  void SetOpened(const std::string& shard);
  // All of its records are with the operators: its children may come.
  void SetDrained(const std::string& shard);
  // Whether the reader of a drained shard may leave: its children are being read, so that the
  // watermark can't run ahead of them in between; or a listing knows none.
  bool MayEnd(const std::string& shard) const;

 private:
  struct State {
    bool is_opened = false;
    bool is_drained = false;
    bool is_listed_since = false;  // a listing was taken after it was drained
    std::vector<std::string> children = {};
  };
  // Those that a shard which was given out descends from.
  std::set<std::string> OlderOnes(const std::vector<connector::KinesisShard>& listing) const;

  mutable std::mutex mutex_;
  std::map<std::string, State> given_;
};

}  // namespace mainstem::source
