// A change of a stream's tags, with Amazon's limits. Pure; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "gateway/kinesis/operations.h"

namespace mainstem::gateway::kinesis {

struct TagChange {
  std::string stream_name;  // for messages, as is the account
  std::string account;
  std::map<std::string, std::string> added{};
  std::vector<std::string> removed{};

  // An AwsError, and nothing changed, for characters that tags can't have or too many tags.
  Status Apply(std::map<std::string, std::string>* tags) const;
};

// By the call's Tags and TagKeys.
TagChange TagsIn(const Context& context, const aws::AwsCall& call, const std::string& stream_name);

// Letters, digits, blanks and _ . / = + - @ %; of texts that are UTF-8.
bool IsTagText(std::string_view text);

}  // namespace mainstem::gateway::kinesis
