// The value of a record in a job's internal topic: a batch of changelog rows on its way to a sink
// outside.
//
//   offset 0  version u8 (1)
//   offset 1  has kinds u8 (0 or 1)
//   offset 2  row count u32, little endian
//   offset 6  kinds, one byte a row (as RowKind), only if offset 1 is 1
//   then      the rows as an Arrow IPC stream: schema, one record batch
//
// Valid iff version is 1, kinds are 0..3 and the stream holds exactly row count rows. Pure
// functions.
#pragma once

#include <string>
#include <string_view>

#include "core/status.h"
#include "format/changelog.h"

namespace mainstem::process {

inline constexpr char kDeliveryVersion = 1;

Result<std::string> EncodeDelivery(const ChangelogBatch& batch);
// CorruptStorage when it is not valid. The result owns its memory.
Result<ChangelogBatch> DecodeDelivery(std::string_view bytes);

}  // namespace mainstem::process
