// Who may call: access keys and their secrets, read from a file in the format of ~/.aws/credentials
// at start. Secrets never leave this object, and keys are never logged. Immutable; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/net/http_message.h"
#include "core/status.h"

namespace mainstem::gateway::aws {

class Credentials {
 public:
  // Without keys: nothing is checked.
  Credentials() = default;
  // kInvalidArgument, naming the line, when it is no such file or holds no key.
  static Result<Credentials> Parse(std::string_view text);

  bool checks() const { return !secrets_.empty(); }
  struct Expected {
    std::string_view service;  // the signing name, "kinesis"
    int64_t now_ms = 0;
  };
  // An AwsError when the request is not signed with one of the keys for that service, or its date
  // is more than five minutes away. Host and all x-amz- fields must be signed.
  Status Check(const net::HttpRequest& request, const Expected& expected) const;

 private:
  std::map<std::string, std::string, std::less<>> secrets_;
};

}  // namespace mainstem::gateway::aws
