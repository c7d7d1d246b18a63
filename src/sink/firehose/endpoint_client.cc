#include "sink/firehose/endpoint_client.h"

#include <arrow/util/compression.h>

#include "connector/http/call_apart.h"
#include "sink/firehose/endpoint_request.h"

namespace mainstem::sink {
namespace {

Result<std::string> Gzipped(const std::string& text) {
  ASSIGN_OR_RETURN(auto codec, arrow::util::Codec::Create(arrow::Compression::GZIP));
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const auto size = static_cast<int64_t>(text.size());
  std::string packed(static_cast<size_t>(codec->MaxCompressedLen(size, bytes)), '\0');
  ASSIGN_OR_RETURN(int64_t packed_size,
                   codec->Compress(size, bytes, static_cast<int64_t>(packed.size()),
                                   reinterpret_cast<uint8_t*>(packed.data())));
  packed.resize(static_cast<size_t>(packed_size));
  return packed;
}

class EndpointClient final : public RecordClient {
 public:
  explicit EndpointClient(EndpointTarget target)
      : target_(std::move(target)), session_(target_.session) {}

  // Packs the records where it sends them: that takes a while, too.
  Task<RecordAnswer> Send(RecordRequest request, std::vector<const SentRecord*> records) override {
    connector::BlockingCall post = [&]() -> Result<connector::HttpAnswer> {
      connector::HttpCall call{.method = "POST", .url = target_.url};
      call.headers = target_.headers;
      call.headers.push_back("X-Amz-Firehose-Request-Id: " + request.id);
      std::string body = EndpointBody(request, records);
      if (target_.is_gzip) {
        ASSIGN_OR_RETURN(body, Gzipped(body));
      }
      call.body = body;
      return session_.Call(call);
    };
    auto answer = co_await connector::CallApart(std::move(post));
    if (Is(answer.status(), ErrorCode::kCancelled)) co_return answer.status();
    co_return EndpointAnswer(request, answer, records.size());
  }

  std::string FailedLine(const SentRecord& record, const RecordFailure& failure,
                         RecordTries tries) const override {
    return FailedRecordLine(record, failure, tries);
  }

 private:
  EndpointTarget target_;
  connector::HttpSession session_;
};

}  // namespace

std::unique_ptr<RecordClient> MakeEndpointClient(EndpointTarget target) {
  return std::make_unique<EndpointClient>(std::move(target));
}

}  // namespace mainstem::sink
