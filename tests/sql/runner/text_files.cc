#include "text_files.h"

#include <arrow/api.h>

#include "connector/options.h"
#include "format/format.h"

namespace mainstem::sqltest {
namespace {

using connector::SourceBatch;
using connector::SourceSplit;

class Reader final : public connector::SplitReader {
 public:
  Reader(std::vector<std::string_view> lines, size_t next, size_t per_read,
         std::unique_ptr<format::Decoder> decoder)
      : lines_(std::move(lines)), next_(next), per_read_(per_read), decoder_(std::move(decoder)) {}

  Task<SourceBatch> Read(size_t max_rows, TimePoint deadline) override {
    size_t count = std::min({lines_.size() - next_, max_rows, per_read_});
    std::span<const std::string_view> part(lines_.data() + next_, count);
    CO_ASSIGN_OR_RETURN(format::DecodedMessages decoded, decoder_->Decode(part));
    SourceBatch out;
    for (auto& rejected : decoded.rejected) {
      out.rejected.push_back({fmt::format("line {}", next_ + rejected.index + 1),
                              std::string(part[rejected.index]), rejected.cause});
    }
    next_ += count;
    out.batch = std::move(decoded.batch);
    out.position = std::to_string(next_);
    out.end_of_split = out.caught_up = next_ == lines_.size();
    out.lag_records = static_cast<int64_t>(lines_.size() - next_);
    co_return out;
  }

 private:
  std::vector<std::string_view> lines_;
  size_t next_;
  size_t per_read_;
  std::unique_ptr<format::Decoder> decoder_;
};

class Source final : public connector::TableSource {
 public:
  Source(const TextFiles* files, size_t lines_per_read, connector::TableDescriptor table)
      : files_(files), lines_per_read_(lines_per_read), table_(std::move(table)) {}
  bool bounded() const override { return true; }
  bool insert_only() const override {
    for (const auto& info : format::ListFormats()) {
      if (info.name == connector::ValueFormatOf(table_).format) return !info.is_changelog;
    }
    return true;
  }
  Task<std::vector<SourceSplit>> DiscoverSplits() override {
    std::vector<SourceSplit> splits;
    const std::string& path = table_.options.at("path");
    for (const auto& [name, text] : *files_) {
      if (name == path || name.starts_with(path + "/")) splits.push_back({name, "0"});
    }
    if (splits.empty()) co_return MakeError(ErrorCode::kNotFound, "no file " + path);
    co_return splits;
  }
  Task<std::unique_ptr<connector::SplitReader>> OpenSplit(SourceSplit split,
                                                          std::vector<int> projection) override {
    arrow::FieldVector fields;
    for (int index : projection) fields.push_back(table_.schema->field(index));
    connector::FormatChoice choice = connector::ValueFormatOf(table_);
    CO_ASSIGN_OR_RETURN(auto decoder,
                        format::MakeDecoder(choice.format, arrow::schema(fields), choice.options));
    std::vector<std::string_view> lines;
    std::string_view text = files_->at(split.id);
    while (!text.empty()) {
      size_t end = std::min(text.find('\n'), text.size());
      lines.push_back(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    std::unique_ptr<connector::SplitReader> reader = std::make_unique<Reader>(
        std::move(lines), std::stoul(split.position), lines_per_read_, std::move(decoder));
    co_return reader;
  }

 private:
  const TextFiles* files_;
  size_t lines_per_read_;
  connector::TableDescriptor table_;
};

}  // namespace

connector::ConnectorSpec TextFilesConnector(const TextFiles* files, size_t lines_per_read) {
  connector::ConnectorSpec spec;
  spec.name = "filesystem";
  spec.takes_format = true;
  spec.options.push_back(
      {.name = "path", .default_value = "", .documentation = "", .required = true});
  spec.make_source =
      [files, lines_per_read](
          connector::TableDescriptor table,
          connector::ConnectorContext) -> Result<std::unique_ptr<connector::TableSource>> {
    return std::make_unique<Source>(files, lines_per_read, std::move(table));
  };
  return spec;
}

}  // namespace mainstem::sqltest
