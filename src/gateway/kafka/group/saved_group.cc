#include "gateway/kafka/group/saved_group.h"

#include "gateway/kafka/codec/codec.h"

namespace mainstem::gateway::kafka {
namespace {

constexpr int8_t kVersion = 1;
// The versions of messages have no part in it: each row counts from 0 on.
constexpr int16_t kSchemaVersion = 0;

}  // namespace

KAFKA_SCHEMA(SavedGroup,             //
             FIELD(generation),      //
             FIELD(protocol_type),   //
             FIELD(protocol_name),   //
             FIELD(leader),          //
             FIELD(empty_since_ms),  //
             FIELD(members));
KAFKA_SCHEMA(SavedGroup::Member,                  //
             FIELD(id),                           //
             FIELD(instance_id, .null_from = 0),  //
             FIELD(client_id),                    //
             FIELD(client_host),                  //
             FIELD(session_timeout_ms),           //
             FIELD(rebalance_timeout_ms),         //
             FIELD(supports_skip_assignment),     //
             FIELD(protocols),                    //
             FIELD(assignment));
KAFKA_SCHEMA(SavedGroup::Protocol,  //
             FIELD(name),           //
             FIELD(metadata));

std::string EncodeSavedGroup(const SavedGroup& group) {
  Writer writer;
  writer.WriteInt(kVersion);
  EncodeBody(SavedGroup::kSchema, kSchemaVersion, /*flexible=*/true, &group, &writer);
  return std::move(writer).FinishBytes();
}

Result<SavedGroup> DecodeSavedGroup(std::string_view bytes) {
  Reader reader(std::as_bytes(std::span(bytes)));
  int8_t version = 0;
  SavedGroup group;
  Status status;
  if (reader.ReadInt(&version) && version == kVersion) {
    status = DecodeBody(SavedGroup::kSchema, kSchemaVersion, /*flexible=*/true, &reader, &group);
    if (status.ok() && reader.remaining() == 0) return group;
  }
  return MakeError(ErrorCode::kCorruptStorage,
                   {.message = "the membership of a group is damaged or of an unknown version",
                    .detail = status.ok() ? "" : TextOf(status).message});
}

}  // namespace mainstem::gateway::kafka
