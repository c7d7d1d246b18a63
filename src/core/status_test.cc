#include "core/status.h"

#include <gtest/gtest.h>

namespace mainstem {
namespace {

TEST(StatusTest, CarriesCodeDetailAndHint) {
  Status status = MakeError(ErrorCode::kUnknownTopic, {.message = "topic 'a' does not exist",
                                                       .detail = "3 topics exist",
                                                       .hint = "create it first"});
  EXPECT_EQ(CodeOf(status), ErrorCode::kUnknownTopic);
  EXPECT_EQ(TraitsOf(CodeOf(status)).kafka_code, 3);
  EXPECT_TRUE(IsRetriable(status));
  EXPECT_EQ(Describe(status), "topic 'a' does not exist; 3 topics exist (hint: create it first)");
}

TEST(StatusTest, MapsErrorsOfArrowToTheNearestCode) {
  EXPECT_EQ(CodeOf(Status::IOError("disk")), ErrorCode::kStorageError);
  EXPECT_EQ(CodeOf(Status::Cancelled("x")), ErrorCode::kCancelled);
  EXPECT_EQ(Describe(Status::Invalid("bad")), "bad");
}

Result<int> Half(int value) {
  if (value % 2 != 0) return MakeError(ErrorCode::kInvalidArgument, "odd");
  return value / 2;
}

Result<int> Quarter(int value) {
  ASSIGN_OR_RETURN(int half, Half(value));
  RETURN_IF_ERROR(Half(half));
  return half / 2;
}

TEST(StatusTest, MacrosReturnTheFirstError) {
  EXPECT_EQ(Quarter(8).ValueOrDie(), 2);
  EXPECT_EQ(CodeOf(Quarter(6).status()), ErrorCode::kInvalidArgument);
}

TEST(StatusDeathTest, CheckEndsTheProcess) { EXPECT_DEATH(CHECK(1 + 1 == 3), "check failed"); }

}  // namespace
}  // namespace mainstem
