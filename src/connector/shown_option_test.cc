#include "connector/shown_option.h"

#include <gtest/gtest.h>

namespace mainstem::connector {
namespace {

TEST(ShownOptionTest, HidesWhatItsNameSaysIsSecret) {
  for (const char* name : {"password", "Password", "access-key", "header.Authorization",
                           "signature.secret", "properties.sasl.oauthbearer.client.secret",
                           "properties.ssl.key.pem", "avro-confluent.basic-auth.user-info"}) {
    EXPECT_EQ(ShownOption(name, "x"), "******") << name;
  }
  for (const char* name : {"password-file", "header-file.X-Token", "topic", "key.fields"}) {
    EXPECT_EQ(ShownOption(name, "/run/x"), "/run/x") << name;
  }
}

TEST(ShownOptionTest, HidesPasswordsInAddresses) {
  EXPECT_EQ(ShownOption("url", "redis://me:a:b@h:1/0"), "redis://me:******@h:1/0");
  EXPECT_EQ(ShownOption("url", "jdbc:postgresql://h/d?user=me&password=p&ssl=on"),
            "jdbc:postgresql://h/d?user=me&password=******&ssl=on");
  EXPECT_EQ(ShownOption("url", "https://h/in?Key=1&allowPublicKeyRetrieval=true"),
            "https://h/in?Key=******&allowPublicKeyRetrieval=true");
  EXPECT_EQ(ShownOption("url", "https://h:8443/a@b:c"), "https://h:8443/a@b:c");
  EXPECT_EQ(ShownOption("topic", "a:b@c"), "a:b@c");
}

}  // namespace
}  // namespace mainstem::connector
