// Archives: making, changing, deleting, describing.
#include <fmt/format.h>

#include "gateway/aws/value_json.h"
#include "gateway/events/destinations/api_destinations.h"
#include "gateway/events/operations.h"

namespace mainstem::gateway::events {
namespace {

constexpr char kArchivePageKind = 'A';
constexpr int64_t kPageMax = 100;
constexpr std::string_view kEnabled = "ENABLED";  // the only state here

Status NoSuchArchive(std::string_view name) {
  return aws::MakeAwsError("ResourceNotFoundException",
                           fmt::format("Archive {} does not exist.", name));
}

Status ArchiveError(const Status& status) {
  if (Is(status, ErrorCode::kAlreadyExists)) {
    return aws::MakeAwsError("ResourceAlreadyExistsException", TextOf(status).message);
  }
  return RuleError(status);
}

Status CheckArchivePattern(const aws::Value& input) {
  auto pattern = ArchivePattern(input["EventPattern"].text);
  return pattern.ok() ? Status::OK() : InvalidEventPattern(pattern.status());
}

void AnswerArchive(const Context& context, aws::AwsCall* call, std::string_view name,
                   const Definition& archive) {
  call->answer->BeginMap().Field("ArchiveArn", fmt::format("arn:aws:events:{}:{}:archive/{}",
                                                           call->region, context.account, name));
  call->answer->Field("State", kEnabled).Key("CreationTime").Time(archive.created_ms);
  call->answer->EndMap();
}

struct ArchiveSize {
  int64_t events = 0;
  int64_t bytes = 0;
};
Task<ArchiveSize> SizeOf(const Context& context, const Definition* archive) {
  CO_ASSIGN_OR_RETURN(ArchiveState state, ArchiveStateOf(*archive));
  auto topic = context.log->FindTopic(state.topic);
  if (!topic) co_return ArchiveSize{};
  storage::TopicPartition partition{.topic_id = topic->id, .partition = PartitionId(0)};
  CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await context.log->Offsets(partition));
  co_return ArchiveSize{.events = offsets.high_watermark.value() - offsets.log_start.value(),
                        .bytes = offsets.size_bytes};
}

// Members of DescribeArchive and ListArchives, in a map that is open.
Task<> WriteArchive(const Context& context, aws::AwsCall* call, const std::string* name,
                    const Definition* archive) {
  CO_ASSIGN_OR_RETURN(ArchiveSize size, co_await SizeOf(context, archive));
  CO_ASSIGN_OR_RETURN(aws::Document document,
                      aws::DecodeBody(aws::BodyCodec::kJson, archive->json));
  const aws::Value& root = document.root;
  aws::BodyWriter* answer = call->answer.get();
  answer->Field("ArchiveName", *name).Field("EventSourceArn", root["EventSourceArn"].text);
  answer->Field("State", kEnabled).Key("RetentionDays");
  answer->Integer(aws::IntegerOf(root["RetentionDays"]).value_or(0));
  answer->Key("SizeBytes").Integer(size.bytes).Key("EventCount").Integer(size.events);
  answer->Key("CreationTime").Time(archive->created_ms);
  co_return Status::OK();
}

}  // namespace

std::string ArchiveOfArn(std::string_view arn) {
  constexpr std::string_view kBefore = ":archive/";
  size_t begin = arn.find(kBefore);
  if (!arn.starts_with("arn:aws") || begin == std::string_view::npos) return {};
  return std::string(arn.substr(begin + kBefore.size()));
}

Result<DefinitionPage> PageOfDefinitions(const Context& context, const aws::Value& input,
                                         const DefinitionTable& table,
                                         const DefinitionListing& listing) {
  ASSIGN_OR_RETURN(std::string after, PageAfter(context, input, listing.page_kind));
  auto limit = static_cast<size_t>(aws::IntegerOf(input["Limit"]).value_or(kPageMax));
  DefinitionPage page;
  const auto& all = table.definitions();
  for (auto it = all.upper_bound(after); it != all.end() && !page.has_more; ++it) {
    if (!std::string_view(it->first).starts_with(input["NamePrefix"].text)) continue;
    ASSIGN_OR_RETURN(aws::Document document,
                     aws::DecodeBody(aws::BodyCodec::kJson, it->second.json));
    if (!listing.wants(document.root)) continue;
    page.has_more = page.definitions.size() == limit;
    if (!page.has_more) page.definitions.emplace_back(it->first, it->second);
  }
  return page;
}

void WriteNextToken(const Context& context, const DefinitionPage& page, char kind,
                    aws::AwsCall* call) {
  if (page.has_more) WriteNextToken(context, kind, page.definitions.back().first, call);
}

Task<> CreateArchive(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  std::string name(input["ArchiveName"].text);
  std::string bus = BusNameIn(input["EventSourceArn"].text);
  CO_RETURN_IF_ERROR(CheckBus(context, bus));
  CO_RETURN_IF_ERROR(CheckArchivePattern(input));
  CO_RETURN_IF_ERROR(ArchiveError(co_await context.archives->Create(name, call->region, &input)));
  const Definition* archive = context.archives->table().Find(name);
  if (archive == nullptr) co_return NoSuchArchive(name);
  AnswerArchive(context, call, name, *archive);
  co_return Status::OK();
}

Task<> UpdateArchive(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  std::string name(input["ArchiveName"].text);
  CO_RETURN_IF_ERROR(CheckArchivePattern(input));
  CO_RETURN_IF_ERROR(ArchiveError(co_await context.archives->Update(name, &input)));
  const Definition* archive = context.archives->table().Find(name);
  if (archive == nullptr) co_return NoSuchArchive(name);
  AnswerArchive(context, call, name, *archive);
  co_return Status::OK();
}

Task<> DescribeArchive(const Context& context, aws::AwsCall* call) {
  std::string name(call->input.root["ArchiveName"].text);
  const Definition* found = context.archives->table().Find(name);
  if (found == nullptr) co_return NoSuchArchive(name);
  Definition archive = *found;
  CO_ASSIGN_OR_RETURN(aws::Document document, aws::DecodeBody(aws::BodyCodec::kJson, archive.json));
  aws::BodyWriter* answer = call->answer.get();
  answer->BeginMap().Field("ArchiveArn", fmt::format("arn:aws:events:{}:{}:archive/{}",
                                                     call->region, context.account, name));
  for (std::string_view member : {"Description", "EventPattern"}) {
    if (!document.root[member].text.empty()) answer->Field(member, document.root[member].text);
  }
  CO_RETURN_IF_ERROR(co_await WriteArchive(context, call, &name, &archive));
  answer->EndMap();
  co_return Status::OK();
}

Task<> DeleteArchive(const Context& context, aws::AwsCall* call) {
  std::string name(call->input.root["ArchiveName"].text);
  if (context.archives->table().Find(name) == nullptr) co_return NoSuchArchive(name);
  co_return co_await context.archives->Delete(std::move(name));
}

Task<> ListArchives(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  std::string_view source = input["EventSourceArn"].text;
  std::string_view state = input["State"].text;
  DefinitionListing listing{.page_kind = kArchivePageKind};
  listing.wants = [source, state](const aws::Value& archive) {
    return (source.empty() || archive["EventSourceArn"].text == source) &&
           (state.empty() || state == kEnabled);
  };
  CO_ASSIGN_OR_RETURN(DefinitionPage page,
                      PageOfDefinitions(context, input, context.archives->table(), listing));
  call->answer->BeginMap().Key("Archives").BeginList();
  for (const auto& [name, archive] : page.definitions) {
    call->answer->BeginMap();
    CO_RETURN_IF_ERROR(co_await WriteArchive(context, call, &name, &archive));
    call->answer->EndMap();
  }
  call->answer->EndList();
  WriteNextToken(context, page, kArchivePageKind, call);
  call->answer->EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::events
