#include "server/node.h"

#include <fmt/format.h>

#include "core/net/http_server.h"
#include "core/sync.h"
#include "gateway/aws/aws_server.h"
#include "gateway/dynamodb/dynamo_service.h"
#include "gateway/events/events_service.h"
#include "gateway/firehose/firehose_service.h"
#include "gateway/http/http_gateway.h"
#include "gateway/kafka/server.h"
#include "gateway/kinesis/kinesis_service.h"
#include "gateway/logs/logs_service.h"
#include "server/admin/admin_api.h"
#include "server/engine.h"
#include "server/http_metrics.h"
#include "server/kafka_groups.h"
#include "server/kafka_transactions.h"
#include "server/own_addresses.h"
#include "server/version.h"

namespace mainstem::server {
namespace {

// 16 random bytes in URL-safe base64 without padding, as Kafka writes its cluster ids.
std::string MakeClusterId(Env& env) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string id;
  for (int i = 0; i < 22; ++i) id += kDigits[env.Random() % kDigits.size()];
  return id;
}

Task<std::string> KeptClusterId(Engine& engine) {
  const std::string key = "node/cluster-id";
  CO_ASSIGN_OR_RETURN(auto kept, co_await engine.log().ListMeta(key));
  auto it = kept.find(key);
  if (it != kept.end()) co_return it->second;
  std::string id = MakeClusterId(engine.env());
  CO_RETURN_IF_ERROR(co_await engine.log().PutMeta(key, id));
  co_return id;
}

// Null when no certificate is set.
Task<std::shared_ptr<const net::TlsServer>> LoadTls(Engine& engine) {
  constexpr size_t kPemBytesMax = 1 << 20;
  std::shared_ptr<const net::TlsServer> tls;
  const Settings& settings = engine.settings();
  if (settings.tls_certificate.empty()) co_return tls;
  Files& files = engine.env().files();
  CO_ASSIGN_OR_RETURN(std::string certificate,
                      co_await files.ReadAll(settings.tls_certificate, kPemBytesMax));
  CO_ASSIGN_OR_RETURN(std::string key, co_await files.ReadAll(settings.tls_key, kPemBytesMax));
  CO_ASSIGN_OR_RETURN(tls, net::TlsServer::Make(certificate, key));
  co_return tls;
}

// Says which flag gives another port.
Status ExplainTakenPort(Status status, std::string_view flag) {
  if (!Is(status, ErrorCode::kAddressInUse)) return status;
  ErrorText text = TextOf(status);
  text.hint = fmt::format("another program has the port: choose one with {} HOST:PORT", flag);
  return MakeError(ErrorCode::kAddressInUse, std::move(text));
}

}  // namespace

struct Node::Impl {
  explicit Impl(std::unique_ptr<Engine> owned) : engine(std::move(owned)) {}

  Task<> StartDoors();
  Task<> StartKafka();
  Task<> StartHttp();
  Task<> OpenAwsServices();
  Task<std::string> FindTopicOwner(storage::TopicInfo topic);
  Task<> StartAws();
  Task<> StopDoors();

  std::unique_ptr<Engine> engine;
  std::shared_ptr<const net::TlsServer> tls;
  std::unique_ptr<gateway::kafka::KafkaServer> kafka;
  std::unique_ptr<gateway::http::HttpGateway> http_gateway;
  std::unique_ptr<KafkaGroups> groups;
  std::unique_ptr<KafkaTransactions> transactions;
  std::unique_ptr<AdminApi> admin;
  std::unique_ptr<net::HttpRouter> router;
  std::unique_ptr<HttpMetrics> http_metrics;
  std::unique_ptr<net::HttpServer> http;
  uint16_t http_port = 0;
  std::unique_ptr<gateway::kinesis::KinesisService> kinesis;
  std::unique_ptr<gateway::dynamodb::DynamoService> dynamodb;
  std::unique_ptr<gateway::logs::LogsService> logs;
  std::unique_ptr<gateway::events::EventsService> events;
  std::unique_ptr<gateway::firehose::FirehoseService> firehose;
  std::unique_ptr<gateway::aws::AwsServer> aws;
};

Task<> Node::Impl::StartKafka() {
  const Settings& settings = engine->settings();
  gateway::kafka::KafkaSettings kafka_settings{
      .host = settings.kafka_listen.host,
      .port = settings.kafka_listen.port,
      .data_directory = settings.data_dir,
      .auto_create_topics = settings.auto_create_topics,
  };
  kafka_settings.transactions.timeout_max =
      std::chrono::milliseconds(settings.transaction_timeout_max_ms);
  CO_ASSIGN_OR_RETURN(kafka_settings.cluster_id, co_await KeptClusterId(*engine));
  if (!settings.kafka_advertised.empty()) {
    CO_ASSIGN_OR_RETURN(HostPort advertised, ParseHostPort(settings.kafka_advertised));
    kafka_settings.advertised_host = advertised.host;
    kafka_settings.advertised_port = advertised.port;
  }
  kafka = std::make_unique<gateway::kafka::KafkaServer>(
      &engine->env(), &engine->log(), &engine->log(), &engine->budget(), &engine->metrics(),
      engine->logger().Named("kafka"), std::move(kafka_settings));
  Status started = co_await kafka->Start();
  if (!started.ok()) kafka.reset();
  co_return ExplainTakenPort(std::move(started), "--kafka-listen");
}

Task<> Node::Impl::StartHttp() {
  const Settings& settings = engine->settings();
  auto listener =
      co_await engine->env().network().Listen(settings.http_listen.host, settings.http_listen.port);
  if (!listener.ok()) co_return ExplainTakenPort(listener.status(), "--http-listen");
  http_port = (*listener)->port();
  router = std::make_unique<net::HttpRouter>();
  http_gateway = std::make_unique<gateway::http::HttpGateway>(
      &engine->env(), &engine->log(),
      gateway::http::HttpGatewayOptions{.auto_create_topics = settings.auto_create_topics,
                                        .memory = &engine->budget()});
  http_gateway->AddRoutes(router.get());
  groups = std::make_unique<KafkaGroups>(&kafka->groups());
  transactions = std::make_unique<KafkaTransactions>(&kafka->transactions(), &engine->log());
  AdminDependencies parts{
      .env = &engine->env(),
      .log = &engine->log(),
      .jobs = &engine->jobs(),
      .groups = groups.get(),
      .transactions = transactions.get(),
      .memory = &engine->budget(),
      .metrics = &engine->metrics(),
      .connectors = [this] { return engine->registry().List(); },
      .bytes_out_total =
          [this] { return kafka->fetched_bytes() + http_gateway->stats().bytes_out; },
  };
  AdminOptions admin_options{
      .version = kVersion,
      .data_dir = settings.data_dir,
      .kafka_address = Joined(settings.kafka_listen, kafka->port()),
      .http_address = Joined(settings.http_listen, http_port),
      .memory_limit_bytes = settings.memory_bytes,
      .allow_remote_changes = settings.allow_remote_admin,
  };
  admin = std::make_unique<AdminApi>(std::move(parts), std::move(admin_options));
  admin->AddRoutes(router.get());
  admin->Start();
  net::HttpServerOptions options;
  options.memory = &engine->budget();
  options.tls = tls;
  if (settings.allow_remote_admin) options.access.allowed_hosts = {"*"};
  if (!settings.cors_origin.empty()) options.access.allowed_origins = {settings.cors_origin};
  http_metrics = std::make_unique<HttpMetrics>(&engine->metrics());
  options.on_answer = [this](const net::HttpAnswer& answer) { http_metrics->Count(answer); };
  http = std::make_unique<net::HttpServer>(engine->env().shard(0), options, router.get());
  http_metrics->Watch(&http->stats(), &http_gateway->stats());
  http->Start(std::move(*listener));
  co_return Status::OK();
}

Task<std::string> Node::Impl::FindTopicOwner(storage::TopicInfo topic) {
  storage::TopicInfo wanted = topic;
  CO_ASSIGN_OR_RETURN(std::string owner, co_await logs->FindOwner(std::move(wanted)));
  if (!owner.empty()) co_return owner;
  wanted = topic;
  CO_ASSIGN_OR_RETURN(owner, co_await events->FindOwner(std::move(wanted)));
  if (!owner.empty()) co_return owner;
  constexpr std::string_view kPrefix = "firehose.";
  if (!topic.name.starts_with(kPrefix)) co_return owner;
  std::string stream = topic.name.substr(kPrefix.size());
  std::string told = "delivery stream " + stream;
  CO_ASSIGN_OR_RETURN(auto place, co_await firehose->FindPlace(std::move(stream)));
  if (place && place->partition.topic_id == topic.id) owner = std::move(told);
  co_return owner;
}

Task<> Node::Impl::OpenAwsServices() {
  gateway::kinesis::KinesisOptions options;
  options.limits = engine->settings().aws_limits;
  options.find_owner = [this](storage::TopicInfo topic) { return FindTopicOwner(topic); };
  CO_ASSIGN_OR_RETURN(kinesis,
                      co_await gateway::kinesis::KinesisService::Open(
                          &engine->env(), &engine->log(), &engine->budget(), &engine->metrics(),
                          engine->logger().Named("kinesis"), std::move(options)));
  CO_ASSIGN_OR_RETURN(dynamodb,
                      co_await gateway::dynamodb::DynamoService::Open(
                          &engine->env(), &engine->log(), &engine->budget(),
                          engine->logger().Named("dynamodb"), gateway::dynamodb::DynamoOptions()));
  gateway::firehose::FirehoseOptions firehose_options;
  CO_ASSIGN_OR_RETURN(
      firehose,
      co_await gateway::firehose::FirehoseService::Open(
          &engine->env(), &engine->log(), &engine->jobs(), &engine->budget(), &engine->metrics(),
          engine->logger().Named("firehose"), std::move(firehose_options)));
  gateway::logs::LogsOptions logs_options;
  auto find_stream = [this](std::string stream, std::string partition_key) {
    constexpr std::string_view kPrefix = gateway::aws::kDeliveryStreamPrefix;
    if (stream.starts_with(kPrefix)) return firehose->FindPlace(stream.substr(kPrefix.size()));
    return kinesis->FindPlace(std::move(stream), std::move(partition_key));
  };
  logs_options.find_place = find_stream;
  CO_ASSIGN_OR_RETURN(logs,
                      co_await gateway::logs::LogsService::Open(
                          &engine->env(), &engine->log(), &engine->budget(), &engine->metrics(),
                          engine->logger().Named("logs"), std::move(logs_options)));
  gateway::events::EventsOptions events_options;
  events_options.find_stream = find_stream;
  events_options.find_log = [this](std::string group, std::string stream) {
    return logs->FindPlace(std::move(group), std::move(stream));
  };
  CO_ASSIGN_OR_RETURN(events,
                      co_await gateway::events::EventsService::Open(
                          &engine->env(), &engine->log(), &engine->budget(), &engine->metrics(),
                          engine->logger().Named("events"), std::move(events_options)));
  co_return Status::OK();
}

Task<> Node::Impl::StartAws() {
  const Settings& settings = engine->settings();
  if (!settings.aws_listen) co_return Status::OK();
  gateway::aws::AwsSettings aws_settings{.host = settings.aws_listen->host,
                                         .port = settings.aws_listen->port};
  aws_settings.tls = tls;
  if (!settings.aws_credentials.empty()) {
    constexpr size_t kFileBytesMax = 1 << 20;
    CO_ASSIGN_OR_RETURN(std::string text, co_await engine->env().files().ReadAll(
                                              settings.aws_credentials, kFileBytesMax));
    CO_ASSIGN_OR_RETURN(aws_settings.credentials, gateway::aws::Credentials::Parse(text));
  }
  CO_RETURN_IF_ERROR(co_await OpenAwsServices());
  std::vector<gateway::aws::AwsService*> services{kinesis.get(), dynamodb.get(), logs.get(),
                                                  events.get(), firehose.get()};
  aws = std::make_unique<gateway::aws::AwsServer>(&engine->env(), &engine->budget(),
                                                  &engine->metrics(), engine->logger().Named("aws"),
                                                  std::move(aws_settings), std::move(services));
  Status started = co_await aws->Start();
  if (!started.ok()) aws.reset();
  co_return ExplainTakenPort(std::move(started), "--aws-listen");
}

Task<> Node::Impl::StartDoors() {
  CO_ASSIGN_OR_RETURN(tls, co_await LoadTls(*engine));
  CO_RETURN_IF_ERROR(co_await StartKafka());
  const Settings& settings = engine->settings();
  std::vector<std::string> addresses = OwnAddresses(
      settings.kafka_listen, kafka->port(), settings.kafka_advertised, NamesOfThisMachine());
  CO_RETURN_IF_ERROR(co_await engine->StartJobs(std::move(addresses)));
  CO_RETURN_IF_ERROR(co_await StartHttp());
  co_return co_await StartAws();
}

Task<> Node::Impl::StopDoors() {
  Status status;
  if (aws) status &= co_await aws->Stop();
  if (events) status &= co_await events->Stop();
  if (logs) status &= co_await logs->Stop();
  if (firehose) status &= co_await firehose->Stop();
  if (http) status &= co_await http->Stop();
  if (admin) status &= co_await admin->Stop();
  if (kafka) status &= co_await kafka->Stop();
  co_return status;
}

Node::Node(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Node::~Node() = default;

Result<std::unique_ptr<Node>> Node::Start(Settings settings, Logger logger) {
  ASSIGN_OR_RETURN(auto engine, Engine::Open(std::move(settings), std::move(logger)));
  auto node = std::unique_ptr<Node>(new Node(std::make_unique<Impl>(std::move(engine))));
  Status started = RunBlocking(node->impl_->engine->env().shard(0), node->impl_->StartDoors());
  if (!started.ok()) {
    IgnoreError(node->Stop(), "the failure to start is what the user must see");
    return started;
  }
  return node;
}

Status Node::StopDoorsAndJobs() {
  Status doors = RunBlocking(impl_->engine->env().shard(0), impl_->StopDoors());
  Status jobs = impl_->engine->StopJobs();
  return doors.ok() ? jobs : doors;
}

Status Node::StopLog() { return impl_->engine->StopLog(); }

Status Node::Stop() {
  Status first = StopDoorsAndJobs();
  Status log = StopLog();
  return first.ok() ? log : first;
}

std::string Node::kafka_address() const {
  return Joined(impl_->engine->settings().kafka_listen, impl_->kafka->port());
}

std::string Node::http_address() const {
  return Joined(impl_->engine->settings().http_listen, impl_->http_port);
}

std::string Node::aws_address() const {
  const auto& listen = impl_->engine->settings().aws_listen;
  return listen ? Joined(*listen, impl_->aws->port()) : std::string();
}

}  // namespace mainstem::server
