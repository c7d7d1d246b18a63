// TagDeliveryStream, UntagDeliveryStream, ListTagsForDeliveryStream.
#include "gateway/aws/tags.h"
#include "gateway/firehose/operations.h"

namespace mainstem::gateway::firehose {
namespace {

constexpr int64_t kListedTagsMax = 50;

}  // namespace

Status AddTags(const aws::Value& input, std::map<std::string, std::string>* tags) {
  if (aws::PutTags(input["Tags"], tags)) return Status::OK();
  return aws::MakeAwsError("LimitExceededException", "A delivery stream can have at most 50 tags.");
}

Task<> TagDeliveryStream(const Context& context, aws::AwsCall* call) {
  StreamCatalog::Change change = [call](DeliveryStream* stream) {
    return AddTags(call->input.root, &stream->tags);
  };
  std::string name(call->input.root["DeliveryStreamName"].text);
  Status changed = co_await context.catalog->Update(std::move(name), std::move(change));
  if (changed.ok()) call->answer->BeginMap().EndMap();
  co_return ToldOfStream(context, *call, std::move(changed));
}

Task<> UntagDeliveryStream(const Context& context, aws::AwsCall* call) {
  StreamCatalog::Change change = [call](DeliveryStream* stream) {
    aws::RemoveTags(call->input.root["TagKeys"], &stream->tags);
    return Status::OK();
  };
  std::string name(call->input.root["DeliveryStreamName"].text);
  Status changed = co_await context.catalog->Update(std::move(name), std::move(change));
  if (changed.ok()) call->answer->BeginMap().EndMap();
  co_return ToldOfStream(context, *call, std::move(changed));
}

Task<> ListTagsForDeliveryStream(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  CO_ASSIGN_OR_RETURN(const DeliveryStream* stream, FindStream(context, *call));
  int64_t left = aws::IntegerOf(input["Limit"]).value_or(kListedTagsMax);
  auto tag = input["ExclusiveStartTagKey"].is_null()
                 ? stream->tags.begin()
                 : stream->tags.upper_bound(std::string(input["ExclusiveStartTagKey"].text));
  call->answer->BeginMap().Key("Tags").BeginList();
  for (; tag != stream->tags.end() && left > 0; ++tag, --left) {
    call->answer->BeginMap().Field("Key", tag->first).Field("Value", tag->second).EndMap();
  }
  call->answer->EndList().Key("HasMoreTags").Boolean(tag != stream->tags.end()).EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::firehose
