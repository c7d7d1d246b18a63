// The catalog over a log in memory, on virtual time: changes whose caller goes, resharding whose
// partitions can't be had, and what a start makes of it.
#include "gateway/kinesis/stream_catalog.h"

#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "gateway/kinesis/resharding.h"
#include "storage/testing/memory_log.h"

namespace mainstem::gateway::kinesis {
namespace {

using namespace std::chrono_literals;

using CatalogScenario = Task<> (*)(Env* env, storage::MemoryLog* log, StreamCatalog* catalog);

Task<> PlayWithCatalog(Env* env, CatalogScenario scenario) {
  storage::MemoryLog log(env);
  StreamCatalog catalog(env, &log, Logger::Silent());
  CO_RETURN_IF_ERROR(co_await catalog.Start());
  NewStream stream{.name = "s"};
  CO_RETURN_IF_ERROR(co_await catalog.Create(std::move(stream)));
  co_return co_await scenario(env, &log, &catalog);
}

void RunCatalog(CatalogScenario scenario) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  Status status = env.Run(PlayWithCatalog(&env, scenario));
  EXPECT_TRUE(status.ok()) << status.ToString();
}

// Splits the first shard that takes keys.
StreamCatalog::Change SplitOne(Env* env) {
  return [env](const Stream& stream, StreamMeta* meta) {
    const Shard& shard = stream.Route(0);
    Resharding change(stream, env->WallTime().value());
    change.Split(shard.index, shard.meta.range.last / 2);
    meta->shards = change.Take();
    return Status::OK();
  };
}

Task<> SplitStream(Env* env, StreamCatalog* catalog, storage::TopicId id) {
  return catalog->Update(id, SplitOne(env));
}

Task<> LetTheCallerGo(Env* env, storage::MemoryLog*, StreamCatalog* catalog) {
  CO_ASSIGN_OR_RETURN(StreamPtr writing, co_await catalog->Find("s"));
  storage::TopicId id = writing->topic().id;
  TaskScope calls(env->shard(0), "calls", [](const std::string&, const Status&) { FAIL(); });
  calls.Spawn("split", SplitStream(env, catalog, id));
  CO_RETURN_IF_ERROR(co_await Sleep(1s));
  calls.Cancel();
  CO_RETURN_IF_ERROR(co_await Sleep(1s));
  writing.reset();
  CO_RETURN_IF_ERROR(co_await calls.Join());
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await catalog->Find("s"));
  EXPECT_EQ(stream->shards().size(), 3u);
  EXPECT_TRUE(stream->FindShard(0)->closed());
  EXPECT_FALSE(stream->is_updating());
  stream.reset();
  co_return co_await SplitStream(env, catalog, id);
}
TEST(StreamCatalogTest, AReshardingEndsWhenItsCallerHasGone) { RunCatalog(LetTheCallerGo); }

// A reader of the stream takes a shard without parents for one that may be read at once.
Task<> LookWhileItIsSplit(Env* env, storage::MemoryLog* log, StreamCatalog* catalog) {
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await catalog->Find("s"));
  storage::TopicId id = stream->topic().id;
  log->partition_delay = 1s;
  TaskScope calls(env->shard(0), "calls", [](const std::string&, const Status&) { FAIL(); });
  calls.Spawn("split", SplitStream(env, catalog, id));
  int looks_before = 0;
  for (int i = 0; i < 30; ++i) {
    stream.reset();
    CO_RETURN_IF_ERROR(co_await Sleep(100ms));
    CO_ASSIGN_OR_RETURN(stream, co_await catalog->Find("s"));
    const bool is_before = stream->shards().size() == 1;
    looks_before += is_before ? 1 : 0;
    for (int32_t child = 1; !is_before && child <= 2; ++child) {
      const Shard* shard = stream->FindShard(child);
      EXPECT_TRUE(shard != nullptr && shard->meta.parent == 0);
    }
  }
  EXPECT_GT(looks_before, 5);
  EXPECT_EQ(stream->shards().size(), 3u);
  co_return co_await calls.Join();
}
TEST(StreamCatalogTest, ChildrenAreNeverSeenWithoutTheirParents) { RunCatalog(LookWhileItIsSplit); }

Task<> RefusePartitions(Env* env, storage::MemoryLog* log, StreamCatalog* catalog) {
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await catalog->Find("s"));
  storage::TopicId id = stream->topic().id;
  stream.reset();
  log->partition_error = MakeError(ErrorCode::kInvalidPartitions, "too many");
  Status refused = co_await SplitStream(env, catalog, id);
  EXPECT_TRUE(Is(refused, ErrorCode::kInvalidPartitions));
  StreamCatalog restarted(env, log, Logger::Silent());
  CO_RETURN_IF_ERROR(co_await restarted.Start());
  for (StreamCatalog* either : {catalog, &restarted}) {
    CO_ASSIGN_OR_RETURN(stream, co_await either->Find("s"));
    EXPECT_EQ(stream->meta().shards.size(), 0u);
    EXPECT_EQ(stream->Route(kHashKeyMax).index, 0);
  }
  co_return Status::OK();
}
TEST(StreamCatalogTest, NothingHasChangedWhenThereAreNoPartitionsForIt) {
  RunCatalog(RefusePartitions);
}

// As a crash leaves it between the two steps.
Task<> StartWithoutPartitions(Env* env, storage::MemoryLog* log, StreamCatalog* catalog) {
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await catalog->Find("s"));
  storage::TopicId id = stream->topic().id;
  StreamMeta meta = stream->meta();
  CO_RETURN_IF_ERROR(SplitOne(env)(*stream, &meta));
  stream.reset();
  CO_RETURN_IF_ERROR(co_await log->PutMeta(StreamMetaKey(id), EncodeStreamMeta(meta)));
  log->partition_error = MakeError(ErrorCode::kInvalidPartitions, "too many");
  for (int i = 0; i < 2; ++i) {
    StreamCatalog restarted(env, log, Logger::Silent());
    CO_RETURN_IF_ERROR(co_await restarted.Start());
    CO_ASSIGN_OR_RETURN(stream, co_await restarted.Find("s"));
    EXPECT_EQ(stream->shards().size(), 1u);
    EXPECT_EQ(stream->Route(kHashKeyMax).index, 0);
    EXPECT_FALSE(stream->is_updating());
    stream.reset();
  }
  log->partition_error = Status::OK();
  StreamCatalog restarted(env, log, Logger::Silent());
  CO_RETURN_IF_ERROR(co_await restarted.Start());
  co_return co_await SplitStream(env, &restarted, id);
}
TEST(StreamCatalogTest, StartsWithAReshardingThatGetsNoPartitions) {
  RunCatalog(StartWithoutPartitions);
}

}  // namespace
}  // namespace mainstem::gateway::kinesis
