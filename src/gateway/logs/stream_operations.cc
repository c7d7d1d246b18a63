// Log streams: making, deleting, describing.
#include <algorithm>

#include <fmt/format.h>

#include "gateway/logs/event_reader.h"
#include "gateway/logs/operations.h"

namespace mainstem::gateway::logs {
namespace {

constexpr int64_t kDescribeStreamsMax = 50;

struct ListedStream {
  std::string name;
  LogStream stream;
};

// What the order is by; of streams without events the time of their making.
int64_t OrderTime(const ListedStream& listed) {
  return listed.stream.times ? listed.stream.times->last_ms : listed.stream.created_ms;
}

void WriteStream(const Context& context, const aws::AwsCall& call, const LogGroup& group,
                 const ListedStream& listed) {
  aws::BodyWriter* answer = call.answer.get();
  answer->BeginMap().Field("logStreamName", listed.name);
  answer->Key("creationTime").Integer(listed.stream.created_ms);
  if (listed.stream.times) {
    answer->Key("firstEventTimestamp").Integer(listed.stream.times->first_ms);
    answer->Key("lastEventTimestamp").Integer(listed.stream.times->last_ms);
    answer->Key("lastIngestionTime").Integer(listed.stream.times->last_ingestion_ms);
  }
  answer->Field("uploadSequenceToken", fmt::format("{:056}", listed.stream.begin.value() + 1));
  answer->Field("arn",
                fmt::format("{}:log-stream:{}", GroupArn(context, call, group.name), listed.name));
  answer->Key("storedBytes").Integer(0).EndMap();  // as Amazon has told since 2019
}

}  // namespace

Task<> CreateLogStream(const Context& context, aws::AwsCall* call) {
  CO_ASSIGN_OR_RETURN(FoundGroup found, FindGroup(context, *call));
  std::string name(call->input.root["logStreamName"].text);
  Status created = co_await context.catalog->CreateStream(found.group, std::move(name));
  if (Is(created, ErrorCode::kAlreadyExists)) {
    co_return aws::MakeAwsError("ResourceAlreadyExistsException",
                                "The specified log stream already exists");
  }
  if (Is(created, ErrorCode::kNotFound)) co_return GroupNotFound();
  co_return created;
}

Task<> DeleteLogStream(const Context& context, aws::AwsCall* call) {
  CO_ASSIGN_OR_RETURN(FoundGroup found, FindGroup(context, *call));
  if (found.group->definition.deletion_protection) co_return GroupIsProtected();
  std::string name(call->input.root["logStreamName"].text);
  co_return co_await context.catalog->DeleteStream(found.group, std::move(name));
}

Task<> DescribeLogStreams(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  CO_ASSIGN_OR_RETURN(FoundGroup found, FindGroup(context, *call));
  bool by_time = input["orderBy"].text == "LastEventTime";
  std::string_view prefix = input["logStreamNamePrefix"].text;
  if (by_time && !prefix.empty()) {
    co_return InvalidParameter("Cannot order by LastEventTime with a logStreamNamePrefix.");
  }
  CO_ASSIGN_OR_RETURN(std::string after, PageAfter(context, input));
  CO_RETURN_IF_ERROR(co_await CatchUp(context.log, context.logger, found.topic, found.group));
  std::vector<ListedStream> listed;
  for (const auto& [name, stream] : found.group->streams) {
    if (std::string_view(name).starts_with(prefix)) listed.push_back({name, stream});
  }
  if (by_time) {
    std::stable_sort(listed.begin(), listed.end(),
                     [](const auto& a, const auto& b) { return OrderTime(a) < OrderTime(b); });
  }
  if (input["descending"].boolean) std::reverse(listed.begin(), listed.end());
  // The token names the last stream of the page before.
  auto begin = listed.begin();
  if (!after.empty()) {
    begin = std::find_if(listed.begin(), listed.end(),
                         [&](const ListedStream& one) { return one.name == after; });
    if (begin != listed.end()) ++begin;
  }
  auto limit = aws::IntegerOf(input["limit"]).value_or(kDescribeStreamsMax);
  auto count = std::min<std::ptrdiff_t>(limit, listed.end() - begin);
  call->answer->BeginMap().Key("logStreams").BeginList();
  for (auto it = begin; it != begin + count; ++it) WriteStream(context, *call, *found.group, *it);
  call->answer->EndList();
  if (begin + count != listed.end()) {
    call->answer->Field("nextToken", MakePageToken(context, (begin + count - 1)->name));
  }
  call->answer->EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::logs
