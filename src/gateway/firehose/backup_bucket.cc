#include "gateway/firehose/backup_bucket.h"

#include "core/json_writer.h"
#include "gateway/aws/aws_error.h"
#include "gateway/aws/value_json.h"
#include "gateway/firehose/s3_destination.h"

namespace mainstem::gateway::firehose {

using aws::Value;

bool BacksUpAll(const Value& configuration) {
  const std::string_view mode = configuration["S3BackupMode"].text;
  return mode == "AllData" || mode == "AllDocuments";
}

void DescribeBackup(const Value& configuration, BackupModes modes, aws::BodyWriter* answer) {
  answer->Field("S3BackupMode", BacksUpAll(configuration) ? modes.all : modes.failed);
  answer->Key("S3DestinationDescription").BeginMap();
  DescribeS3(configuration["S3Configuration"], {}, answer);
  answer->EndMap();
}

Result<std::string> MergedWithBucket(const std::string& before, const Value& update) {
  ASSIGN_OR_RETURN(std::string merged, aws::MergedJson(before, update));
  ASSIGN_OR_RETURN(aws::Document old, aws::DecodeBody(aws::BodyCodec::kJson, before));
  ASSIGN_OR_RETURN(aws::Document document, aws::DecodeBody(aws::BodyCodec::kJson, merged));
  if (BacksUpAll(old.root) != BacksUpAll(document.root)) {
    return aws::InvalidArgument("S3BackupMode can't be changed here.");
  }
  ASSIGN_OR_RETURN(std::string bucket,
                   aws::MergedJson(aws::ToJson(old.root["S3Configuration"]), update["S3Update"]));
  JsonWriter json;
  json.BeginObject();
  for (const aws::Member& member : document.root.members) {
    if (member.name == "S3Configuration" || member.name == "S3Update") continue;
    json.Key(member.name).Raw(aws::ToJson(member.value));
  }
  json.Key("S3Configuration").Raw(bucket).EndObject();
  return json.Take();
}

}  // namespace mainstem::gateway::firehose
