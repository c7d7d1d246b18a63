#include "connector/iceberg/rest_catalog.h"

#include <absl/strings/str_join.h>
#include <fmt/format.h>

#include "connector/secret_file.h"
#include "core/net/percent_encoding.h"

namespace mainstem::connector::iceberg {
namespace {

namespace dom = simdjson::dom;

struct RestProblem {
  std::string type;     // "NoSuchTableException"; empty: no answer of a catalog
  std::string message;  // the server's own
};

RestProblem ProblemOf(const std::string& body) {
  RestProblem problem;
  dom::parser parser;
  dom::element root;
  std::string_view text;
  if (parser.parse(body).get(root)) return problem;
  if (!root["error"]["type"].get(text)) problem.type = text;
  if (!root["error"]["message"].get(text)) problem.message = text;
  return problem;
}

// What went wrong with a request, from its answer.
Status StatusOfRestAnswer(const HttpAnswer& answer, const std::string& what) {
  RestProblem problem = ProblemOf(answer.body);
  ErrorText text{.message = fmt::format("{}: status {}{}{}", what, answer.status,
                                        problem.type.empty() ? "" : " ", problem.type),
                 .detail = problem.message};
  if (IsPassingHttpStatus(answer.status)) {
    return MakeError(ErrorCode::kUnavailable, std::move(text));
  }
  switch (answer.status) {
    case 401:
    case 419:
      text.hint = "give 'token', or 'credential' as 'id:secret'; check that it has not expired";
      return MakeError(ErrorCode::kPermissionDenied, std::move(text));
    case 403:
      text.hint = "grant the right to create, read and write the table to this user";
      return MakeError(ErrorCode::kPermissionDenied, std::move(text));
    case 404:
      if (problem.type.empty()) {
        text.hint = "check 'uri': no Iceberg REST catalog answers there";
        return MakeError(ErrorCode::kInvalidArgument, std::move(text));
      }
      return MakeError(ErrorCode::kNotFound, std::move(text));
    case 409: return MakeError(ErrorCode::kAlreadyExists, std::move(text));
    default: return MakeError(ErrorCode::kInvalidArgument, std::move(text));
  }
}

Status OddRestAnswer(const std::string& what) {
  return MakeError(ErrorCode::kUnavailable,
                   {.message = what + ": the answer is not one of an Iceberg REST catalog",
                    .hint = "check 'uri'"});
}

void ReadTexts(dom::element json, Properties* into) {
  dom::object object;
  if (json.get(object)) return;
  for (auto [key, value] : object) {
    std::string_view text;
    if (!value.get(text)) (*into)[std::string(key)] = text;
  }
}

void ReadPart(dom::element root, const char* name, Properties* into) {
  dom::element part;
  if (!root[name].get(part)) ReadTexts(part, into);
}

// Keys for a part of the store, of which the longest prefix counts.
void ReadStorageCredentials(dom::element root, const std::string& location, Properties* into) {
  dom::array credentials;
  if (root["storage-credentials"].get(credentials)) return;
  size_t longest = 0;
  for (dom::element credential : credentials) {
    std::string_view prefix;
    if (credential["prefix"].get(prefix) || prefix.size() < longest) continue;
    bool covers = location.starts_with(prefix) || prefix == "s3";
    if (!covers) continue;
    longest = prefix.size();
    ReadPart(credential, "config", into);
  }
}

class RestCatalog final : public Catalog {
 public:
  RestCatalog(Env* env, RestCatalogOptions options)
      : env_(env), options_(std::move(options)), session_(options_.session) {}

  std::string TableName() const override {
    return fmt::format("{}.{} of {}", absl::StrJoin(options_.database, "."), options_.table,
                       options_.uri);
  }

  Task<std::optional<MetadataPtr>> Load() override {
    CO_RETURN_IF_ERROR(co_await Configure());
    Request load{.method = "GET", .path = TablePath()};
    Result<std::string> body = co_await Ask(std::move(load));
    if (Is(body.status(), ErrorCode::kNotFound)) co_return std::nullopt;
    CO_RETURN_IF_ERROR(body);
    CO_ASSIGN_OR_RETURN(MetadataPtr metadata, ReadTable(*body));
    co_return metadata;
  }

  Task<MetadataPtr> Create(NewTable table) override {
    CO_RETURN_IF_ERROR(co_await Configure());
    JsonWriter namespace_body;
    namespace_body.BeginObject().Key("namespace").BeginArray();
    for (const std::string& part : options_.database) namespace_body.Value(part);
    namespace_body.EndArray().Key("properties").BeginObject().EndObject().EndObject();
    Request make_namespace{.method = "POST", .path = prefix_ + "/namespaces"};
    make_namespace.body = namespace_body.Take();
    Status made = (co_await Ask(std::move(make_namespace))).status();
    // Without the right to make one it may be there all the same.
    if (!made.ok() && !Is(made, ErrorCode::kAlreadyExists) &&
        !Is(made, ErrorCode::kPermissionDenied)) {
      co_return made;
    }
    Request make_table{.method = "POST", .path = NamespacePath() + "/tables"};
    make_table.body = CreateTableBody(table, options_.table);
    CO_ASSIGN_OR_RETURN(std::string body, co_await Ask(std::move(make_table)));
    co_return ReadTable(body);
  }

  Task<MetadataPtr> Commit(MetadataPtr base, TableChange change) override {
    CO_RETURN_IF_ERROR(co_await Configure());
    Request commit{.method = "POST", .path = TablePath()};
    commit.body = CommitTableBody(*base, change, options_.database, options_.table);
    CO_ASSIGN_OR_RETURN(std::string body, co_await Ask(std::move(commit)));
    env_->CrashPoint("sink.committed");
    CO_ASSIGN_OR_RETURN(MetadataPtr metadata, ReadTable(body));
    co_return metadata;
  }

 private:
  struct Request {
    std::string method;
    std::string path;  // behind "/v1"
    std::string body = {};
    std::string query = {};
  };

  std::string NamespacePath() const {
    std::string name;
    for (const std::string& part : options_.database) {
      if (!name.empty()) name += namespace_separator_;
      name += net::PercentEncode(part);
    }
    return prefix_ + "/namespaces/" + name;
  }
  std::string TablePath() const {
    return NamespacePath() + "/tables/" + net::PercentEncode(options_.table);
  }

  // What the server wants of its clients, once.
  Task<> Configure() {
    if (is_configured_) co_return Status::OK();
    Request ask{.method = "GET", .path = "/config"};
    if (!options_.warehouse.empty()) {
      ask.query = "?warehouse=" + net::PercentEncode(options_.warehouse);
    }
    CO_ASSIGN_OR_RETURN(std::string body, co_await Ask(std::move(ask)));
    dom::parser parser;
    dom::element root;
    if (parser.parse(body).get(root)) co_return OddRestAnswer("GET /v1/config");
    ReadPart(root, "defaults", &config_);
    ReadPart(root, "overrides", &config_);
    if (auto found = config_.find("prefix"); found != config_.end() && !found->second.empty()) {
      prefix_ = "/" + net::PercentEncode(found->second, "/");
    }
    if (auto found = config_.find("namespace-separator"); found != config_.end()) {
      namespace_separator_ = found->second;
    }
    if (auto found = config_.find("uri"); found != config_.end()) {
      CO_ASSIGN_OR_RETURN(options_.uri, CheckHttpUrl(found->second));
    }
    is_configured_ = true;
    co_return Status::OK();
  }

  Result<MetadataPtr> ReadTable(const std::string& body) const {
    dom::parser parser;
    dom::element root, json;
    if (parser.parse(body).get(root) || root["metadata"].get(json)) {
      return OddRestAnswer("table " + TableName());
    }
    ASSIGN_OR_RETURN(TableMetadata metadata,
                     ParseTableMetadata(std::string(simdjson::minify(json))));
    std::string_view location;
    if (!root["metadata-location"].get(location)) metadata.metadata_location = location;
    metadata.config = config_;
    ReadPart(root, "config", &metadata.config);
    ReadStorageCredentials(root, metadata.location, &metadata.config);
    return std::make_shared<const TableMetadata>(std::move(metadata));
  }

  // The body of an answer that says yes.
  Task<std::string> Ask(Request request) {
    for (bool has_asked = false;; has_asked = true) {
      CO_RETURN_IF_ERROR(co_await FindToken());
      Result<HttpAnswer> sent = co_await env_->blocking_pool().Run([&] { return Send(request); });
      CO_RETURN_IF_ERROR(sent);
      if (sent->status >= 200 && sent->status < 300) co_return std::move(sent->body);
      bool may_be_too_old = sent->status == 401 || sent->status == 419;
      if (may_be_too_old && !has_asked && !token_.empty()) {
        token_.clear();
        continue;
      }
      co_return StatusOfRestAnswer(
          *sent, fmt::format("{} {}/v1{}", request.method, options_.uri, request.path));
    }
  }

  Result<HttpAnswer> Send(const Request& request) {
    HttpCall call{.method = request.method,
                  .url = options_.uri + "/v1" + request.path + request.query,
                  .headers = {"Accept: application/json"},
                  .body = request.body};
    if (!request.body.empty()) call.headers.push_back("Content-Type: application/json");
    if (!token_.empty()) call.headers.push_back("Authorization: Bearer " + token_);
    if (options_.wants_vended_keys) {
      call.headers.push_back("X-Iceberg-Access-Delegation: vended-credentials");
    }
    return session_.Call(call);
  }

  Task<std::string> SecretOf(std::string value, std::string file) {
    if (!value.empty() || file.empty()) co_return value;
    co_return co_await ReadSecretFile(env_, std::move(file));
  }

  // Leaves it empty when none was given.
  Task<> FindToken() {
    if (!token_.empty() && env_->Now() < token_ends_) co_return Status::OK();
    token_ends_ = kNoDeadline;
    CO_ASSIGN_OR_RETURN(token_, co_await SecretOf(options_.token, options_.token_file));
    if (!token_.empty()) co_return Status::OK();
    CO_ASSIGN_OR_RETURN(std::string credential,
                        co_await SecretOf(options_.credential, options_.credential_file));
    if (credential.empty()) co_return Status::OK();
    Result<HttpAnswer> answer =
        co_await env_->blocking_pool().Run([&] { return AskForToken(credential); });
    CO_RETURN_IF_ERROR(answer);
    if (answer->status < 200 || answer->status >= 300) {
      // Its body may repeat what was sent.
      answer->body.clear();
      Status refused = StatusOfRestAnswer(*answer, "POST " + TokenUri());
      if (IsRetriable(refused)) co_return refused;
      co_return MakeError(ErrorCode::kPermissionDenied,
                          {.message = TextOf(refused).message,
                           .hint = "check 'credential' ('id:secret'), 'scope' and "
                                   "'oauth2-server-uri'"});
    }
    dom::parser parser;
    dom::element root;
    std::string_view token;
    if (parser.parse(answer->body).get(root) || root["access_token"].get(token)) {
      co_return OddRestAnswer("POST " + TokenUri());
    }
    token_ = token;
    int64_t seconds = 0;
    if (!root["expires_in"].get(seconds) && seconds > 0) {
      token_ends_ = env_->Now() + std::chrono::seconds(seconds) * 9 / 10;
    }
    co_return Status::OK();
  }

  std::string TokenUri() const {
    return options_.token_uri.empty() ? options_.uri + "/v1/oauth/tokens" : options_.token_uri;
  }

  Result<HttpAnswer> AskForToken(const std::string& credential) {
    size_t colon = credential.find(':');
    std::string body = "grant_type=client_credentials";
    if (colon != std::string::npos) {
      body += "&client_id=" + net::PercentEncode(credential.substr(0, colon));
    }
    size_t secret = colon == std::string::npos ? 0 : colon + 1;
    body += "&client_secret=" + net::PercentEncode(credential.substr(secret));
    if (!options_.scope.empty()) body += "&scope=" + net::PercentEncode(options_.scope);
    HttpCall call{
        .method = "POST",
        .url = TokenUri(),
        .headers = {"Content-Type: application/x-www-form-urlencoded", "Accept: application/json"},
        .body = body};
    return session_.Call(call);
  }

  Env* env_;
  RestCatalogOptions options_;
  HttpSession session_;
  bool is_configured_ = false;
  Properties config_;
  std::string prefix_;  // "/prefix" or empty
  std::string namespace_separator_ = "%1F";
  std::string token_;
  TimePoint token_ends_ = kNoDeadline;
};

void WriteRequirement(const char* type, JsonWriter* json) {
  json->BeginObject().Field("type", type);
}

void WriteAction(const char* action, JsonWriter* json) {
  json->BeginObject().Field("action", action);
}

void WriteTexts(const Properties& properties, JsonWriter* json) {
  json->BeginObject();
  for (const auto& [key, value] : properties) json->Field(key, value);
  json->EndObject();
}

void WriteRequirements(const TableMetadata& base, const TableChange& change, JsonWriter* json) {
  json->Key("requirements").BeginArray();
  WriteRequirement("assert-table-uuid", json);
  json->Field("uuid", base.uuid).EndObject();
  WriteRequirement("assert-ref-snapshot-id", json);
  json->Field("ref", "main").Key("snapshot-id");
  if (base.current_snapshot_id) {
    json->Value(*base.current_snapshot_id);
  } else {
    json->Null();
  }
  json->EndObject();
  // Files with columns that somebody has dropped are not to be added.
  WriteRequirement("assert-current-schema-id", json);
  json->Field("current-schema-id", base.schema.id).EndObject();
  if (change.schema) {
    WriteRequirement("assert-last-assigned-field-id", json);
    json->Field("last-assigned-field-id", base.last_column_id).EndObject();
  }
  json->EndArray();
}

}  // namespace

std::unique_ptr<Catalog> MakeRestCatalog(Env* env, RestCatalogOptions options) {
  return std::make_unique<RestCatalog>(env, std::move(options));
}

std::string CreateTableBody(const NewTable& table, const std::string& name) {
  JsonWriter json;
  json.BeginObject().Field("name", name);
  if (!table.location.empty()) json.Field("location", table.location);
  json.Key("schema");
  WriteSchema(table.schema, &json);
  json.Key("partition-spec");
  WritePartitionSpec(table.spec, &json);
  json.Field("stage-create", false).Key("properties");
  Properties properties = table.properties;
  // No property of the table then, but the way to say it here.
  if (table.format_version != 2) {
    properties["format-version"] = std::to_string(table.format_version);
  }
  WriteTexts(properties, &json);
  return json.EndObject().Take();
}

std::string CommitTableBody(const TableMetadata& base, const TableChange& change,
                            const std::vector<std::string>& database, const std::string& name) {
  JsonWriter json;
  json.BeginObject().Key("identifier").BeginObject().Key("namespace").BeginArray();
  for (const std::string& part : database) json.Value(part);
  json.EndArray().Field("name", name).EndObject();
  WriteRequirements(base, change, &json);
  json.Key("updates").BeginArray();
  if (change.schema) {
    WriteAction("add-schema", &json);
    json.Key("schema");
    WriteSchema(*change.schema, &json);
    json.Field("last-column-id", change.last_column_id).EndObject();
    WriteAction("set-current-schema", &json);
    json.Field("schema-id", -1).EndObject();  // the one that was just added
  }
  if (!change.set_properties.empty()) {
    WriteAction("set-properties", &json);
    json.Key("updates");
    WriteTexts(change.set_properties, &json);
    json.EndObject();
  }
  if (change.snapshot) {
    WriteAction("add-snapshot", &json);
    json.Key("snapshot");
    WriteSnapshot(*change.snapshot, &json);
    json.EndObject();
    WriteAction("set-snapshot-ref", &json);
    json.Field("ref-name", "main");
    for (const auto& [key, value] : MainRefFields(base, change.snapshot->id)) {
      json.Key(key).Raw(value);
    }
    json.EndObject();
  }
  if (!change.expired.empty()) {
    WriteAction("remove-snapshots", &json);
    json.Key("snapshot-ids").BeginArray();
    for (int64_t id : change.expired) json.Value(id);
    json.EndArray().EndObject();
  }
  json.EndArray();
  return json.EndObject().Take();
}

}  // namespace mainstem::connector::iceberg
