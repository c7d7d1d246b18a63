// The streams of the node: every topic that is not internal is one. Finds them, makes and deletes
// them, and changes what a stream is beyond its topic. A topic that nobody has used as a stream yet
// becomes one at its first use. Find may be called on any shard; changes run on the home shard, one
// at a time, each to its end even when its caller has gone, and are durable when they return.
// Nobody may hold a StreamPtr while waiting for a change: a resharding waits for all of its stream.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/logging.h"
#include "gateway/kinesis/stream.h"
#include "storage/changes_in_turn.h"

namespace mainstem::gateway::kinesis {

// The topic's max.message.bytes for records of that size.
int64_t BatchBytesFor(int32_t record_kib_max);

struct NewStream {
  std::string name;
  int32_t shard_count = 1;
  StreamMeta meta{};  // created_ms is set here
};

class StreamCatalog {
 public:
  // Borrows env and log.
  StreamCatalog(Env* env, storage::Log* log, Logger logger);

  // Reads what is known, drops what belongs to deleted topics, ends reshardings that a crash cut
  // off; those that get no partitions are given up. On the home shard.
  Task<> Start();

  // Null when there is none.
  Task<StreamPtr> Find(std::string name);
  Task<StreamPtr> Find(storage::TopicId id);
  // Topics that are streams, sorted by name; without waiting.
  std::vector<storage::TopicInfo> List() const;

  Task<> Create(NewStream stream);  // kAlreadyExists
  Task<> Delete(storage::TopicId id);
  // Applies `change` to the newest meta and makes it durable. When it adds shards, their parents
  // are closed: the call returns when nobody can write to them any more. When the topic gets no
  // partitions for them, nothing has changed.
  using Change = std::function<Status(const Stream& stream, StreamMeta* meta)>;
  Task<> Update(storage::TopicId id, Change change);
  // Sets these keys of the topic's configuration.
  Task<> SetConfig(storage::TopicId id, storage::TopicConfig changes);

 private:
  struct Entry {
    StreamMeta meta;
    std::shared_ptr<const WriteToken> writing;
    StreamPtr stream;  // made when somebody asks
    // While a resharding makes partitions: how many there were. A child that is seen without its
    // parents would be read before them, and they be taken for older than its reader.
    std::optional<int32_t> partitions_shown = {};
  };

  StreamPtr FindKnown(storage::TopicInfo topic);
  Task<StreamPtr> FindTopic(std::optional<storage::TopicInfo> topic);
  Task<> AdoptHere(storage::TopicId id);
  Task<> Prune();
  Task<> CreateHere(NewStream stream);
  Task<> DeleteHere(storage::TopicId id);
  Task<> SetConfigHere(storage::TopicId id, storage::TopicConfig changes);
  Task<> UpdateHere(storage::TopicId id, Change change);
  Task<> Persist(storage::TopicId id, const StreamMeta& meta);
  // Shows it to everybody. Gives what writers by the streams shown before hold.
  enum class Routes : uint8_t { kSame, kNew };
  std::weak_ptr<const WriteToken> Publish(storage::TopicId id, StreamMeta meta, Routes routes);
  Task<> ReshardHere(storage::TopicInfo topic, StreamMeta before, StreamMeta meta);
  void ShowPartitions(storage::TopicId id, std::optional<int32_t> count);
  Task<> AddPartitions(storage::TopicId id, size_t count);
  Task<> CloseParents(storage::TopicId id, StreamMeta meta);
  Task<> FinishReshard(storage::TopicId id, StreamMeta meta);

  Env* const env_;
  storage::Log* const log_;
  const Logger logger_;
  const Executor home_;
  storage::ChangesInTurn changes_;
  mutable std::mutex mutex_;  // guards entries_; held for look-ups only
  std::map<storage::TopicId, Entry> entries_;
};

}  // namespace mainstem::gateway::kinesis
