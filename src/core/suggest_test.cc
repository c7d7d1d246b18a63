#include "core/suggest.h"

#include <gtest/gtest.h>

namespace mainstem {
namespace {

const std::vector<std::string> kNames = {"user_id", "amount", "window_start", "window_end"};

TEST(SuggestTest, FindsTheNearName) {
  EXPECT_EQ(NearestName("user_ld", kNames), "user_id");
  EXPECT_EQ(NearestName("USER_ID", kNames), "user_id");
  EXPECT_EQ(NearestName("amonut", kNames), "amount");
  EXPECT_EQ(NearestName("window_strat", kNames), "window_start");
}

TEST(SuggestTest, DoesNotGuessWildly) {
  EXPECT_EQ(NearestName("price", kNames), std::nullopt);
  EXPECT_EQ(NearestName("", kNames), std::nullopt);
  EXPECT_EQ(NearestName(std::string(5000, 'x'), kNames), std::nullopt);
}

TEST(SuggestTest, ListsTheKnownNamesWhenNothingIsNear) {
  EXPECT_EQ(SuggestionFor("amout", kNames), "did you mean 'amount'?");
  EXPECT_EQ(SuggestionFor("zzz", kNames), "known: amount, user_id, window_end, window_start");
  EXPECT_EQ(SuggestionFor("zzz", {}), "");
}

}  // namespace
}  // namespace mainstem
