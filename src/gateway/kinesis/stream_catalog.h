// The streams of the node: every topic that is not internal is one. Finds them, makes and deletes
// them, and changes what a stream is beyond its topic. A topic that nobody has used as a stream yet
// becomes one at its first use. Find may be called on any shard; changes run on the home shard, one
// at a time, and are durable when they return.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/logging.h"
#include "gateway/kinesis/stream.h"

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
  // off. On the home shard.
  Task<> Start();

  // Null when there is none.
  Task<StreamPtr> Find(std::string name);
  Task<StreamPtr> Find(storage::TopicId id);
  // Topics that are streams, sorted by name; without waiting.
  std::vector<storage::TopicInfo> List() const;

  Task<> Create(NewStream stream);  // kAlreadyExists
  Task<> Delete(StreamPtr stream);
  // Applies `change` to the newest meta and makes it durable. When it adds shards, their parents
  // are closed: the call returns when nobody can write to them any more.
  using Change = std::function<Status(const Stream& stream, StreamMeta* meta)>;
  Task<> Update(storage::TopicId id, Change change);
  // Sets these keys of the topic's configuration.
  Task<> SetConfig(storage::TopicId id, storage::TopicConfig changes);

 private:
  struct Entry {
    StreamMeta meta;
    std::shared_ptr<const WriteToken> writing;
    StreamPtr stream;  // made when somebody asks
  };
  class Lock;

  StreamPtr FindKnown(const storage::TopicInfo& topic);
  Task<StreamPtr> FindTopic(std::optional<storage::TopicInfo> topic);
  Task<> Adopt(storage::TopicId id);
  Task<> Prune();
  Task<> CreateHere(NewStream stream);
  Task<> DeleteHere(StreamPtr stream);
  Task<> SetConfigHere(storage::TopicId id, storage::TopicConfig changes);
  Task<> UpdateHere(storage::TopicId id, Change change);
  Task<> Persist(storage::TopicId id, const StreamMeta& meta);
  // Shows it to everybody. Gives what writers by the streams shown before hold.
  enum class Routes : uint8_t { kSame, kNew };
  std::weak_ptr<const WriteToken> Publish(storage::TopicId id, StreamMeta meta, Routes routes);
  Task<> FinishReshard(storage::TopicId id, StreamMeta meta);
  Task<> Acquire();

  Env* const env_;
  storage::Log* const log_;
  const Logger logger_;
  const Executor home_;
  bool locked_ = false;  // home shard only
  Event released_;
  mutable std::mutex mutex_;  // guards entries_; held for look-ups only
  std::map<storage::TopicId, Entry> entries_;
};

}  // namespace mainstem::gateway::kinesis
