// Shared by the parts of the admin API. Internal to server/admin.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/json_writer.h"
#include "core/net/http_router.h"
#include "server/admin/admin_api.h"

namespace mainstem::server {

using net::HttpExchange;
using net::HttpMethod;
using net::HttpRequest;
using net::HttpResponse;

inline constexpr size_t kScriptLimit = 1 << 20;  // bytes of a SQL script in a request

// The JSON object of a request body, read once into plain values.
class JsonBody {
 public:
  // kDecodeError unless the body is an object whose members are all among `known`.
  static Result<JsonBody> Parse(const std::string& body, const std::vector<std::string>& known);
  Result<std::string> RequiredText(const std::string& name) const;
  Result<std::optional<std::string>> Text(const std::string& name) const;
  Result<std::optional<int64_t>> Integer(const std::string& name) const;
  Result<bool> Flag(const std::string& name, bool fallback) const;
  // An object of scalars, as text; null values are nullopt. Empty when absent.
  Result<std::map<std::string, std::optional<std::string>>> TextMap(const std::string& name) const;
  // An array of texts; empty when absent.
  Result<std::vector<std::string>> TextList(const std::string& name) const;

 private:
  struct Member {
    enum class Kind { kNull, kText, kNumber, kFlag, kMap, kList, kOther };
    Kind kind = Kind::kOther;
    std::string text;
    std::map<std::string, std::optional<std::string>> map;
    std::vector<std::string> list;
  };
  const Member* Find(const std::string& name) const;
  std::map<std::string, Member> members_;
};

// A handler of a call that changes something: refused for remote clients unless allowed.
net::HttpHandler Changing(bool allow_remote, net::HttpHandler handler);

Task<> RespondJson(HttpExchange* exchange, int status, std::string json);
Result<storage::TopicInfo> FindTopicOrFail(const storage::Log& log, const std::string& name);
Status Missing(const char* part);

}  // namespace mainstem::server
