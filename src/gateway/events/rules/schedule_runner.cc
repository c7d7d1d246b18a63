#include "gateway/events/rules/schedule_runner.h"

#include <algorithm>

#include <absl/strings/numbers.h>
#include <absl/time/time.h>

#include "core/json_writer.h"
#include "gateway/aws/epoch_appends.h"
#include "gateway/aws/random_id.h"
#include "gateway/aws/standing_task.h"
#include "gateway/events/rules/schedule.h"
#include "gateway/events/rules/taken_event.h"

namespace mainstem::gateway::events {
namespace {

constexpr int64_t kMadeUpMs = 86'400'000;  // no older than an event on the bus
// The wall clock may be set meanwhile.
constexpr int64_t kClockLookMs = 30'000;
constexpr std::string_view kScheduleSource = "aws.events";

std::string JobOfSchedule(std::string_view schedule_id) {
  return "event-schedule/" + std::string(schedule_id);
}

// One rule's schedule while it runs: until it is never due again.
class ScheduleTask final : public aws::StandingTask {
 public:
  ScheduleTask(const ScheduleRunner::Parts& parts, RuleKey key, const Rule& rule, Schedule schedule)
      : parts_(parts),
        key_(std::move(key)),
        region_(rule.region),
        begin_ms_(rule.schedule_begin_ms),
        job_(JobOfSchedule(rule.schedule_id)),
        schedule_(schedule) {}

 private:
  int64_t NowMs() const { return parts_.env->WallTime().value(); }

  void TellWaiting(const Status& cause) override {
    parts_.logger.Warning("schedule of a rule waits", {{"rule", key_.name}, {"error", cause}});
  }

  Task<> Work() override {
    CO_ASSIGN_OR_RETURN(storage::JobEpoch last, co_await parts_.log->LastEpoch(job_));
    epoch_ = last.epoch;
    int64_t last_ms = begin_ms_;
    CHECK(epoch_ == 0 || absl::SimpleAtoi(last.metadata, &last_ms));
    while (true) {
      int64_t from_ms = std::max(last_ms, NowMs() - kMadeUpMs);
      auto next = schedule_.Next(from_ms, begin_ms_);
      if (!next) co_return Status::OK();
      int64_t left_ms = *next - NowMs();
      if (left_ms > 0) {
        auto pause = std::chrono::milliseconds(std::min(left_ms, kClockLookMs));
        CO_RETURN_IF_ERROR(co_await Sleep(pause));
        continue;
      }
      last_ms = LastBefore(*next);
      CO_RETURN_IF_ERROR(co_await Put(last_ms));
    }
  }

  // The last time until now, of which `due_ms` is one.
  int64_t LastBefore(int64_t due_ms) const {
    for (auto next = schedule_.Next(due_ms, begin_ms_); next && *next <= NowMs();
         next = schedule_.Next(due_ms, begin_ms_)) {
      due_ms = *next;
    }
    return due_ms;
  }

  Task<> Put(int64_t due_ms) {
    CO_ASSIGN_OR_RETURN(storage::TopicPartition partition,
                        co_await parts_.buses->PartitionOf(key_.bus));
    std::string text = EventText(due_ms);
    storage::RecordHeader header{.key = kForRuleHeader, .value = key_.name};
    aws::EpochAppends appends;
    CO_RETURN_IF_ERROR(appends.Add(partition, {.timestamp_ms = NowMs(),
                                               .key = kScheduleSource,
                                               .value = text,
                                               .headers = std::span(&header, 1)}));
    storage::EpochCommit commit{.job_id = job_, .epoch = epoch_ + 1};
    commit.metadata = std::to_string(due_ms);
    CO_ASSIGN_OR_RETURN(commit.appends, appends.Take());
    CO_RETURN_IF_ERROR(co_await parts_.log->CommitEpoch(std::move(commit)));
    parts_.env->CrashPoint("event_schedule.commit");
    ++epoch_;
    co_return Status::OK();
  }

  std::string EventText(int64_t due_ms) const {
    JsonWriter json;
    json.BeginObject().Field("version", "0").Field("id", aws::RandomId(parts_.env));
    json.Field("detail-type", "Scheduled Event").Field("source", kScheduleSource);
    json.Field("account", parts_.account);
    json.Field("time", absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMillis(due_ms),
                                        absl::UTCTimeZone()));
    json.Field("region", region_).Key("resources").BeginArray();
    json.Value(RuleArn({.region = region_, .account = parts_.account}, key_)).EndArray();
    json.Key("detail").BeginObject().EndObject().EndObject();
    return json.Take();
  }

  const ScheduleRunner::Parts& parts_;
  const RuleKey key_;
  const std::string region_;
  const int64_t begin_ms_;
  const std::string job_;
  const Schedule schedule_;
  int64_t epoch_ = 0;
};

}  // namespace

ScheduleRunner::ScheduleRunner(Parts parts)
    : parts_(std::move(parts)),
      running_(parts_.env->shard(0), [this](const std::string&, const Status& status) {
        parts_.logger.Warning("schedule of a rule ended", {{"error", status}});
      }) {}

Status ScheduleRunner::Start(const RuleKey& key, const Rule& rule) {
  ASSIGN_OR_RETURN(Schedule schedule, Schedule::Parse(rule.schedule));
  auto task = std::make_unique<ScheduleTask>(parts_, key, rule, schedule);
  running_.Start(rule.schedule_id, aws::StandingTask::Run(std::move(task)));
  return Status::OK();
}

Task<> ScheduleRunner::End(std::string schedule_id) { return running_.End(std::move(schedule_id)); }

Task<> ScheduleRunner::Forget(std::string schedule_id) {
  CO_RETURN_IF_ERROR(co_await running_.End(schedule_id));
  co_return co_await parts_.log->ForgetJob(JobOfSchedule(schedule_id));
}

Task<> ScheduleRunner::Stop() { return running_.Stop(); }

}  // namespace mainstem::gateway::events
