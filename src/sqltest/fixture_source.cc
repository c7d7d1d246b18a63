#include "sqltest/fixture_source.h"

#include <algorithm>
#include <numeric>

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <simdjson.h>

#include "connector/options.h"
#include "core/suggest.h"
#include "core/sync.h"
#include "format/format.h"

namespace mainstem::sqltest {
namespace {

using connector::SourceBatch;
using connector::SourceSplit;
using std::chrono::milliseconds;

// How the lines of a fixture become columns of its table.
class LineDecoder {
 public:
  static Result<std::unique_ptr<LineDecoder>> Make(const Fixture& fixture,
                                                   const connector::TableDescriptor& table,
                                                   const std::vector<int>& projection) {
    auto decoder = std::make_unique<LineDecoder>();
    connector::FormatChoice own = connector::ValueFormatOf(table);
    connector::FormatChoice choice = own;
    if (!fixture.format.empty() && fixture.format != own.format) choice = {fixture.format, {}};
    std::vector<int> held;  // columns of the table, as the lines hold them
    if (fixture.format == "csv") {
      choice.options = {{"null-literal", ""}};
      ASSIGN_OR_RETURN(held, ColumnsByName(fixture, table));
    } else if (fixture.kind == FixtureKind::kRows) {
      for (int i = 0; i < table.schema->num_fields(); ++i) held.push_back(i);
    } else {
      held = connector::SplitColumns(table).physical;
      RETURN_IF_ERROR(CheckNoMetadata(fixture, table, projection));
    }
    arrow::FieldVector message, output;
    std::vector<int> wanted;
    for (int column : held) message.push_back(table.schema->field(column));
    for (int column : projection) {
      output.push_back(table.schema->field(column)->WithNullable(true));
      auto at = std::find(held.begin(), held.end(), column);
      decoder->slots_.push_back(at == held.end() ? -1 : static_cast<int>(wanted.size()));
      if (at != held.end()) wanted.push_back(static_cast<int>(at - held.begin()));
    }
    decoder->output_ = arrow::schema(std::move(output));
    ASSIGN_OR_RETURN(decoder->decoder_, format::MakeDecoder(choice.format, arrow::schema(message),
                                                            wanted, choice.options));
    return decoder;
  }

  Result<format::DecodedMessages> Decode(std::span<const FixtureLine> lines) {
    std::vector<std::string_view> texts;
    for (const FixtureLine& line : lines) texts.push_back(line.text);
    ASSIGN_OR_RETURN(format::DecodedMessages decoded, decoder_->Decode(texts));
    const arrow::RecordBatch& rows = *decoded.batch.rows;
    int64_t count = rows.num_rows();
    arrow::ArrayVector columns;
    for (size_t i = 0; i < slots_.size(); ++i) {
      if (slots_[i] >= 0) {
        columns.push_back(rows.column(slots_[i]));
        continue;
      }
      const auto& type = output_->field(static_cast<int>(i))->type();
      ASSIGN_OR_RETURN(auto nulls, arrow::MakeArrayOfNull(type, count));
      columns.push_back(std::move(nulls));
    }
    bool all_inserts = std::all_of(lines.begin(), lines.end(), [](const FixtureLine& line) {
      return line.kind == RowKind::kInsert;
    });
    if (decoded.batch.kinds.empty() && !all_inserts) {
      for (uint32_t message : decoded.message_of_row) {
        decoded.batch.kinds.push_back(lines[message].kind);
      }
    }
    decoded.batch.rows = arrow::RecordBatch::Make(output_, count, std::move(columns));
    return decoded;
  }

 private:
  static Result<std::vector<int>> ColumnsByName(const Fixture& fixture,
                                                const connector::TableDescriptor& table) {
    std::vector<int> columns;
    for (const std::string& name : fixture.columns) {
      int column = table.schema->GetFieldIndex(name);
      if (column < 0) {
        return MakeError(
            ErrorCode::kInvalidArgument,
            {.message = fmt::format("{}: the table has no column '{}' to read", fixture.path, name),
             .hint = SuggestionFor(name, table.schema->field_names())});
      }
      columns.push_back(column);
    }
    return columns;
  }

  static Status CheckNoMetadata(const Fixture& fixture, const connector::TableDescriptor& table,
                                const std::vector<int>& projection) {
    for (const auto& [column, key] : connector::SplitColumns(table).metadata) {
      if (std::find(projection.begin(), projection.end(), column) == projection.end()) continue;
      return MakeError(
          ErrorCode::kInvalidArgument,
          {.message = fmt::format("{}: column '{}' is metadata, which messages do not hold",
                                  fixture.path, table.schema->field(column)->name()),
           .hint = "give rows (.jsonl) or records of a topic (.topic.jsonl)"});
    }
    return Status::OK();
  }

  std::shared_ptr<arrow::Schema> output_;
  std::vector<int> slots_;  // column of the decoder's output; -1: NULL
  std::unique_ptr<format::Decoder> decoder_;
};

// A partition's share of a fixture, and the moments at which lines of any partition come: at each
// of them every partition's reader gives a batch, so that none waits for another one.
struct Schedule {
  std::vector<FixtureLine> lines;
  std::vector<ProcessingTime> moments;
};

Schedule ScheduleOf(const Fixture& fixture, int partition) {
  Schedule schedule;
  for (const FixtureLine& line : fixture.lines) {
    if (line.partition == partition) schedule.lines.push_back(line);
    if (schedule.moments.empty() || schedule.moments.back() != line.arrival) {
      schedule.moments.push_back(line.arrival);
    }
  }
  return schedule;
}

struct Position {
  size_t line = 0;
  size_t moment = 0;

  std::string ToString() const { return fmt::format("{}/{}", line, moment); }
  static Position Parse(const std::string& text) {
    size_t slash = text.find('/');
    return {std::stoul(text.substr(0, slash)), std::stoul(text.substr(slash + 1))};
  }
};

class FixtureReader final : public connector::SplitReader {
 public:
  FixtureReader(const FixtureSourceOptions& options, int partition, Position position,
                std::unique_ptr<LineDecoder> decoder)
      : env_(options.env),
        fixture_(options.fixture),
        schedule_(ScheduleOf(*fixture_, partition)),
        position_(position),
        unsteady_(options.unsteady),
        open_(options.open),
        decoder_(std::move(decoder)) {
    lines_per_read_ = schedule_.moments.size() == 1 ? options.lines_per_read : SIZE_MAX;
  }

  Task<SourceBatch> Read(size_t max_rows, TimePoint deadline) override {
    SourceBatch out;
    size_t count = 0;
    if (unsteady_) CO_RETURN_IF_ERROR(co_await HoldBack());
    if (position_.moment < schedule_.moments.size()) {
      ProcessingTime moment = schedule_.moments[position_.moment];
      CO_RETURN_IF_ERROR(co_await WaitFor(moment, deadline));
      if (env_->WallTime() >= moment) {
        while (count < lines_per_read_ && HasLineAt(position_.line + count, moment)) ++count;
        if (!HasLineAt(position_.line + count, moment)) ++position_.moment;
      }
    } else if (open_) {
      CO_RETURN_IF_ERROR(co_await SleepUntil(deadline));
    }
    std::span<const FixtureLine> part(schedule_.lines.data() + position_.line, count);
    CO_ASSIGN_OR_RETURN(format::DecodedMessages decoded, decoder_->Decode(part));
    for (format::RejectedMessage& rejected : decoded.rejected) {
      const FixtureLine& line = part[rejected.index];
      out.rejected.push_back(
          {fmt::format("{}:{}", fixture_->path, line.number), line.text, rejected.cause});
    }
    position_.line += count;
    out.batch = std::move(decoded.batch);
    out.position = position_.ToString();
    bool at_end = position_.moment == schedule_.moments.size();
    out.end_of_split = at_end && !open_;
    out.caught_up = at_end || count == 0;
    out.lag_records = static_cast<int64_t>(schedule_.lines.size() - position_.line);
    co_return out;
  }

 private:
  bool HasLineAt(size_t line, ProcessingTime moment) const {
    return line < schedule_.lines.size() && schedule_.lines[line].arrival == moment;
  }

  // Lets others go first, some hundred times or not at all.
  Task<> HoldBack() {
    uint64_t turns = env_->Random() % 4 == 0 ? env_->Random() % 400 : 0;
    for (uint64_t i = 0; i < turns; ++i) CO_RETURN_IF_ERROR(co_await Yield());
    co_return Status::OK();
  }

  // Until the moment or the deadline, whichever is first.
  Task<> WaitFor(ProcessingTime moment, TimePoint deadline) {
    int64_t left = moment - env_->WallTime();
    if (left <= 0) co_return Status::OK();
    TimePoint now = env_->Now();
    TimePoint whole = std::chrono::floor<milliseconds>(now);  // as WallTime counts
    co_return co_await SleepUntil(std::min<TimePoint>(deadline, whole + milliseconds(left)));
  }

  Env* env_;
  std::shared_ptr<const Fixture> fixture_;
  Schedule schedule_;
  Position position_;
  size_t lines_per_read_;
  bool unsteady_;
  bool open_;
  std::unique_ptr<LineDecoder> decoder_;
};

// Look-ups by key among the rows that have come so far; of rows with one primary key the last
// counts.
class Lookup final : public connector::TableLookup {
 public:
  static Result<std::unique_ptr<connector::TableLookup>> Make(const FixtureSourceOptions& options,
                                                              std::vector<int> key_columns,
                                                              std::vector<int> projection) {
    auto lookup = std::make_unique<Lookup>();
    lookup->env_ = options.env;
    lookup->fixture_ = options.fixture;
    lookup->column_count_ = static_cast<int>(projection.size());
    lookup->keys_at_ = PositionsOf(key_columns, projection);
    std::vector<int> columns = projection;  // and those of the primary key, at the end
    std::vector<int> primary_key;
    for (const std::string& name : options.table.primary_key) {
      const int column = options.table.schema->GetFieldIndex(name);
      primary_key.push_back(column);
      if (std::find(columns.begin(), columns.end(), column) == columns.end()) {
        columns.push_back(column);
      }
    }
    lookup->primary_key_at_ = PositionsOf(primary_key, columns);
    ASSIGN_OR_RETURN(lookup->decoder_, LineDecoder::Make(*options.fixture, options.table, columns));
    return std::unique_ptr<connector::TableLookup>(std::move(lookup));
  }

  // Nothing is cached: a test's answers hang on no memory.
  const connector::LookupOptions& options() const override { return options_; }

  Task<std::shared_ptr<arrow::RecordBatch>> Find(
      std::shared_ptr<arrow::RecordBatch> keys) override {
    std::vector<FixtureLine> come;
    for (const FixtureLine& line : fixture_->lines) {
      if (line.arrival <= env_->WallTime() && !line.bad) come.push_back(line);
    }
    CO_ASSIGN_OR_RETURN(format::DecodedMessages decoded, decoder_->Decode(come));
    const arrow::RecordBatch& rows = *decoded.batch.rows;
    std::vector<int> key_columns(static_cast<size_t>(keys->num_columns()));
    std::iota(key_columns.begin(), key_columns.end(), 0);
    arrow::Int64Builder found;
    for (int64_t row = 0; row < rows.num_rows(); ++row) {
      bool wanted = false;
      for (int64_t key = 0; key < keys->num_rows() && !wanted; ++key) {
        wanted = SameFields(rows, keys_at_, row, *keys, key_columns, key);
      }
      for (int64_t later = row + 1; later < rows.num_rows() && wanted; ++later) {
        wanted = primary_key_at_.empty() ||
                 !SameFields(rows, primary_key_at_, row, rows, primary_key_at_, later);
      }
      if (wanted) CO_RETURN_IF_ERROR(found.Append(row));
    }
    CO_ASSIGN_OR_RETURN(auto indices, found.Finish());
    CO_ASSIGN_OR_RETURN(arrow::Datum taken,
                        arrow::compute::Take(decoded.batch.rows, arrow::Datum(indices)));
    std::vector<int> columns(static_cast<size_t>(column_count_));
    std::iota(columns.begin(), columns.end(), 0);
    co_return taken.record_batch()->SelectColumns(columns);
  }

 private:
  static std::vector<int> PositionsOf(const std::vector<int>& columns,
                                      const std::vector<int>& among) {
    std::vector<int> positions;
    for (const int column : columns) {
      const auto at = std::find(among.begin(), among.end(), column);
      positions.push_back(static_cast<int>(at - among.begin()));
    }
    return positions;
  }

  static bool SameFields(const arrow::RecordBatch& left, const std::vector<int>& left_columns,
                         int64_t left_row, const arrow::RecordBatch& right,
                         const std::vector<int>& right_columns, int64_t right_row) {
    for (size_t i = 0; i < left_columns.size(); ++i) {
      const arrow::Array& column = *left.column(left_columns[i]);
      if (!column.RangeEquals(*right.column(right_columns[i]), left_row, left_row + 1, right_row)) {
        return false;
      }
    }
    return true;
  }

  const connector::LookupOptions options_;
  Env* env_ = nullptr;
  std::shared_ptr<const Fixture> fixture_;
  int column_count_ = 0;
  std::vector<int> keys_at_;         // of the look-up, among the decoded columns
  std::vector<int> primary_key_at_;  // likewise; empty without one
  std::unique_ptr<LineDecoder> decoder_;
};

class Source final : public connector::TableSource {
 public:
  explicit Source(FixtureSourceOptions options) : options_(std::move(options)) {}
  bool bounded() const override { return !options_.open; }
  bool insert_only() const override { return options_.insert_only; }
  bool upserts() const override { return options_.upserts; }
  Task<std::vector<SourceSplit>> DiscoverSplits() override {
    std::vector<SourceSplit> splits;
    for (int i = 0; i < options_.fixture->partition_count; ++i) {
      splits.push_back({.id = std::to_string(i), .position = Position().ToString()});
    }
    co_return splits;
  }
  Task<std::unique_ptr<connector::SplitReader>> OpenSplit(SourceSplit split,
                                                          std::vector<int> projection) override {
    CO_ASSIGN_OR_RETURN(auto decoder,
                        LineDecoder::Make(*options_.fixture, options_.table, projection));
    std::unique_ptr<connector::SplitReader> reader = std::make_unique<FixtureReader>(
        options_, std::stoi(split.id), Position::Parse(split.position), std::move(decoder));
    co_return reader;
  }
  bool can_look_up() const override { return options_.can_look_up; }
  Result<std::unique_ptr<connector::TableLookup>> MakeLookup(std::vector<int> key_columns,
                                                             std::vector<int> projection) override {
    return Lookup::Make(options_, std::move(key_columns), std::move(projection));
  }

 private:
  FixtureSourceOptions options_;
};

// "... at byte 14 of the message" in a decoder's error: 14.
size_t ByteOf(const ErrorText& text) {
  constexpr std::string_view kAtByte = "at byte ";
  size_t at = text.detail.find(kAtByte);
  return at == std::string::npos
             ? 0
             : static_cast<size_t>(std::atol(text.detail.c_str() + at + kAtByte.size()));
}

FixturePlace PlaceOf(const Fixture& fixture, const FixtureLine& line, size_t column) {
  return {.path = fixture.path, .number = line.number, .line = line.text, .column = column};
}

// A key that is no column would be a row of NULLs: most likely a slip.
Status CheckKeys(const Fixture& fixture, const FixtureLine& line, const arrow::Schema& schema) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(line.text).get(object) != simdjson::SUCCESS) return Status::OK();  // said below
  for (auto [key, value] : object) {
    std::string name(key);
    if (schema.GetFieldIndex(name) >= 0) continue;
    size_t column = line.text.find("\"" + name + "\"");
    return FixtureError(PlaceOf(fixture, line, column == std::string::npos ? 0 : column),
                        fmt::format("the table has no column '{}' to read", name),
                        SuggestionFor(name, schema.field_names()));
  }
  return Status::OK();
}

}  // namespace

std::unique_ptr<connector::TableSource> MakeFixtureSource(FixtureSourceOptions options) {
  return std::make_unique<Source>(std::move(options));
}

Status CheckFixture(const Fixture& fixture, const connector::TableDescriptor& table,
                    bool insert_only) {
  std::vector<int> all;
  for (int i = 0; i < table.schema->num_fields(); ++i) {
    bool held =
        fixture.kind == FixtureKind::kRows || !connector::SplitColumns(table).metadata.count(i);
    if (held) all.push_back(i);
  }
  if (insert_only && fixture.kind == FixtureKind::kChanges) {
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = fmt::format("{}: table '{}' only takes inserts, and these are "
                                             "changes",
                                             fixture.path, ShortName(table.name)),
                      .hint = "give rows (.jsonl, .csv)"});
  }
  ASSIGN_OR_RETURN(auto decoder, LineDecoder::Make(fixture, table, all));
  for (const FixtureLine& line : fixture.lines) {
    if (insert_only && line.kind != RowKind::kInsert) {
      return FixtureError(PlaceOf(fixture, line, 0),
                          fmt::format("table '{}' only takes inserts, not {}",
                                      ShortName(table.name), ToString(line.kind)));
    }
    if (fixture.format == "json" && !line.bad) {
      RETURN_IF_ERROR(CheckKeys(fixture, line, *table.schema));
    }
    ASSIGN_OR_RETURN(auto decoded, decoder->Decode({&line, 1}));
    if (line.bad && decoded.rejected.empty()) {
      return FixtureError(PlaceOf(fixture, line, 0), "this line can be decoded",
                          "leave '#@ bad' away");
    }
    if (line.bad || decoded.rejected.empty()) continue;
    ErrorText cause = TextOf(decoded.rejected[0].cause);
    return FixtureError(PlaceOf(fixture, line, ByteOf(cause)), cause.message, cause.hint);
  }
  return Status::OK();
}

}  // namespace mainstem::sqltest
