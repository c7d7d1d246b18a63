// GetLogEvents and FilterLogEvents.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "gateway/logs/event_reader.h"
#include "gateway/logs/operations.h"

namespace mainstem::gateway::logs {
namespace {

constexpr char kSearchKind = 'F';
constexpr int64_t kSearchLifeMs = kMillisPerDay;
// FilterLogEvents goes backwards only for searches that begin in 2024 or later.
constexpr int64_t kBackwardsFromMs = 1'704'067'200'000;
// Of a page's events while they are looked for: messages, names, what stands around them.
constexpr int64_t kPageMemory = 8 << 20;

void WriteEvent(const FoundEvent& event, aws::BodyWriter* answer) {
  answer->Key("timestamp").Integer(event.position.timestamp_ms);
  answer->Field("message", event.message);
  answer->Key("ingestionTime").Integer(event.ingestion_ms);
}

// Tokens of GetLogEvents: "f/56 digits/s" and "b/56 digits/s".
struct PageToken {
  bool backwards = false;
  EventPosition position;
};

std::string FormatPageToken(const EventSource& source, const PageToken& token) {
  return fmt::format("{}/{}/s", token.backwards ? 'b' : 'f', FormatEventId(source, token.position));
}

Result<PageToken> ParsePageToken(const EventSource& source, std::string_view text) {
  bool framed =
      (text.starts_with("f/") || text.starts_with("b/")) && text.ends_with("/s") && text.size() > 4;
  auto position = framed ? ParseEventId(source, text.substr(2, text.size() - 4)) : std::nullopt;
  if (!position) return InvalidParameter("The specified nextToken is invalid.");
  return PageToken{.backwards = text[0] == 'b', .position = *position};
}

// A token of FilterLogEvents says where to go on, and of which search.
std::string SearchOf(const aws::AwsCall& call) {
  const aws::Value& input = call.input.root;
  std::string search;
  for (std::string_view name :
       {"logGroupName", "logGroupIdentifier", "logStreamNamePrefix", "filterPattern"}) {
    search += fmt::format("{}:{}\n", input[name].text.size(), input[name].text);
  }
  for (const aws::Member& member : input["logStreamNames"].members) {
    search += fmt::format("{}\n", member.value.text);
  }
  return search;
}

std::string MakeSearchToken(const Context& context, const aws::AwsCall& call,
                            const PageToken& token) {
  // Without a letter: forwards.
  std::string payload =
      fmt::format("{} {} {}{:x}", token.position.timestamp_ms, token.position.index,
                  token.backwards ? "b" : "", std::hash<std::string>()(SearchOf(call)));
  return context.sealer->Seal(kSearchKind,
                              {.made_ms = context.NowMs(), .payload = std::move(payload)});
}

Result<PageToken> ParseSearchToken(const Context& context, const aws::AwsCall& call) {
  auto invalid = [] { return InvalidParameter("The specified nextToken is invalid."); };
  auto token = context.sealer->Unseal(kSearchKind, call.input.root["nextToken"].text);
  if (!token || context.NowMs() - token->made_ms > kSearchLifeMs) return invalid();
  EventPosition position;
  const char* end = token->payload.data() + token->payload.size();
  auto time = std::from_chars(token->payload.data(), end, position.timestamp_ms);
  if (time.ec != std::errc() || time.ptr == end) return invalid();
  auto index = std::from_chars(time.ptr + 1, end, position.index);
  if (index.ec != std::errc() || index.ptr == end) return invalid();
  std::string search = fmt::format("{:x}", std::hash<std::string>()(SearchOf(call)));
  std::string_view rest(index.ptr + 1, static_cast<size_t>(end - index.ptr - 1));
  bool backwards = rest == "b" + search;
  if (!backwards && rest != search) return invalid();
  return PageToken{.backwards = backwards, .position = position};
}

Result<EventQuery> QueryOf(const Context& context, const aws::Value& input, const LogGroup& group) {
  EventQuery query;
  query.begin_ms = std::max(aws::IntegerOf(input["startTime"]).value_or(INT64_MIN),
                            group.OldestMs(context.NowMs()));
  query.end_ms = aws::IntegerOf(input["endTime"]).value_or(INT64_MAX);
  auto start = aws::IntegerOf(input["startTime"]);
  if (start && *start > query.end_ms) {
    return InvalidParameter("startTime must not be later than endTime.");
  }
  query.limit = static_cast<size_t>(aws::IntegerOf(input["limit"]).value_or(10'000));
  return query;
}

// The tokens on both sides of a page. Where there was nothing, the one it was asked with stays.
void WritePageTokens(const EventSource& source, const EventQuery& query, const EventPage& page,
                     aws::BodyWriter* answer) {
  EventPosition first{.timestamp_ms = std::clamp<int64_t>(query.begin_ms, 0, INT64_MAX)};
  if (query.beyond) first = *query.beyond;
  EventPosition last = first;
  if (!page.events.empty()) {
    first = page.events.front().position;
    last = page.events.back().position;
  }
  if (page.resume) (query.backwards ? first : last) = *page.resume;
  answer->Field("nextForwardToken",
                FormatPageToken(source, {.backwards = false, .position = last}));
  answer->Field("nextBackwardToken",
                FormatPageToken(source, {.backwards = true, .position = first}));
}

// Takes memory for the call: for the page while it is looked for, and for its answer.
Task<EventPage> FindLeased(const Context& context, const FoundGroup& found, const EventQuery& query,
                           aws::AwsCall* call) {
  CO_RETURN_IF_ERROR(LeaseMore(context, kPageMemory, call));
  CO_ASSIGN_OR_RETURN(EventPage page, co_await FindEvents(context.log, context.logger, found.topic,
                                                          found.group, query));
  // The text grows by doubling.
  CO_RETURN_IF_ERROR(LeaseMore(context, 2 * page.answer_bytes, call));
  co_return page;
}

}  // namespace

Task<> GetLogEvents(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  CO_ASSIGN_OR_RETURN(FoundGroup found, FindGroup(context, *call));
  std::string stream(input["logStreamName"].text);
  if (found.group->FindStream(stream) == nullptr) co_return StreamNotFound();
  CO_ASSIGN_OR_RETURN(EventQuery query, QueryOf(context, input, *found.group));
  query.streams = {stream};
  query.backwards = !input["startFromHead"].boolean;
  EventSource source{.group_id = found.group->definition.id, .stream = stream};
  if (!input["nextToken"].is_null()) {
    CO_ASSIGN_OR_RETURN(PageToken token, ParsePageToken(source, input["nextToken"].text));
    query.backwards = token.backwards;
    query.beyond = token.position;
  }
  CO_ASSIGN_OR_RETURN(EventPage page, co_await FindLeased(context, found, query, call));
  aws::BodyWriter* answer = call->answer.get();
  answer->BeginMap().Key("events").BeginList();
  for (const FoundEvent& event : page.events) {
    answer->BeginMap();
    WriteEvent(event, answer);
    answer->EndMap();
  }
  answer->EndList();
  WritePageTokens(source, query, page, answer);
  answer->EndMap();
  co_return Status::OK();
}

Task<> FilterLogEvents(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  CO_ASSIGN_OR_RETURN(FoundGroup found, FindGroup(context, *call));
  if (!input["logStreamNames"].is_null() && !input["logStreamNamePrefix"].is_null()) {
    co_return InvalidParameter(
        "logStreamNames and logStreamNamePrefix must not be specified together.");
  }
  CO_ASSIGN_OR_RETURN(EventQuery query, QueryOf(context, input, *found.group));
  // Here the end belongs to it.
  if (query.end_ms < INT64_MAX) ++query.end_ms;
  query.stream_prefix = input["logStreamNamePrefix"].text;
  for (const aws::Member& member : input["logStreamNames"].members) {
    if (found.group->FindStream(member.value.text) == nullptr) co_return StreamNotFound();
    query.streams.emplace(member.value.text);
  }
  if (!input["nextToken"].is_null()) {
    CO_ASSIGN_OR_RETURN(PageToken token, ParseSearchToken(context, *call));
    query.backwards = token.backwards;
    query.beyond = token.position;
  } else if (!input["startFromHead"].is_null()) {
    query.backwards = !input["startFromHead"].boolean;
    auto start = aws::IntegerOf(input["startTime"]);
    if (query.backwards && (!start || *start < kBackwardsFromMs)) {
      co_return InvalidParameter(
          "startFromHead can be false only with a startTime on or after Jan 1, 2024 00:00:00 UTC.");
    }
  }
  CO_ASSIGN_OR_RETURN(FilterPattern pattern, PatternOf(input["filterPattern"].text));
  query.pattern = &pattern;
  CO_ASSIGN_OR_RETURN(EventPage page, co_await FindLeased(context, found, query, call));
  aws::BodyWriter* answer = call->answer.get();
  answer->BeginMap().Key("events").BeginList();
  if (query.backwards) std::reverse(page.events.begin(), page.events.end());  // the latest first
  for (const FoundEvent& event : page.events) {
    answer->BeginMap().Field("logStreamName", event.stream);
    WriteEvent(event, answer);
    EventSource source{.group_id = found.group->definition.id, .stream = event.stream};
    answer->Field("eventId", FormatEventId(source, event.position)).EndMap();
  }
  answer->EndList().Key("searchedLogStreams").BeginList().EndList();
  if (page.resume) {
    PageToken token{.backwards = query.backwards, .position = *page.resume};
    answer->Field("nextToken", MakeSearchToken(context, *call, token));
  }
  answer->EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::logs
