// The first two are worked examples of AWS's documentation and test suite.
#include "core/net/sigv4.h"

#include <gtest/gtest.h>

#include "core/net/http_parser.h"

namespace mainstem::net {
namespace {

constexpr std::string_view kSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
constexpr std::string_view kEmptyHash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

HttpRequest Get(std::string target) {
  HttpRequest request;
  request.method_name = "GET";
  request.target = std::move(target);
  EXPECT_TRUE(ParseTarget(request.target, 10, &request).ok());
  return request;
}

TEST(SigV4, SignsThePlainestRequestAsAwsTestSuite) {
  HttpRequest request = Get("/");
  request.headers.Add("Host", "example.amazonaws.com");
  request.headers.Add("X-Amz-Date", "20150830T123600Z");
  SigV4Authorization authorization = ParseSigV4(
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
      "SignedHeaders=host;x-amz-date, Signature=abc");
  EXPECT_TRUE(authorization.has_credential);
  EXPECT_EQ(authorization.access_key, "AKIDEXAMPLE");
  EXPECT_EQ(authorization.signature, "abc");
  SigV4Input input{.request = &request, .body_hash = kEmptyHash, .timestamp = "20150830T123600Z"};
  EXPECT_EQ(SigV4Signature(input, authorization, kSecret),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

TEST(SigV4, SortsTheQueryAndTheValuesAsInTheDocumentation) {
  HttpRequest request = Get("/?Version=2010-05-08&Action=ListUsers");
  request.headers.Add("Host", "iam.amazonaws.com");
  request.headers.Add("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
  request.headers.Add("X-Amz-Date", "20150830T123600Z");
  SigV4Authorization authorization = ParseSigV4(
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request,"
      "SignedHeaders=content-type;host;x-amz-date,Signature=abc");
  SigV4Input input{.request = &request, .body_hash = kEmptyHash, .timestamp = "20150830T123600Z"};
  EXPECT_EQ(Sha256Hex(CanonicalRequest(input, authorization)),
            "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59");
  EXPECT_EQ(SigV4Signature(input, authorization, kSecret),
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

// "GET Object" in the documentation of S3: a path that counts as it stands.
TEST(SigV4, SignsAsTheDocumentationOfS3) {
  HttpRequest request = Get("/test.txt");
  request.headers.Add("Host", "examplebucket.s3.amazonaws.com");
  request.headers.Add("Range", "bytes=0-9");
  request.headers.Add("x-amz-content-sha256", std::string(kEmptyHash));
  request.headers.Add("x-amz-date", "20130524T000000Z");
  SigV4Authorization authorization;
  authorization.access_key = "AKIAIOSFODNN7EXAMPLE";
  authorization.date = "20130524";
  authorization.region = "us-east-1";
  authorization.service = "s3";
  authorization.signed_headers = {"host", "range", "x-amz-content-sha256", "x-amz-date"};
  SigV4Input input{.request = &request,
                   .body_hash = kEmptyHash,
                   .timestamp = "20130524T000000Z",
                   .path_as_is = true};
  authorization.signature =
      SigV4Signature(input, authorization, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
  EXPECT_EQ(authorization.signature,
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  SigV4Authorization parsed = ParseSigV4(FormatSigV4(authorization));
  EXPECT_EQ(parsed.access_key, authorization.access_key);
  EXPECT_EQ(parsed.scope(), authorization.scope());
  EXPECT_EQ(parsed.signed_headers, authorization.signed_headers);
  EXPECT_EQ(parsed.signature, authorization.signature);
  EXPECT_EQ(ParseSigV4Time(FormatSigV4Time(1369353600000)), 1369353600000);
  EXPECT_EQ(FormatSigV4Time(1369353600000), "20130524T000000Z");
}

TEST(SigV4, CollapsesBlanksAndJoinsRepeatedFields) {
  HttpRequest request = Get("/a%20b");
  request.headers.Add("My-Header", "  a   b  ");
  request.headers.Add("my-header", "c");
  SigV4Authorization authorization;
  authorization.signed_headers = {"my-header"};
  SigV4Input input{.request = &request, .body_hash = "UNSIGNED-PAYLOAD", .timestamp = ""};
  EXPECT_EQ(CanonicalRequest(input, authorization),
            "GET\n/a%2520b\n\nmy-header:a b,c\n\nmy-header\nUNSIGNED-PAYLOAD");
}

TEST(SigV4, SaysWhichPartsAreMissing) {
  SigV4Authorization none = ParseSigV4("Basic abc");
  EXPECT_FALSE(none.has_credential || none.has_signature || none.has_signed_headers);
  SigV4Authorization cut = ParseSigV4("AWS4-HMAC-SHA256 Credential=AK/20150830/us-east-1");
  EXPECT_FALSE(cut.has_credential);
  EXPECT_EQ(ParseSigV4Time("20150830T123600Z"), 1440938160000);
  EXPECT_EQ(ParseSigV4Time("20150830 123600Z"), -1);
  EXPECT_EQ(ParseSigV4Time(""), -1);
}

TEST(SigV4, ComparesWholeStrings) {
  EXPECT_TRUE(EqualsInConstantTime("abc", "abc"));
  EXPECT_FALSE(EqualsInConstantTime("abc", "abd"));
  EXPECT_FALSE(EqualsInConstantTime("abc", "ab"));
}

}  // namespace
}  // namespace mainstem::net
