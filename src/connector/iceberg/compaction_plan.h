// Which files of an Iceberg table should become one: the policy of compaction, without doing it.
// Pure; any thread.
//
// Files below `small_bytes` are merged with others of their partition when
//   eight of about one size are there (sizes are told apart by factors of eight, from 64 KiB on):
//   a row is written anew a few times in all, however many commits there are; or
//   all of them together make a file of `output_bytes`; or
//   nothing has come for `quiet_ms`: a partition that is finished is left with as few as can be.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "connector/iceberg/manifest_format.h"

namespace mainstem::connector::iceberg {

struct CompactionOptions {
  int64_t small_bytes = int64_t{64} << 20;
  int64_t output_bytes = int64_t{128} << 20;
  int64_t quiet_ms = 10 * 60 * 1000;
};
// For a table whose files are to have `target_bytes`.
CompactionOptions CompactionFor(int64_t target_bytes);

struct CompactionInput {
  const DataFile* file = nullptr;  // outlives the plan
  int64_t added_ms = 0;
  int64_t deleted_rows = 0;  // by a deletion vector
};
// Groups of files of one partition each; those with the smallest files come first. A file counts as
// what its rows take that are not deleted. A quarter of them deleted: it is rewritten, alone if
// need be; else a group has two files at least.
std::vector<std::vector<const DataFile*>> PlanCompaction(const std::vector<CompactionInput>& files,
                                                         const CompactionOptions& options,
                                                         int64_t now_ms);

}  // namespace mainstem::connector::iceberg
