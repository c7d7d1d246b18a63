#include "gateway/firehose/shapes.h"

#include <algorithm>
#include <map>
#include <string>

#include "gateway/aws/shape_parts.h"
#include "gateway/firehose/delivery_stream.h"

namespace mainstem::gateway::firehose {
namespace {

using aws::Pattern;
using aws::Shape;
using namespace aws::parts;

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}
bool IsStreamName(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsNameCharacter);
}
// An ARN whose last part, behind `before`, is a name.
bool IsArnOf(std::string_view text, std::string_view before) {
  const size_t name = text.find(before);
  return text.starts_with("arn:") && name != std::string_view::npos &&
         IsStreamName(text.substr(name + before.size()));
}
bool IsBucketArn(std::string_view text) { return IsArnOf(text, ":s3:::"); }
bool IsKinesisArn(std::string_view text) {
  return text.find(":kinesis:") != std::string_view::npos && IsArnOf(text, ":stream/");
}
bool IsRoleArn(std::string_view text) {
  return text.starts_with("arn:") && text.find(":iam::") != std::string_view::npos &&
         text.find(":role/") != std::string_view::npos;
}
bool IsNumber(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}
bool IsExtension(std::string_view text) {
  constexpr std::string_view kMarks = "!-_.*'()";
  if (text.empty()) return true;
  return text.size() > 1 && text[0] == '.' &&
         std::all_of(text.begin() + 1, text.end(), [&](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  kMarks.find(c) != std::string_view::npos;
         });
}
bool IsZone(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' || c == '_';
  });
}
bool IsNotBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") != std::string_view::npos;
}

constexpr Pattern kStreamName{"[a-zA-Z0-9_.-]+", IsStreamName};
constexpr Pattern kBucketArn{"arn:.*:s3:::[\\w\\.\\-]{1,255}", IsBucketArn};
constexpr Pattern kRoleArn{"arn:.*:iam::\\d{12}:role/[a-zA-Z_0-9+=,.@\\-_/]+", IsRoleArn};
constexpr Pattern kKinesisArn{"arn:.*:kinesis:[a-zA-Z0-9\\-]+:\\d{12}:stream/[a-zA-Z0-9_.-]+",
                              IsKinesisArn};
constexpr Pattern kNumber{"[0-9]+", IsNumber};
constexpr Pattern kExtension{"^$|\\.[0-9a-z!\\-_.*'()]+", IsExtension};
constexpr Pattern kZone{"^$|[a-zA-Z/_]+", IsZone};
constexpr Pattern kNotBlank{"^(?!\\s*$).+", IsNotBlank};

Shape StreamName() { return Matching(&kStreamName, Text(1, 64)); }
Shape RoleArn() { return Matching(&kRoleArn, Text(1, 512)); }
Shape BucketArn() { return Matching(&kBucketArn, Text(1, 2048)); }
Shape RequiredUnless(bool optional, Shape shape) {
  return optional ? std::move(shape) : Required(std::move(shape));
}

Shape Buffering() {
  return Structure({{"SizeInMBs", Whole(1, 128)}, {"IntervalInSeconds", Whole(0, 900)}});
}
Shape Logging() {
  return Structure(
      {{"Enabled", Flag()}, {"LogGroupName", Text(0, 512)}, {"LogStreamName", Text(0, 512)}});
}
Shape Encryption() {
  Shape key = Structure({{"AWSKMSKeyARN", Required(Text(1, 512))}});
  return Structure(
      {{"NoEncryptionConfig", OneOf({"NoEncryption"})}, {"KMSEncryptionConfig", std::move(key)}});
}
Shape Processing() {
  Shape parameter = Structure(
      {{"ParameterName", Required(OneOf({"LambdaArn", "NumberOfRetries", "MetadataExtractionQuery",
                                         "JsonParsingEngine", "RoleArn", "BufferSizeInMBs",
                                         "BufferIntervalInSeconds", "SubRecordType", "Delimiter",
                                         "CompressionFormat", "DataMessageExtraction"}))},
       {"ParameterValue", Required(Matching(&kNotBlank, Text(1, 5120)))}});
  Shape processor = Structure(
      {{"Type", Required(OneOf({"RecordDeAggregation", "Decompression", "CloudWatchLogProcessing",
                                "Lambda", "MetadataExtraction", "AppendDelimiterToRecord"}))},
       {"Parameters", List(std::move(parameter), 0, 100)}});
  return Structure({{"Enabled", Flag()}, {"Processors", List(std::move(processor), 0, 100)}});
}

// `is_update`: nothing is required.
std::vector<aws::Field> S3Fields(bool is_update) {
  return {{"RoleARN", RequiredUnless(is_update, RoleArn())},
          {"BucketARN", RequiredUnless(is_update, BucketArn())},
          {"Prefix", Text(0, 1024)},
          {"ErrorOutputPrefix", Text(0, 1024)},
          {"BufferingHints", Buffering()},
          {"CompressionFormat", OneOf({"UNCOMPRESSED", "GZIP", "ZIP", "Snappy", "HADOOP_SNAPPY"})},
          {"EncryptionConfiguration", Encryption()},
          {"CloudWatchLoggingOptions", Logging()}};
}
Shape S3(bool is_update) { return Structure(S3Fields(is_update)); }
Shape ExtendedS3(bool is_update) {
  std::vector<aws::Field> fields = S3Fields(is_update);
  fields.push_back({"ProcessingConfiguration", Processing()});
  fields.push_back({"S3BackupMode", OneOf({"Disabled", "Enabled"})});
  fields.push_back({"DataFormatConversionConfiguration", Structure({{"Enabled", Flag()}})});
  Shape retry = Structure({{"DurationInSeconds", Whole(0, 7200)}});
  fields.push_back({"DynamicPartitioningConfiguration",
                    Structure({{"Enabled", Flag()}, {"RetryOptions", std::move(retry)}})});
  fields.push_back({"FileExtension", Matching(&kExtension, Text(0, 128))});
  fields.push_back({"CustomTimeZone", Matching(&kZone, Text(0, 50))});
  return Structure(std::move(fields));
}

// Amazon takes https only; a node may stand beside its endpoint.
bool IsEndpointUrl(std::string_view text) {
  return text.starts_with("https://") || text.starts_with("http://");
}
constexpr Pattern kEndpointUrl{"https?://.*", IsEndpointUrl};

Shape HttpEndpoint(bool is_update) {
  Shape endpoint = Structure({{"Url", Required(Matching(&kEndpointUrl, Text(1, 1000)))},
                              {"Name", Matching(&kNotBlank, Text(1, 256))},
                              {"AccessKey", Text(0, 4096)}});
  Shape hints = Structure({{"SizeInMBs", Whole(1, 64)}, {"IntervalInSeconds", Whole(0, 900)}});
  Shape attribute = Structure({{"AttributeName", Required(Matching(&kNotBlank, Text(1, 256)))},
                               {"AttributeValue", Required(Text(0, 1024))}});
  Shape request = Structure({{"ContentEncoding", OneOf({"NONE", "GZIP"})},
                             {"CommonAttributes", List(std::move(attribute), 0, 50)}});
  Shape retry = Structure({{"DurationInSeconds", Whole(0, 7200)}});
  std::vector<aws::Field> fields = {
      {"EndpointConfiguration", RequiredUnless(is_update, std::move(endpoint))},
      {"BufferingHints", std::move(hints)},
      {"CloudWatchLoggingOptions", Logging()},
      {"RequestConfiguration", std::move(request)},
      {"ProcessingConfiguration", Processing()},
      {"RoleARN", RoleArn()},
      {"RetryOptions", std::move(retry)},
      {"S3BackupMode", OneOf({"FailedDataOnly", "AllData"})},
      {"SecretsManagerConfiguration", Structure({{"Enabled", Flag()}})}};
  fields.push_back(
      {is_update ? "S3Update" : "S3Configuration", RequiredUnless(is_update, S3(is_update))});
  return Structure(std::move(fields));
}

bool IsDomainArn(std::string_view text) {
  return text.starts_with("arn:") && text.find(":es:") != std::string_view::npos &&
         text.find(":domain/") != std::string_view::npos;
}
constexpr Pattern kDomainArn{"arn:.*:es:[a-zA-Z0-9\\-]+:\\d{12}:domain/[a-z][-0-9a-z]{2,27}",
                             IsDomainArn};

Shape OpenSearch(bool is_update) {
  Shape hints = Structure({{"SizeInMBs", Whole(1, 100)}, {"IntervalInSeconds", Whole(0, 900)}});
  Shape retry = Structure({{"DurationInSeconds", Whole(0, 7200)}});
  Shape ids = Structure(
      {{"DefaultDocumentIdFormat", Required(OneOf({"FIREHOSE_DEFAULT", "NO_DOCUMENT_ID"}))}});
  std::vector<aws::Field> fields = {
      {"RoleARN", RequiredUnless(is_update, RoleArn())},
      {"DomainARN", Matching(&kDomainArn, Text(1, 512))},
      {"ClusterEndpoint", Matching(&kEndpointUrl, Text(1, 512))},
      {"IndexName", RequiredUnless(is_update, Text(1, 80))},
      {"TypeName", Text(0, 100)},
      {"IndexRotationPeriod", OneOf({"NoRotation", "OneHour", "OneDay", "OneWeek", "OneMonth"})},
      {"BufferingHints", std::move(hints)},
      {"RetryOptions", std::move(retry)},
      {"ProcessingConfiguration", Processing()},
      {"CloudWatchLoggingOptions", Logging()},
      {"DocumentIdOptions", std::move(ids)}};
  if (is_update) {
    fields.push_back({"S3Update", S3(true)});
    return Structure(std::move(fields));
  }
  fields.push_back({"S3BackupMode", OneOf({"FailedDocumentsOnly", "AllDocuments"})});
  fields.push_back({"S3Configuration", Required(S3(false))});
  fields.push_back({"VpcConfiguration", Structure({{"RoleARN", Required(RoleArn())}})});
  return Structure(std::move(fields));
}

Shape TagList() {
  return List(Structure({{"Key", Required(Text(1, 128))}, {"Value", Text(0, 256)}}), 1, 50);
}
Shape Record() {
  Shape data{.type = aws::ShapeType::kBlob, .required = true, .maximum = kRecordBytesMax};
  return Structure({{"Data", std::move(data)}});
}

std::map<std::string, Shape, std::less<>> MakeShapes() {
  Shape kinesis = Structure({{"KinesisStreamARN", Required(Matching(&kKinesisArn, Text(1, 512)))},
                             {"RoleARN", Required(RoleArn())}});
  std::map<std::string, Shape, std::less<>> shapes;
  shapes["CreateDeliveryStream"] =
      Structure({{"DeliveryStreamName", Required(StreamName())},
                 {"DeliveryStreamType",
                  OneOf({"DirectPut", "KinesisStreamAsSource", "MSKAsSource", "DatabaseAsSource"})},
                 {"KinesisStreamSourceConfiguration", std::move(kinesis)},
                 {"S3DestinationConfiguration", S3(false)},
                 {"ExtendedS3DestinationConfiguration", ExtendedS3(false)},
                 {"HttpEndpointDestinationConfiguration", HttpEndpoint(false)},
                 {"AmazonopensearchserviceDestinationConfiguration", OpenSearch(false)},
                 {"Tags", TagList()}});
  shapes["DeleteDeliveryStream"] =
      Structure({{"DeliveryStreamName", Required(StreamName())}, {"AllowForceDelete", Flag()}});
  shapes["DescribeDeliveryStream"] = Structure({{"DeliveryStreamName", Required(StreamName())},
                                                {"Limit", Whole(1, 10'000)},
                                                {"ExclusiveStartDestinationId", Text(1, 100)}});
  shapes["ListDeliveryStreams"] =
      Structure({{"Limit", Whole(1, 10'000)},
                 {"DeliveryStreamType",
                  OneOf({"DirectPut", "KinesisStreamAsSource", "MSKAsSource", "DatabaseAsSource"})},
                 {"ExclusiveStartDeliveryStreamName", StreamName()}});
  shapes["UpdateDestination"] =
      Structure({{"DeliveryStreamName", Required(StreamName())},
                 {"CurrentDeliveryStreamVersionId", Required(Matching(&kNumber, Text(1, 50)))},
                 {"DestinationId", Required(Text(1, 100))},
                 {"S3DestinationUpdate", S3(true)},
                 {"ExtendedS3DestinationUpdate", ExtendedS3(true)},
                 {"HttpEndpointDestinationUpdate", HttpEndpoint(true)},
                 {"AmazonopensearchserviceDestinationUpdate", OpenSearch(true)}});
  shapes["TagDeliveryStream"] =
      Structure({{"DeliveryStreamName", Required(StreamName())}, {"Tags", Required(TagList())}});
  shapes["UntagDeliveryStream"] = Structure({{"DeliveryStreamName", Required(StreamName())},
                                             {"TagKeys", Required(List(Text(1, 128), 1, 50))}});
  shapes["ListTagsForDeliveryStream"] = Structure({{"DeliveryStreamName", Required(StreamName())},
                                                   {"ExclusiveStartTagKey", Text(1, 128)},
                                                   {"Limit", Whole(1, 50)}});
  shapes["PutRecord"] =
      Structure({{"DeliveryStreamName", Required(StreamName())}, {"Record", Required(Record())}});
  shapes["PutRecordBatch"] = Structure({{"DeliveryStreamName", Required(StreamName())},
                                        {"Records", Required(List(Record(), 1, 500))}});
  return shapes;
}

}  // namespace

const aws::Shape* FindShape(std::string_view operation) {
  static const std::map<std::string, Shape, std::less<>> shapes = MakeShapes();
  auto found = shapes.find(operation);
  return found == shapes.end() ? nullptr : &found->second;
}

}  // namespace mainstem::gateway::firehose
