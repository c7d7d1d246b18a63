// Every message at every version: random values survive a round trip, cut-off bytes are refused,
// and the bytes equal those in testdata/golden_messages.txt, which Java's own serialisation has
// read and written back unchanged (tests/integration/kafka/codec_against_java.py).
#include "gateway/kafka/codec/codec.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/kafka/messages/cluster.h"
#include "gateway/kafka/messages/fetch.h"
#include "gateway/kafka/messages/group_membership.h"
#include "gateway/kafka/messages/metadata.h"
#include "gateway/kafka/messages/produce.h"
#include "gateway/kafka/messages/registry.h"
#include "gateway/kafka/testing/message_generator.h"

namespace mainstem::gateway::kafka {
namespace {

using ::testing::HasSubstr;

std::span<const std::byte> AsBytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

std::string Hex(const std::string& bytes) {
  std::string hex;
  for (unsigned char byte : bytes) hex += fmt::format("{:02x}", byte);
  return hex;
}

// Spaces are for the reader.
std::string FromHex(std::string_view hex) {
  std::string digits;
  std::copy_if(hex.begin(), hex.end(), std::back_inserter(digits), [](char c) { return c != ' '; });
  std::string bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

// The body's bytes, record batches copied in.
std::string EncodeToString(const MessageType& type, int16_t version, const void* message) {
  Writer writer;
  EncodeBody(*type.schema, version, GetApi(type.api).IsFlexible(version), message, &writer);
  return std::move(writer).FinishFrame().Flatten().substr(sizeof(int32_t));
}

Status DecodeFromString(const MessageType& type, int16_t version, const std::string& bytes,
                        void* message, size_t* left = nullptr) {
  Reader reader(AsBytes(bytes));
  Status status =
      DecodeBody(*type.schema, version, GetApi(type.api).IsFlexible(version), &reader, message);
  if (left != nullptr) *left = reader.remaining();
  return status;
}

template <typename F>
void ForEachMessageVersion(F body) {
  for (const MessageType& type : AllMessageTypes()) {
    const ApiInfo& api = GetApi(type.api);
    for (int16_t version = api.min_version; version <= api.max_version; ++version) {
      SCOPED_TRACE(fmt::format("{} version {}", type.schema->name, version));
      body(type, version);
    }
  }
}

TEST(CodecTest, RegistryHasARequestAndAResponseForEachApi) {
  ASSERT_EQ(AllMessageTypes().size(), 2 * AllApis().size());
  for (size_t i = 0; i < AllApis().size(); ++i) {
    EXPECT_EQ(AllMessageTypes()[2 * i].api, AllApis()[i].key);
    EXPECT_EQ(AllMessageTypes()[2 * i + 1].api, AllApis()[i].key);
  }
}

TEST(CodecTest, TaggedFieldsStandLastAndAscend) {
  for (const MessageType& type : AllMessageTypes()) {
    int16_t previous = kNoTag;
    for (const Field& field : type.schema->fields) {
      EXPECT_EQ(field.IsTagged(), field.is_default != nullptr) << field.name;
      if (previous != kNoTag) {
        EXPECT_GT(field.options.tag, previous) << field.name;
      }
      previous = field.options.tag;
    }
  }
}

TEST(CodecTest, EveryMessageAtEveryVersionSurvivesARoundTrip) {
  ForEachMessageVersion([](const MessageType& type, int16_t version) {
    for (uint32_t seed = 1; seed <= 30; ++seed) {
      std::shared_ptr<void> message = type.make();
      MessageGenerator(seed).Fill(*type.schema, version, message.get());
      std::string bytes = EncodeToString(type, version, message.get());
      std::shared_ptr<void> copy = type.make();
      size_t left = 1;
      ASSERT_TRUE(DecodeFromString(type, version, bytes, copy.get(), &left).ok());
      ASSERT_EQ(left, 0u);
      ASSERT_EQ(Hex(EncodeToString(type, version, copy.get())), Hex(bytes)) << "seed " << seed;
    }
  });
}

TEST(CodecTest, RefusesEveryMessageThatIsCutOff) {
  ForEachMessageVersion([](const MessageType& type, int16_t version) {
    std::shared_ptr<void> message = type.make();
    MessageGenerator(7).Fill(*type.schema, version, message.get());
    std::string bytes = EncodeToString(type, version, message.get());
    for (size_t size = 0; size < bytes.size(); ++size) {
      std::shared_ptr<void> copy = type.make();
      ASSERT_FALSE(DecodeFromString(type, version, bytes.substr(0, size), copy.get()).ok())
          << "cut at " << size << " of " << bytes.size();
    }
  });
}

// Set WRITE_GOLDEN to a path to write the file anew, then check it with codec_against_java.py.
TEST(CodecTest, BytesEqualTheGoldenFile) {
  std::ostringstream lines;
  ForEachMessageVersion([&](const MessageType& type, int16_t version) {
    std::shared_ptr<void> message = type.make();
    MessageGenerator(static_cast<uint32_t>(version) + 100)
        .Fill(*type.schema, version, message.get());
    lines << static_cast<int>(type.api) << ' ' << (type.is_request ? "request" : "response") << ' '
          << version << ' ' << Hex(EncodeToString(type, version, message.get())) << '\n';
  });
  if (const char* path = std::getenv("WRITE_GOLDEN")) {
    std::ofstream(path) << lines.str();
    return;
  }
  std::ifstream file(std::string(MAINSTEM_SOURCE_DIR) +
                     "/src/gateway/kafka/testdata/golden_messages.txt");
  std::istringstream actual(lines.str());
  std::string expected_line;
  std::string actual_line;
  while (std::getline(actual, actual_line)) {
    ASSERT_TRUE(std::getline(file, expected_line));
    EXPECT_EQ(actual_line, expected_line);
  }
}

TEST(CodecTest, WritesAMetadataRequestAsKafkaDoes) {
  MetadataRequest request;
  request.topics.emplace().push_back({.name = "ab"});
  Frame frame = EncodeRequest(
      {.api_key = ApiKey::kMetadata, .api_version = 9, .correlation_id = 5, .client_id = "me"},
      MetadataRequest::kSchema, &request);
  EXPECT_EQ(Hex(frame.Flatten()),
            "00000016"  // 22 bytes follow
            "0003"
            "0009"      // Metadata, version 9
            "00000005"  // correlation id
            "0002"
            "6d65"
            "00"  // client id with a plain length, no tags
            "02"
            "03"
            "6162"
            "00"  // one topic, its name, no tags
            "01"
            "00"
            "00"
            "00");  // auto-create; no operations asked; no tags
}

TEST(CodecTest, ApiVersionsAnswersHaveNoTagsInTheirHeader) {
  ApiVersionsResponse response;
  Frame flexible =
      EncodeResponse(GetApi(ApiKey::kApiVersions), 3, 1, ApiVersionsResponse::kSchema, &response);
  EXPECT_EQ(Hex(flexible.Flatten()),
            "0000000c"
            "00000001"
            "0000"
            "01"
            "00000000"
            "00");
  MetadataResponse metadata;
  Frame other =
      EncodeResponse(GetApi(ApiKey::kMetadata), 9, 1, MetadataResponse::kSchema, &metadata);
  EXPECT_EQ(Hex(other.Flatten()).substr(8, 10),
            "00000001"
            "00");
}

TEST(CodecTest, SendsRecordBatchesWithoutCopyingThem) {
  auto owner = std::make_shared<std::string>(1000, 'x');
  storage::SharedBytes batch{owner, AsBytes(*owner)};
  FetchResponse response;
  response.topics.push_back({.name = "t"});
  response.topics[0].partitions.push_back({.index = 1, .records = {batch, batch}});
  Frame frame = EncodeResponse(GetApi(ApiKey::kFetch), 11, 1, FetchResponse::kSchema, &response);
  auto pieces = frame.Pieces();
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_EQ(static_cast<const void*>(pieces[1].data()), owner->data());
  EXPECT_EQ(static_cast<const void*>(pieces[2].data()), owner->data());
  EXPECT_EQ(pieces[0].size() + 2000, frame.total_bytes());
  EXPECT_THAT(Hex(frame.Flatten()), HasSubstr("000007d0"
                                              "7878"));
}

TEST(CodecTest, GivesRecordsOfAProduceRequestAsAViewOfTheFrame) {
  std::string bytes =
      FromHex("ffff 0001 00001388 00000001 0001 74 00000001 00000000 00000003 414243");
  Reader reader(AsBytes(bytes));
  Result<ProduceRequest> request = Decode<ProduceRequest>(7, &reader);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->acks, 1);
  ASSERT_EQ(request->topics.size(), 1u);
  const RecordsView& records = request->topics[0].partitions.at(0).records;
  ASSERT_TRUE(records.has_value());
  EXPECT_EQ(static_cast<const void*>(records->data()), bytes.data() + bytes.size() - 3);
}

TEST(CodecTest, IgnoresUnknownTagsAndBytesAfterTheMessage) {
  std::string bytes = FromHex("02 6d 02 31 02 05 02 aabb 07 00 ffff");
  Reader reader(AsBytes(bytes));
  Result<ApiVersionsRequest> request = Decode<ApiVersionsRequest>(3, &reader);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->client_software_name, "m");
  EXPECT_EQ(reader.remaining(), 2u);
}

TEST(CodecTest, RefusesTagsOutOfOrder) {
  std::string bytes = FromHex("02 6d 02 31 02 07 00 05 00");
  Reader reader(AsBytes(bytes));
  EXPECT_THAT(Describe(Decode<ApiVersionsRequest>(3, &reader).status()),
              HasSubstr("tags do not ascend"));
}

TEST(CodecTest, RefusesLengthsThatTheFrameCannotHold) {
  for (std::string_view hex : {"7fffffff", "00000009 0001", "fffffffe"}) {
    std::string bytes = FromHex(hex);
    Reader reader(AsBytes(bytes));
    EXPECT_FALSE(Decode<MetadataRequest>(1, &reader).ok()) << hex;
  }
  std::string compact = FromHex("ffffffff0f");
  Reader reader(AsBytes(compact));
  EXPECT_FALSE(Decode<MetadataRequest>(9, &reader).ok());
}

TEST(CodecTest, RefusesASmallFrameThatWouldNeedMuchMemory) {
  std::string members(8 << 20, '\0');                        // each byte could be the start of one
  std::string bytes = FromHex("02 67 8180 8002") + members;  // 4 Mi members
  Reader reader(AsBytes(bytes));
  EXPECT_THAT(Describe(Decode<LeaveGroupRequest>(5, &reader).status()),
              HasSubstr("too many elements"));
}

TEST(CodecTest, SaysWhereARequestIsMalformed) {
  std::string bytes = FromHex("00000001 0005 61");
  Reader reader(AsBytes(bytes));
  EXPECT_THAT(Describe(Decode<MetadataRequest>(1, &reader).status()),
              HasSubstr("MetadataRequest::Topic.name of version 1"));
}

TEST(CodecTest, RefusesNullWhereTheVersionHasNone) {
  std::string bytes = FromHex("ffffffff");
  Reader version_0(AsBytes(bytes));
  EXPECT_FALSE(Decode<MetadataRequest>(0, &version_0).ok());
  Reader version_1(AsBytes(bytes));
  Result<MetadataRequest> request = Decode<MetadataRequest>(1, &version_1);
  ASSERT_TRUE(request.ok());
  EXPECT_FALSE(request->topics.has_value());
}

TEST(CodecTest, ReadsTheHeaderInBothShapes) {
  std::string plain = FromHex("0003 0001 00000007 ffff");
  Reader plain_reader(AsBytes(plain));
  Result<RequestHeader> header = DecodeRequestHeader(&plain_reader);
  ASSERT_TRUE(header.ok());
  EXPECT_FALSE(header->client_id.has_value());
  std::string tagged = FromHex("0003 0009 00000007 0002 6d65 01 00 02 aaaa 42");
  Reader tagged_reader(AsBytes(tagged));
  header = DecodeRequestHeader(&tagged_reader);
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->client_id, "me");
  EXPECT_EQ(tagged_reader.remaining(), 1u);
  std::string broken = FromHex("0003 0001 00000007 7fff 61");
  Reader broken_reader(AsBytes(broken));
  EXPECT_FALSE(DecodeRequestHeader(&broken_reader).ok());
}

}  // namespace
}  // namespace mainstem::gateway::kafka
