#include "gateway/aws/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/net/sigv4.h"
#include "gateway/aws/aws_error.h"

namespace mainstem::gateway::aws {
namespace {

constexpr int64_t kNowMs = 1440938160000;  // 20150830T123600Z

net::HttpRequest SignedRequest(std::string_view secret) {
  net::HttpRequest request;
  request.method_name = "POST";
  request.target = "/";
  request.body = "{}";
  request.headers.Add("Host", "localhost:4567");
  request.headers.Add("X-Amz-Date", "20150830T123600Z");
  request.headers.Add("X-Amz-Target", "Kinesis_20131202.ListStreams");
  std::string head =
      "AWS4-HMAC-SHA256 Credential=AK/20150830/eu-west-1/kinesis/aws4_request, "
      "SignedHeaders=host;x-amz-date;x-amz-target, Signature=";
  std::string hash = net::Sha256Hex(request.body);
  net::SigV4Input input{.request = &request, .body_hash = hash, .timestamp = "20150830T123600Z"};
  std::string signature = net::SigV4Signature(input, net::ParseSigV4(head + "x"), secret);
  request.headers.Add("Authorization", head + signature);
  return request;
}

Credentials TestKeys() {
  return Credentials::Parse("# keys\n[a]\naws_access_key_id = AK\naws_secret_access_key=secret\n")
      .ValueOrDie();
}

std::string Outcome(const net::HttpRequest& request, int64_t now_ms = kNowMs) {
  Status status = TestKeys().Check(request, {.service = "kinesis", .now_ms = now_ms});
  return status.ok() ? "OK" : ToAwsError(status).name;
}

TEST(CredentialsTest, TakesWhatIsSignedWithOneOfTheKeys) {
  EXPECT_EQ(Outcome(SignedRequest("secret")), "OK");
  EXPECT_EQ(Outcome(SignedRequest("other")), "InvalidSignatureException");
  net::HttpRequest changed = SignedRequest("secret");
  changed.body = "{ }";
  EXPECT_EQ(Outcome(changed), "InvalidSignatureException");
  changed = SignedRequest("secret");
  changed.headers.Set("X-Amz-Target", "Kinesis_20131202.DeleteStream");
  EXPECT_EQ(Outcome(changed), "InvalidSignatureException");
}

TEST(CredentialsTest, RefusesOldOnesAndThoseOfAnotherService) {
  EXPECT_EQ(Outcome(SignedRequest("secret"), kNowMs + 299'000), "OK");
  EXPECT_EQ(Outcome(SignedRequest("secret"), kNowMs + 301'000), "InvalidSignatureException");
  EXPECT_EQ(Outcome(SignedRequest("secret"), kNowMs - 301'000), "InvalidSignatureException");
  Status status = TestKeys().Check(SignedRequest("secret"), {.service = "logs", .now_ms = kNowMs});
  EXPECT_EQ(ToAwsError(status).name, "InvalidSignatureException");
}

TEST(CredentialsTest, RefusesFieldsThatAreNotSigned) {
  net::HttpRequest request = SignedRequest("secret");
  request.headers.Add("X-Amz-Security-Token", "t");
  EXPECT_EQ(Outcome(request), "InvalidSignatureException");
}

TEST(CredentialsTest, SaysWhatIsMissing) {
  net::HttpRequest request = SignedRequest("secret");
  request.headers.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AK");
  Status status = TestKeys().Check(request, {.service = "kinesis", .now_ms = kNowMs});
  EXPECT_EQ(ToAwsError(status).message,
            "Authorization header requires 'Credential' parameter. Authorization header requires "
            "'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. "
            "Authorization=AWS4-HMAC-SHA256 Credential=AK");
  net::HttpRequest unsigned_request;
  EXPECT_EQ(Outcome(unsigned_request), "MissingAuthenticationTokenException");
  EXPECT_TRUE(Credentials().Check(unsigned_request, {}).ok());
}

TEST(CredentialsTest, NamesTheLineOfABadFile) {
  for (const char* text : {"", "[a]\n", "[a\n", "[a]\naws_access_key_id\n",
                           "[a]\naws_access_key_id=k\n", "[a]\naws_secret_access_key=s\n[b]\n"}) {
    Status status = Credentials::Parse(text).status();
    EXPECT_TRUE(Is(status, ErrorCode::kInvalidArgument)) << text;
    EXPECT_THAT(TextOf(status).message, testing::HasSubstr("line")) << text;
  }
}

}  // namespace
}  // namespace mainstem::gateway::aws
