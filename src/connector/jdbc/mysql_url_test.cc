#include "connector/jdbc/mysql_url.h"

#include "connector/jdbc/mysql_session.h"

namespace mainstem::connector {
namespace {

TEST(MysqlUrlTest, ReadsHostDatabaseAndParameters) {
  auto target = ParseMysqlUrl(
      "jdbc:mysql://[::1]:3307/my%20shop?sslMode=VERIFY_IDENTITY&serverSslCert=%2Fca.pem&"
      "connectTimeout=1500&useUnicode=true&user=u&password=p");
  CHECK_OK(target);
  EXPECT_EQ(target->host, "::1");
  EXPECT_EQ(target->port, 3307);
  EXPECT_EQ(target->database, "my shop");
  EXPECT_EQ(target->tls, MysqlTls::kVerify);
  EXPECT_EQ(target->ca_file, "/ca.pem");
  EXPECT_EQ(target->connect_seconds, 2u);
  EXPECT_EQ(target->user, "u");
  EXPECT_EQ(target->shown, "::1:3307/my shop");
}

TEST(MysqlUrlTest, KnowsBothDriversNamesOfModes) {
  auto tls = [](const std::string& mode) {
    auto target = ParseMysqlUrl("jdbc:mariadb:///d?sslMode=" + mode);
    CHECK_OK(target);
    return target->tls;
  };
  EXPECT_EQ(tls("disable"), MysqlTls::kNone);
  EXPECT_EQ(tls("DISABLED"), MysqlTls::kNone);
  EXPECT_EQ(tls("PREFERRED"), MysqlTls::kPreferred);
  EXPECT_EQ(tls("trust"), MysqlTls::kRequired);
  EXPECT_EQ(tls("verify-full"), MysqlTls::kVerify);
}

TEST(MysqlUrlTest, NamesWhatIsWrongAndNoSecret) {
  for (const char* wrong :
       {"jdbc:mysql:shop", "jdbc:mysql://h", "jdbc:mysql://h:0/d", "jdbc:mysql://h:x/d",
        "jdbc:mysql://me:s3cret@h/d", "jdbc:mysql://a,b/d", "jdbc:mysql://h/d?sslMode=s3cret",
        "jdbc:mysql://h/d?passwort=s3cret", "jdbc:mysql://h/d?socketTimeout=s3cret"}) {
    Status status = ParseMysqlUrl(wrong).status();
    EXPECT_TRUE(Is(status, ErrorCode::kInvalidArgument)) << wrong;
    EXPECT_EQ(Describe(status).find("s3cret"), std::string::npos) << wrong;
  }
}

TEST(MysqlUrlTest, ErrorsTellWhatToDo) {
  EXPECT_EQ(CodeOfMysql(1213, "40001"), ErrorCode::kUnavailable);
  EXPECT_EQ(CodeOfMysql(2013, "HY000"), ErrorCode::kUnavailable);
  EXPECT_EQ(CodeOfMysql(1062, "23000"), ErrorCode::kInvalidRecord);
  EXPECT_EQ(CodeOfMysql(1644, "45000"), ErrorCode::kInvalidRecord);
  EXPECT_EQ(CodeOfMysql(1045, "28000"), ErrorCode::kPermissionDenied);
  EXPECT_EQ(CodeOfMysql(1146, "42S02"), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOfMysql(1064, "42000"), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace mainstem::connector
