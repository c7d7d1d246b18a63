// Answers as Amazon's documentation shows them, and what servers of others send.
#include "connector/s3/s3_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mainstem::connector {
namespace {

using testing::HasSubstr;

HttpAnswer ErrorAnswer(int status, const std::string& code, const std::string& more = "") {
  HttpAnswer answer;
  answer.status = status;
  answer.body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" + code +
                "</Code><Message>it is so</Message>" + more + "</Error>";
  return answer;
}

Status StatusOf(const HttpAnswer& answer) {
  return StatusOfS3Problem(answer, ProblemOfS3Answer(answer),
                           {.what = "PUT s3://lake/a",
                            .right = "s3:PutObject",
                            .bucket = "lake",
                            .region = "us-east-1"});
}

TEST(S3Answer, TellsWhatPassesFromWhatSomebodyMustMend) {
  struct Case {
    int status;
    const char* code;
    ErrorCode expected;
    const char* says;
  };
  for (const Case& c :
       std::vector<Case>{{503, "SlowDown", ErrorCode::kUnavailable, "SlowDown"},
                         {500, "InternalError", ErrorCode::kUnavailable, "it is so"},
                         {400, "RequestTimeout", ErrorCode::kUnavailable, "RequestTimeout"},
                         {409, "ConditionalRequestConflict", ErrorCode::kUnavailable, ""},
                         {200, "InternalError", ErrorCode::kUnavailable, ""},
                         {403, "AccessDenied", ErrorCode::kPermissionDenied,
                          "grant s3:PutObject on bucket 'lake'"},
                         {403, "SignatureDoesNotMatch", ErrorCode::kPermissionDenied, "secret key"},
                         {400, "ExpiredToken", ErrorCode::kPermissionDenied, "have expired"},
                         {404, "NoSuchBucket", ErrorCode::kInvalidArgument, "create the bucket"},
                         {404, "NoSuchKey", ErrorCode::kNotFound, ""},
                         {412, "PreconditionFailed", ErrorCode::kAlreadyExists, ""},
                         {501, "NotImplemented", ErrorCode::kUnsupported, ""},
                         {507, "XMinioStorageFull", ErrorCode::kDiskFull, "make room"},
                         {400, "EntityTooLarge", ErrorCode::kInvalidArgument, "EntityTooLarge"}}) {
    Status status = StatusOf(ErrorAnswer(c.status, c.code));
    EXPECT_EQ(CodeOf(status), c.expected) << c.code;
    EXPECT_THAT(Describe(status), HasSubstr(c.says)) << c.code;
  }
}

TEST(S3Answer, NamesTheRegionOfTheBucket) {
  HttpAnswer answer =
      ErrorAnswer(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>");
  EXPECT_TRUE(ProblemOfS3Answer(answer).is_wrong_region);
  EXPECT_EQ(ProblemOfS3Answer(answer).region, "eu-west-1");
  EXPECT_THAT(Describe(StatusOf(answer)), HasSubstr("'s3.endpoint.region' to 'eu-west-1'"));
  HttpAnswer head;
  head.status = 301;
  head.headers.Add("x-amz-bucket-region", "eu-west-1");
  EXPECT_TRUE(ProblemOfS3Answer(head).is_wrong_region);
  EXPECT_EQ(ProblemOfS3Answer(head).region, "eu-west-1");
}

TEST(S3Answer, KnowsAnswersWithoutABodyByTheirStatus) {
  HttpAnswer answer;
  answer.status = 404;
  EXPECT_TRUE(Is(StatusOf(answer), ErrorCode::kNotFound));
  answer.status = 403;
  EXPECT_TRUE(Is(StatusOf(answer), ErrorCode::kPermissionDenied));
  answer.status = 502;
  answer.body = "<html>bad gateway";
  EXPECT_TRUE(Is(StatusOf(answer), ErrorCode::kUnavailable));
}

TEST(S3Answer, ReadsListings) {
  auto page = ParseListAnswer(
      "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
      "<IsTruncated>true</IsTruncated><NextContinuationToken>t/1=</NextContinuationToken>"
      "<EncodingType>url</EncodingType><Contents><Key>a%2Fb+c%2B%C3%A9</Key><Size>12</Size>"
      "<LastModified>2026-01-31T12:00:00.250Z</LastModified><ETag>&quot;e-1&quot;</ETag></Contents>"
      "<Contents><Key>d</Key><Size>0</Size></Contents></ListBucketResult>");
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->next, "t/1=");
  ASSERT_EQ(page->objects.size(), 2u);
  EXPECT_EQ(page->objects[0].key, "a/b c+\xC3\xA9");
  EXPECT_EQ(page->objects[0].size, 12);
  EXPECT_EQ(page->objects[0].etag, "\"e-1\"");
  EXPECT_EQ(page->objects[0].modified_ms, 1769860800250);
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "<a>";
  for (const std::string& bad :
       {std::string(), std::string("<"), std::string("<ListBucketResult><Contents/>"), deep,
        std::string("<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>"),
        std::string("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>")}) {
    EXPECT_TRUE(Is(ParseListAnswer(bad).status(), ErrorCode::kUnavailable)) << bad.substr(0, 80);
  }
}

TEST(S3Answer, ReadsAndWritesWhatUploadsNeed) {
  auto id = ParseUploadId(
      "<InitiateMultipartUploadResult><UploadId>VX.k-_</UploadId></InitiateMultipartUploadResult>");
  ASSERT_TRUE(id.ok());
  EXPECT_EQ(*id, "VX.k-_");
  EXPECT_FALSE(ParseUploadId("<InitiateMultipartUploadResult/>").ok());
  EXPECT_EQ(
      CompleteUploadBody({"\"a\"", "b&c"}),
      "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag></Part>"
      "<Part><PartNumber>2</PartNumber><ETag>b&amp;c</ETag></Part></CompleteMultipartUpload>");
  EXPECT_EQ(ParseS3Time("Sat, 31 Jan 2026 12:00:00 GMT"), 1769860800000);
  EXPECT_EQ(ParseS3Time("yesterday"), 0);
}

}  // namespace
}  // namespace mainstem::connector
