// Rules and their targets behind the door, on virtual time: how long events wait for a target, what
// becomes of them then, and what a restart keeps.
#include <set>

#include <absl/time/time.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/events/testing/events_door.h"

namespace mainstem::gateway::events {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

Task<> WaitForAnAbsentTarget(EventsDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->MakeRule(R"(,"InputPath":"$.detail.n")"));
  CO_RETURN_IF_ERROR(co_await door->PutOne(R"({\"n\":1})"));
  CO_RETURN_IF_ERROR(co_await Sleep(1h));
  CO_RETURN_IF_ERROR(co_await door->PutOne(R"({\"n\":2})"));
  CO_RETURN_IF_ERROR(co_await door->MakeStream("s"));
  CO_RETURN_IF_ERROR(co_await Sleep(2s));
  CO_ASSIGN_OR_RETURN(auto records, co_await RecordsOf(door, "s"));
  EXPECT_THAT(ValuesOf(records), ElementsAre("1", "2"));
  co_return Status::OK();
}

TEST(RuleDeliveryTest, EventsWaitForATargetThatIsNotThereYet) {
  aws::RunAtDoor<EventsDoor>(ThenStop<WaitForAnAbsentTarget>);
}

Task<> GiveUpByAge(EventsDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->MakeRule(R"(,"RetryPolicy":{"MaximumEventAgeInSeconds":60})"));
  CO_RETURN_IF_ERROR(co_await door->PutOne("{}"));
  CO_RETURN_IF_ERROR(co_await Sleep(150s));
  CO_RETURN_IF_ERROR(co_await door->PutOne(R"({\"n\":2})"));
  CO_RETURN_IF_ERROR(co_await Sleep(50s));
  CO_RETURN_IF_ERROR(co_await door->MakeStream("s"));
  CO_RETURN_IF_ERROR(co_await Sleep(2s));
  CO_ASSIGN_OR_RETURN(auto records, co_await RecordsOf(door, "s"));
  EXPECT_THAT(ValuesOf(records), ElementsAre(HasSubstr(R"("detail":{"n":2})")));
  co_return Status::OK();
}

TEST(RuleDeliveryTest, EventsThatAreTooOldAreDropped) {
  aws::RunAtDoor<EventsDoor>(ThenStop<GiveUpByAge>);
}

// Dead letters that can't be written make events wait, too.
Task<> TellDeadLetters(EventsDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->MakeRule(
      R"(,"RetryPolicy":{"MaximumRetryAttempts":2},)"
      R"("DeadLetterConfig":{"Arn":"arn:aws:kinesis:r:000000000000:stream/letters"})"));
  CO_RETURN_IF_ERROR(co_await door->PutOne("{}"));
  CO_RETURN_IF_ERROR(co_await Sleep(60s));
  CO_RETURN_IF_ERROR(co_await door->MakeStream("letters"));
  CO_RETURN_IF_ERROR(co_await Sleep(100s));
  CO_ASSIGN_OR_RETURN(auto letters, co_await RecordsOf(door, "letters"));
  EXPECT_EQ(letters.size(), 1u);
  if (letters.empty()) co_return Status::OK();
  EXPECT_THAT(letters[0].headers, Contains(Pair("ERROR_CODE", "NO_RESOURCE")));
  EXPECT_THAT(letters[0].headers,
              Contains(Pair("EXHAUSTED_RETRY_CONDITION", "MaximumRetryAttempts")));
  co_return Status::OK();
}

TEST(RuleDeliveryTest, DeadLettersSayWhyAndWaitForTheirStream) {
  aws::RunAtDoor<EventsDoor>(ThenStop<TellDeadLetters>);
}

// A commit that was done although its answer was lost is not done again; one that was not is.
Task<> CommitOnceThroughFaults(EventsDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->MakeStream("s"));
  CO_RETURN_IF_ERROR(co_await door->MakeRule(""));
  int commits = 0;
  door->log.commit_hook = [&](const storage::EpochCommit&) {
    storage::MemoryLog::CommitFault fault;
    int number = ++commits;
    if (number % 3 == 1) fault.before = MakeError(ErrorCode::kStorageError, "before the commit");
    if (number % 3 == 2) fault.after = MakeError(ErrorCode::kStorageError, "after the commit");
    return fault;
  };
  for (int i = 0; i < 6; ++i) {
    CO_RETURN_IF_ERROR(co_await door->PutOne("{}"));
    CO_RETURN_IF_ERROR(co_await Sleep(700ms));
  }
  CO_RETURN_IF_ERROR(co_await Sleep(10s));
  CO_ASSIGN_OR_RETURN(size_t count, co_await CountOf(door, "s"));
  EXPECT_EQ(count, 6u);
  EXPECT_GE(commits, 3);  // one of each kind at least
  door->log.commit_hook = nullptr;
  co_return Status::OK();
}

TEST(RuleDeliveryTest, EachEventComesOnceThroughFailingCommits) {
  aws::RunAtDoor<EventsDoor>(ThenStop<CommitOnceThroughFaults>);
}

// The bus's topic may be deleted through Kafka's door; the new one's offsets begin anew.
Task<> GoOnAfterRestarts(EventsDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->MakeStream("s"));
  CO_RETURN_IF_ERROR(co_await door->MakeRule(""));
  CO_RETURN_IF_ERROR(co_await door->PutOne("{}"));
  CO_RETURN_IF_ERROR(co_await door->PutOne("{}"));
  CO_RETURN_IF_ERROR(co_await Sleep(1s));
  CO_RETURN_IF_ERROR(co_await Restart(door));
  CO_RETURN_IF_ERROR(co_await Sleep(1s));
  CO_ASSIGN_OR_RETURN(size_t count, co_await CountOf(door, "s"));
  EXPECT_EQ(count, 2u);
  auto bus = door->log.FindTopic("events.default");
  EXPECT_TRUE(bus.has_value());
  if (bus) CO_RETURN_IF_ERROR(co_await door->log.DeleteTopic(bus->id));
  CO_RETURN_IF_ERROR(co_await door->PutOne("{}"));
  CO_RETURN_IF_ERROR(co_await Sleep(3s));
  CO_ASSIGN_OR_RETURN(count, co_await CountOf(door, "s"));
  EXPECT_EQ(count, 3u);
  // A target that is removed and put again begins anew.
  CO_RETURN_IF_ERROR(co_await door->Ask("RemoveTargets", R"({"Rule":"r","Ids":["t"]})"));
  CO_RETURN_IF_ERROR(co_await door->PutOne("{}"));
  CO_RETURN_IF_ERROR(co_await door->MakeRule(""));
  CO_RETURN_IF_ERROR(co_await door->PutOne("{}"));
  CO_RETURN_IF_ERROR(co_await Restart(door));
  CO_RETURN_IF_ERROR(co_await Sleep(1s));
  CO_ASSIGN_OR_RETURN(count, co_await CountOf(door, "s"));
  EXPECT_EQ(count, 4u);
  co_return Status::OK();
}

// Each record as a stranger might leave it.
Task<> StartWithUnreadableDefinitions(EventsDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->MakeStream("s"));
  CO_RETURN_IF_ERROR(co_await door->MakeRule(""));
  CO_RETURN_IF_ERROR(co_await door->Ask("CreateEventBus", R"({"Name":"shop"})"));
  CO_RETURN_IF_ERROR(co_await door->Ask(
      "PutRule",
      R"({"Name":"other","EventBusName":"shop","EventPattern":"{\"source\":[\"x\"]}"})"));
  std::vector<std::pair<std::string, std::string>> broken{
      {"__mainstem_event_buses", "shop"}, {"__mainstem_event_rules", "r/default/x"}};
  for (const auto& [name, key] : broken) {
    auto topic = door->log.FindTopic(name);
    storage::TopicPartition where{.topic_id = topic->id, .partition = PartitionId(0)};
    storage::BatchBuilder builder;
    builder.Add(1, key, "garbage");
    CO_ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());
    CO_RETURN_IF_ERROR(co_await door->log.Append(where, batch, {}));
  }
  CO_RETURN_IF_ERROR(co_await Restart(door));
  CO_RETURN_IF_ERROR(co_await door->PutOne("{}"));
  CO_RETURN_IF_ERROR(co_await Sleep(1s));
  CO_ASSIGN_OR_RETURN(size_t count, co_await CountOf(door, "s"));
  EXPECT_EQ(count, 1u);
  // What is made anew takes the place of what could not be read.
  co_return co_await door->Ask("CreateEventBus", R"({"Name":"shop"})");
}
TEST(RuleDeliveryTest, StartsWithoutTheDefinitionsThatItCannotRead) {
  aws::RunAtDoor<EventsDoor>(ThenStop<StartWithUnreadableDefinitions>);
}

TEST(RuleDeliveryTest, TargetsGoOnWhereTheyWereAfterRestarts) {
  aws::RunAtDoor<EventsDoor>(ThenStop<GoOnAfterRestarts>);
}

Task<> RefuseWithoutLetters(EventsDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->MakeStream("s"));
  CO_RETURN_IF_ERROR(co_await door->MakeRule(
      R"(,"InputTransformer":{"InputPathsMap":{"n":"$.detail.n"},"InputTemplate":"[<n>, <n>]"},)"
      R"("DeadLetterConfig":{"Arn":"arn:aws:kinesis:r:000000000000:stream/absent"})"));
  CO_RETURN_IF_ERROR(co_await door->PutOne(R"({\"n\":\")" + std::string(600'000, 'x') + R"(\"})"));
  CO_RETURN_IF_ERROR(co_await door->PutOne(R"({\"n\":2})"));
  CO_RETURN_IF_ERROR(co_await Sleep(2s));
  CO_ASSIGN_OR_RETURN(auto records, co_await RecordsOf(door, "s"));
  EXPECT_THAT(ValuesOf(records), ElementsAre("[2, 2]"));
  EXPECT_THAT(door->metrics.Text(), HasSubstr("mainstem_events_dropped_total 1"));
  co_return Status::OK();
}

TEST(RuleDeliveryTest, WithoutTheirStreamDeadLettersHoldNothingBack) {
  aws::RunAtDoor<EventsDoor>(ThenStop<RefuseWithoutLetters>);
}

Task<> LoseByRetention(EventsDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->MakeRule(R"(,"InputPath":"$.detail.n")"));
  for (const char* detail : {R"({\"n\":1})", R"({\"n\":2})", R"({\"n\":3})"}) {
    CO_RETURN_IF_ERROR(co_await door->PutOne(detail));
  }
  auto bus = door->log.FindTopic("events.default");
  EXPECT_TRUE(bus.has_value());
  if (!bus) co_return Status::OK();
  storage::TopicPartition partition{.topic_id = bus->id, .partition = PartitionId(0)};
  CO_RETURN_IF_ERROR(co_await door->log.DeleteRecords(partition, Offset(2)));
  CO_RETURN_IF_ERROR(co_await door->MakeStream("s"));
  CO_RETURN_IF_ERROR(co_await Sleep(5s));
  CO_ASSIGN_OR_RETURN(auto records, co_await RecordsOf(door, "s"));
  EXPECT_THAT(ValuesOf(records), ElementsAre("3"));
  EXPECT_THAT(door->metrics.Text(), HasSubstr("mainstem_events_dropped_total 2"));
  co_return Status::OK();
}

TEST(RuleDeliveryTest, WhatRetentionTakesFromATargetIsCounted) {
  aws::RunAtDoor<EventsDoor>(ThenStop<LoseByRetention>);
}

// ---------------------------------------------------------------- changed rules

const char* const kTargetOfStream =
    R"({"Rule":"r","Targets":[{"Id":"t","Arn":"arn:aws:kinesis:r:000000000000:stream/s",)"
    R"("InputPath":"$.detail.n"}]})";

const char* const kTargetOfNoApi =
    R"({"Rule":"r","Targets":[{"Id":"t","Arn":"arn:aws:events:r:000000000000:api-destination/)"
    R"(gone/01234567-89ab-cdef-0123-456789abcdef"}]})";

Task<> PutPattern(EventsDoor* door, std::string kinds) {
  return door->Ask(
      "PutRule", R"({"Name":"r","EventPattern":"{\"detail\":{\"kind\":[\")" + kinds + R"(\"]}}"})");
}

Task<> ChangeThePattern(EventsDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->MakeStream("s"));
  CO_RETURN_IF_ERROR(co_await PutPattern(door, "old"));
  CO_RETURN_IF_ERROR(co_await door->Ask("PutTargets", kTargetOfStream));
  CO_RETURN_IF_ERROR(co_await door->PutOne(R"({\"n\":1,\"kind\":\"old\"})"));
  CO_RETURN_IF_ERROR(co_await door->PutOne(R"({\"n\":2,\"kind\":\"new\"})"));
  CO_RETURN_IF_ERROR(co_await Sleep(1s));
  CO_RETURN_IF_ERROR(co_await PutPattern(door, "new"));
  CO_RETURN_IF_ERROR(co_await door->PutOne(R"({\"n\":3,\"kind\":\"new\"})"));
  CO_RETURN_IF_ERROR(co_await Sleep(1s));
  CO_ASSIGN_OR_RETURN(auto records, co_await RecordsOf(door, "s"));
  EXPECT_THAT(ValuesOf(records), ElementsAre("1", "3"));
  co_return Status::OK();
}

TEST(RuleDeliveryTest, ANewPatternIsNotForEventsThatWerePassedOver) {
  aws::RunAtDoor<EventsDoor>(ThenStop<ChangeThePattern>);
}

// They wait because there is no such destination; the place behind them is committed.
Task<> InheritWaitingCalls(EventsDoor* door) {
  CO_RETURN_IF_ERROR(co_await PutPattern(door, "old"));
  CO_RETURN_IF_ERROR(co_await door->Ask("PutTargets", kTargetOfNoApi));
  CO_RETURN_IF_ERROR(co_await door->PutOne(R"({\"n\":1,\"kind\":\"old\"})"));
  CO_RETURN_IF_ERROR(co_await door->PutOne(R"({\"n\":2,\"kind\":\"old\"})"));
  CO_RETURN_IF_ERROR(co_await Sleep(10s));
  CO_RETURN_IF_ERROR(co_await PutPattern(door, "new"));
  CO_RETURN_IF_ERROR(co_await Sleep(10s));
  CO_RETURN_IF_ERROR(co_await door->Ask("PutTargets", kTargetOfStream));
  CO_RETURN_IF_ERROR(co_await door->PutOne(R"({\"n\":3,\"kind\":\"new\"})"));
  CO_RETURN_IF_ERROR(co_await Sleep(10s));
  CO_RETURN_IF_ERROR(co_await door->MakeStream("s"));
  CO_RETURN_IF_ERROR(co_await Sleep(5s));
  CO_ASSIGN_OR_RETURN(auto records, co_await RecordsOf(door, "s"));
  EXPECT_THAT(ValuesOf(records), ElementsAre("1", "2", "3"));
  co_return Status::OK();
}

TEST(RuleDeliveryTest, WaitingCallsAreForWhatTheirTargetBecomes) {
  aws::RunAtDoor<EventsDoor>(ThenStop<InheritWaitingCalls>);
}

// No more than a hundred at a time; what comes behind them waits on the bus.
Task<> KeepAHundredWaiting(EventsDoor* door) {
  CO_RETURN_IF_ERROR(co_await PutPattern(door, "old"));
  CO_RETURN_IF_ERROR(co_await door->Ask("PutTargets", kTargetOfNoApi));
  int64_t most = 0;
  door->log.commit_hook = [&](const storage::EpochCommit& commit) {
    most = std::max(most, std::count(commit.metadata.begin(), commit.metadata.end(), ':') / 2);
    return storage::MemoryLog::CommitFault();
  };
  std::vector<std::string> numbers;
  for (int i = 0; i < 130; ++i) {
    numbers.push_back(std::to_string(i));
    CO_RETURN_IF_ERROR(co_await door->PutOne(R"({\"kind\":\"old\",\"n\":)" + numbers.back() + "}"));
  }
  CO_RETURN_IF_ERROR(co_await Sleep(60s));
  door->log.commit_hook = nullptr;
  EXPECT_EQ(most, 100);
  CO_RETURN_IF_ERROR(co_await door->MakeStream("s"));
  CO_RETURN_IF_ERROR(co_await door->Ask("PutTargets", kTargetOfStream));
  CO_RETURN_IF_ERROR(co_await Sleep(5s));
  CO_ASSIGN_OR_RETURN(auto records, co_await RecordsOf(door, "s"));
  EXPECT_EQ(ValuesOf(records), numbers);
  co_return Status::OK();
}

TEST(RuleDeliveryTest, AHundredEventsOfATargetWaitForTheirNextTry) {
  aws::RunAtDoor<EventsDoor>(ThenStop<KeepAHundredWaiting>);
}

// The first is dropped after at least 0.5 + 1 + 2 + 4 s, at most twice that; so is the second then.
Task<> GiveUpOneByOne(EventsDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->MakeRule(
      R"(,"InputPath":"$.detail.n","RetryPolicy":{"MaximumRetryAttempts":4})"));
  CO_RETURN_IF_ERROR(co_await door->PutOne(R"({\"n\":1})"));
  CO_RETURN_IF_ERROR(co_await door->PutOne(R"({\"n\":2})"));
  CO_RETURN_IF_ERROR(co_await Sleep(15'100ms));
  CO_RETURN_IF_ERROR(co_await door->MakeStream("s"));
  CO_RETURN_IF_ERROR(co_await Sleep(2s));
  CO_ASSIGN_OR_RETURN(auto records, co_await RecordsOf(door, "s"));
  EXPECT_THAT(ValuesOf(records), ElementsAre("2"));
  co_return Status::OK();
}

TEST(RuleDeliveryTest, EachEventHasTriesOfItsOwn) {
  aws::RunAtDoor<EventsDoor>(ThenStop<GiveUpOneByOne>);
}

Task<> DisableAndEnable(EventsDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->MakeRule(R"(,"InputPath":"$.detail.n")"));
  CO_RETURN_IF_ERROR(co_await door->PutOne(R"({\"n\":1})"));
  CO_RETURN_IF_ERROR(co_await Sleep(5s));
  for (const char* detail : {R"({\"n\":2})", R"({\"n\":4})"}) {
    CO_RETURN_IF_ERROR(co_await door->Ask("DisableRule", R"({"Name":"r"})"));
    CO_RETURN_IF_ERROR(co_await door->PutOne(detail));
    CO_RETURN_IF_ERROR(co_await Restart(door));
    CO_RETURN_IF_ERROR(co_await door->Ask("EnableRule", R"({"Name":"r"})"));
    CO_RETURN_IF_ERROR(co_await door->PutOne(R"({\"n\":3})"));
  }
  CO_RETURN_IF_ERROR(co_await door->MakeStream("s"));
  CO_RETURN_IF_ERROR(co_await Sleep(5s));
  CO_ASSIGN_OR_RETURN(auto records, co_await RecordsOf(door, "s"));
  EXPECT_THAT(ValuesOf(records), ElementsAre("1", "3", "3"));
  co_return Status::OK();
}

TEST(RuleDeliveryTest, WhatCameBeforeARuleWasDisabledIsDelivered) {
  aws::RunAtDoor<EventsDoor>(ThenStop<DisableAndEnable>);
}

// ---------------------------------------------------------------- schedules

const char* const kTargetOfTimer =
    R"({"Rule":"timer","Targets":[{"Id":"t","Arn":"arn:aws:kinesis:r:000000000000:stream/s",)"
    R"("InputPath":"$.time"}]})";

Task<> MakeTimer(EventsDoor* door, std::string expression) {
  CO_RETURN_IF_ERROR(co_await door->MakeStream("s"));
  std::string rule = R"({"Name":"timer","ScheduleExpression":")" + expression + "\"}";
  CO_RETURN_IF_ERROR(co_await door->Ask("PutRule", std::move(rule)));
  co_return co_await door->Ask("PutTargets", kTargetOfTimer);
}

// As a scheduled event tells it.
std::string TimeText(int64_t ms) {
  return "\"" +
         absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMillis(ms), absl::UTCTimeZone()) +
         "\"";
}

Task<> FireByRate(EventsDoor* door) {
  int64_t begin_ms = door->env->WallTime().value();
  CO_RETURN_IF_ERROR(co_await MakeTimer(door, "rate(2 minutes)"));
  // Another rule for such events gets none of them.
  CO_RETURN_IF_ERROR(co_await door->MakeStream("others"));
  CO_RETURN_IF_ERROR(co_await door->Ask(
      "PutRule", R"({"Name":"r","EventPattern":"{\"source\":[\"aws.events\"]}"})"));
  CO_RETURN_IF_ERROR(co_await door->Ask(
      "PutTargets",
      R"({"Rule":"r","Targets":[{"Id":"t","Arn":"arn:aws:kinesis:r:0:stream/others"}]})"));
  CO_RETURN_IF_ERROR(co_await Sleep(5min));
  CO_ASSIGN_OR_RETURN(auto records, co_await RecordsOf(door, "s"));
  EXPECT_THAT(ValuesOf(records),
              ElementsAre(TimeText(begin_ms + 120'000), TimeText(begin_ms + 240'000)));
  CO_ASSIGN_OR_RETURN(size_t others, co_await CountOf(door, "others"));
  EXPECT_EQ(others, 0u);
  // What is due while it is disabled is not made up for; enabled, it counts anew.
  CO_RETURN_IF_ERROR(co_await door->Ask("DisableRule", R"({"Name":"timer"})"));
  CO_RETURN_IF_ERROR(co_await Sleep(10min));
  CO_RETURN_IF_ERROR(co_await door->Ask("EnableRule", R"({"Name":"timer"})"));
  CO_RETURN_IF_ERROR(co_await Sleep(1min));
  CO_ASSIGN_OR_RETURN(size_t count, co_await CountOf(door, "s"));
  EXPECT_EQ(count, 2u);
  CO_RETURN_IF_ERROR(co_await Sleep(2min));
  CO_ASSIGN_OR_RETURN(count, co_await CountOf(door, "s"));
  EXPECT_EQ(count, 3u);
  co_return Status::OK();
}

TEST(RuleDeliveryTest, SchedulesFireForTheirRuleAlone) {
  aws::RunAtDoor<EventsDoor>(ThenStop<FireByRate>);
}

Task<> MakeUpForDowntime(EventsDoor* door) {
  int64_t begin_ms = door->env->WallTime().value();
  CO_RETURN_IF_ERROR(co_await MakeTimer(door, "rate(10 minutes)"));
  CO_RETURN_IF_ERROR(co_await Sleep(15min));
  CO_RETURN_IF_ERROR(co_await door->server->Stop());
  CO_RETURN_IF_ERROR(co_await door->service->Stop());
  door->server.reset();
  door->service.reset();
  CO_RETURN_IF_ERROR(co_await Sleep(60min));
  CO_RETURN_IF_ERROR(co_await door->Open());
  CO_RETURN_IF_ERROR(co_await Sleep(10min));
  CO_ASSIGN_OR_RETURN(auto records, co_await RecordsOf(door, "s"));
  // At 10 minutes; down from 15 to 75: one for 70; then 80.
  EXPECT_THAT(ValuesOf(records),
              ElementsAre(TimeText(begin_ms + 600'000), TimeText(begin_ms + 70 * 60'000),
                          TimeText(begin_ms + 80 * 60'000)));
  co_return Status::OK();
}

TEST(RuleDeliveryTest, OneEventMakesUpForWhatADownNodeMissed) {
  aws::RunAtDoor<EventsDoor>(ThenStop<MakeUpForDowntime>);
}

Task<> FireOnceThroughFaults(EventsDoor* door) {
  CO_RETURN_IF_ERROR(co_await MakeTimer(door, "cron(* * * * ? *)"));
  int commits = 0;
  door->log.commit_hook = [&](const storage::EpochCommit& commit) {
    storage::MemoryLog::CommitFault fault;
    if (!commit.job_id.starts_with("event-schedule/")) return fault;
    int number = ++commits;
    if (number % 3 == 1) fault.before = MakeError(ErrorCode::kStorageError, "before the commit");
    if (number % 3 == 2) fault.after = MakeError(ErrorCode::kStorageError, "after the commit");
    return fault;
  };
  CO_RETURN_IF_ERROR(co_await Sleep(6min));
  CO_ASSIGN_OR_RETURN(auto records, co_await RecordsOf(door, "s"));
  std::vector<std::string> times = ValuesOf(records);
  EXPECT_THAT(times.size(), testing::AnyOf(5u, 6u));
  EXPECT_EQ(std::set<std::string>(times.begin(), times.end()).size(), times.size());
  EXPECT_GT(commits, 6);
  door->log.commit_hook = nullptr;
  co_return Status::OK();
}

TEST(RuleDeliveryTest, ARuleIsDueOnceThroughFailingCommits) {
  aws::RunAtDoor<EventsDoor>(ThenStop<FireOnceThroughFaults>);
}

}  // namespace
}  // namespace mainstem::gateway::events
