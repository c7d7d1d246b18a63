// Connections and API destinations: making, changing, deleting, describing.
#include <array>

#include <fmt/format.h>

#include "connector/http/http_session.h"
#include "gateway/aws/random_id.h"
#include "gateway/aws/value_json.h"
#include "gateway/events/destinations/api_request.h"
#include "gateway/events/operations.h"

namespace mainstem::gateway::events {
namespace {

constexpr char kConnectionPageKind = 'C';
constexpr char kDestinationPageKind = 'D';

// Of a whole one: an update's with what it leaves as it is.
Status CheckConnection(const aws::Value& connection);

// What differs between the two kinds.
struct DefinitionKind {
  std::string_view arn_part;   // "connection"
  std::string_view arn_field;  // "ConnectionArn"
  std::string_view state_field;
  std::string_view what;  // "Connection", in messages
  Status (*check)(const aws::Value& definition) = nullptr;
};
constexpr DefinitionKind kConnectionKind{.arn_part = "connection",
                                         .arn_field = "ConnectionArn",
                                         .state_field = "ConnectionState",
                                         .what = "Connection",
                                         .check = CheckConnection};
constexpr DefinitionKind kDestinationKind{.arn_part = "api-destination",
                                          .arn_field = "ApiDestinationArn",
                                          .state_field = "ApiDestinationState",
                                          .what = "An api-destination"};

Status NoSuchDefinition(const DefinitionKind& kind, std::string_view name) {
  return aws::MakeAwsError("ResourceNotFoundException",
                           fmt::format("{} '{}' does not exist.", kind.what, name));
}

std::string StateOf(const Context& context, const DefinitionKind& kind,
                    const Definition& definition) {
  if (&kind == &kConnectionKind) return "AUTHORIZED";
  auto document = aws::DecodeBody(aws::BodyCodec::kJson, definition.json);
  bool is_active = document.ok() && context.apis->ConnectionOf(document->root) != nullptr;
  return is_active ? "ACTIVE" : "INACTIVE";
}

// Members that every answer about one has.
void WriteDefinition(const Context& context, const aws::AwsCall& call, const DefinitionKind& kind,
                     std::string_view name, const Definition& definition) {
  aws::BodyWriter* answer = call.answer.get();
  answer->Field(kind.arn_field, fmt::format("arn:aws:events:{}:{}:{}/{}/{}", call.region,
                                            context.account, kind.arn_part, name, definition.id));
  answer->Field(kind.state_field, StateOf(context, kind, definition));
  answer->Key("CreationTime").Time(definition.created_ms);
  answer->Key("LastModifiedTime").Time(definition.modified_ms);
  if (&kind == &kConnectionKind) answer->Key("LastAuthorizedTime").Time(definition.modified_ms);
}

// AuthParameters' objects and theirs: an update of one secret leaves the others as they are, unless
// it is of another kind of authorization.
int LevelsMerged(const DefinitionKind& kind, std::string_view before, const aws::Value& changes) {
  if (&kind != &kConnectionKind) return 0;
  std::string_view type = changes["AuthorizationType"].text;
  if (type.empty()) return 2;
  auto document = aws::DecodeBody(aws::BodyCodec::kJson, std::string(before));
  return document.ok() && document->root["AuthorizationType"].text == type ? 2 : 0;
}

// Makes or changes one, and answers.
Task<> PutDefinition(const Context& context, aws::AwsCall* call, const DefinitionKind& kind,
                     DefinitionTable* table, bool makes) {
  std::string name(call->input.root["Name"].text);
  DefinitionTable::Change change = [&context, call, &kind, &name,
                                    makes](const Definition* now) -> Result<Definition> {
    if (makes && now != nullptr) {
      return aws::MakeAwsError("ResourceAlreadyExistsException",
                               fmt::format("{} '{}' already exists.", kind.what, name));
    }
    if (!makes && now == nullptr) return NoSuchDefinition(kind, name);
    Definition definition{.id = makes ? aws::RandomId(context.env) : now->id,
                          .created_ms = makes ? context.NowMs() : now->created_ms,
                          .modified_ms = context.NowMs()};
    const std::string before = makes ? "{}" : now->json;
    const aws::Value& input = call->input.root;
    ASSIGN_OR_RETURN(definition.json,
                     aws::MergedJson(before, input, LevelsMerged(kind, before, input)));
    if (kind.check == nullptr) return definition;
    ASSIGN_OR_RETURN(aws::Document merged, aws::DecodeBody(aws::BodyCodec::kJson, definition.json));
    RETURN_IF_ERROR(kind.check(merged.root));
    return definition;
  };
  CO_RETURN_IF_ERROR(co_await table->Update(name, std::move(change)));
  const Definition* definition = table->Find(name);
  if (definition == nullptr) co_return NoSuchDefinition(kind, name);
  call->answer->BeginMap();
  WriteDefinition(context, *call, kind, name, *definition);
  call->answer->EndMap();
  co_return Status::OK();
}

// A page; of each what every answer has, and the members of `fields`.
Status ListDefinitions(const Context& context, aws::AwsCall* call, const DefinitionKind& kind,
                       const DefinitionListing& listing,
                       const std::vector<std::string_view>& fields) {
  bool is_connections = &kind == &kConnectionKind;
  const DefinitionTable& table =
      is_connections ? context.apis->connections() : context.apis->destinations();
  ASSIGN_OR_RETURN(DefinitionPage page,
                   PageOfDefinitions(context, call->input.root, table, listing));
  call->answer->BeginMap().Key(is_connections ? "Connections" : "ApiDestinations").BeginList();
  for (const auto& [name, definition] : page.definitions) {
    ASSIGN_OR_RETURN(aws::Document document,
                     aws::DecodeBody(aws::BodyCodec::kJson, definition.json));
    call->answer->BeginMap().Field("Name", name);
    WriteDefinition(context, *call, kind, name, definition);
    for (std::string_view field : fields) {
      if (document.root[field].is_null()) continue;
      call->answer->Key(field);
      aws::CopyValue(document.root[field], call->answer.get());
    }
    call->answer->EndMap();
  }
  call->answer->EndList();
  WriteNextToken(context, page, listing.page_kind, call);
  call->answer->EndMap();
  return Status::OK();
}

// ---------------------------------------------------------------- connections

Status CheckConnection(const aws::Value& connection) {
  std::string_view type = connection["AuthorizationType"].text;
  if (type == "OAUTH_CLIENT_CREDENTIALS") {
    return aws::MakeAwsError("ValidationException",
                             "AuthorizationType OAUTH_CLIENT_CREDENTIALS is not supported here.");
  }
  const aws::Value& auth = connection["AuthParameters"];
  std::string_view wanted = type == "BASIC"     ? "BasicAuthParameters"
                            : type == "API_KEY" ? "ApiKeyAuthParameters"
                                                : "";
  if (!wanted.empty() && auth[wanted].is_null()) {
    return aws::MakeAwsError(
        "ValidationException",
        fmt::format("Parameter {} is required for AuthorizationType {}.", wanted, type));
  }
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kNeeded = {
      {{"BasicAuthParameters", "Username"},
       {"BasicAuthParameters", "Password"},
       {"ApiKeyAuthParameters", "ApiKeyName"},
       {"ApiKeyAuthParameters", "ApiKeyValue"}}};
  for (const auto& [parameters, name] : kNeeded) {
    if (auth[parameters].is_null() || !auth[parameters][name].text.empty()) continue;
    return aws::MakeAwsError("ValidationException",
                             fmt::format("Parameter {} of {} is required.", name, parameters));
  }
  std::string_view key_name = auth["ApiKeyAuthParameters"]["ApiKeyName"].text;
  std::vector<std::string_view> names;
  if (!key_name.empty()) names.push_back(key_name);
  for (const aws::Member& header : auth["InvocationHttpParameters"]["HeaderParameters"].members) {
    names.push_back(header.value["Key"].text);
  }
  for (std::string_view name : names) {
    if (IsHeaderName(name)) continue;
    return aws::MakeAwsError("ValidationException",
                             fmt::format("'{}' is no name of a header.", name));
  }
  return Status::OK();
}

// The parameters without what is secret.
void WriteAuthParameters(const aws::Value& auth, aws::BodyWriter* answer) {
  answer->BeginMap();
  const aws::Value& basic = auth["BasicAuthParameters"];
  if (!basic.is_null()) {
    answer->Key("BasicAuthParameters").BeginMap().Field("Username", basic["Username"].text);
    answer->EndMap();
  }
  const aws::Value& key = auth["ApiKeyAuthParameters"];
  if (!key.is_null()) {
    answer->Key("ApiKeyAuthParameters").BeginMap().Field("ApiKeyName", key["ApiKeyName"].text);
    answer->EndMap();
  }
  const aws::Value& more = auth["InvocationHttpParameters"];
  if (!more.is_null()) answer->Key("InvocationHttpParameters").BeginMap();
  for (const aws::Member& kind : more.members) {
    answer->Key(kind.name).BeginList();
    for (const aws::Member& item : kind.value.members) {
      bool is_secret = item.value["IsValueSecret"].boolean;
      answer->BeginMap().Field("Key", item.value["Key"].text);
      if (!is_secret) answer->Field("Value", item.value["Value"].text);
      answer->Key("IsValueSecret").Boolean(is_secret).EndMap();
    }
    answer->EndList();
  }
  if (!more.is_null()) answer->EndMap();
  answer->EndMap();
}

// ---------------------------------------------------------------- API destinations

Status CheckDestination(const Context& context, const aws::Value& input) {
  if (!input["ConnectionArn"].is_null() && context.apis->ConnectionOf(input) == nullptr) {
    auto arn = ParseNamedArn(input["ConnectionArn"].text, "connection");
    if (!arn) {
      return aws::MakeAwsError("ValidationException",
                               "Parameter ConnectionArn is not valid. Reason: Provided Arn is not "
                               "in correct format.");
    }
    return NoSuchDefinition(kConnectionKind, arn->name);
  }
  if (input["InvocationEndpoint"].is_null()) return Status::OK();
  auto url = connector::CheckHttpUrl(std::string(input["InvocationEndpoint"].text));
  if (url.ok()) return Status::OK();
  return aws::MakeAwsError("ValidationException", TextOf(url.status()).message);
}

}  // namespace

Task<> CreateConnection(const Context& context, aws::AwsCall* call) {
  co_return co_await PutDefinition(context, call, kConnectionKind, &context.apis->connections(),
                                   true);
}

Task<> UpdateConnection(const Context& context, aws::AwsCall* call) {
  co_return co_await PutDefinition(context, call, kConnectionKind, &context.apis->connections(),
                                   false);
}

Task<> DescribeConnection(const Context& context, aws::AwsCall* call) {
  std::string_view name = call->input.root["Name"].text;
  const Definition* connection = context.apis->connections().Find(name);
  if (connection == nullptr) co_return NoSuchDefinition(kConnectionKind, name);
  CO_ASSIGN_OR_RETURN(aws::Document document,
                      aws::DecodeBody(aws::BodyCodec::kJson, connection->json));
  const aws::Value& root = document.root;
  aws::BodyWriter* answer = call->answer.get();
  answer->BeginMap().Field("Name", name);
  WriteDefinition(context, *call, kConnectionKind, name, *connection);
  if (!root["Description"].is_null()) answer->Field("Description", root["Description"].text);
  answer->Field("AuthorizationType", root["AuthorizationType"].text).Key("AuthParameters");
  WriteAuthParameters(root["AuthParameters"], answer);
  answer->EndMap();
  co_return Status::OK();
}

Task<> DeleteConnection(const Context& context, aws::AwsCall* call) {
  std::string name(call->input.root["Name"].text);
  const Definition* connection = context.apis->connections().Find(name);
  if (connection == nullptr) co_return NoSuchDefinition(kConnectionKind, name);
  call->answer->BeginMap();
  WriteDefinition(context, *call, kConnectionKind, name, *connection);
  call->answer->EndMap();
  co_return co_await context.apis->connections().Erase(std::move(name));
}

Task<> ListConnections(const Context& context, aws::AwsCall* call) {
  std::string_view state = call->input.root["ConnectionState"].text;
  DefinitionListing listing{.page_kind = kConnectionPageKind};
  listing.wants = [state](const aws::Value&) { return state.empty() || state == "AUTHORIZED"; };
  co_return ListDefinitions(context, call, kConnectionKind, listing, {"AuthorizationType"});
}

Task<> CreateApiDestination(const Context& context, aws::AwsCall* call) {
  CO_RETURN_IF_ERROR(CheckDestination(context, call->input.root));
  co_return co_await PutDefinition(context, call, kDestinationKind, &context.apis->destinations(),
                                   true);
}

Task<> UpdateApiDestination(const Context& context, aws::AwsCall* call) {
  CO_RETURN_IF_ERROR(CheckDestination(context, call->input.root));
  co_return co_await PutDefinition(context, call, kDestinationKind, &context.apis->destinations(),
                                   false);
}

Task<> DescribeApiDestination(const Context& context, aws::AwsCall* call) {
  std::string_view name = call->input.root["Name"].text;
  const Definition* destination = context.apis->destinations().Find(name);
  if (destination == nullptr) co_return NoSuchDefinition(kDestinationKind, name);
  CO_ASSIGN_OR_RETURN(aws::Document document,
                      aws::DecodeBody(aws::BodyCodec::kJson, destination->json));
  call->answer->BeginMap();
  WriteDefinition(context, *call, kDestinationKind, name, *destination);
  for (const aws::Member& member : document.root.members) {
    call->answer->Key(member.name);
    aws::CopyValue(member.value, call->answer.get());
  }
  call->answer->EndMap();
  co_return Status::OK();
}

Task<> DeleteApiDestination(const Context& context, aws::AwsCall* call) {
  std::string name(call->input.root["Name"].text);
  if (context.apis->destinations().Find(name) == nullptr) {
    co_return NoSuchDefinition(kDestinationKind, name);
  }
  co_return co_await context.apis->destinations().Erase(std::move(name));
}

Task<> ListApiDestinations(const Context& context, aws::AwsCall* call) {
  std::string_view connection = call->input.root["ConnectionArn"].text;
  DefinitionListing listing{.page_kind = kDestinationPageKind};
  listing.wants = [connection](const aws::Value& definition) {
    return connection.empty() || definition["ConnectionArn"].text == connection;
  };
  co_return ListDefinitions(
      context, call, kDestinationKind, listing,
      {"ConnectionArn", "InvocationEndpoint", "HttpMethod", "InvocationRateLimitPerSecond"});
}

}  // namespace mainstem::gateway::events
