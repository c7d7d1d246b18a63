// Which snapshots of an Iceberg table have had their time, by the table's own properties. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "connector/iceberg/table_metadata.h"

namespace mainstem::connector::iceberg {

// Of each branch the newest `history.expire.min-snapshots-to-keep` (1) stay, and those younger than
// `history.expire.max-snapshot-age-ms` (5 days), or as many as the branch itself says; the snapshot
// of each tag; those that no branch leads to until they are that old. Nothing goes when
// `gc.enabled` is false. Branches and tags themselves are never removed.
std::vector<int64_t> ExpiredSnapshots(const TableMetadata& metadata, int64_t now_ms);

}  // namespace mainstem::connector::iceberg
