// Replays: starting, cancelling, describing.
#include <algorithm>

#include <fmt/format.h>

#include "gateway/aws/value_json.h"
#include "gateway/events/operations.h"

namespace mainstem::gateway::events {
namespace {

constexpr char kReplayPageKind = 'P';
constexpr size_t kActiveReplaysMax = 10;  // Amazon's

Status InvalidReplay(std::string message) {
  return aws::MakeAwsError("ValidationException", std::move(message));
}

Status NoSuchReplay(std::string_view name) {
  return aws::MakeAwsError("ResourceNotFoundException",
                           fmt::format("Replay {} does not exist.", name));
}

// Cut off as what it is stored in: whole milliseconds.
void WriteTime(std::string_view field, const aws::Value& value, aws::BodyWriter* answer) {
  auto time_ms = aws::TimeOf(value);
  if (time_ms) answer->Key(field).Time(*time_ms);
}

void WriteReplayArn(const Context& context, aws::AwsCall* call, std::string_view name) {
  call->answer->Field("ReplayArn", fmt::format("arn:aws:events:{}:{}:replay/{}", call->region,
                                               context.account, name));
}

// Members of DescribeReplay and ListReplays, in a map that is open.
void WriteReplay(std::string_view name, const Definition& replay, const aws::Value& root,
                 aws::BodyWriter* answer) {
  answer->Field("ReplayName", name).Field("EventSourceArn", root["EventSourceArn"].text);
  answer->Field("State", ReplayStateOf(root));
  WriteTime("EventStartTime", root["EventStartTime"], answer);
  WriteTime("EventEndTime", root["EventEndTime"], answer);
  answer->Key("ReplayStartTime").Time(replay.created_ms);
  if (!root["LastMs"].is_null()) {
    answer->Key("EventLastReplayedTime").Time(root["LastMs"].integer);
  }
  if (!root["EndMs"].is_null()) answer->Key("ReplayEndTime").Time(root["EndMs"].integer);
}

Status CheckReplay(const Context& context, const aws::Value& input) {
  std::string archive_name = ArchiveOfArn(input["EventSourceArn"].text);
  const Definition* archive = context.archives->table().Find(archive_name);
  if (archive_name.empty()) {
    return InvalidReplay(
        "Parameter EventSourceArn is not valid. Reason: Must contain an archive ARN.");
  }
  if (archive == nullptr) {
    return InvalidReplay(fmt::format(
        "Parameter EventSourceArn is not valid. Reason: Archive {} does not exist.", archive_name));
  }
  ASSIGN_OR_RETURN(ArchiveState state, ArchiveStateOf(*archive));
  std::string_view destination = input["Destination"]["Arn"].text;
  if (destination.find(":event-bus/") == std::string_view::npos) {
    return InvalidReplay(
        "Parameter Destination.Arn is not valid. Reason: Must contain an event bus ARN.");
  }
  if (BusNameIn(destination) != state.bus) {
    return InvalidReplay(
        "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.");
  }
  if (*aws::TimeOf(input["EventEndTime"]) <= *aws::TimeOf(input["EventStartTime"])) {
    return InvalidReplay(
        "Parameter EventEndTime is not valid. Reason: EventEndTime must be after EventStartTime.");
  }
  for (const aws::Member& arn : input["Destination"]["FilterArns"].members) {
    RuleKey rule;
    if (ParseRuleArn(arn.value.text, &rule) && rule.bus == state.bus) continue;
    return InvalidReplay(fmt::format(
        "Parameter Destination.FilterArns is not valid. Reason: {} is no rule of the event bus.",
        arn.value.text));
  }
  return Status::OK();
}

Status CheckRoom(const Context& context) {
  size_t active = 0;
  for (const auto& [name, replay] : context.replays->table().definitions()) {
    ASSIGN_OR_RETURN(aws::Document document, aws::DecodeBody(aws::BodyCodec::kJson, replay.json));
    active += IsReplayActive(ReplayStateOf(document.root)) ? 1 : 0;
  }
  if (active < kActiveReplaysMax) return Status::OK();
  return aws::MakeAwsError("LimitExceededException",
                           "The requested resource exceeds the maximum number allowed.");
}

}  // namespace

Task<> StartReplay(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  std::string name(input["ReplayName"].text);
  CO_RETURN_IF_ERROR(CheckReplay(context, input));
  CO_RETURN_IF_ERROR(CheckRoom(context));
  Status started = co_await context.replays->Start(name, &input);
  if (Is(started, ErrorCode::kAlreadyExists)) {
    co_return aws::MakeAwsError("ResourceAlreadyExistsException", TextOf(started).message);
  }
  CO_RETURN_IF_ERROR(started);
  call->answer->BeginMap();
  WriteReplayArn(context, call, name);
  call->answer->Field("State", "STARTING").Key("ReplayStartTime").Time(context.NowMs());
  call->answer->EndMap();
  co_return Status::OK();
}

Task<> CancelReplay(const Context& context, aws::AwsCall* call) {
  std::string name(call->input.root["ReplayName"].text);
  Status cancelled = co_await context.replays->Cancel(name);
  if (Is(cancelled, ErrorCode::kNotFound)) co_return NoSuchReplay(name);
  if (Is(cancelled, ErrorCode::kInvalidArgument)) {
    co_return aws::MakeAwsError("IllegalStatusException", TextOf(cancelled).message);
  }
  CO_RETURN_IF_ERROR(cancelled);
  call->answer->BeginMap();
  WriteReplayArn(context, call, name);
  call->answer->Field("State", "CANCELLED").EndMap();
  co_return Status::OK();
}

Task<> DescribeReplay(const Context& context, aws::AwsCall* call) {
  std::string_view name = call->input.root["ReplayName"].text;
  const Definition* replay = context.replays->table().Find(name);
  if (replay == nullptr) co_return NoSuchReplay(name);
  CO_ASSIGN_OR_RETURN(aws::Document document, aws::DecodeBody(aws::BodyCodec::kJson, replay->json));
  const aws::Value& root = document.root;
  call->answer->BeginMap();
  WriteReplayArn(context, call, name);
  if (!root["Description"].text.empty()) {
    call->answer->Field("Description", root["Description"].text);
  }
  call->answer->Key("Destination");
  aws::CopyValue(root["Destination"], call->answer.get());
  WriteReplay(name, *replay, root, call->answer.get());
  call->answer->EndMap();
  co_return Status::OK();
}

Task<> ListReplays(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  std::string_view source = input["EventSourceArn"].text;
  std::string_view state = input["State"].text;
  DefinitionListing listing{.page_kind = kReplayPageKind};
  listing.wants = [source, state](const aws::Value& replay) {
    return (source.empty() || replay["EventSourceArn"].text == source) &&
           (state.empty() || state == ReplayStateOf(replay));
  };
  CO_ASSIGN_OR_RETURN(DefinitionPage page,
                      PageOfDefinitions(context, input, context.replays->table(), listing));
  call->answer->BeginMap().Key("Replays").BeginList();
  for (const auto& [name, replay] : page.definitions) {
    CO_ASSIGN_OR_RETURN(aws::Document document,
                        aws::DecodeBody(aws::BodyCodec::kJson, replay.json));
    call->answer->BeginMap();
    WriteReplay(name, replay, document.root, call->answer.get());
    call->answer->EndMap();
  }
  call->answer->EndList();
  WriteNextToken(context, page, kReplayPageKind, call);
  call->answer->EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::events
