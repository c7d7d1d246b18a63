#include "server/admin/admin_support.h"

#include <algorithm>

#include <fmt/format.h>
#include <simdjson.h>

#include "core/net/loopback.h"
#include "core/suggest.h"

namespace mainstem::server {
namespace {

Status WrongMember(const std::string& name, const char* expected) {
  return MakeError(ErrorCode::kInvalidArgument,
                   fmt::format("member '{}' of the body must be {}", name, expected));
}

// The text of a scalar as a user would write it.
std::optional<std::string> ScalarText(simdjson::dom::element value) {
  std::string_view text;
  if (!value.get_string().get(text)) return std::string(text);
  return simdjson::minify(value);
}

Task<> RunChanging(net::HttpHandler handler, HttpExchange* exchange) {
  co_return co_await handler(exchange);
}

Task<> RefuseRemote() {
  co_return MakeError(ErrorCode::kPermissionDenied,
                      {.message = "changes are taken from this machine only",
                       .hint = "set http.allow-remote-admin, or call through ssh"});
}

}  // namespace

Result<JsonBody> JsonBody::Parse(const std::string& body, const std::vector<std::string>& known) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (auto error = parser.parse(body).get(root)) {
    return MakeError(ErrorCode::kDecodeError,
                     {.message = "the body is no JSON", .detail = simdjson::error_message(error)});
  }
  simdjson::dom::object object;
  if (root.get_object().get(object)) {
    return MakeError(ErrorCode::kDecodeError, "the body must be a JSON object");
  }
  JsonBody result;
  for (auto [key, value] : object) {
    std::string name(key);
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return MakeError(ErrorCode::kInvalidArgument,
                       {.message = fmt::format("unknown member '{}'", name),
                        .hint = SuggestionFor(name, known)});
    }
    Member member;
    switch (value.type()) {
      case simdjson::dom::element_type::STRING:
        member.kind = Member::Kind::kText;
        member.text = *ScalarText(value);
        break;
      case simdjson::dom::element_type::INT64:
        member.kind = Member::Kind::kNumber;
        member.text = *ScalarText(value);
        break;
      case simdjson::dom::element_type::BOOL:
        member.kind = Member::Kind::kFlag;
        member.text = *ScalarText(value);
        break;
      case simdjson::dom::element_type::NULL_VALUE: member.kind = Member::Kind::kNull; break;
      case simdjson::dom::element_type::OBJECT:
        member.kind = Member::Kind::kMap;
        for (auto [inner_key, inner] : value.get_object()) {
          if (inner.is_object() || inner.is_array()) {
            return WrongMember(name, "an object of plain values");
          }
          std::optional<std::string> text;
          if (!inner.is_null()) text = ScalarText(inner);
          member.map[std::string(inner_key)] = std::move(text);
        }
        break;
      case simdjson::dom::element_type::ARRAY:
        member.kind = Member::Kind::kList;
        for (auto inner : value.get_array()) {
          if (!inner.is_string()) return WrongMember(name, "an array of texts");
          member.list.emplace_back(inner.get_string().value_unsafe());
        }
        break;
      default: break;
    }
    result.members_[name] = std::move(member);
  }
  return result;
}

const JsonBody::Member* JsonBody::Find(const std::string& name) const {
  auto found = members_.find(name);
  if (found == members_.end() || found->second.kind == Member::Kind::kNull) return nullptr;
  return &found->second;
}

Result<std::optional<std::string>> JsonBody::Text(const std::string& name) const {
  const Member* member = Find(name);
  if (member == nullptr) return std::optional<std::string>();
  if (member->kind != Member::Kind::kText) return WrongMember(name, "a string");
  return std::optional(member->text);
}

Result<std::string> JsonBody::RequiredText(const std::string& name) const {
  ASSIGN_OR_RETURN(auto text, Text(name));
  if (!text) return WrongMember(name, "given");
  return *text;
}

Result<std::optional<int64_t>> JsonBody::Integer(const std::string& name) const {
  const Member* member = Find(name);
  if (member == nullptr) return std::optional<int64_t>();
  if (member->kind != Member::Kind::kNumber) return WrongMember(name, "an integer");
  return std::optional<int64_t>(std::stoll(member->text));
}

Result<bool> JsonBody::Flag(const std::string& name, bool fallback) const {
  const Member* member = Find(name);
  if (member == nullptr) return fallback;
  if (member->kind != Member::Kind::kFlag) return WrongMember(name, "true or false");
  return member->text == "true";
}

Result<std::map<std::string, std::optional<std::string>>> JsonBody::TextMap(
    const std::string& name) const {
  const Member* member = Find(name);
  if (member == nullptr) return std::map<std::string, std::optional<std::string>>();
  if (member->kind != Member::Kind::kMap) return WrongMember(name, "an object");
  return member->map;
}

Result<std::vector<std::string>> JsonBody::TextList(const std::string& name) const {
  const Member* member = Find(name);
  if (member == nullptr) return std::vector<std::string>();
  if (member->kind != Member::Kind::kList) return WrongMember(name, "an array");
  return member->list;
}

net::HttpHandler Changing(bool allow_remote, net::HttpHandler handler) {
  return [allow_remote, handler = std::move(handler)](HttpExchange* exchange) {
    if (!allow_remote && !net::IsLoopback(exchange->request().remote_address))
      return RefuseRemote();
    return RunChanging(handler, exchange);
  };
}

Task<> RespondJson(HttpExchange* exchange, int status, std::string json) {
  HttpResponse response = net::JsonResponse(status, std::move(json) + "\n");
  response.headers.Add("Cache-Control", "no-store");
  co_return co_await exchange->Respond(std::move(response));
}

Result<storage::TopicInfo> FindTopicOrFail(const storage::Log& log, const std::string& name) {
  auto topic = log.FindTopic(name);
  if (topic) return *topic;
  std::vector<std::string> names;
  for (const storage::TopicInfo& other : log.ListTopics()) {
    if (!other.internal) names.push_back(other.name);
  }
  return MakeError(ErrorCode::kUnknownTopic, {.message = fmt::format("no topic '{}'", name),
                                              .hint = SuggestionFor(name, names)});
}

Status Missing(const char* part) {
  return MakeError(ErrorCode::kUnavailable, fmt::format("this node runs without {}", part));
}

}  // namespace mainstem::server
