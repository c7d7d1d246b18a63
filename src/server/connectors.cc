#include "server/connectors.h"

#include "sink/blackhole/blackhole_sink.h"
#include "sink/clickhouse/clickhouse_sink.h"
#include "sink/filesystem/file_sink.h"
#include "sink/firehose/document_sink.h"
#include "sink/firehose/endpoint_sink.h"
#include "sink/http/http_sink.h"
#include "sink/iceberg/iceberg_sink.h"
#include "sink/jdbc/jdbc_sink.h"
#include "sink/kafka/kafka_sink.h"
#include "sink/kinesis/kinesis_sink.h"
#include "sink/opensearch/opensearch_sink.h"
#include "sink/print/print_sink.h"
#include "sink/redis/redis_sink.h"
#include "sink/redshift/redshift_sink.h"
#include "source/datagen/datagen_source.h"
#include "source/filesystem/file_source.h"
#include "source/jdbc/jdbc_source.h"
#include "source/kafka/kafka_source.h"
#include "source/kinesis/kinesis_source.h"
#include "source/nexmark/nexmark_source.h"

namespace mainstem::server {

connector::ConnectorRegistry MakeConnectorRegistry(connector::S3Defaults s3) {
  connector::ConnectorRegistry registry;
  registry.Add(source::DatagenConnector());
  registry.Add(source::FileSourceConnector(s3));
  registry.Add(source::JdbcSourceConnector());
  registry.Add(source::KafkaSourceConnector());
  registry.Add(source::KinesisSourceConnector(s3));
  registry.Add(source::NexmarkConnector());
  registry.Add(source::UpsertKafkaSourceConnector());
  registry.Add(sink::BlackholeConnector());
  registry.Add(sink::ClickhouseSinkConnector());
  registry.Add(sink::DuckdbSinkConnector());
  registry.Add(sink::FileSinkConnector(s3));
  registry.Add(sink::HttpSinkConnector());
  registry.Add(sink::DocumentSinkConnector());
  registry.Add(sink::EndpointSinkConnector());
  registry.Add(sink::IcebergSinkConnector(s3));
  registry.Add(sink::JdbcSinkConnector());
  registry.Add(sink::KafkaSinkConnector());
  registry.Add(sink::KinesisSinkConnector(s3));
  registry.Add(sink::PrintConnector());
  registry.Add(sink::RedisSinkConnector());
  registry.Add(sink::RedshiftSinkConnector(s3));
  registry.Add(sink::UpsertKafkaSinkConnector());
  for (connector::ConnectorSpec& spec : sink::OpenSearchSinkConnectors()) {
    registry.Add(std::move(spec));
  }
  return registry;
}

}  // namespace mainstem::server
