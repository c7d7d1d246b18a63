#include "process/checkpoint/manifest_format.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace mainstem::process {
namespace {

// What version 3 has behind the splits of Sample().
constexpr size_t kAboutBytes = 1 + 8 + (4 + 1) + 4 + (4 + 1 + 4 + 6 + 4 + 5 + 8 + 4 + 3) + 4 +
                               (4 + 3 + 4 + 16 + 4 + 0 + 8 + 4 + 3) + 4 + (4 + 4 + 4 + (4 + 7 + 8));

CheckpointManifest Sample() {
  CheckpointManifest manifest;
  manifest.id = 7;
  manifest.job_id = "j";
  manifest.fingerprint = "f";
  manifest.operators.push_back({"op", {"", std::string("\0b", 2)}});
  manifest.states.push_back({"v1-0", {"a", "b"}});
  manifest.splits.push_back({"src", "t/0", "42", -5, true, 3});
  manifest.drained = true;
  manifest.made_at_ms = 9;
  manifest.statement = "s";
  manifest.state_names.push_back({"0", "Sum(k)", "k INT", 77, "out"});
  manifest.source_names.push_back({"src", "source t (kafka)", "", 78, "out"});
  manifest.files.push_back({"v1-0", {{"CURRENT", 16}}});
  return manifest;
}

TEST(ManifestFormatTest, KeepsItsGoldenBytes) {
  std::string bytes = EncodeManifest(Sample());
  // A change here needs a new version.
  EXPECT_EQ(bytes.substr(0, 21), std::string("MSCP\x03\x07\0\0\0\0\0\0\0\x01\0\0\0j\x01\0\0", 21));
  EXPECT_EQ(bytes.size(), 118u + kAboutBytes);
}

TEST(ManifestFormatTest, GivesBackWhatWasWritten) {
  auto decoded = DecodeManifest(EncodeManifest(Sample())).ValueOrDie();
  EXPECT_EQ(decoded.id, 7);
  EXPECT_EQ(decoded.operators[0].blobs[1], std::string("\0b", 2));
  EXPECT_EQ(decoded.states[0].node_ids, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(decoded.splits[0].position, "42");
  EXPECT_EQ(decoded.splits[0].watermark_ms, -5);
  EXPECT_TRUE(decoded.splits[0].ended);
  EXPECT_EQ(decoded.splits[0].rejected_count, 3);
  EXPECT_TRUE(decoded.drained);
  EXPECT_EQ(decoded.made_at_ms, 9);
  EXPECT_EQ(decoded.statement, "s");
  EXPECT_EQ(decoded.state_names[0].what, "Sum(k)");
  EXPECT_EQ(decoded.state_names[0].upstream, 77u);
  EXPECT_EQ(decoded.source_names[0].sinks, "out");
  EXPECT_EQ(decoded.files[0].files[0].name, "CURRENT");
  EXPECT_EQ(decoded.files[0].files[0].bytes, 16);
}

TEST(ManifestFormatTest, ReadsVersionOne) {
  // Sample() as version 1 wrote it: a split, the last of all, ended behind `ended`.
  std::string bytes = EncodeManifest(Sample());
  bytes.resize(bytes.size() - sizeof(int64_t) - sizeof(uint32_t) - kAboutBytes);
  bytes[4] = 1;
  auto crc = static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
  bytes.append(reinterpret_cast<const char*>(&crc), sizeof(crc));
  auto decoded = DecodeManifest(bytes).ValueOrDie();
  EXPECT_EQ(decoded.splits[0].position, "42");
  EXPECT_TRUE(decoded.splits[0].ended);
  EXPECT_EQ(decoded.splits[0].rejected_count, 0);
}

TEST(ManifestFormatTest, RefusesEveryCutAndEveryFlippedByte) {
  std::string bytes = EncodeManifest(Sample());
  for (size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_TRUE(Is(DecodeManifest(bytes.substr(0, i)).status(), ErrorCode::kCorruptStorage));
    std::string flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x10);
    EXPECT_TRUE(Is(DecodeManifest(flipped).status(), ErrorCode::kCorruptStorage)) << i;
  }
}

}  // namespace
}  // namespace mainstem::process
