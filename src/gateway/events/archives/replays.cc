#include "gateway/events/archives/replays.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/json_writer.h"
#include "gateway/aws/body_codec.h"
#include "gateway/aws/committed_reader.h"
#include "gateway/aws/epoch_appends.h"
#include "gateway/aws/random_id.h"
#include "gateway/aws/shape.h"
#include "gateway/aws/standing_task.h"
#include "gateway/aws/value_json.h"
#include "gateway/events/operations.h"
#include "gateway/events/rules/taken_event.h"

namespace mainstem::gateway::events {
namespace {

constexpr size_t kReplayReadBytes = 256 << 10;
constexpr int64_t kReplayMemory = 12 << 20;
// Events are stamped before they are appended: those of one moment may lie among later ones.
constexpr int64_t kArrivalDisorderMs = 60'000;
constexpr int64_t kRememberedMs = int64_t{90} * 86'400'000;

std::string JobOfReplay(std::string_view id) { return "event-replay/" + std::string(id); }

// The event with "replay-name" as its first member.
std::string ReplayedEvent(std::string_view event, std::string_view replay) {
  size_t begin = event.find('{');
  if (begin == std::string_view::npos) return std::string(event);
  std::string_view rest = event.substr(begin + 1);
  size_t member = rest.find_first_not_of(" \t\r\n");
  bool is_empty = member == std::string_view::npos || rest[member] == '}';
  return fmt::format("{{\"replay-name\":{}{}{}", JsonQuote(replay), is_empty ? "" : ",", rest);
}

// Names of the rules that FilterArns name; empty: all of the bus.
std::string RulesOf(const aws::Value& destination) {
  std::string names;
  for (const aws::Member& arn : destination["FilterArns"].members) {
    RuleKey key;
    if (ParseRuleArn(arn.value.text, &key)) names += (names.empty() ? "" : "/") + key.name;
  }
  return names;
}

}  // namespace

std::string ReplayStateOf(const aws::Value& definition) {
  return std::string(definition["State"].text);
}

bool IsReplayActive(std::string_view state) { return state == "STARTING" || state == "RUNNING"; }

// One replay while it runs.
class Replays::ReplayTask final : public aws::StandingTask {
 public:
  ReplayTask(Replays* replays, std::string name, std::string id, const aws::Value& definition)
      : replays_(replays),
        parts_(replays->parts_),
        name_(std::move(name)),
        id_(std::move(id)),
        reader_(replays->parts_.log, JobOfReplay(id_)),
        rules_(RulesOf(definition["Destination"])),
        bus_(BusNameIn(definition["Destination"]["Arn"].text)),
        archive_(ArchiveOfArn(definition["EventSourceArn"].text)),
        begin_ms_(aws::TimeOf(definition["EventStartTime"]).value_or(0)),
        end_ms_(aws::TimeOf(definition["EventEndTime"]).value_or(0)) {}

 private:
  void TellWaiting(const Status& cause) override {
    parts_.logger.Warning("replay waits", {{"replay", name_}, {"error", cause}});
  }

  Task<> Work() override {
    auto bus = co_await parts_.buses->PartitionOf(bus_);
    bool is_gone = parts_.archives->table().Find(archive_) == nullptr;
    if (is_gone || Is(bus.status(), ErrorCode::kNotFound)) co_return co_await End("FAILED");
    CO_RETURN_IF_ERROR(bus);
    auto archive = parts_.archives->FindPartition(archive_);
    if (!archive) co_return co_await End("COMPLETED");  // nothing was archived yet
    CO_ASSIGN_OR_RETURN(storage::OffsetForTime first,
                        co_await parts_.log->FindByTime(*archive, begin_ms_));
    if (first.offset.value() < 0) co_return co_await End("COMPLETED");
    CO_RETURN_IF_ERROR(co_await reader_.Open(*archive, first.offset));
    CO_RETURN_IF_ERROR(co_await replays_->SetState(name_, R"({"State":"RUNNING"})"));
    bool more = true;
    while (more) {
      CO_ASSIGN_OR_RETURN(more, co_await Step(*bus));
    }
    co_return co_await End("COMPLETED");
  }

  // Puts a piece. False at the end of the archive, or of the time.
  Task<bool> Step(storage::TopicPartition bus) {
    MemoryLease lease = parts_.budget->TryLease(kReplayMemory);
    if (lease.bytes() == 0) {
      co_return MakeError(ErrorCode::kResourceExhausted, "there is no memory for a replay");
    }
    aws::EpochAppends appends;
    bool at_end = false;
    int64_t now_ms = parts_.env->WallTime().value();
    aws::CommittedReader::Piece piece{.bytes_max = kReplayReadBytes};
    piece.take = [&](const storage::RecordView& record) -> Result<bool> {
      at_end = at_end || record.timestamp_ms >= end_ms_ + kArrivalDisorderMs;
      if (at_end || record.timestamp_ms < begin_ms_ || record.timestamp_ms >= end_ms_) return true;
      last_ms_ = std::max(last_ms_, record.timestamp_ms);
      std::string event = ReplayedEvent(record.value.value_or(""), name_);
      storage::RecordHeader header{.key = kReplayRulesHeader, .value = rules_};
      std::span<const storage::RecordHeader> headers(&header, rules_.empty() ? 0 : 1);
      RETURN_IF_ERROR(appends.Add(bus, {.timestamp_ms = now_ms,
                                        .key = record.key.value_or(""),
                                        .value = event,
                                        .headers = headers}));
      return true;
    };
    CO_ASSIGN_OR_RETURN(bool moved, co_await reader_.Read(std::move(piece)));
    if (!moved) co_return false;
    aws::CommittedReader::Outcome outcome{.end = reader_.next()};
    CO_ASSIGN_OR_RETURN(outcome.appends, appends.Take());
    CO_RETURN_IF_ERROR(co_await reader_.Commit(std::move(outcome)));
    parts_.env->CrashPoint("event_replay.commit");
    co_return !at_end;
  }

  Task<> End(std::string_view state) {
    JsonWriter json;
    json.BeginObject().Field("State", state).Field("EndMs", parts_.env->WallTime().value());
    if (last_ms_ > 0) json.Field("LastMs", last_ms_);
    json.EndObject();
    CO_RETURN_IF_ERROR(co_await replays_->SetState(name_, json.Take()));
    co_return co_await parts_.log->ForgetJob(JobOfReplay(id_));
  }

  Replays* const replays_;
  const Parts& parts_;
  const std::string name_;
  const std::string id_;
  aws::CommittedReader reader_;
  const std::string rules_;
  const std::string bus_;
  const std::string archive_;
  const int64_t begin_ms_;
  const int64_t end_ms_;
  int64_t last_ms_ = 0;
};

Replays::Replays(Parts parts)
    : parts_(std::move(parts)),
      running_(parts_.env->shard(0), [this](const std::string&, const Status& status) {
        parts_.logger.Warning("replay ended", {{"error", status}});
      }) {}

Task<std::unique_ptr<Replays>> Replays::Open(Parts parts) {
  auto replays = std::unique_ptr<Replays>(new Replays(std::move(parts)));
  CO_ASSIGN_OR_RETURN(
      replays->table_,
      co_await DefinitionTable::Open(replays->parts_.env, replays->parts_.log, "event-replays/"));
  for (const auto& [name, replay] : replays->table_->definitions()) {
    Status started = replays->StartTask(name);
    if (started.ok()) continue;
    IgnoreError(co_await replays->Stop(), "the failure to start is what counts");
    co_return started;
  }
  co_return replays;
}

Status Replays::StartTask(const std::string& name) {
  const Definition* replay = table_->Find(name);
  if (replay == nullptr) return Status::OK();
  ASSIGN_OR_RETURN(aws::Document document, aws::DecodeBody(aws::BodyCodec::kJson, replay->json));
  if (!IsReplayActive(ReplayStateOf(document.root))) return Status::OK();
  auto task = std::make_unique<ReplayTask>(this, name, replay->id, document.root);
  running_.Start(name, aws::StandingTask::Run(std::move(task)));
  return Status::OK();
}

Task<> Replays::SetState(std::string name, std::string json) {
  CO_ASSIGN_OR_RETURN(aws::Document members,
                      aws::DecodeBody(aws::BodyCodec::kJson, std::move(json)));
  const aws::Value* root = &members.root;
  DefinitionTable::Change change = [root](const Definition* now) -> Result<Definition> {
    CHECK(now != nullptr);  // only those that have ended are forgotten
    Definition replay = *now;
    ASSIGN_OR_RETURN(replay.json, aws::MergedJson(now->json, *root));
    return replay;
  };
  co_return co_await table_->Update(std::move(name), std::move(change));
}

Task<> Replays::Start(std::string name, const aws::Value* input) {
  CO_RETURN_IF_ERROR(co_await ForgetOld());
  int64_t now_ms = parts_.env->WallTime().value();
  std::string id = aws::RandomId(parts_.env);
  DefinitionTable::Change change = [&](const Definition* now) -> Result<Definition> {
    if (now != nullptr) {
      return MakeError(ErrorCode::kAlreadyExists, fmt::format("Replay {} already exists.", name));
    }
    Definition replay{.id = id, .created_ms = now_ms, .modified_ms = now_ms};
    ASSIGN_OR_RETURN(replay.json, aws::MergedJson(R"({"State":"STARTING"})", *input));
    return replay;
  };
  CO_RETURN_IF_ERROR(co_await table_->Update(name, std::move(change)));
  co_return StartTask(name);
}

Task<> Replays::Cancel(std::string name) {
  CO_RETURN_IF_ERROR(co_await running_.End(name));
  const Definition* replay = table_->Find(name);
  if (replay == nullptr) {
    co_return MakeError(ErrorCode::kNotFound, fmt::format("Replay {} does not exist.", name));
  }
  CO_ASSIGN_OR_RETURN(aws::Document document, aws::DecodeBody(aws::BodyCodec::kJson, replay->json));
  if (!IsReplayActive(ReplayStateOf(document.root))) {
    co_return MakeError(ErrorCode::kInvalidArgument,
                        fmt::format("Replay {} is not in a valid state for this operation.", name));
  }
  std::string state =
      fmt::format(R"({{"State":"CANCELLED","EndMs":{}}})", parts_.env->WallTime().value());
  std::string job = JobOfReplay(replay->id);
  CO_RETURN_IF_ERROR(co_await SetState(std::move(name), std::move(state)));
  co_return co_await parts_.log->ForgetJob(std::move(job));
}

Task<> Replays::ForgetOld() {
  std::vector<std::string> old;
  int64_t oldest_ms = parts_.env->WallTime().value() - kRememberedMs;
  for (const auto& [name, replay] : table_->definitions()) {
    CO_ASSIGN_OR_RETURN(aws::Document document,
                        aws::DecodeBody(aws::BodyCodec::kJson, replay.json));
    const aws::Value& end = document.root["EndMs"];
    if (!end.is_null() && end.integer < oldest_ms) old.push_back(name);
  }
  for (std::string& name : old) {
    CO_RETURN_IF_ERROR(co_await running_.End(name));
    CO_RETURN_IF_ERROR(co_await table_->Erase(std::move(name)));
  }
  co_return Status::OK();
}

Task<> Replays::Stop() { return running_.Stop(); }

}  // namespace mainstem::gateway::events
