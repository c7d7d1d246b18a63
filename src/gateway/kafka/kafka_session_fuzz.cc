// Any bytes as a conversation with the node's Kafka door: two connections to the real door over the
// real log, in a simulated world. The input chooses requests, which are built from the schema
// tables with names, ids and records that the node knows, and, in every second input, raw bytes.
// Whatever is sent, the node lives, answers others afterwards, gives its memory back, stops in
// order and starts again on what it stored; and a request that is whole is answered, in order, with
// a whole message.
#include <deque>

#include <fuzzer/FuzzedDataProvider.h>

#include "core/sim/sim_env.h"
#include "gateway/kafka/messages/registry.h"
#include "gateway/kafka/routes.h"
#include "gateway/kafka/server.h"
#include "gateway/kafka/testing/frames.h"
#include "gateway/kafka/testing/message_generator.h"
#include "storage/batch_builder.h"
#include "storage/crc32c.h"
#include "storage/embedded_log.h"

namespace mainstem::gateway::kafka {
namespace {

using namespace std::chrono_literals;

constexpr uint16_t kPort = 9092;
constexpr size_t kStepsMax = 60;
constexpr size_t kUnansweredMax = 4;
// Of virtual time. A rebalance takes as long as its members ask for: 10 s here.
constexpr Duration kPatience = 60s;
constexpr Duration kPatienceForRawBytes = 15s;
constexpr Duration kStopMax = 10s;

// ---------------------------------------------------------------- the node

class FuzzedNode {
 public:
  FuzzedNode(SimWorld* world, SimDisk* disk) : env_(world, disk, {.shard_count = 2}) {}

  Status Start() { return env_.Run(Boot(), kStopMax); }
  Status Stop() { return env_.Run(Shut(), kStopMax); }
  // Nobody is connected any more: what requests leased must come back.
  Status AwaitIdle() { return env_.Run(GiveBack(), kStopMax); }
  Result<std::vector<storage::TopicInfo>> MakeTopics() {
    std::vector<storage::TopicInfo> topics;
    RETURN_IF_ERROR(env_.Run(Create("t", 2, {}, &topics)));
    RETURN_IF_ERROR(env_.Run(Create("c", 1, {{"cleanup.policy", "compact"}}, &topics)));
    return topics;
  }

 private:
  Task<> Boot() {
    storage::EmbeddedLogOptions options;
    options.data_dir = "/data";
    options.cache_bytes = 256 << 10;
    options.journal_file_bytes = 128 << 10;
    options.journal_bytes_max = 1 << 20;
    options.compaction_key_bytes = 16 << 10;
    CO_ASSIGN_OR_RETURN(log_, co_await storage::EmbeddedLog::Open(&env_, options));
    KafkaSettings settings;
    settings.port = kPort;
    settings.cluster_id = "fuzzed";
    settings.data_directory = options.data_dir;
    server_ = std::make_unique<KafkaServer>(&env_, log_.get(), log_.get(), &budget_, &metrics_,
                                            Logger::Silent(), settings);
    co_return co_await server_->Start();
  }
  Task<> Create(std::string name, int32_t partition_count, storage::TopicConfig config,
                std::vector<storage::TopicInfo>* topics) {
    auto created = co_await log_->CreateTopic(name, partition_count, std::move(config), false);
    CO_RETURN_IF_ERROR(created);
    topics->push_back(std::move(created).ValueUnsafe());
    co_return Status::OK();
  }
  Task<> Shut() {
    Status status = co_await server_->Stop();
    status &= co_await log_->Stop();
    co_return status;
  }
  Task<> GiveBack() {
    while (budget_.used_bytes() > 0) CO_RETURN_IF_ERROR(co_await Sleep(10ms));
    co_return Status::OK();
  }

  SimEnv env_;
  MemoryBudget budget_{int64_t{16} << 20};
  Metrics metrics_;
  std::unique_ptr<storage::EmbeddedLog> log_;
  std::unique_ptr<KafkaServer> server_;
};

// ---------------------------------------------------------------- what is sent

// One or two batches, more or less whole.
std::string MakeRecords(FuzzedDataProvider* input) {
  std::string records;
  do {
    storage::BatchBuilder builder(
        {.codec = static_cast<storage::Codec>(input->ConsumeIntegralInRange(0, 4)),
         .producer_id = ProducerId(input->ConsumeIntegralInRange(-1, 3)),
         .producer_epoch =
             ProducerEpoch(static_cast<int16_t>(input->ConsumeIntegralInRange(-1, 2))),
         .base_sequence = input->ConsumeIntegralInRange(-1, 6),
         .transactional = input->ConsumeBool(),
         .is_marker = input->ConsumeIntegralInRange(0, 15) == 15});
    for (int left = input->ConsumeIntegralInRange(1, 3); left > 0; --left) {
      std::string key = input->ConsumeRandomLengthString(4);
      std::string value = input->ConsumeRandomLengthString(20);
      bool has_key = !key.empty();
      builder.Add(input->ConsumeIntegralInRange<int64_t>(-1, 5000),
                  has_key ? std::optional<std::string_view>(key) : std::nullopt, value);
    }
    std::vector<std::byte> batch = builder.Build().ValueOrDie();
    for (int left = input->ConsumeIntegralInRange(0, 3) - 2; left > 0; --left) {
      size_t at = input->ConsumeIntegralInRange<size_t>(0, batch.size() - 1);
      batch[at] = static_cast<std::byte>(input->ConsumeIntegral<uint8_t>());
      if (input->ConsumeBool()) continue;
      std::span<const std::byte> summed = std::span(batch).subspan(storage::kBatchCrcBegin);
      uint32_t crc = storage::Crc32c(summed);
      for (size_t i = 0; i < sizeof(crc); ++i) {
        batch[storage::kBatchCrcBegin - 1 - i] = static_cast<std::byte>(crc >> 8 * i);
      }
    }
    records.append(reinterpret_cast<const char*>(batch.data()), batch.size());
  } while (input->ConsumeIntegralInRange(0, 7) == 7);
  return records;
}

std::vector<MessageType> ServedRequests() {
  std::vector<MessageType> served;
  for (const MessageType& type : AllMessageTypes()) {
    if (type.is_request && FindRoute(type.api) != nullptr) served.push_back(type);
  }
  return served;
}

const MessageType& AnswerTo(ApiKey api) {
  auto types = AllMessageTypes();
  auto found = std::find_if(types.begin(), types.end(), [api](const MessageType& type) {
    return type.api == api && !type.is_request;
  });
  CHECK(found != types.end());
  return *found;
}

// What a client asks the node to wait for is waited for: not long. And a topic of thousands of
// partitions is legal and slow.
void Shorten(ApiKey api, void* request) {
  if (api == ApiKey::kFetch) {
    static_cast<FetchRequest*>(request)->max_wait_ms %= 500;
  } else if (api == ApiKey::kJoinGroup) {
    auto* join = static_cast<JoinGroupRequest*>(request);
    join->session_timeout_ms = 6000 + join->session_timeout_ms % 4000;
    join->rebalance_timeout_ms %= 10'000;
  } else if (api == ApiKey::kCreateTopics) {
    for (auto& topic : static_cast<CreateTopicsRequest*>(request)->topics) {
      topic.partition_count %= 20;
    }
  } else if (api == ApiKey::kCreatePartitions) {
    for (auto& topic : static_cast<CreatePartitionsRequest*>(request)->topics) topic.count %= 20;
  }
}

// ---------------------------------------------------------------- the clients

struct Expected {
  ApiKey api;
  int16_t version = 0;
  int32_t correlation_id = 0;
};

struct Connection {
  std::unique_ptr<Stream> stream;
  std::deque<Expected> expected;
  bool is_garbled = false;       // bytes were sent that are no frame: nobody knows what is answered
  bool sent_unanswered = false;  // records: refused by the end of the connection

  void Close() {
    if (stream != nullptr) stream->Close();
    stream.reset();
    expected.clear();
    is_garbled = sent_unanswered = false;
  }
};

class Conversation {
 public:
  Conversation(SimEnv* env, FuzzedDataProvider* input) : env_(env), input_(input) {
    known_.texts = {"t",
                    "c",
                    "new",
                    "group",
                    "id",
                    "range",
                    "consumer",
                    "1",
                    "",
                    "cleanup.policy",
                    "compact",
                    "segment.ms",
                    "retention.ms",
                    "100",
                    "max.message.bytes",
                    "12",
                    "kafka",
                    "zstd",
                    "delete",
                    "compression.type",
                    "__unknown",
                    "log.segment",
                    "dynamic"};
    known_.numbers = {0, 1, 2, 3, 4, 6, -1, -2, -3, 1000, 1 << 20, INT32_MAX, INT64_MAX, INT64_MIN};
    known_.records.resize(1);
  }

  void Know(const storage::TopicInfo& topic) { known_.ids.push_back(topic.id); }

  Task<> Run() {
    sends_raw_bytes_ = input_->ConsumeBool();
    for (size_t i = 0; i < kStepsMax && input_->remaining_bytes() > 0; ++i) {
      Connection& connection = connections_[input_->ConsumeBool() ? 1 : 0];
      CO_RETURN_IF_ERROR(co_await Speak(&connection));
      bool is_full = connection.expected.size() >= kUnansweredMax;
      bool listens = input_->ConsumeIntegralInRange(0, 3) != 3;
      if (is_full || listens) CO_RETURN_IF_ERROR(co_await Listen(&connection));
    }
    for (Connection& connection : connections_) {
      CO_RETURN_IF_ERROR(co_await Listen(&connection));
      connection.Close();
    }
    co_return Status::OK();
  }

  // A client that does nothing wrong is served.
  Task<> AskWhetherItLives() {
    sends_raw_bytes_ = false;
    Connection connection;
    MetadataRequest request;
    std::string bytes = EncodeCall("fuzz", 12, 1, request);
    connection.expected.push_back({ApiKey::kMetadata, 12, 1});
    CO_RETURN_IF_ERROR(co_await Send(&connection, std::move(bytes)));
    CO_RETURN_IF_ERROR(co_await Listen(&connection));
    connection.Close();
    co_return Status::OK();
  }

 private:
  enum Kind { kRequest, kBody, kFrame, kBytes };

  Task<> Speak(Connection* connection) {
    int kind = kRequest;
    if (sends_raw_bytes_) kind = input_->ConsumeIntegralInRange<int>(kRequest, kBytes);
    if (kind == kBytes || kind == kFrame) {
      std::string bytes = input_->ConsumeRandomLengthString(200);
      if (kind == kFrame) bytes = WithLength(bytes);
      if (bytes.empty()) co_return Status::OK();
      connection->is_garbled = true;
      connection->expected.clear();
      co_return co_await Send(connection, std::move(bytes));
    }
    const MessageType& type =
        requests_[input_->ConsumeIntegralInRange<size_t>(0, requests_.size() - 1)];
    const ApiInfo& api = GetApi(type.api);
    RequestHeader header;
    header.api_key = type.api;
    header.api_version = input_->ConsumeIntegralInRange<int16_t>(api.min_version, api.max_version);
    header.correlation_id = ++last_id_;
    header.client_id = "fuzz";
    bool has_answer = true;
    std::string bytes = kind == kBody ? RawRequest(header) : Request(type, header, &has_answer);
    connection->sent_unanswered |= !has_answer;
    if (kind == kBody && type.api == ApiKey::kProduce) {  // may ask for no answer
      connection->is_garbled = true;
      connection->expected.clear();
    }
    if (has_answer && !connection->is_garbled) {
      connection->expected.push_back({type.api, header.api_version, header.correlation_id});
    }
    co_return co_await Send(connection, std::move(bytes));
  }

  std::string Request(const MessageType& type, const RequestHeader& header, bool* has_answer) {
    if (type.api == ApiKey::kProduce) known_.records[0] = MakeRecords(input_);
    std::shared_ptr<void> message = type.make();
    MessageGenerator generator([this] { return input_->ConsumeIntegral<uint8_t>(); }, &known_);
    generator.Fill(*type.schema, header.api_version, message.get());
    Shorten(type.api, message.get());
    if (type.api == ApiKey::kProduce) {
      *has_answer = static_cast<ProduceRequest*>(message.get())->acks != 0;
    }
    return EncodeRequest(header, *type.schema, message.get()).Flatten();
  }

  static std::string WithLength(const std::string& frame) {
    Writer writer;
    writer.WriteInt(static_cast<int32_t>(frame.size()));
    return std::move(writer).FinishFrame().Flatten().substr(sizeof(int32_t)) + frame;
  }

  std::string RawRequest(const RequestHeader& header) {
    // No message's own fields: the shortest is a header.
    static constexpr Schema kNothing = {"Nothing", {}};
    std::string frame = EncodeRequest(header, kNothing, nullptr).Flatten().substr(sizeof(int32_t));
    if (GetApi(header.api_key).IsFlexible(header.api_version)) frame.pop_back();  // its tags
    return WithLength(frame + input_->ConsumeRandomLengthString(200));
  }

  Task<> Send(Connection* connection, std::string bytes) {
    TimePoint deadline = env_->Now() + kPatience;
    if (connection->stream == nullptr) {
      Result<std::unique_ptr<Stream>> stream =
          co_await env_->network().Connect("127.0.0.1", kPort, deadline);
      CO_RETURN_IF_ERROR(stream);
      connection->stream = std::move(stream).ValueUnsafe();
    }
    std::vector<std::span<const std::byte>> pieces = {std::as_bytes(std::span(bytes))};
    // A connection that the node has closed shows when its answers are read.
    IgnoreError(co_await connection->stream->Write(std::move(pieces), deadline), "see Listen");
    co_return Status::OK();
  }

  // Takes the answers to all that was asked.
  Task<> Listen(Connection* connection) {
    if (connection->stream == nullptr) co_return Status::OK();
    if (connection->is_garbled) {
      // Whatever comes, and nothing is fine.
      IgnoreError(co_await ReadFrame(connection->stream.get(), env_->Now() + 1s), "anything goes");
      connection->Close();
      co_return Status::OK();
    }
    while (!connection->expected.empty()) {
      Expected expected = connection->expected.front();
      Duration patience = kPatience;
      if (sends_raw_bytes_) patience = kPatienceForRawBytes;
      Result<std::string> frame =
          co_await ReadFrame(connection->stream.get(), env_->Now() + patience);
      if (!frame.ok()) {
        if (!MayEnd(*connection)) {
          co_return MakeError(
              ErrorCode::kInternal,
              fmt::format("{} version {} was not answered: {}", GetApi(expected.api).name,
                          expected.version, Describe(frame.status())));
        }
        connection->Close();
        co_return Status::OK();
      }
      connection->expected.pop_front();
      CO_RETURN_IF_ERROR(Understand(expected, *frame));
    }
    co_return Status::OK();
  }

  // Raw bytes may ask for waits, and a body may be none.
  bool MayEnd(const Connection& connection) const {
    return sends_raw_bytes_ || connection.sent_unanswered;
  }

  Status Understand(const Expected& expected, const std::string& frame) {
    Reader reader(std::as_bytes(std::span(frame)));
    int32_t correlation_id = 0;
    bool is_tagged = GetApi(expected.api).ResponseHeaderVersion(expected.version) >= 1;
    if (!reader.ReadInt(&correlation_id) || correlation_id != expected.correlation_id ||
        (is_tagged && !reader.SkipTags())) {
      return MakeError(ErrorCode::kInternal, fmt::format("{} instead of {} is answered",
                                                         correlation_id, expected.correlation_id));
    }
    const MessageType& type = AnswerTo(expected.api);
    std::shared_ptr<void> answer = type.make();
    RETURN_IF_ERROR(DecodeBody(*type.schema, expected.version,
                               GetApi(expected.api).IsFlexible(expected.version), &reader,
                               answer.get()));
    if (reader.remaining() > 0) {
      return MakeError(ErrorCode::kInternal, fmt::format("{} bytes behind the answer of {}",
                                                         reader.remaining(), type.schema->name));
    }
    if (expected.api == ApiKey::kJoinGroup) {
      const std::string& member = static_cast<JoinGroupResponse*>(answer.get())->member_id;
      if (known_.texts.size() < 40 && !member.empty()) known_.texts.push_back(member);
    }
    return Status::OK();
  }

  SimEnv* const env_;
  FuzzedDataProvider* const input_;
  const std::vector<MessageType> requests_ = ServedRequests();
  MessageGenerator::Vocabulary known_;
  Connection connections_[2];
  bool sends_raw_bytes_ = false;
  int32_t last_id_ = 0;
};

// ---------------------------------------------------------------- one input

void Check(FuzzedDataProvider* input) {
  SimWorldOptions world_options;
  // Answers wait in the network: the clients send some requests before they listen.
  world_options.network.buffer_bytes_min = world_options.network.buffer_bytes_max = 4 << 20;
  SimWorld world(world_options);
  SimDisk disk(1);
  SimDisk clients_disk(2);
  SimEnv clients(&world, &clients_disk, {.shard_count = 1});
  bool starts_again = input->ConsumeBool();
  {
    FuzzedNode node(&world, &disk);
    CHECK_OK(node.Start());
    Conversation conversation(&clients, input);
    for (const storage::TopicInfo& topic : node.MakeTopics().ValueOrDie()) conversation.Know(topic);
    CHECK_OK(clients.Run(conversation.Run()));
    CHECK_OK(node.AwaitIdle());
    CHECK_OK(clients.Run(conversation.AskWhetherItLives()));
    CHECK_OK(node.Stop());
    while (world.Step()) {  // what is left by connections that have ended
    }
  }
  if (!starts_again) return;
  FuzzedNode node(&world, &disk);
  CHECK_OK(node.Start());
  CHECK_OK(node.Stop());
  while (world.Step()) {
  }
}

}  // namespace
}  // namespace mainstem::gateway::kafka

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  mainstem::gateway::kafka::Check(&input);
  return 0;
}
