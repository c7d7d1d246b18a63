// Goal: an upsert sink forgets a row whose update a condition has held back.
#include "process/operator/sink_operator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/operator/operator_test_support.h"

namespace mainstem::process {
namespace {

using optest::MakeBatch;
using ::testing::ElementsAre;

std::vector<std::string> Upserts(const std::vector<std::vector<std::string>>& rows) {
  auto upserts = ToUpserts(MakeBatch("sl", rows), {0});
  CHECK_OK(upserts);
  return optest::ToLines(Element::Batch(*std::move(upserts)));
}

TEST(ToUpsertsTest, AnOldRowGoesWhenTheNewOneFollows) {
  EXPECT_THAT(Upserts({{"+I", "a", "1"}, {"-U", "a", "1"}, {"+U", "a", "2"}, {"-D", "a", "2"}}),
              ElementsAre("+I a 1", "+U a 2", "-D a 2"));
}

TEST(ToUpsertsTest, AnOldRowWithoutANewOneIsADeletion) {
  EXPECT_THAT(Upserts({{"-U", "a", "1"}}), ElementsAre("-D a 1"));
  EXPECT_THAT(Upserts({{"-U", "a", "1"}, {"+U", "b", "2"}, {"-U", "-", "3"}, {"-U", "b", "2"}}),
              ElementsAre("-D a 1", "+U b 2", "-D - 3", "-D b 2"));
  EXPECT_THAT(Upserts({{"-U", "-", "1"}, {"+U", "-", "2"}}), ElementsAre("+U - 2"));
}

}  // namespace
}  // namespace mainstem::process
