#include "gateway/aws/aws_error.h"

#include <memory>

namespace mainstem::gateway::aws {
namespace {

class AwsErrorDetail final : public arrow::StatusDetail {
 public:
  explicit AwsErrorDetail(AwsError error) : error_(std::move(error)) {}
  const char* type_id() const override { return kTypeId; }
  std::string ToString() const override { return error_.name; }
  const AwsError& error() const { return error_; }

  static constexpr const char* kTypeId = "mainstem::gateway::aws::AwsError";

 private:
  AwsError error_;
};

}  // namespace

Status MakeAwsError(AwsError error) {
  std::string message = error.name + ": " + error.message;
  auto code = error.http_status >= 500 ? arrow::StatusCode::IOError : arrow::StatusCode::Invalid;
  return Status(code, std::move(message), std::make_shared<AwsErrorDetail>(std::move(error)));
}

AwsError ToAwsError(const Status& status) {
  const auto& detail = status.detail();
  if (detail && detail->type_id() == AwsErrorDetail::kTypeId) {
    return static_cast<const AwsErrorDetail&>(*detail).error();
  }
  switch (CodeOf(status)) {
    case ErrorCode::kUnknownTopic:
    case ErrorCode::kUnknownTopicId:
    case ErrorCode::kNotFound:
      return {.name = "ResourceNotFoundException", .message = TextOf(status).message};
    case ErrorCode::kMessageTooLarge:
    case ErrorCode::kRecordListTooLarge:
      return {.name = "RequestEntityTooLargeException",
              .message = TextOf(status).message,
              .http_status = 413};
    case ErrorCode::kPermissionDenied:
      return {.name = "AccessDeniedException", .message = TextOf(status).message};
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kStorageError:
    case ErrorCode::kDiskFull:
    case ErrorCode::kUnavailable:
    case ErrorCode::kTimedOut:
    case ErrorCode::kCancelled:
      return {.name = "ServiceUnavailable", .message = TextOf(status).message, .http_status = 503};
    default:
      return {.name = "InternalFailure", .message = TextOf(status).message, .http_status = 500};
  }
}

net::HttpResponse ErrorResponse(BodyCodec codec, const AwsError& error) {
  auto writer = MakeBodyWriter(codec);
  writer->BeginMap().Field("__type", error.name);
  if (!error.message.empty()) {
    writer->Field(error.capital_message ? "Message" : "message", error.message);
  }
  if (error.write_more) error.write_more(writer.get());
  writer->EndMap();
  return net::TextResponse(error.http_status, ContentTypeOf(codec), writer->Take());
}

}  // namespace mainstem::gateway::aws
