// Any bytes as a manifest, and as the body of one whose checksum is right: what can be read is
// written and read again to the same bytes.
#include <zlib.h>

#include "process/checkpoint/byte_codec.h"
#include "process/checkpoint/manifest_format.h"

namespace {

void ReadAndWriteAgain(std::string_view bytes) {
  using namespace mainstem::process;
  const auto manifest = DecodeManifest(bytes);
  if (!manifest.ok()) return;
  const std::string written = EncodeManifest(*manifest);
  CHECK(EncodeManifest(DecodeManifest(written).ValueOrDie()) == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  ReadAndWriteAgain(input);
  mainstem::process::ByteWriter whole;
  whole.Raw("MSCP");
  whole.Raw(input);
  const std::string body = whole.out();
  whole.Number(static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()))));
  ReadAndWriteAgain(whole.out());
  return 0;
}
