// What a table says about a Kafka cluster that is not this node: 'properties.*' in the names of
// Apache Kafka's Java clients, as in Flink, or of librdkafka, turned into librdkafka's.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <librdkafka/rdkafka.h>

#include "connector/registry.h"
#include "connector/table.h"
#include "core/status.h"

namespace mainstem::connector {

// Whether 'properties.bootstrap.servers' ("a:9092,b:9092") holds an address of this node.
bool IsOwnAddress(const std::string& bootstrap_servers,
                  const std::vector<std::string>& own_addresses);

struct KafkaConfigDestroy {
  void operator()(rd_kafka_conf_t* config) const { rd_kafka_conf_destroy(config); }
};
using KafkaConfig = std::unique_ptr<rd_kafka_conf_t, KafkaConfigDestroy>;

// What the table gives, under the names it uses.
struct KafkaClientOptions {
  std::string table;  // for messages
  std::map<std::string, std::string> given;
  std::map<std::string, std::string> files;  // of 'properties-file.*', by name: the values' files
};
// kInvalidArgument, with table and option, for a property that neither kind of client has, for one
// that cannot be had here (a truststore that is not PEM), for a value that is none. Values are
// never in messages: they may be secrets. Relative paths of files are resolved against
// `base_directory`.
Result<KafkaClientOptions> ReadKafkaClientOptions(const TableDescriptor& table,
                                                  const std::string& base_directory);

using KafkaProperties = std::map<std::string, std::string>;  // librdkafka's names and values
// Reads the files anew.
Task<KafkaProperties> LoadKafkaProperties(Env* env, KafkaClientOptions options);

// All of them, and `more`, which win. kInvalidArgument names the property that is refused.
Result<KafkaConfig> MakeKafkaConfig(const KafkaProperties& properties, const KafkaProperties& more);

// 'properties.*' and 'properties-file.*', for both halves of a connector.
std::vector<OptionSpec> KafkaClientOptionSpecs();

}  // namespace mainstem::connector
