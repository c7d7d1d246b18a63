#include "gateway/events/destinations/api_request.h"

#include <algorithm>
#include <map>

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include "core/json_writer.h"
#include "core/net/percent_encoding.h"
#include "gateway/aws/body_codec.h"
#include "gateway/aws/value_json.h"
#include "gateway/events/rules/json_path.h"

namespace mainstem::gateway::events {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

bool IsPath(std::string_view value) { return value.starts_with("$."); }

// A parameter's value: as it stands, or what its path finds; nothing there: empty.
std::string ParameterValue(std::string_view value, const aws::Value& event) {
  if (!IsPath(value)) return std::string(value);
  auto path = JsonPath::Parse(value);
  if (!path.ok()) return std::string(value);
  std::vector<const aws::Value*> found = path->Find(event);
  if (found.empty()) return {};
  bool is_text = found[0]->kind == aws::Value::Kind::kString;
  return is_text ? std::string(found[0]->text) : aws::ToJson(*found[0]);
}

std::string HeaderValue(std::string value) {
  std::replace_if(
      value.begin(), value.end(), [](char c) { return absl::ascii_iscntrl(c); }, ' ');
  return value;
}

// Parameters of the target, a map, and of the connection, a list of {Key, Value}: by name.
std::map<std::string, std::string> ParametersNamed(const ApiRequestParts& parts,
                                                   std::string_view kind, bool ignores_case) {
  std::map<std::string, std::string> values;
  auto name_of = [&](std::string_view name) {
    return ignores_case ? absl::AsciiStrToLower(std::string(name)) : std::string(name);
  };
  for (const aws::Member& member : parts.parameters[kind].members) {
    values[name_of(member.name)] = ParameterValue(member.value.text, parts.event);
  }
  const aws::Value& of_connection = parts.connection["AuthParameters"]["InvocationHttpParameters"];
  for (const aws::Member& item : of_connection[kind].members) {
    values[name_of(item.value["Key"].text)] = item.value["Value"].text;
  }
  return values;
}

// The target's path parameters for the stars of the endpoint, one by one.
std::string UrlOf(const ApiRequestParts& parts) {
  std::string url;
  const auto& values = parts.parameters["PathParameterValues"].members;
  auto value = values.begin();
  for (char c : parts.destination["InvocationEndpoint"].text) {
    if (c != '*' || value == values.end()) {
      url.push_back(c);
      continue;
    }
    url += net::PercentEncode(ParameterValue(value->value.text, parts.event));
    ++value;
  }
  bool has_query = url.find('?') != std::string::npos;
  for (const auto& [name, text] : ParametersNamed(parts, "QueryStringParameters", false)) {
    url += fmt::format("{}{}={}", has_query ? '&' : '?', net::PercentEncode(name),
                       net::PercentEncode(text));
    has_query = true;
  }
  return url;
}

void AddAuthorization(const aws::Value& connection, std::map<std::string, std::string>* headers) {
  const aws::Value& auth = connection["AuthParameters"];
  const aws::Value& basic = auth["BasicAuthParameters"];
  if (!basic.is_null()) {
    std::string text = "Basic ";
    aws::AppendBase64(fmt::format("{}:{}", basic["Username"].text, basic["Password"].text), &text);
    (*headers)["authorization"] = std::move(text);
  }
  const aws::Value& key = auth["ApiKeyAuthParameters"];
  if (!key.is_null()) {
    std::string name = absl::AsciiStrToLower(std::string(key["ApiKeyName"].text));
    (*headers)[std::move(name)] = key["ApiKeyValue"].text;
  }
}

// The connection's members go into a body that is an object.
std::string BodyOf(const ApiRequestParts& parts) {
  const auto& more =
      parts.connection["AuthParameters"]["InvocationHttpParameters"]["BodyParameters"].members;
  if (more.empty()) return std::string(parts.input);
  auto body = aws::DecodeBody(aws::BodyCodec::kJson, std::string(parts.input));
  if (!body.ok() || body->root.kind != aws::Value::Kind::kMap) return std::string(parts.input);
  aws::Value merged{.kind = aws::Value::Kind::kMap};
  auto is_given = [&](std::string_view name) {
    return std::any_of(more.begin(), more.end(),
                       [&](const aws::Member& item) { return item.value["Key"].text == name; });
  };
  for (const aws::Member& member : body->root.members) {
    if (!is_given(member.name)) merged.members.push_back(member);
  }
  for (const aws::Member& item : more) {
    merged.members.push_back({.name = item.value["Key"].text, .value = item.value["Value"]});
  }
  return aws::ToJson(merged);
}

}  // namespace

ApiRequest MakeApiRequest(const ApiRequestParts& parts) {
  ApiRequest request{.method = std::string(parts.destination["HttpMethod"].text),
                     .url = UrlOf(parts)};
  bool has_body = request.method != "GET" && request.method != "HEAD";
  if (has_body) request.body = BodyOf(parts);
  std::map<std::string, std::string> headers{{"user-agent", "Amazon/EventBridge/ApiDestinations"}};
  if (has_body) headers["content-type"] = "application/json; charset=utf-8";
  for (auto& [name, value] : ParametersNamed(parts, "HeaderParameters", true)) {
    headers[name] = std::move(value);
  }
  AddAuthorization(parts.connection, &headers);
  headers["idempotency-key"] = parts.delivery;
  for (auto& [name, value] : headers) {
    request.headers.push_back(fmt::format("{}: {}", name, HeaderValue(std::move(value))));
  }
  return request;
}

bool IsHeaderName(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

Status CheckHttpParameters(const aws::Value& parameters) {
  auto check = [](std::string_view value) {
    return IsPath(value) ? JsonPath::Parse(value).status() : Status::OK();
  };
  for (const aws::Member& value : parameters["PathParameterValues"].members) {
    RETURN_IF_ERROR(check(value.value.text));
  }
  for (const aws::Member& header : parameters["HeaderParameters"].members) {
    RETURN_IF_ERROR(check(header.value.text));
    if (IsHeaderName(header.name)) continue;
    return MakeError(ErrorCode::kInvalidArgument,
                     fmt::format("'{}' is no name of a header", header.name));
  }
  for (const aws::Member& value : parameters["QueryStringParameters"].members) {
    RETURN_IF_ERROR(check(value.value.text));
  }
  return Status::OK();
}

}  // namespace mainstem::gateway::events
