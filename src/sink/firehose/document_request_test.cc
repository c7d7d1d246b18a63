// Names of documents and indexes as Amazon's guide has them, and what is a document.
#include "sink/firehose/document_request.h"

#include <gtest/gtest.h>

namespace mainstem::sink {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kFebruary25Of2016Ms = 1'456'405'200'000;  // 13:00 UTC, a Thursday

std::string IndexAt(IndexRotation rotation, int64_t arrival_ms) {
  return IndexOf({.index = "myindex", .rotation = rotation}, {.arrival_ms = arrival_ms});
}

TEST(DocumentRequestTest, IndexesFollowTheArrival) {
  EXPECT_EQ(IndexAt(IndexRotation::kNone, kFebruary25Of2016Ms), "myindex");
  EXPECT_EQ(IndexAt(IndexRotation::kHour, kFebruary25Of2016Ms), "myindex-2016-02-25-13");
  EXPECT_EQ(IndexAt(IndexRotation::kDay, kFebruary25Of2016Ms), "myindex-2016-02-25");
  EXPECT_EQ(IndexAt(IndexRotation::kMonth, kFebruary25Of2016Ms), "myindex-2016-02");
}

TEST(DocumentRequestTest, WeeksBeginOnSundayAndBelongToTheYearOfTheirSaturday) {
  // The first Saturday of 2016 was January 2.
  EXPECT_EQ(IndexAt(IndexRotation::kWeek, kFebruary25Of2016Ms), "myindex-2016-w09");
  EXPECT_EQ(IndexAt(IndexRotation::kWeek, kFebruary25Of2016Ms + 2 * kDayMs), "myindex-2016-w09");
  EXPECT_EQ(IndexAt(IndexRotation::kWeek, kFebruary25Of2016Ms + 3 * kDayMs), "myindex-2016-w10");
  const int64_t december_27_of_2015 = kFebruary25Of2016Ms - 60 * kDayMs;
  EXPECT_EQ(IndexAt(IndexRotation::kWeek, december_27_of_2015), "myindex-2016-w01");
  EXPECT_EQ(IndexAt(IndexRotation::kWeek, december_27_of_2015 - kDayMs), "myindex-2015-w52");
}

TEST(DocumentRequestTest, AnIdTellsThePlaceInTheLog) {
  const SentRecord record{.data = "{}", .end = Offset(7), .row = 3};
  const DocumentNames names{.index = "i", .id_prefix = "job", .partition = PartitionId(2)};
  EXPECT_EQ(DocumentIdOf(names, record), "job-2-7-3");
  EXPECT_EQ(DocumentIdOf({.index = "i"}, record), "");
}

TEST(DocumentRequestTest, ADocumentIsOneObject) {
  for (const char* good :
       {"{}", " {\"a\": 1}\n", "{\n\"a\":\r\n[1]}", "{\"n\":123456789012345678901234567890}"}) {
    EXPECT_TRUE(CheckDocument(good).ok()) << good;
  }
  for (const char* bad : {"", "\n", "1", "[{}]", "{", "{}{}", "{\"a\":1}\n{\"a\":2}", "{\"a\":\n",
                          "{\"a\":\"\n\"}", "text", "{\"a\":\"\xff\"}"}) {
    EXPECT_TRUE(Is(CheckDocument(bad), ErrorCode::kInvalidRecord)) << bad;
  }
}

TEST(DocumentRequestTest, AnActionIsTwoLines) {
  std::string body;
  AppendIndexAction({.index = "i\"", .id_prefix = "j"}, {.data = "{\n\"a\":\r\n1}\n"}, &body);
  AppendIndexAction({.index = "i"}, {.data = "{}"}, &body);
  EXPECT_EQ(body, R"({"index":{"_index":"i\"","_id":"j-0-0-0"}})"
                  "\n{ \"a\":  1} \n"
                  R"({"index":{"_index":"i"}})"
                  "\n{}\n");
}

TEST(DocumentRequestTest, TellsOfFailedDocuments) {
  EXPECT_EQ(FailedDocumentLine({.index = "i", .id_prefix = "j"}, {.data = "a", .arrival_ms = 5},
                               {.code = "400", .message = "m"}, {.count = 3, .ended_ms = 9}),
            R"({"attemptsMade":3,"arrivalTimestamp":5,"errorCode":"400","errorMessage":"m",)"
            R"("attemptEndingTimestamp":9,"esDocumentId":"j-0-0-0","esIndexName":"i",)"
            R"("esTypeName":"","rawData":"YQ=="})");
}

}  // namespace
}  // namespace mainstem::sink
