#include "connector/s3/s3_answer.h"

#include <map>
#include <sstream>

#include <absl/strings/numbers.h>
#include <absl/strings/str_replace.h>
#include <absl/time/time.h>
#include <fmt/format.h>
#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>

namespace mainstem::connector {
namespace {

namespace xml = boost::property_tree;

// The parser goes into elements by recursion.
constexpr int kMaxXmlDepth = 32;

bool IsTooDeep(std::string_view text) {
  int depth = 0;
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '<') {
      char next = text[i + 1];
      if (next == '/') --depth;
      if (next != '/' && next != '?' && next != '!') ++depth;
    } else if (text[i] == '/' && text[i + 1] == '>') {
      --depth;
    }
    if (depth > kMaxXmlDepth) return true;
  }
  return false;
}

// The element `root`, empty when the text is none.
xml::ptree ParseElement(const std::string& text, const std::string& root) {
  if (IsTooDeep(text)) return {};
  std::istringstream stream(text);
  xml::ptree tree;
  try {
    xml::read_xml(stream, tree, xml::xml_parser::trim_whitespace);
  } catch (const xml::xml_parser_error&) {
    return {};  // what is no XML is no such element
  }
  return tree.get_child(root, {});
}

Status OddS3Answer(const std::string& what) {
  return MakeError(ErrorCode::kUnavailable, "the answer to " + what + " is not what S3 gives");
}

// Keys come percent-encoded, since XML cannot hold every character.
std::string DecodeKey(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    int high = -1, low = -1;
    if (text[i] == '%' && i + 2 < text.size()) {
      auto digit = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        c = static_cast<char>(c | 0x20);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
      };
      high = digit(text[i + 1]);
      low = digit(text[i + 2]);
    }
    if (high >= 0 && low >= 0) {
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

// Codes that say what a user can do; the others are told in S3's words.
struct Cure {
  ErrorCode code;
  const char* hint;
};
const std::map<std::string, Cure, std::less<>>& Cures() {
  static const std::map<std::string, Cure, std::less<>> cures = {
      {"NoSuchKey", {ErrorCode::kNotFound, ""}},
      {"NoSuchUpload", {ErrorCode::kNotFound, ""}},
      {"PreconditionFailed", {ErrorCode::kAlreadyExists, ""}},
      {"InvalidRange", {ErrorCode::kOffsetOutOfRange, ""}},
      {"NoSuchBucket", {ErrorCode::kInvalidArgument, "create the bucket, or correct 'path'"}},
      {"InvalidBucketName", {ErrorCode::kInvalidArgument, "correct 'path'"}},
      {"InvalidAccessKeyId",
       {ErrorCode::kPermissionDenied,
        "the access key is not known there: check it, and 's3.endpoint'"}},
      {"SignatureDoesNotMatch",
       {ErrorCode::kPermissionDenied, "check the secret key that belongs to the access key"}},
      {"ExpiredToken",
       {ErrorCode::kPermissionDenied,
        "the keys have expired: write new ones into the profile, they are read without a restart"}},
      {"InvalidToken", {ErrorCode::kPermissionDenied, "check the session token"}},
      {"RequestTimeTooSkewed",
       {ErrorCode::kPermissionDenied, "set this machine's clock: it differs from the server's"}},
      {"AccountProblem", {ErrorCode::kPermissionDenied, "ask the owner of the account"}},
      {"AllAccessDisabled", {ErrorCode::kPermissionDenied, "ask the owner of the bucket"}},
      {"QuotaExceeded", {ErrorCode::kResourceExhausted, "make room in the bucket"}},
      {"XMinioStorageFull", {ErrorCode::kDiskFull, "make room on the server's disk"}},
      {"NotImplemented",
       {ErrorCode::kUnsupported, "this server lacks a part of S3 that is needed here"}},
  };
  return cures;
}

bool TellsOfRegion(const std::string& code) {
  return code == "PermanentRedirect" || code == "TemporaryRedirect" ||
         code == "AuthorizationHeaderMalformed" || code == "IllegalLocationConstraintException";
}

}  // namespace

S3Problem ProblemOfS3Answer(const HttpAnswer& answer) {
  S3Problem problem;
  problem.region = answer.headers.Find("x-amz-bucket-region").value_or("");
  xml::ptree error = ParseElement(answer.body, "Error");
  problem.code = error.get<std::string>("Code", "");
  problem.message = error.get<std::string>("Message", "");
  if (problem.region.empty()) problem.region = error.get<std::string>("Region", "");
  // Answers to HEAD have no body.
  if (problem.code.empty() && answer.status == 404) problem.code = "NoSuchKey";
  if (problem.code.empty() && answer.status == 412) problem.code = "PreconditionFailed";
  bool is_redirected = answer.status == 301 || (answer.status == 400 && !problem.region.empty());
  if (problem.code.empty() && is_redirected) problem.code = "PermanentRedirect";
  problem.is_wrong_region = TellsOfRegion(problem.code);
  return problem;
}

bool IsPassingS3Problem(int status, const S3Problem& problem) {
  if (problem.code == "XMinioStorageFull") return false;
  // 409 when two conditional writes meet: which one was first is known in a moment.
  return IsPassingHttpStatus(status) || problem.code == "SlowDown" ||
         problem.code == "RequestTimeout" || problem.code == "InternalError" ||
         problem.code == "ServiceUnavailable" || problem.code == "OperationAborted" ||
         problem.code == "ConditionalRequestConflict";
}

Status StatusOfS3Problem(const HttpAnswer& answer, const S3Problem& problem,
                         const S3Request& request) {
  ErrorText text{.message = fmt::format("{}: status {}{}{}", request.what, answer.status,
                                        problem.code.empty() ? "" : " ", problem.code),
                 .detail = problem.message};
  if (IsPassingS3Problem(answer.status, problem)) {
    return MakeError(ErrorCode::kUnavailable, std::move(text));
  }
  if (problem.is_wrong_region) {
    text.message =
        fmt::format("{}: the bucket is not in region '{}'", request.what, request.region);
    text.hint = problem.region.empty()
                    ? "set 's3.endpoint.region' or AWS_REGION to the bucket's region"
                    : "set 's3.endpoint.region' to '" + problem.region + "'";
    return MakeError(ErrorCode::kInvalidArgument, std::move(text));
  }
  if (auto found = Cures().find(problem.code); found != Cures().end()) {
    text.hint = found->second.hint;
    return MakeError(found->second.code, std::move(text));
  }
  if (answer.status == 401 || answer.status == 403) {
    text.hint = fmt::format("grant {} on bucket '{}' to the owner of the keys", request.right,
                            request.bucket);
    return MakeError(ErrorCode::kPermissionDenied, std::move(text));
  }
  return MakeError(ErrorCode::kInvalidArgument, std::move(text));
}

Result<ObjectPage> ParseListAnswer(const std::string& body) {
  xml::ptree result = ParseElement(body, "ListBucketResult");
  if (result.empty()) return OddS3Answer("the listing of a bucket");
  bool is_encoded = result.get<std::string>("EncodingType", "") == "url";
  ObjectPage page;
  for (const auto& [name, element] : result) {
    if (name != "Contents") continue;
    ObjectInfo info;
    std::string key = element.get<std::string>("Key", "");
    info.key = is_encoded ? DecodeKey(key) : key;
    info.etag = element.get<std::string>("ETag", "");
    info.modified_ms = ParseS3Time(element.get<std::string>("LastModified", ""));
    if (info.key.empty() || !absl::SimpleAtoi(element.get<std::string>("Size", ""), &info.size)) {
      return OddS3Answer("the listing of a bucket");
    }
    page.objects.push_back(std::move(info));
  }
  if (result.get<std::string>("IsTruncated", "") == "true") {
    page.next = result.get<std::string>("NextContinuationToken", "");
    if (page.next.empty()) return OddS3Answer("the listing of a bucket");
  }
  return page;
}

Result<std::string> ParseUploadId(const std::string& body) {
  std::string id =
      ParseElement(body, "InitiateMultipartUploadResult").get<std::string>("UploadId", "");
  if (id.empty()) return OddS3Answer("the begin of an upload");
  return id;
}

std::string CompleteUploadBody(const std::vector<std::string>& part_etags) {
  std::string body = "<CompleteMultipartUpload>";
  for (size_t i = 0; i < part_etags.size(); ++i) {
    std::string etag = absl::StrReplaceAll(part_etags[i], {{"&", "&amp;"}, {"<", "&lt;"}});
    body += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", i + 1, etag);
  }
  return body + "</CompleteMultipartUpload>";
}

int64_t ParseS3Time(const std::string& text) {
  absl::Time time;
  std::string ignored;
  for (const char* form : {"%Y-%m-%dT%H:%M:%E*SZ", "%a, %d %b %Y %H:%M:%S GMT"}) {
    if (absl::ParseTime(form, text, &time, &ignored)) return absl::ToUnixMillis(time);
  }
  return 0;
}

}  // namespace mainstem::connector
