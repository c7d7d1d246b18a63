#include "connector/kafka/client_config.h"

#include <algorithm>
#include <array>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <re2/re2.h>

#include "connector/secret_file.h"
#include "core/error_context.h"

namespace mainstem::connector {
namespace {

constexpr std::string_view kPrefix = "properties.";
constexpr std::string_view kFilePrefix = "properties-file.";

// Of Java's clients, without a meaning here: what others do for us, or what the connector decides.
constexpr std::array kWithoutEffect = {"allow.auto.create.topics",
                                       "auto.commit.interval.ms",
                                       "auto.include.jmx.reporter",
                                       "auto.offset.reset",
                                       "client.dns.lookup",
                                       "default.api.timeout.ms",
                                       "enable.auto.commit",
                                       "enable.metrics.push",
                                       "exclude.internal.topics",
                                       "flink.partition-discovery.interval-millis",
                                       "group.id",
                                       "group.instance.id",
                                       "group.protocol",
                                       "group.remote.assignor",
                                       "heartbeat.interval.ms",
                                       "interceptor.classes",
                                       "isolation.level",
                                       "key.deserializer",
                                       "key.serializer",
                                       "max.block.ms",
                                       "max.poll.interval.ms",
                                       "max.poll.records",
                                       "metadata.max.idle.ms",
                                       "metadata.recovery.strategy",
                                       "metric.reporters",
                                       "metrics.num.samples",
                                       "metrics.recording.level",
                                       "metrics.sample.window.ms",
                                       "partition.assignment.strategy",
                                       "partition.discovery.interval.ms",
                                       "partitioner.adaptive.partitioning.enable",
                                       "partitioner.availability.timeout.ms",
                                       "partitioner.class",
                                       "partitioner.ignore.keys",
                                       "security.providers",
                                       "session.timeout.ms",
                                       "ssl.cipher.suites",
                                       "ssl.enabled.protocols",
                                       "ssl.engine.factory.class",
                                       "ssl.keymanager.algorithm",
                                       "ssl.protocol",
                                       "ssl.provider",
                                       "ssl.secure.random.implementation",
                                       "ssl.trustmanager.algorithm",
                                       "ssl.truststore.password",
                                       "value.deserializer",
                                       "value.serializer"};

// The same under another name.
const std::map<std::string, std::string>& OtherNames() {
  static const std::map<std::string, std::string> names = {
      {"fetch.max.wait.ms", "fetch.wait.max.ms"},
      {"max.request.size", "message.max.bytes"},
      {"receive.buffer.bytes", "socket.receive.buffer.bytes"},
      {"send.buffer.bytes", "socket.send.buffer.bytes"},
      {"ssl.keystore.certificate.chain", "ssl.certificate.pem"},
      {"ssl.keystore.key", "ssl.key.pem"},
      {"ssl.truststore.certificates", "ssl.ca.pem"},
  };
  return names;
}

Status RefuseProperty(const std::string& table, const std::string& name, std::string problem,
                      std::string hint = "") {
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = "table '" + table + "': 'properties." + name + "' " + problem,
                    .hint = std::move(hint)});
}

// 'org.apache.kafka.common.security.plain.PlainLoginModule required username="a" password="b";'
Status AddLogin(const std::string& table, const std::string& jaas, KafkaProperties* out) {
  if (jaas.find("PlainLoginModule") == std::string::npos &&
      jaas.find("ScramLoginModule") == std::string::npos) {
    return RefuseProperty(table, "sasl.jaas.config",
                          "names another module than PlainLoginModule and ScramLoginModule",
                          "say it in librdkafka's properties, 'properties.sasl.kerberos.*' or "
                          "'properties.sasl.oauthbearer.*'");
  }
  static const re2::RE2 user(R"re(username\s*=\s*["']?([^"';\s]+))re");
  static const re2::RE2 quoted(R"re(password\s*=\s*"((?:[^"\\]|\\.)*)")re");
  static const re2::RE2 bare(R"re(password\s*=\s*'?([^"';\s]+))re");
  std::string name, password;
  if (!re2::RE2::PartialMatch(jaas, user, &name) ||
      !(re2::RE2::PartialMatch(jaas, quoted, &password) ||
        re2::RE2::PartialMatch(jaas, bare, &password))) {
    return RefuseProperty(table, "sasl.jaas.config", "has no username or no password");
  }
  re2::RE2::GlobalReplace(&password, R"(\\(.))", R"(\1)");
  out->emplace("sasl.username", name);
  out->emplace("sasl.password", password);
  return Status::OK();
}

bool LooksLikePem(const std::string& path) {
  return path.ends_with(".pem") || path.ends_with(".crt") || path.ends_with(".cer");
}

using Given = std::map<std::string, std::string>;

std::string Take(Given* given, const std::string& name) {
  auto found = given->find(name);
  if (found == given->end()) return "";
  std::string value = std::move(found->second);
  given->erase(found);
  return value;
}

Status AddStores(const std::string& table, Given* given, KafkaProperties* out) {
  std::string type = Take(given, "ssl.truststore.type");
  if (std::string path = Take(given, "ssl.truststore.location"); !path.empty()) {
    if (type != "PEM" && !LooksLikePem(path)) {
      return RefuseProperty(
          table, "ssl.truststore.location", "must be a PEM file here, not one of Java's stores",
          "keytool -exportcert -rfc writes one; 'properties.ssl.truststore.type' = 'PEM'");
    }
    out->emplace("ssl.ca.location", path);
  }
  type = Take(given, "ssl.keystore.type");
  std::string path = Take(given, "ssl.keystore.location");
  if (path.empty()) return Status::OK();
  if (type == "PEM" || LooksLikePem(path)) {
    out->emplace("ssl.certificate.location", path);
    out->emplace("ssl.key.location", path);
  } else if (type == "PKCS12" || path.ends_with(".p12") || path.ends_with(".pfx")) {
    out->emplace("ssl.keystore.location", path);
  } else {
    return RefuseProperty(table, "ssl.keystore.location",
                          "must be a PEM or PKCS12 file here, not one of Java's own",
                          "keytool -importkeystore -deststoretype PKCS12 converts it; "
                          "'properties.ssl.keystore.type' = 'PKCS12'");
  }
  return Status::OK();
}

Result<KafkaProperties> Translate(const std::string& table, Given given) {
  KafkaProperties out;
  if (given.count("transactional.id") > 0) {
    return RefuseProperty(table, "transactional.id", "is chosen by the connector",
                          "its beginning is 'sink.transactional-id-prefix'");
  }
  if (std::string jaas = Take(&given, "sasl.jaas.config"); !jaas.empty()) {
    RETURN_IF_ERROR(AddLogin(table, jaas, &out));
  }
  RETURN_IF_ERROR(AddStores(table, &given, &out));
  if (std::string text = Take(&given, "buffer.memory"); !text.empty()) {
    int64_t bytes = 0;
    if (!absl::SimpleAtoi(text, &bytes))
      return RefuseProperty(table, "buffer.memory", "is no number");
    out.emplace("queue.buffering.max.kbytes", std::to_string(std::max<int64_t>(1, bytes / 1024)));
  }
  for (auto& [name, value] : given) {
    if (std::find(kWithoutEffect.begin(), kWithoutEffect.end(), name) != kWithoutEffect.end()) {
      continue;
    }
    auto other = OtherNames().find(name);
    std::string key = other == OtherNames().end() ? name : other->second;
    // Java's way of saying that names are not checked.
    if (key == "ssl.endpoint.identification.algorithm" && value.empty()) value = "none";
    out.insert_or_assign(std::move(key), value);
  }
  Result<KafkaConfig> trial = MakeKafkaConfig(out, {});
  if (trial.ok()) return out;
  return InContext("table '" + table + "': ", trial.status());
}

std::string NormalAddress(std::string address) {
  absl::StripAsciiWhitespace(&address);
  constexpr std::string_view kLocalhost = "localhost:";
  if (address.starts_with(kLocalhost)) address = "127.0.0.1:" + address.substr(kLocalhost.size());
  return address;
}

}  // namespace

bool IsOwnAddress(const std::string& bootstrap_servers,
                  const std::vector<std::string>& own_addresses) {
  std::vector<std::string> addresses = absl::StrSplit(bootstrap_servers, ',');
  return std::any_of(addresses.begin(), addresses.end(), [&](const std::string& address) {
    return std::any_of(own_addresses.begin(), own_addresses.end(), [&](const std::string& own) {
      return NormalAddress(address) == NormalAddress(own);
    });
  });
}

Result<KafkaClientOptions> ReadKafkaClientOptions(const TableDescriptor& table,
                                                  const std::string& base_directory) {
  KafkaClientOptions options{.table = table.name, .given = {}, .files = {}};
  for (const auto& [option, value] : table.options) {
    if (option.starts_with(kFilePrefix)) {
      bool is_relative = !value.empty() && value[0] != '/';
      options.files.emplace(option.substr(kFilePrefix.size()),
                            is_relative ? base_directory + "/" + value : value);
    } else if (option.starts_with(kPrefix)) {
      options.given.emplace(option.substr(kPrefix.size()), value);
    }
  }
  RETURN_IF_ERROR(Translate(options.table, options.given));
  return options;
}

Task<KafkaProperties> LoadKafkaProperties(Env* env, KafkaClientOptions options) {
  for (const auto& [name, path] : options.files) {
    CO_ASSIGN_OR_RETURN(std::string text, co_await ReadSecretFile(env, path));
    options.given.insert_or_assign(name, std::move(text));
  }
  co_return Translate(options.table, std::move(options.given));
}

Result<KafkaConfig> MakeKafkaConfig(const KafkaProperties& properties,
                                    const KafkaProperties& more) {
  KafkaConfig config(rd_kafka_conf_new());
  for (const auto* part : {&properties, &more}) {
    for (const auto& [name, value] : *part) {
      std::array<char, 512> problem{};
      rd_kafka_conf_res_t outcome = rd_kafka_conf_set(config.get(), name.c_str(), value.c_str(),
                                                      problem.data(), problem.size());
      if (outcome == RD_KAFKA_CONF_OK) continue;
      if (outcome == RD_KAFKA_CONF_UNKNOWN) {
        return MakeError(ErrorCode::kInvalidArgument,
                         {.message = "no Kafka client has a property '" + name + "'"});
      }
      return MakeError(ErrorCode::kInvalidArgument,
                       {.message = "'properties." + name + "' has a value that is refused",
                        .hint = "librdkafka's CONFIGURATION.md lists what it takes"});
    }
  }
  return config;
}

std::vector<OptionSpec> KafkaClientOptionSpecs() {
  return {
      {.name = "properties.bootstrap.servers",
       .documentation = "host:port of a broker, or several; this node's own address means its own "
                        "log, without the network",
       .required = true},
      {.name = "properties.*",
       .documentation = "properties of a Kafka client, in the names of Java's clients or "
                        "librdkafka's; without effect on this node's own log"},
      {.name = "properties.sasl.jaas.config",
       .documentation = "user and password as Java's clients have them",
       .secret = true},
      {.name = "properties.sasl.password",
       .documentation = "of 'properties.sasl.username'",
       .secret = true},
      {.name = "properties.ssl.key.password",
       .documentation = "of the client's private key",
       .secret = true},
      {.name = "properties.ssl.keystore.password",
       .documentation = "of the file with the client's certificate",
       .secret = true},
      {.name = "properties-file.*",
       .documentation = "the file that holds such a property's value, for secrets"},
  };
}

}  // namespace mainstem::connector
