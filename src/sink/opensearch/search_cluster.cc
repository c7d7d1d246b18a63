#include "sink/opensearch/search_cluster.h"

#include <algorithm>

#include <fmt/format.h>
#include <simdjson.h>

#include "connector/secret_file.h"
#include "core/json_writer.h"
#include "core/net/percent_encoding.h"
#include "sink/opensearch/bulk_answer.h"

namespace mainstem::sink {

using connector::HttpAnswer;
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kPositionsIndex = R"({"settings":{"index":{"number_of_shards":1,)"
                                             R"("auto_expand_replicas":"0-1","hidden":true}},)"
                                             R"("mappings":{"dynamic":"strict","properties":{)"
                                             R"("position":{"type":"long"},)"
                                             R"("attempted":{"type":"long"},)"
                                             R"("first_version":{"type":"long"}}}})";

bool IsSuccess(const HttpAnswer& answer) { return answer.status >= 200 && answer.status < 300; }

std::string PositionPath(const std::string& delivery) {
  return "/mainstem-delivery/_doc/" + net::PercentEncode(delivery);
}

Status OddAnswer(const std::string& what) {
  return MakeError(ErrorCode::kUnavailable, what + ": the answer is not what a server gives");
}

}  // namespace

Status StatusOfAnswer(const HttpAnswer& answer, const std::string& what) {
  ErrorText text{.message = fmt::format("{}: status {}", what, answer.status),
                 .detail = ProblemOfAnswer(answer.body).text};
  if (connector::IsPassingHttpStatus(answer.status)) {
    return MakeError(ErrorCode::kUnavailable, std::move(text));
  }
  switch (answer.status) {
    case 401:
      text.hint = "check the options 'username' and 'password' or 'password-file'";
      return MakeError(ErrorCode::kPermissionDenied, std::move(text));
    case 403:
      text.hint =
          "grant the user 'read', 'write' and 'create_index' on the index 'mainstem-delivery', and "
          "'write' and 'create_index' on the table's indexes";
      return MakeError(ErrorCode::kPermissionDenied, std::move(text));
    case 404: return MakeError(ErrorCode::kNotFound, std::move(text));
    default: return MakeError(ErrorCode::kInvalidArgument, std::move(text));
  }
}

SearchCluster::SearchCluster(ClusterOptions options)
    : options_(std::move(options)), session_(options_.http) {
  CHECK(!options_.hosts.empty());
}

Result<std::unique_ptr<SearchCluster>> SearchCluster::Open(ClusterOptions options) {
  if (!options.password_file.empty()) {
    ASSIGN_OR_RETURN(options.http.password,
                     connector::ReadSecretFileBlocking(options.password_file));
  }
  return std::unique_ptr<SearchCluster>(new SearchCluster(std::move(options)));
}

Result<HttpAnswer> SearchCluster::Send(const Request& request) {
  connector::HttpCall call{.method = request.method, .url = "", .body = request.body};
  if (!request.body.empty()) call.headers = {"Content-Type: " + request.content_type};
  Result<HttpAnswer> answer = MakeError(ErrorCode::kUnavailable, "no host");
  for (size_t tries = 0; tries < options_.hosts.size(); ++tries) {
    call.url = options_.hosts[at_] + options_.path_prefix + request.path;
    answer = session_.Call(call);
    // Which of several does not matter: what is sent twice changes nothing.
    if (!Is(answer.status(), ErrorCode::kUnavailable)) break;
    at_ = (at_ + 1) % options_.hosts.size();
  }
  return answer;
}

Status SearchCluster::MakePositions() {
  ASSIGN_OR_RETURN(HttpAnswer answer,
                   Send({.method = "PUT", .path = "/mainstem-delivery", .body = kPositionsIndex}));
  if (IsSuccess(answer)) return Status::OK();
  if (ProblemOfAnswer(answer.body).type == "resource_already_exists_exception") return Status::OK();
  return StatusOfAnswer(answer, "cannot make the index 'mainstem-delivery' for positions");
}

Result<std::optional<StoredPosition>> SearchCluster::ReadPosition(const std::string& delivery) {
  const std::string what = "cannot read the position from the index 'mainstem-delivery'";
  ASSIGN_OR_RETURN(HttpAnswer answer, Send({.method = "GET", .path = PositionPath(delivery)}));
  if (answer.status == 404) {
    if (ProblemOfAnswer(answer.body).type != "index_not_found_exception") return std::nullopt;
    RETURN_IF_ERROR(MakePositions());
    return std::nullopt;
  }
  if (!IsSuccess(answer)) return StatusOfAnswer(answer, what);
  dom::parser parser;
  dom::element json;
  StoredPosition stored;
  int64_t position, attempted;
  if (parser.parse(answer.body).get(json) || json["_seq_no"].get(stored.seq_no) ||
      json["_primary_term"].get(stored.primary_term) || json["_source"]["position"].get(position) ||
      json["_source"]["attempted"].get(attempted) ||
      json["_source"]["first_version"].get(stored.first_version)) {
    return OddAnswer(what);
  }
  stored.position = Offset(position);
  stored.attempted = Offset(attempted);
  return stored;
}

Result<StoredPosition> SearchCluster::WritePosition(const std::string& delivery,
                                                    StoredPosition next) {
  const std::string what = "cannot store the position in the index 'mainstem-delivery'";
  std::string path = PositionPath(delivery);
  if (next.seq_no < 0) {
    path += "?op_type=create";
  } else {
    path += fmt::format("?if_seq_no={}&if_primary_term={}", next.seq_no, next.primary_term);
  }
  JsonWriter document;
  document.BeginObject()
      .Field("position", next.position.value())
      .Field("attempted", next.attempted.value())
      .Field("first_version", next.first_version)
      .EndObject();
  std::string body = document.Take();
  ASSIGN_OR_RETURN(HttpAnswer answer,
                   Send({.method = "PUT", .path = std::move(path), .body = body}));
  if (answer.status == 409) {
    return MakeError(ErrorCode::kUnavailable,
                     {.message = "another writer has moved the position of '" + delivery + "'",
                      .detail = "going on from the stored position"});
  }
  if (!IsSuccess(answer)) return StatusOfAnswer(answer, what);
  dom::parser parser;
  dom::element json;
  if (parser.parse(answer.body).get(json) || json["_seq_no"].get(next.seq_no) ||
      json["_primary_term"].get(next.primary_term)) {
    return OddAnswer(what);
  }
  return next;
}

Result<HttpAnswer> SearchCluster::Bulk(std::string_view body) {
  return Send({.method = "POST",
               .path = "/_bulk?filter_path=errors,error,status,items.*.status,items.*.error",
               .body = body,
               .content_type = "application/x-ndjson"});
}

Result<std::vector<std::string>> SearchCluster::FindIds(const std::string& index,
                                                        const std::vector<std::string>& ids) {
  const std::string what = "cannot look for documents in '" + index + "'";
  std::string path = "/" + net::PercentEncode(index);
  ASSIGN_OR_RETURN(HttpAnswer refreshed, Send({.method = "POST", .path = path + "/_refresh"}));
  if (refreshed.status == 404) return std::vector<std::string>();
  if (!IsSuccess(refreshed)) return StatusOfAnswer(refreshed, what);
  JsonWriter query;
  query.BeginObject().Field("size", ids.size()).Field("_source", false);
  query.Key("query").BeginObject().Key("ids").BeginObject().Key("values").BeginArray();
  for (const std::string& id : ids) query.Value(id);
  query.EndArray().EndObject().EndObject().EndObject();
  std::string body = query.Take();
  ASSIGN_OR_RETURN(HttpAnswer answer,
                   Send({.method = "POST", .path = path + "/_search", .body = body}));
  if (!IsSuccess(answer)) return StatusOfAnswer(answer, what);
  dom::parser parser;
  dom::element json;
  dom::array hits;
  if (parser.parse(answer.body).get(json) || json["hits"]["hits"].get(hits)) return OddAnswer(what);
  std::vector<std::string> found;
  for (dom::element hit : hits) {
    std::string_view id;
    if (hit["_id"].get(id)) return OddAnswer(what);
    found.emplace_back(id);
  }
  return found;
}

Status SearchCluster::PutTemplate(const std::string& name, const std::string& json) {
  ASSIGN_OR_RETURN(HttpAnswer answer, Send({.method = "PUT",
                                            .path = "/_index_template/" + net::PercentEncode(name),
                                            .body = json}));
  if (IsSuccess(answer)) return Status::OK();
  return StatusOfAnswer(answer, "cannot put the index template '" + name + "'");
}

Result<std::optional<IndexMapping>> SearchCluster::ReadMapping(const std::string& index) {
  const std::string what = "cannot read the mapping of index '" + index + "'";
  ASSIGN_OR_RETURN(HttpAnswer answer,
                   Send({.method = "GET", .path = "/" + net::PercentEncode(index) + "/_mapping"}));
  if (answer.status == 404) return std::nullopt;
  if (!IsSuccess(answer)) return StatusOfAnswer(answer, what);
  std::optional<IndexMapping> mapping = ParseIndexMapping(answer.body);
  if (!mapping) return OddAnswer(what);
  return mapping;
}

Status SearchCluster::AddField(const std::string& index, const std::string& body) {
  ASSIGN_OR_RETURN(
      HttpAnswer answer,
      Send({.method = "PUT", .path = "/" + net::PercentEncode(index) + "/_mapping", .body = body}));
  if (IsSuccess(answer)) return Status::OK();
  return StatusOfAnswer(answer, "cannot add to the mapping of index '" + index + "': " + body);
}

}  // namespace mainstem::sink
