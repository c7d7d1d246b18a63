// Any bytes: decoding journal frames, entries, metadata and snapshots never goes out of bounds.
#include "storage/journal_format.h"
#include "storage/meta_state.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mainstem;
  using namespace mainstem::storage;
  if (size < 1) return 0;
  std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  EntryType type = static_cast<EntryType>(bytes[0]);
  auto change = DecodeChange(type, bytes.subspan(1));
  if (change.ok()) {
    std::string again;
    EncodeChange(*change, &again);
    CHECK(DecodeChange(type, std::as_bytes(std::span(again))).ok());
  }
  (void)DecodeFrameHeader(bytes);
  (void)DecodeEntry(bytes, 0);
  auto snapshot = DecodeSnapshot({reinterpret_cast<const char*>(data), size});
  (void)snapshot.ok();
  return 0;
}
