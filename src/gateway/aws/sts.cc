#include "gateway/aws/sts.h"

#include <fmt/format.h>

#include "core/net/http_parser.h"
#include "gateway/aws/aws_error.h"

namespace mainstem::gateway::aws {
namespace {

constexpr std::string_view kNamespace = "https://sts.amazonaws.com/doc/2011-06-15/";
constexpr std::string_view kFormType = "application/x-www-form-urlencoded";
constexpr size_t kFormParametersMax = 256;
constexpr int kForbidden = 403;

std::string EscapeXml(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      default: out.push_back(c);
    }
  }
  return out;
}

net::HttpResponse TellError(const AwsError& error, const StsOptions& options) {
  return net::TextResponse(
      error.http_status, "text/xml",
      fmt::format("<ErrorResponse xmlns=\"{}\">\n  <Error>\n    <Type>{}</Type>\n    "
                  "<Code>{}</Code>\n    <Message>{}</Message>\n  </Error>\n  "
                  "<RequestId>{}</RequestId>\n</ErrorResponse>\n",
                  kNamespace, error.http_status >= 500 ? "Receiver" : "Sender", error.name,
                  EscapeXml(error.message), options.request_id));
}

// The query protocol has names of its own for what is wrong with a signature.
AwsError NameForQuery(AwsError error) {
  struct Names {
    std::string_view json;
    std::string_view query;
    int status;
  };
  static constexpr Names kNames[] = {
      {"MissingAuthenticationTokenException", "MissingAuthenticationToken", kForbidden},
      {"UnrecognizedClientException", "InvalidClientTokenId", kForbidden},
      {"InvalidSignatureException", "SignatureDoesNotMatch", kForbidden},
      {"IncompleteSignatureException", "IncompleteSignature", 400},
  };
  for (const Names& names : kNames) {
    if (error.name != names.json) continue;
    error.name = names.query;
    error.http_status = names.status;
  }
  return error;
}

}  // namespace

bool IsQueryProtocol(const net::HttpRequest& request) {
  if (request.method == net::HttpMethod::kPost) return request.ContentType() == kFormType;
  return request.method == net::HttpMethod::kGet && request.Query("Action").has_value();
}

net::HttpResponse AnswerSts(const net::HttpRequest& request, const Credentials& credentials,
                            const StsOptions& options) {
  net::HttpRequest form;
  form.query = request.query;
  if (request.method == net::HttpMethod::kPost) {
    Status parsed = net::ParseTarget("/?" + request.body, kFormParametersMax, &form);
    if (!parsed.ok()) {
      return TellError({.name = "MalformedQueryString", .message = TextOf(parsed).detail}, options);
    }
  }
  std::string action(form.Query("Action").value_or(""));
  if (action != "GetCallerIdentity") {
    std::string version(form.Query("Version").value_or("NO_VERSION_SPECIFIED"));
    return TellError(
        {.name = "InvalidAction",
         .message = fmt::format("Could not find operation {} for version {}", action, version)},
        options);
  }
  Status allowed = credentials.Check(request, {.service = "sts", .now_ms = options.now_ms});
  if (!allowed.ok()) return TellError(NameForQuery(ToAwsError(allowed)), options);
  return net::TextResponse(
      200, "text/xml",
      fmt::format("<GetCallerIdentityResponse xmlns=\"{0}\">\n  <GetCallerIdentityResult>\n    "
                  "<Arn>arn:aws:iam::{1}:root</Arn>\n    <UserId>{1}</UserId>\n    "
                  "<Account>{1}</Account>\n  </GetCallerIdentityResult>\n  <ResponseMetadata>\n    "
                  "<RequestId>{2}</RequestId>\n  </ResponseMetadata>\n"
                  "</GetCallerIdentityResponse>\n",
                  kNamespace, options.account, options.request_id));
}

}  // namespace mainstem::gateway::aws
