#include "connector/kafka/client_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/env.h"
#include "core/sync.h"

namespace mainstem::connector {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

class KafkaConfigTest : public testing::Test {
 protected:
  Result<KafkaProperties> Load(std::map<std::string, std::string> options) {
    TableDescriptor table{.name = "t", .schema = nullptr, .options = std::move(options)};
    ASSIGN_OR_RETURN(KafkaClientOptions read, ReadKafkaClientOptions(table, "/base"));
    KafkaProperties loaded;
    RETURN_IF_ERROR(RunBlocking(env_->shard(0), LoadInto(env_.get(), read, &loaded)));
    return loaded;
  }
  std::string FailureOf(std::map<std::string, std::string> options) {
    Result<KafkaProperties> loaded = Load(std::move(options));
    return loaded.ok() ? "no failure" : Describe(loaded.status());
  }
  static Task<> LoadInto(Env* env, KafkaClientOptions options, KafkaProperties* out) {
    CO_ASSIGN_OR_RETURN(*out, co_await LoadKafkaProperties(env, std::move(options)));
    co_return Status::OK();
  }
  std::unique_ptr<Env> env_ = MakeRealEnv({.shard_count = 1});
};

TEST_F(KafkaConfigTest, JavasNamesBecomeLibrdkafkas) {
  auto loaded = Load({{"properties.bootstrap.servers", "a:1"},
                      {"properties.max.request.size", "5000"},
                      {"properties.buffer.memory", "33554432"},
                      {"properties.linger.ms", "7"},
                      {"properties.ssl.endpoint.identification.algorithm", ""},
                      {"properties.key.serializer", "org.example.S"},
                      {"topic", "x"}});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT(*loaded, ElementsAre(Pair("bootstrap.servers", "a:1"), Pair("linger.ms", "7"),
                                   Pair("message.max.bytes", "5000"),
                                   Pair("queue.buffering.max.kbytes", "32768"),
                                   Pair("ssl.endpoint.identification.algorithm", "none")));
}

TEST_F(KafkaConfigTest, AJaasTextBecomesUserAndPassword) {
  for (const char* module : {"plain.PlainLoginModule", "scram.ScramLoginModule"}) {
    auto loaded = Load(
        {{"properties.sasl.jaas.config", std::string("org.apache.kafka.common.security.") + module +
                                             R"( required username="al" password="s;\"x y";)"}});
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    EXPECT_THAT(*loaded,
                ElementsAre(Pair("sasl.password", R"(s;"x y)"), Pair("sasl.username", "al")));
  }
}

TEST_F(KafkaConfigTest, StoresAreFilesOfPemOrPkcs12) {
  auto loaded = Load({{"properties.ssl.truststore.location", "/ca.crt"},
                      {"properties.ssl.truststore.password", "x"},
                      {"properties.ssl.keystore.location", "/me"},
                      {"properties.ssl.keystore.type", "PKCS12"}});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT(*loaded, ElementsAre(Pair("ssl.ca.location", "/ca.crt"),
                                   Pair("ssl.keystore.location", "/me")));
  EXPECT_THAT(FailureOf({{"properties.ssl.truststore.location", "/ca.jks"}}), HasSubstr("PEM"));
}

TEST_F(KafkaConfigTest, ValuesAreNotInMessages) {
  std::string said =
      FailureOf({{"properties.sasl.mechanism", "PLAIN"}, {"properties.linger.ms", "s3cret"}});
  EXPECT_THAT(said, HasSubstr("table 't': 'properties.linger.ms'"));
  EXPECT_THAT(said, Not(HasSubstr("s3cret")));
  EXPECT_THAT(
      FailureOf({{"properties.sasl.jaas.config", "a.PlainLoginModule username=\"s3cret\""}}),
      Not(HasSubstr("s3cret")));
}

TEST_F(KafkaConfigTest, AFileThatIsNotThereIsNamed) {
  EXPECT_THAT(FailureOf({{"properties-file.sasl.password", "pass"}}), HasSubstr("/base/pass"));
}

TEST(KafkaAddressTest, OneOfSeveralAddressesIsEnough) {
  EXPECT_TRUE(IsOwnAddress("a:1, localhost:9092", {"127.0.0.1:9092"}));
  EXPECT_FALSE(IsOwnAddress("a:1,127.0.0.1:9093", {"127.0.0.1:9092"}));
}

}  // namespace
}  // namespace mainstem::connector
