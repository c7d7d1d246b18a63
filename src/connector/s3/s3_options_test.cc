#include "connector/s3/s3_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connector/s3/aws_credentials.h"

namespace mainstem::connector {
namespace {

using testing::HasSubstr;

Result<S3Options> Read(std::map<std::string, std::string> with, const S3Defaults& defaults = {}) {
  TableDescriptor table{.name = "t", .schema = nullptr, .options = std::move(with)};
  return S3OptionsOf(table, defaults);
}

S3Options OptionsOf(std::map<std::string, std::string> with, const S3Defaults& defaults = {}) {
  Result<S3Options> options = Read(std::move(with), defaults);
  EXPECT_TRUE(options.ok()) << options.status();
  return options.ValueOr(S3Options());
}

std::string Refusal(std::map<std::string, std::string> with) {
  Status status = Read(std::move(with)).status();
  return status.ok() ? "" : Describe(status);
}

TEST(S3Options, TableComesBeforeConfigurationBeforeEnvironment) {
  S3Defaults defaults;
  defaults.environment = {{"AWS_REGION", "eu-west-1"}, {"AWS_ENDPOINT_URL", "http://env:1"}};
  EXPECT_EQ(OptionsOf({}, defaults).region, "eu-west-1");
  EXPECT_EQ(OptionsOf({}, defaults).endpoint, "http://env:1");
  defaults.endpoint = "https://conf:2/";
  defaults.region = "eu-west-2";
  EXPECT_EQ(OptionsOf({}, defaults).endpoint, "https://conf:2");
  EXPECT_EQ(OptionsOf({}, defaults).region, "eu-west-2");
  S3Options table =
      OptionsOf({{"s3.endpoint", "host:3"}, {"s3.endpoint.region", "eu-west-3"}}, defaults);
  EXPECT_EQ(table.endpoint, "https://host:3");
  EXPECT_EQ(table.region, "eu-west-3");
}

TEST(S3Options, RefusesWhatCannotBeMeant) {
  std::string refusal = Refusal({{"s3.endpoint", "http://me:s3cret@host"}});
  EXPECT_THAT(refusal, HasSubstr("s3.endpoint"));
  EXPECT_THAT(refusal, testing::Not(HasSubstr("s3cret")));
  EXPECT_THAT(Refusal({{"s3.endpoint.region", "a/b"}}), HasSubstr("region"));
  EXPECT_THAT(Refusal({{"s3.access-key", "k"}}), HasSubstr("s3.secret-key"));
  for (const char* path : {"s3://", "s3://a/b", "s3://a b c/d", "s3://x..y/z", "s3://host:1/k"}) {
    EXPECT_FALSE(ParseS3Path(path).ok()) << path;
  }
}

TEST(S3Options, PutsTheBucketWhereTheServerLooksForIt) {
  S3Address amazon = AddressOfBucket({}, "lake", "eu-west-1");
  EXPECT_EQ(amazon.origin, "https://lake.s3.eu-west-1.amazonaws.com");
  EXPECT_EQ(amazon.path_prefix, "");
  EXPECT_EQ(AddressOfBucket({}, "lake", "cn-north-1").host, "lake.s3.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(AddressOfBucket({}, "a.lake", "eu-west-1").path_prefix, "/a.lake");
  S3Address local = AddressOfBucket({.endpoint = "http://127.0.0.1:9000"}, "lake", "x");
  EXPECT_EQ(local.host, "127.0.0.1:9000");
  EXPECT_EQ(local.path_prefix, "/lake");
  EXPECT_EQ(AddressOfBucket({.endpoint = "http://minio:9000"}, "lake", "x").host,
            "lake.minio:9000");
  EXPECT_EQ(
      AddressOfBucket({.endpoint = "http://minio:9000", .path_style = true}, "lake", "x").origin,
      "http://minio:9000");
}

TEST(S3Options, TakesPathsApart) {
  auto location = ParseS3Path("s3a://lake/a//b/");
  ASSERT_TRUE(location.ok());
  EXPECT_EQ(location->bucket, "lake");
  EXPECT_EQ(location->key, "a//b");
  EXPECT_EQ(ParseS3Path("s3://lake")->key, "");
  EXPECT_TRUE(IsS3Path("s3://x") && IsS3Path("s3a://x") && !IsS3Path("/s3"));
}

TEST(AwsCredentials, FindsAProfileInEitherFile) {
  const std::string credentials =
      "[default]\naws_access_key_id = A\naws_secret_access_key = B\n"
      "[other]\naws_access_key_id=C\naws_secret_access_key=D\naws_session_token=T==\n";
  const std::string config =
      "[default]\nregion = eu-west-1\n[profile third]\naws_access_key_id=E\n"
      "aws_secret_access_key=F\n[profile role]\nrole_arn=arn:x\n";
  auto found = FindAwsProfile("default", credentials, config);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->keys.access_key, "A");
  EXPECT_EQ(found->region, "eu-west-1");
  EXPECT_EQ(FindAwsProfile("other", credentials, config)->keys.session_token, "T==");
  EXPECT_EQ(FindAwsProfile("third", credentials, config)->keys.secret_key, "F");
  EXPECT_EQ(FindAwsProfile("none", credentials, config)->keys.access_key, "");
  Status role = FindAwsProfile("role", credentials, config).status();
  EXPECT_TRUE(Is(role, ErrorCode::kUnsupported));
  EXPECT_THAT(Describe(role), HasSubstr("role_arn"));
  Status broken = FindAwsProfile("default", "[default\naws_secret_access_key=s3cret", "").status();
  EXPECT_THAT(Describe(broken), HasSubstr("line 1"));
  EXPECT_THAT(Describe(broken), testing::Not(HasSubstr("s3cret")));
}

}  // namespace
}  // namespace mainstem::connector
