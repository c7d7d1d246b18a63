// The codecs behind body_codec.h. Internal to gateway/aws.
#pragma once

#include <memory>
#include <string>

#include "gateway/aws/body_codec.h"

namespace mainstem::gateway::aws {

class JsonParserPool;
std::shared_ptr<JsonParserPool> MakeJsonParserPool();
struct JsonLimits {
  int depth_max = kDepthMax;
  size_t members_max = kMembersMax;
};
Result<Document> DecodeJson(std::shared_ptr<JsonParserPool> pool, std::string body,
                            JsonLimits limits);
std::unique_ptr<BodyWriter> MakeJsonWriter();
Result<Document> DecodeCbor(std::string body);
std::unique_ptr<BodyWriter> MakeCborWriter();

}  // namespace mainstem::gateway::aws
