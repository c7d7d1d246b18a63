// What somebody's catalog or bucket might hold. The first byte says which.
#include "connector/iceberg/deletion_vector.h"
#include "connector/iceberg/manifest_format.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mainstem::connector::iceberg;
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 'm') {
    auto metadata = ParseTableMetadata(bytes);
    if (!metadata.ok()) return 0;
    // What was read can be written and read again.
    CHECK_OK(ParseTableMetadata(TableMetadataText(*metadata)));
  } else if (data[0] == 'p') {
    mainstem::IgnoreError(ParsePartitionTerms(bytes), "only that it ends");
  } else if (data[0] == 'v') {
    mainstem::IgnoreError(ParseDeletionVectorBlob(bytes), "only that it ends");
  } else if (data[0] == 'f') {
    mainstem::IgnoreError(ReadManifestFiles(bytes, ManifestEntry()), "only that it ends");
  } else {
    mainstem::IgnoreError(ReadManifestList(bytes), "only that it ends");
  }
  return 0;
}
