// Metadata is read, changed and written without losing what it does not know; the files of the
// format are read as they were written.
#include "connector/iceberg/table_metadata.h"

#include <gtest/gtest.h>

#include "connector/iceberg/manifest_format.h"
#include "connector/iceberg/rest_catalog.h"

namespace mainstem::connector::iceberg {
namespace {

Schema TwoColumns() {
  Schema schema;
  Type number, text;
  number.kind = TypeKind::kLong;
  text.kind = TypeKind::kString;
  schema.fields.push_back({.id = 1, .name = "n", .required = true, .type = number});
  schema.fields.push_back({.id = 2, .name = "part", .required = false, .type = text});
  return schema;
}

PartitionSpec ByPart() {
  return {.id = 0, .fields = {{.source_id = 2, .id = 1000, .name = "part", .transform = {}}}};
}

TableMetadata SmallTable() {
  return MakeTableMetadata({.location = "s3://lake/db/t/",
                            .schema = TwoColumns(),
                            .spec = ByPart(),
                            .properties = {{"a", "b"}}},
                           "uuid-1", 1000);
}

Snapshot SmallSnapshot(int64_t id, std::optional<int64_t> parent) {
  return {.id = id,
          .parent_id = parent,
          .sequence_number = id,
          .timestamp_ms = 2000 + id,
          .manifest_list = "s3://lake/db/t/metadata/snap.avro",
          .summary = {{"operation", "append"}},
          .schema_id = 0};
}

TEST(TableMetadataTest, WritesANewTableAsTheFormatSays) {
  EXPECT_EQ(
      TableMetadataText(SmallTable()),
      R"({"format-version":2,"table-uuid":"uuid-1","location":"s3://lake/db/t",)"
      R"("last-sequence-number":0,"last-updated-ms":1000,"last-column-id":2,)"
      R"("current-schema-id":0,"schemas":[{"type":"struct","schema-id":0,"fields":[)"
      R"({"id":1,"name":"n","required":true,"type":"long"},)"
      R"({"id":2,"name":"part","required":false,"type":"string"}]}],"default-spec-id":0,)"
      R"("partition-specs":[{"spec-id":0,"fields":[{"name":"part","transform":"identity",)"
      R"("source-id":2,"field-id":1000}]}],"last-partition-id":1000,"properties":{"a":"b"},)"
      R"("current-snapshot-id":-1,"refs":{},"snapshots":[],"snapshot-log":[],"metadata-log":[],)"
      R"("default-sort-order-id":0,"sort-orders":[{"order-id":0,"fields":[]}],"statistics":[],)"
      R"("partition-statistics":[]})");
}

TEST(TableMetadataTest, KeepsWhatItDoesNotKnowThroughChanges) {
  TableMetadata table = SmallTable();
  table.more.emplace_back("next-thing", R"({"deep":[1,"x"]})");
  table.refs["audit"] = R"({"snapshot-id":7,"type":"tag","max-ref-age-ms":5})";
  table.refs["main"] = R"({"snapshot-id":7,"type":"branch","min-snapshots-to-keep":3})";
  std::string text = TableMetadataText(table);
  auto read = ParseTableMetadata(text);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(TableMetadataText(*read), text);
  read->metadata_location = "v1.metadata.json";
  TableChange change;
  change.snapshot = SmallSnapshot(8, std::nullopt);
  change.set_properties = {{"a", "c"}, {"d", "e"}};
  TableMetadata changed = ApplyChange(*read, change, 1500);
  read = ParseTableMetadata(TableMetadataText(changed));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->more, changed.more);
  EXPECT_EQ(read->refs["audit"], R"({"snapshot-id":7,"type":"tag","max-ref-age-ms":5})");
  EXPECT_EQ(read->refs["main"], R"({"snapshot-id":8,"type":"branch","min-snapshots-to-keep":3})");
  EXPECT_EQ(read->current_snapshot()->manifest_list, "s3://lake/db/t/metadata/snap.avro");
  EXPECT_EQ(read->last_sequence_number, 8);
  EXPECT_EQ(read->last_updated_ms, 2008);
  EXPECT_EQ(read->properties, (Properties{{"a", "c"}, {"d", "e"}}));
  EXPECT_EQ(read->snapshot_log,
            (std::vector<std::string>{R"({"timestamp-ms":2008,"snapshot-id":8})"}));
  EXPECT_EQ(
      read->metadata_log,
      (std::vector<std::string>{R"({"timestamp-ms":1000,"metadata-file":"v1.metadata.json"})"}));
}

TEST(TableMetadataTest, ForgetsExpiredSnapshotsAndOldVersions) {
  TableMetadata table = SmallTable();
  table.properties["write.metadata.previous-versions-max"] = "3";
  for (int64_t id = 1; id <= 6; ++id) {
    table.metadata_location = "v" + std::to_string(id);
    TableChange change;
    change.snapshot = SmallSnapshot(id, id - 1);
    if (id == 6) change.expired = {1, 2, 3};
    table = ApplyChange(table, change, 1000);
  }
  ASSERT_EQ(table.snapshots.size(), 3u);
  EXPECT_EQ(table.snapshots[0].id, 4);
  EXPECT_EQ(table.snapshot_log.size(), 3u);
  ASSERT_EQ(table.metadata_log.size(), 3u);
  EXPECT_NE(table.metadata_log.back().find("v6"), std::string::npos);
}

TEST(TableMetadataTest, RefusesWhatIsNoneAndOtherVersions) {
  for (const char* bad :
       {"", "{}", "[]", R"({"format-version":2})",
        R"({"format-version":2,"schemas":3,"partition-specs":[]})",
        R"({"format-version":2,"location":"x","schemas":[],"partition-specs":[]})"}) {
    EXPECT_TRUE(Is(ParseTableMetadata(bad).status(), ErrorCode::kCorruptStorage)) << bad;
  }
  EXPECT_TRUE(Is(ParseTableMetadata(R"({"format-version":4})").status(), ErrorCode::kUnsupported));
  TableMetadata table = SmallTable();
  table.current_snapshot_id = 5;
  EXPECT_TRUE(
      Is(ParseTableMetadata(TableMetadataText(table)).status(), ErrorCode::kCorruptStorage));
}

TEST(TableMetadataTest, NamesUuidsAsTheyShouldBe) {
  EXPECT_EQ(UuidText(0x0123456789abcdefull, 0xffffffffffffffffull),
            "01234567-89ab-4def-bfff-ffffffffffff");
}

TEST(RestCatalogTest, AsksForChangesOnTopOfWhatWasSeen) {
  TableMetadata base = SmallTable();
  TableChange change;
  change.snapshot = SmallSnapshot(8, std::nullopt);
  change.set_properties = {{"p", "1"}};
  EXPECT_EQ(CommitTableBody(base, change, {"a", "b"}, "t"),
            R"({"identifier":{"namespace":["a","b"],"name":"t"},"requirements":[)"
            R"({"type":"assert-table-uuid","uuid":"uuid-1"},)"
            R"({"type":"assert-ref-snapshot-id","ref":"main","snapshot-id":null},)"
            R"({"type":"assert-current-schema-id","current-schema-id":0}],"updates":[)"
            R"({"action":"set-properties","updates":{"p":"1"}},)"
            R"({"action":"add-snapshot","snapshot":{"snapshot-id":8,"sequence-number":8,)"
            R"("timestamp-ms":2008,"manifest-list":"s3://lake/db/t/metadata/snap.avro",)"
            R"("summary":{"operation":"append"},"schema-id":0}},)"
            R"({"action":"set-snapshot-ref","ref-name":"main","snapshot-id":8,"type":"branch"}]})");
  change = {};
  change.schema = TwoColumns();
  change.schema->id = 1;
  change.last_column_id = 2;
  base.current_snapshot_id = 8;
  std::string body = CommitTableBody(base, change, {"a"}, "t");
  for (const char* part :
       {R"("snapshot-id":8})", R"({"type":"assert-current-schema-id","current-schema-id":0})",
        R"({"type":"assert-last-assigned-field-id","last-assigned-field-id":2})",
        R"({"action":"set-current-schema","schema-id":-1})"}) {
    EXPECT_NE(body.find(part), std::string::npos) << part << " in " << body;
  }
}

DataFile SmallFile(const std::string& part, int64_t rows) {
  DataFile file;
  file.path = "s3://lake/db/t/data/" + part;
  if (part.empty()) {
    file.partition.emplace_back(std::nullopt);
  } else {
    file.partition.emplace_back(part);
  }
  file.record_count = rows;
  file.size_bytes = 100;
  return file;
}

TEST(ManifestFormatTest, SummarizesPartitionsOfNewFiles) {
  std::vector<DataFile> files = {SmallFile("b", 3), SmallFile("", 2), SmallFile("abc", 1)};
  auto entry = SummarizeManifest(TwoColumns(), ByPart(), 77, AddedRows(77, files));
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_EQ(entry->added_files, 3);
  EXPECT_EQ(entry->added_rows, 6);
  ASSERT_EQ(entry->partitions.size(), 1u);
  EXPECT_TRUE(entry->partitions[0].contains_null);
  EXPECT_EQ(entry->partitions[0].contains_nan, false);
  EXPECT_EQ(entry->partitions[0].lower, "abc");
  EXPECT_EQ(entry->partitions[0].upper, "b");
}

TEST(ManifestFormatTest, ReadsTheListsThatItWrites) {
  ManifestEntry entry{.path = "s3://lake/m.avro",
                      .length = 1234,
                      .spec_id = 2,
                      .content = 1,
                      .sequence_number = 5,
                      .min_sequence_number = 4,
                      .added_snapshot_id = 99,
                      .added_files = 1,
                      .existing_files = 2,
                      .deleted_files = 3,
                      .added_rows = 10,
                      .existing_rows = 20,
                      .deleted_rows = 30};
  entry.partitions.push_back(
      {.contains_null = true, .contains_nan = true, .lower = std::string("a\0b", 3), .upper = "z"});
  entry.partitions.push_back({});
  entry.key_metadata = "key";
  auto bytes = WriteManifestList(SmallSnapshot(8, 7), {entry, ManifestEntry{.path = "x"}}, 2);
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  auto read = ReadManifestList(*bytes);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->size(), 2u);
  const ManifestEntry& first = (*read)[0];
  EXPECT_EQ(first.path, entry.path);
  EXPECT_EQ(first.length + first.spec_id + first.content, 1237);
  EXPECT_EQ(first.sequence_number, 5);
  EXPECT_EQ(first.min_sequence_number, 4);
  EXPECT_EQ(first.added_snapshot_id, 99);
  EXPECT_EQ(first.added_files * 100 + first.existing_files * 10 + first.deleted_files, 123);
  EXPECT_EQ(first.added_rows + first.existing_rows + first.deleted_rows, 60);
  ASSERT_EQ(first.partitions.size(), 2u);
  EXPECT_TRUE(first.partitions[0].contains_null);
  EXPECT_EQ(first.partitions[0].contains_nan, true);
  EXPECT_EQ(first.partitions[0].lower, entry.partitions[0].lower);
  EXPECT_EQ(first.partitions[1].upper, std::nullopt);
  EXPECT_EQ(first.key_metadata, "key");
  EXPECT_EQ((*read)[1].path, "x");
  for (size_t cut : {0u, 3u, 40u}) {
    EXPECT_TRUE(Is(ReadManifestList(bytes->substr(0, cut)).status(), ErrorCode::kCorruptStorage));
  }
  EXPECT_TRUE(Is(ReadManifestList(bytes->substr(0, bytes->size() - 1)).status(),
                 ErrorCode::kCorruptStorage));
}

TEST(ManifestFormatTest, OrdersValuesOfEachType) {
  Type type;
  auto bytes_of = [](auto value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
  };
  type.kind = TypeKind::kInt;
  EXPECT_LT(CompareValues(type, bytes_of(int32_t{-1}), bytes_of(int32_t{3})), 0);
  type.kind = TypeKind::kDouble;
  EXPECT_GT(CompareValues(type, bytes_of(2.5), bytes_of(-3.0)), 0);
  type.kind = TypeKind::kDecimal;
  EXPECT_LT(CompareValues(type, "\xff", std::string("\0\x80", 2)), 0);  // -1 and 128
  EXPECT_GT(CompareValues(type, "\xff", "\xfe\xff"), 0);                // -1 and -257
  type.kind = TypeKind::kString;
  EXPECT_LT(CompareValues(type, "a", "\xc3\xa4"), 0);
  EXPECT_EQ(
      DecimalBytes(1) * 10000 + DecimalBytes(9) * 1000 + DecimalBytes(18) * 100 + DecimalBytes(38),
      1 * 10000 + 4 * 1000 + 8 * 100 + 16);
}

// A column of each type that a partition may have, and a value of it.
struct TypedValue {
  Type type;
  std::string value;
};
std::vector<TypedValue> ValuesOfAllTypes() {
  auto of = [](TypeKind kind) {
    Type type;
    type.kind = kind;
    return type;
  };
  Type decimal = of(TypeKind::kDecimal), fixed = of(TypeKind::kFixed);
  decimal.precision = 20;
  decimal.scale = 2;
  fixed.length = 3;
  std::string minus_two = "\xfe\xff\xff\xff", long_minus_two = minus_two + "\xff\xff\xff\xff";
  return {{of(TypeKind::kBoolean), std::string("\1")},
          {of(TypeKind::kInt), minus_two},
          {of(TypeKind::kDate), std::string("\1\0\0\0", 4)},
          {of(TypeKind::kLong), long_minus_two},
          {of(TypeKind::kTime), std::string("\1\0\0\0\0\0\0\0", 8)},
          {of(TypeKind::kTimestamp), long_minus_two},
          {of(TypeKind::kTimestampTz), long_minus_two},
          {of(TypeKind::kFloat), std::string("\0\0\x80\x3f", 4)},
          {of(TypeKind::kDouble), std::string("\0\0\0\0\0\0\xf0\x3f", 8)},
          {of(TypeKind::kString), "text"},
          {of(TypeKind::kBinary), std::string("\0\xff", 2)},
          {decimal, "\xfe"},
          {fixed, "abc"}};
}

TEST(ManifestFormatTest, ReadsTheManifestsThatItWrites) {
  Schema schema;
  PartitionSpec spec;
  DataFile file = SmallFile("x", 7);
  file.partition.clear();
  int32_t id = 0;
  for (const TypedValue& typed : ValuesOfAllTypes()) {
    std::string name = "a column, " + std::to_string(++id);
    schema.fields.push_back({.id = id, .name = name, .required = false, .type = typed.type});
    spec.fields.push_back({.source_id = id, .id = 999 + id, .name = name, .transform = {}});
    file.partition.emplace_back(typed.value);
  }
  file.column_sizes = {{1, 10}, {2, 20}};
  file.value_counts = {{1, 7}};
  file.null_counts = {{1, 0}};
  file.nan_counts = {{8, 3}};
  file.lower_bounds = {{10, "te"}};
  file.upper_bounds = {{10, std::string("\0u", 2)}};
  file.key_metadata = "key";
  file.split_offsets = {4, 400};
  file.sort_order_id = 3;
  DataFile without = SmallFile("y", 1);
  without.partition.assign(spec.fields.size(), std::nullopt);
  without.sort_order_id.reset();
  std::vector<ManifestRow> rows = AddedRows(77, {file});
  rows.push_back({.status = ManifestStatus::kExisting,
                  .snapshot_id = 5,
                  .sequence_number = 3,
                  .file_sequence_number = 2,
                  .file = without});
  rows.push_back({.status = ManifestStatus::kDeleted,
                  .snapshot_id = 77,
                  .sequence_number = 4,
                  .file_sequence_number = 4,
                  .file = without});
  auto entry = SummarizeManifest(schema, spec, 77, rows);
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_EQ(entry->added_files * 100 + entry->existing_files * 10 + entry->deleted_files, 111);
  EXPECT_EQ(entry->min_sequence_number, 3);
  entry->sequence_number = 9;
  auto bytes = WriteManifest(schema, spec, rows, 2);
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  auto read = ReadManifest(*bytes, *entry, schema, spec);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->size(), 3u);
  const ManifestRow& first = (*read)[0];
  EXPECT_EQ(first.snapshot_id, 77);
  EXPECT_EQ(first.sequence_number, 9);
  EXPECT_EQ(first.file.partition, file.partition);
  EXPECT_EQ(first.file.column_sizes, file.column_sizes);
  EXPECT_EQ(first.file.value_counts, file.value_counts);
  EXPECT_EQ(first.file.null_counts, file.null_counts);
  EXPECT_EQ(first.file.nan_counts, file.nan_counts);
  EXPECT_EQ(first.file.lower_bounds, file.lower_bounds);
  EXPECT_EQ(first.file.upper_bounds, file.upper_bounds);
  EXPECT_EQ(first.file.key_metadata, "key");
  EXPECT_EQ(first.file.split_offsets, file.split_offsets);
  EXPECT_EQ(first.file.sort_order_id, 3);
  EXPECT_EQ((*read)[1].sequence_number, 3);
  EXPECT_EQ((*read)[1].file_sequence_number, 2);
  EXPECT_EQ((*read)[1].file.partition, without.partition);
  EXPECT_EQ((*read)[1].file.sort_order_id, std::nullopt);
  EXPECT_FALSE((*read)[2].is_live());
  auto paths = ReadManifestFiles(*bytes, *entry);
  ASSERT_TRUE(paths.ok()) << paths.status();
  EXPECT_EQ((*paths)[0].file.path, file.path);
  // Partitions of another spec are not taken for those of this one.
  spec.fields.pop_back();
  EXPECT_TRUE(Is(ReadManifest(*bytes, *entry, schema, spec).status(), ErrorCode::kCorruptStorage));
}

TEST(TableMetadataTest, OldMetadataFilesStayInTheLogUntilTheyAreOldEnoughToBeDeleted) {
  TableMetadata table = SmallTable();
  table.properties["write.metadata.previous-versions-max"] = "3";
  table.properties["write.metadata.delete-after-commit.enabled"] = "true";
  int64_t now_ms = 1000;
  for (int i = 0; i < 50; ++i) {
    table.metadata_location = "v" + std::to_string(i);
    table = ApplyChange(table, TableChange(), now_ms += 60 * 1000);
  }
  std::vector<MetadataVersion> versions = PreviousVersions(table);
  ASSERT_GE(versions.size(), 20u);
  EXPECT_LE(versions.size(), 22u);
  EXPECT_EQ(versions.back().location, "v49");
  table.properties["write.metadata.delete-after-commit.enabled"] = "false";
  EXPECT_EQ(PreviousVersions(ApplyChange(table, TableChange(), now_ms)).size(), 3u);
}

TEST(TableMetadataTest, StatisticsGoWithTheirSnapshots) {
  TableMetadata table = SmallTable();
  for (int64_t id : {1, 2}) {
    TableChange change;
    change.snapshot = SmallSnapshot(id, id == 1 ? std::nullopt : std::optional<int64_t>(1));
    table = ApplyChange(table, change, 3000);
  }
  for (auto& [key, text] : table.more) {
    if (key == "statistics") text = R"([{"snapshot-id":1,"x":1},{"snapshot-id":2,"x":2}])";
  }
  TableChange change;
  change.expired = {1};
  std::string text = TableMetadataText(ApplyChange(table, change, 4000));
  EXPECT_NE(text.find(R"("statistics":[{"snapshot-id":2,"x":2}])"), std::string::npos) << text;
}

}  // namespace
}  // namespace mainstem::connector::iceberg
