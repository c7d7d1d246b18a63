#include "process/sql/substitute.h"

#include <gtest/gtest.h>

namespace mainstem::process::sql {
namespace {

TEST(SubstituteTest, ReplacesNames) {
  EXPECT_EQ(*Substitute("a ${X} b ${Y}${X}", {"X=1", "Y=a=b"}), "a 1 b a=b1");
  EXPECT_EQ(*Substitute("no names, $ { } alone", {}), "no names, $ { } alone");
}

TEST(SubstituteTest, SaysWhichNameHasNoValueAndWhere) {
  Status status = Substitute("SELECT 1;\nSELECT '${PATHH}'", {"PATH=x"}).status();
  EXPECT_EQ(::mainstem::Describe(status),
            "line 2: ${PATHH} has no value (hint: did you mean 'PATH'?)");
  EXPECT_EQ(TextOf(Substitute("${A}", {}).status()).hint, "give -D A=value");
  EXPECT_FALSE(Substitute("", {"A"}).ok());
}

TEST(SubstituteTest, LeavesNamesInCommentsAlone) {
  EXPECT_EQ(*Substitute("-- ${A} is a path\nSELECT 1", {}), "-- ${A} is a path\nSELECT 1");
}

}  // namespace
}  // namespace mainstem::process::sql
