#include "connector/jdbc/jdbc_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mainstem::connector {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string Parameter(const PostgresTarget& target, const std::string& name) {
  std::string value = "absent";
  for (const auto& [key, text] : target.parameters) {
    if (key == name) value = text;
  }
  return value;
}

TEST(JdbcUrlTest, ReadsHostsDatabaseAndParameters) {
  auto target = ParseJdbcUrl(
      "jdbc:postgresql://db1:5433,[::1]/my%20shop?sslmode=require&ApplicationName=me&user=u");
  ASSERT_TRUE(target.ok()) << target.status();
  EXPECT_EQ(Parameter(*target, "host"), "db1,::1");
  EXPECT_EQ(Parameter(*target, "port"), "5433,5432");
  EXPECT_EQ(Parameter(*target, "dbname"), "my shop");
  EXPECT_EQ(Parameter(*target, "sslmode"), "require");
  EXPECT_EQ(Parameter(*target, "application_name"), "me");
  EXPECT_EQ(target->shown, "db1:5433,[::1]/my shop");
}

TEST(JdbcUrlTest, KnowsTheShortForms) {
  auto target = ParseJdbcUrl("jdbc:postgresql:shop");
  ASSERT_TRUE(target.ok());
  EXPECT_EQ(Parameter(*target, "host"), "localhost");
  EXPECT_EQ(Parameter(*target, "dbname"), "shop");
}

TEST(JdbcUrlTest, SslMeansVerifiedUnlessAModeIsGiven) {
  EXPECT_EQ(Parameter(*ParseJdbcUrl("jdbc:postgresql://h/d?ssl=true"), "sslmode"), "verify-full");
  EXPECT_EQ(Parameter(*ParseJdbcUrl("jdbc:postgresql://h/d?sslmode=prefer&ssl=true"), "sslmode"),
            "prefer");
}

TEST(JdbcUrlTest, RefusesWhatIsWrongWithoutShowingSecrets) {
  for (const char* url :
       {"postgresql://h/d?password=s3cret", "jdbc:mysql://h/d?password=s3cret",
        "jdbc:postgresql://h/d?password=s3cret&sslmod=require", "jdbc:postgresql://u:s3cret@h/d",
        "jdbc:postgresql://h:0/d?password=s3cret", "jdbc:postgresql://h/d?password=%zzs3cret"}) {
    auto target = ParseJdbcUrl(url);
    ASSERT_FALSE(target.ok()) << url;
    EXPECT_THAT(Describe(target.status()), Not(HasSubstr("s3cret")));
  }
  EXPECT_THAT(Describe(ParseJdbcUrl("jdbc:postgresql://h/d?sslmod=x").status()),
              HasSubstr("did you mean 'sslmode'"));
  EXPECT_TRUE(Is(ParseJdbcUrl("jdbc:oracle:thin").status(), ErrorCode::kUnsupported));
}

TEST(JdbcUrlTest, RedshiftHasAPortOfItsOwn) {
  PostgresTarget target =
      ParseRedshiftUrl("jdbc:redshift://c.eu-west-1.redshift.amazonaws.com/dev").ValueOrDie();
  EXPECT_TRUE(target.is_redshift);
  EXPECT_EQ(target.shown, "c.eu-west-1.redshift.amazonaws.com/dev");
  auto has = [&](const char* name, const char* value) {
    return std::find(target.parameters.begin(), target.parameters.end(),
                     std::pair<std::string, std::string>(name, value)) != target.parameters.end();
  };
  EXPECT_TRUE(has("port", "5439") && has("dbname", "dev"));
  EXPECT_FALSE(ParseRedshiftUrl("jdbc:postgresql://h/d").ok());
  EXPECT_FALSE(ParseRedshiftUrl("jdbc:redshift://h:0/d").ok());
}

}  // namespace
}  // namespace mainstem::connector
