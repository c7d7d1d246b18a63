#include "gateway/aws/body_codec.h"

#include <limits>

#include "gateway/aws/codecs.h"

namespace mainstem::gateway::aws {

std::string_view ContentTypeOf(BodyCodec codec) {
  return codec == BodyCodec::kJson ? "application/x-amz-json-1.1" : "application/x-amz-cbor-1.1";
}

BodyDecoder::BodyDecoder() : parsers_(MakeJsonParserPool()) {}
BodyDecoder::~BodyDecoder() = default;

Result<Document> BodyDecoder::Decode(BodyCodec codec, std::string body) {
  return codec == BodyCodec::kJson ? DecodeJson(parsers_, std::move(body), JsonLimits())
                                   : DecodeCbor(std::move(body));
}

Result<Document> DecodeBody(BodyCodec codec, std::string body) {
  return BodyDecoder().Decode(codec, std::move(body));
}

Result<Document> DecodeStoredJson(std::string body) {
  JsonLimits limits{.depth_max = kStoredDepthMax,
                    .members_max = std::numeric_limits<size_t>::max()};
  return DecodeJson(MakeJsonParserPool(), std::move(body), limits);
}

std::unique_ptr<BodyWriter> MakeBodyWriter(BodyCodec codec) {
  return codec == BodyCodec::kJson ? MakeJsonWriter() : MakeCborWriter();
}

}  // namespace mainstem::gateway::aws
