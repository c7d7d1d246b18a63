// The catalog over a log in memory and jobs that do what the test says: what one stream waits for
// holds up no other, and a removal that can't go on is ended later.
#include "gateway/firehose/stream_catalog.h"

#include <map>

#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "storage/testing/memory_log.h"

namespace mainstem::gateway::firehose {
namespace {

using namespace std::chrono_literals;

// Jobs that are only names.
class NamedJobs final : public connector::JobService {
 public:
  Task<> CheckJob(connector::KeptJob) override { co_return Status::OK(); }
  Task<> PutJob(connector::KeptJob job) override {
    while (job.name == hanging) CO_RETURN_IF_ERROR(co_await Sleep(1s));
    jobs[job.id] = job.script;
    co_return Status::OK();
  }
  Task<> DropJob(std::string id) override {
    CO_RETURN_IF_ERROR(drop_error);
    jobs.erase(id);
    co_return Status::OK();
  }
  Task<bool> HasJob(std::string id) override { co_return jobs.contains(id); }

  std::map<std::string, std::string> jobs;  // the scripts
  std::string hanging;                      // the name of a job whose change does not end
  Status drop_error;
};

struct CatalogWorld {
  explicit CatalogWorld(Env* env) : env(env), log(env) {}
  Task<std::unique_ptr<StreamCatalog>> Open() {
    return StreamCatalog::Open(
        {.env = env, .log = &log, .jobs = &jobs, .logger = Logger::Silent()});
  }
  Env* env;
  storage::MemoryLog log;
  NamedJobs jobs;
};

using CatalogScenario = Task<> (*)(CatalogWorld* world);

Task<> PlayWithCatalog(Env* env, CatalogScenario scenario) {
  CatalogWorld world(env);
  co_return co_await scenario(&world);
}

void RunCatalog(CatalogScenario scenario) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  Status status = env.Run(PlayWithCatalog(&env, scenario), 1h);
  EXPECT_TRUE(status.ok()) << status;
}

DeliveryStream StreamInto(const std::string& prefix) {
  return {.destination_kind = "ExtendedS3DestinationConfiguration",
          .destination = R"({"RoleARN": "arn:aws:iam::000000000000:role/r", "BucketARN": )"
                         R"("arn:aws:s3:::lake", "Prefix": ")" +
                         prefix + "\"}"};
}

StreamCatalog::Change MoveInto(const std::string& prefix) {
  return [destination = StreamInto(prefix).destination](DeliveryStream* stream) {
    stream->destination = destination;
    return Status::OK();
  };
}

Task<> ChangeOneThatHangs(CatalogWorld* world) {
  CO_ASSIGN_OR_RETURN(auto catalog, co_await world->Open());
  CO_RETURN_IF_ERROR(co_await catalog->Create("slow", StreamInto("a/")));
  CO_RETURN_IF_ERROR(co_await catalog->Create("other", StreamInto("a/")));
  world->jobs.hanging = "firehose.slow";
  CO_RETURN_IF_ERROR(co_await catalog->Update("slow", MoveInto("b/")));
  CO_RETURN_IF_ERROR(co_await Sleep(1s));
  world->jobs.hanging = "firehose.new";
  TaskScope creation(world->env->shard(0), "creation", [](const auto&, const Status&) { FAIL(); });
  creation.Spawn("new", catalog->Create("new", StreamInto("a/")));
  CO_RETURN_IF_ERROR(co_await Sleep(1s));
  const TimePoint began = world->env->Now();
  CO_RETURN_IF_ERROR(co_await catalog->Update("other", MoveInto("b/")));
  CO_RETURN_IF_ERROR(co_await catalog->Create("more", StreamInto("a/")));
  CO_RETURN_IF_ERROR(co_await catalog->Delete("more"));
  EXPECT_LT(world->env->Now() - began, 1s);
  EXPECT_EQ(catalog->Find("new"), nullptr);
  world->jobs.hanging.clear();
  CO_RETURN_IF_ERROR(co_await creation.Join());
  EXPECT_NE(catalog->Find("new"), nullptr);
  CO_RETURN_IF_ERROR(co_await Sleep(5s));
  for (const auto& [id, script] : world->jobs.jobs) {
    const std::string name = id.starts_with("firehose-new-") ? "'a/" : "'b/";
    EXPECT_NE(script.find(name), std::string::npos) << id << script;
  }
  EXPECT_EQ(world->jobs.jobs.size(), 3u);
  co_return co_await catalog->Stop();
}

TEST(StreamCatalogTest, WhatOneStreamWaitsForHoldsUpNoOther) { RunCatalog(ChangeOneThatHangs); }

Task<> ExpectNothingIsLeft(CatalogWorld* world) {
  EXPECT_TRUE(world->jobs.jobs.empty());
  EXPECT_TRUE(world->log.ListTopics().empty());
  CO_ASSIGN_OR_RETURN(auto records, co_await world->log.ListMeta("firehose/"));
  EXPECT_TRUE(records.empty());
  co_return Status::OK();
}

// A deletion is answered, and its end comes when it can, also after a start.
Task<> DeleteOnAFullDisk(CatalogWorld* world) {
  CO_ASSIGN_OR_RETURN(auto catalog, co_await world->Open());
  CO_RETURN_IF_ERROR(co_await catalog->Create("clicks", StreamInto("a/")));
  world->jobs.drop_error = MakeError(ErrorCode::kDiskFull, "no room");
  CO_RETURN_IF_ERROR(co_await catalog->Delete("clicks"));
  EXPECT_EQ(catalog->Find("clicks"), nullptr);
  EXPECT_TRUE(Is(co_await catalog->Delete("clicks"), ErrorCode::kNotFound));
  EXPECT_TRUE(Is(co_await catalog->Create("clicks", StreamInto("b/")), ErrorCode::kAlreadyExists));
  CO_RETURN_IF_ERROR(co_await catalog->Stop());
  // Whatever the error, others run.
  world->jobs.drop_error = MakeError(ErrorCode::kUnsupported, "never");
  CO_ASSIGN_OR_RETURN(catalog, co_await world->Open());
  CO_RETURN_IF_ERROR(co_await catalog->Create("other", StreamInto("a/")));
  CO_RETURN_IF_ERROR(co_await Sleep(2min));
  EXPECT_EQ(world->jobs.jobs.size(), 2u);
  world->jobs.drop_error = Status::OK();
  CO_RETURN_IF_ERROR(co_await Sleep(1min));
  EXPECT_EQ(world->jobs.jobs.size(), 1u);
  CO_RETURN_IF_ERROR(co_await catalog->Create("clicks", StreamInto("b/")));
  CO_RETURN_IF_ERROR(co_await catalog->Delete("clicks"));
  CO_RETURN_IF_ERROR(co_await catalog->Delete("other"));
  CO_RETURN_IF_ERROR(co_await ExpectNothingIsLeft(world));
  co_return co_await catalog->Stop();
}

TEST(StreamCatalogTest, ADeletionThatCannotGoOnIsEndedLater) { RunCatalog(DeleteOnAFullDisk); }

}  // namespace
}  // namespace mainstem::gateway::firehose
