// Deletion vectors of Iceberg's format version 3: which rows of a data file are deleted, by their
// position, as a compressed bitmap in a blob of a Puffin file. Pure; any thread. Sources: Puffin
// spec (iceberg.apache.org/puffin-spec), its blob type deletion-vector-v1.
//
//   Puffin file   "PFA1", blobs, footer
//   footer        "PFA1", JSON that says where each blob lies, length of the JSON (4 bytes,
//                 little-endian), flags (4 bytes, 0: the JSON is not compressed), "PFA1"
//   blob          length of what follows but the checksum (4 bytes, big-endian), D1 D3 39 64,
//                 bitmap, CRC-32 of these two (4 bytes, big-endian)
//   bitmap        number of 32-bit bitmaps (8 bytes, little-endian); for each the high half of its
//                 positions (4 bytes, little-endian) and a Roaring bitmap in its portable form
//
// Valid iff lengths, magic numbers and the checksum fit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <roaring/roaring64map.hh>

#include "core/status.h"

namespace mainstem::connector::iceberg {

using Positions = ::Roaring64Map;

std::string DeletionVectorBlob(const Positions& positions);
// kCorruptStorage for what is none.
Result<Positions> ParseDeletionVectorBlob(std::string_view blob);

struct PlacedVector {
  std::string data_file;  // whose rows they are
  int64_t cardinality = 0;
  int64_t offset = 0;  // of the blob in the Puffin file
  int64_t length = 0;
};
struct VectorFile {
  std::string bytes;
  std::vector<PlacedVector> vectors;
};
// One Puffin file of several vectors, by data file; the short ones first. DuckDB 1.5.5 takes the
// vector before for the one that it asks for where the one before is at least as long as all that
// follows.
VectorFile WriteVectorFile(const std::vector<std::pair<std::string, Positions>>& vectors);

}  // namespace mainstem::connector::iceberg
