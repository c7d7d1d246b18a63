// The codecs behind body_codec.h. Internal to gateway/aws.
#pragma once

#include <memory>
#include <string>

#include "gateway/aws/body_codec.h"

namespace mainstem::gateway::aws {

Result<Document> DecodeJson(std::string body);
std::unique_ptr<BodyWriter> MakeJsonWriter();
Result<Document> DecodeCbor(std::string body);
std::unique_ptr<BodyWriter> MakeCborWriter();

}  // namespace mainstem::gateway::aws
