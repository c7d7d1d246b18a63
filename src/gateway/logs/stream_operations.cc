// Log streams: making, deleting, describing.
#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "gateway/logs/event_reader.h"
#include "gateway/logs/operations.h"

namespace mainstem::gateway::logs {
namespace {

constexpr int64_t kDescribeStreamsMax = 50;

// A stream's place in a listing; the time only where the order is by it. What a token holds, so
// that a listing goes on though the stream is deleted meanwhile.
struct StreamKey {
  int64_t time = 0;
  std::string_view name;
  auto operator<=>(const StreamKey&) const = default;
};

// Of streams without events the time of their making.
int64_t OrderTime(const LogStream& stream) {
  return stream.times ? stream.times->last_ms : stream.created_ms;
}

std::string FormatStreamKey(const StreamKey& key) {
  return fmt::format("{} {}", key.time, key.name);
}

Result<StreamKey> ParseStreamKey(std::string_view text) {
  StreamKey key;
  const char* end = text.data() + text.size();
  auto time = std::from_chars(text.data(), end, key.time);
  if (time.ec != std::errc() || time.ptr == end || *time.ptr != ' ') {
    return InvalidParameter("The specified nextToken is invalid.");
  }
  key.name = text.substr(static_cast<size_t>(time.ptr + 1 - text.data()));
  return key;
}

struct StreamListing {
  std::string_view prefix;
  bool by_time = false;
  bool descending = false;
  std::optional<StreamKey> after{};
  size_t limit = 0;
};

// The streams of a page, and one more where there is another page.
std::vector<StreamKey> ListStreams(const LogGroup& group, const StreamListing& listing) {
  auto before = [&](const StreamKey& a, const StreamKey& b) {
    return listing.descending ? b < a : a < b;
  };
  std::vector<StreamKey> keys;
  for (auto it = group.streams.lower_bound(listing.prefix);
       it != group.streams.end() && it->first.starts_with(listing.prefix); ++it) {
    StreamKey key{.time = listing.by_time ? OrderTime(it->second) : 0, .name = it->first};
    if (!listing.after || before(*listing.after, key)) keys.push_back(key);
  }
  size_t count = std::min(keys.size(), listing.limit + 1);
  std::partial_sort(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(count), keys.end(),
                    before);
  keys.resize(count);
  return keys;
}

void WriteStream(const Context& context, const aws::AwsCall& call, const LogGroup& group,
                 const std::string& name, const LogStream& stream) {
  aws::BodyWriter* answer = call.answer.get();
  answer->BeginMap().Field("logStreamName", name);
  answer->Key("creationTime").Integer(stream.created_ms);
  if (stream.times) {
    answer->Key("firstEventTimestamp").Integer(stream.times->first_ms);
    answer->Key("lastEventTimestamp").Integer(stream.times->last_ms);
    answer->Key("lastIngestionTime").Integer(stream.times->last_ingestion_ms);
  }
  answer->Field("uploadSequenceToken", fmt::format("{:056}", stream.begin.value() + 1));
  answer->Field("arn", fmt::format("{}:log-stream:{}", GroupArn(context, call, group.name), name));
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
  auto limit = aws::IntegerOf(input["limit"]).value_or(kDescribeStreamsMax);
  StreamListing listing{.prefix = prefix,
                        .by_time = by_time,
                        .descending = input["descending"].boolean,
                        .limit = static_cast<size_t>(limit)};
  if (!after.empty()) {
    CO_ASSIGN_OR_RETURN(listing.after, ParseStreamKey(after));
  }
  CO_RETURN_IF_ERROR(co_await CatchUp(context.log, context.logger, found.topic, found.group));
  std::vector<StreamKey> listed = ListStreams(*found.group, listing);
  bool more = listed.size() > listing.limit;
  if (more) listed.pop_back();
  call->answer->BeginMap().Key("logStreams").BeginList();
  for (const StreamKey& key : listed) {
    auto stream = found.group->streams.find(key.name);
    WriteStream(context, *call, *found.group, stream->first, stream->second);
  }
  call->answer->EndList();
  if (more) {
    call->answer->Field("nextToken", MakePageToken(context, FormatStreamKey(listed.back())));
  }
  call->answer->EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::logs
