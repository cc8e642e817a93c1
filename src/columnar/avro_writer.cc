#include "columnar/avro_writer.h"

#include <bit>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "base/json.h"
#include "columnar/avro_codec.h"

namespace tarn {

namespace {

using Kind = AvroType::Kind;

void AppendLong(int64_t value, std::string& out) {
  uint64_t bits = static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
  while (bits >= 0x80) {
    out += static_cast<char>(bits | 0x80);
    bits >>= 7;
  }
  out += static_cast<char>(bits);
}

void AppendText(std::string_view text, std::string& out) {
  AppendLong(static_cast<int64_t>(text.size()), out);
  out.append(text);
}

}  // namespace

struct AvroWriter::State {
  /// A record or list that has been begun and not ended.
  struct Frame {
    const AvroType* type;
    size_t done = 0;   ///< fields, items
    size_t items = 0;  ///< of a list
    bool key_done = false;
  };

  explicit State(AvroCodec with) : codec(std::move(with)) {}

  AvroCodec codec;
  AvroSchema schema;
  AvroWriterOptions options;
  std::string file;
  std::string sync;
  std::string block;
  int64_t block_records = 0;
  int64_t records = 0;
  std::vector<Frame> frames;
  Status status;

  /// "manifest_entry.data_file.record_count": where the next value goes.
  std::string Place() const {
    std::string place = ToString(schema.root());
    for (const Frame& frame : frames) {
      if (frame.type->kind != Kind::kRecord) {
        place += "[" + std::to_string(frame.done) + "]";
      } else if (frame.done < frame.type->fields.size()) {
        place += "." + frame.type->fields[frame.done].name;
      }
    }
    return place;
  }

  void Fail(std::string_view call) {
    if (!status.ok()) return;
    status = Internal("avro writer: " + std::string(call) + " does not fit at " + Place());
  }
  void Refuse(const std::string& message) {
    if (status.ok()) status = InvalidArgument("avro: " + message + " at " + Place());
  }

  /// The type that the next value must have; nullptr (and an error) when none may follow.
  const AvroType* Expected(std::string_view call) {
    if (!status.ok()) return nullptr;
    if (frames.empty()) return &schema.root();
    const Frame& frame = frames.back();
    if (frame.type->kind == Kind::kRecord) {
      if (frame.done < frame.type->fields.size()) return frame.type->fields[frame.done].type;
    } else if (frame.done < frame.items) {
      static const AvroType kMapKey = [] {
        AvroType type;
        type.kind = Kind::kString;
        return type;
      }();
      if (frame.type->kind == Kind::kMap && !frame.key_done) return &kMapKey;
      return frame.type->children[0];
    }
    Fail(call);
    return nullptr;
  }

  /// Enters the branch of a union that satisfies `fits`; nullptr (and an error) when there is none.
  template <typename Fits>
  const AvroType* Choose(std::string_view call, Fits fits) {
    const AvroType* type = Expected(call);
    if (type == nullptr) return nullptr;
    if (type->kind == Kind::kUnion) {
      for (size_t i = 0; i < type->children.size(); ++i) {
        if (fits(*type->children[i])) {
          AppendLong(static_cast<int64_t>(i), block);
          return type->children[i];
        }
      }
    } else if (fits(*type)) {
      return type;
    }
    Fail(call);
    return nullptr;
  }

  /// A value is complete.
  void Done() {
    if (frames.empty()) {
      ++records;
      ++block_records;
      if (static_cast<int64_t>(block.size()) >= options.block_bytes) Flush();
      return;
    }
    Frame& frame = frames.back();
    if (frame.type->kind == Kind::kMap && !frame.key_done) {
      frame.key_done = true;
      return;
    }
    frame.key_done = false;
    ++frame.done;
  }

  void Flush() {
    if (block_records == 0 || !status.ok()) return;
    AppendLong(block_records, file);
    std::string stored;
    status = codec.Compress(block, stored);
    AppendText(stored, file);
    file += sync;
    block.clear();
    block_records = 0;
  }
};

AvroWriter::AvroWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
AvroWriter::AvroWriter(AvroWriter&&) noexcept = default;
AvroWriter& AvroWriter::operator=(AvroWriter&&) noexcept = default;
AvroWriter::~AvroWriter() = default;

Result<AvroWriter> AvroWriter::Open(std::string_view schema_json,
                                    const std::map<std::string, std::string>& metadata,
                                    Random& random, const AvroWriterOptions& options) {
  auto schema = AvroSchema::Parse(schema_json, "avro writer");
  if (!schema.ok()) return InvalidArgument(schema.error().message);
  const bool deflate = options.codec == AvroWriterOptions::Codec::kDeflate;
  const std::string codec_name = deflate ? "deflate" : "null";
  TARN_ASSIGN_OR_RETURN(AvroCodec codec, AvroCodec::Make(codec_name, options.deflate_level));

  auto state = std::make_unique<State>(std::move(codec));
  state->schema = std::move(schema).value();
  state->options = options;
  for (int half = 0; half < 2; ++half) {
    const uint64_t bits = random.Next();
    state->sync.append(reinterpret_cast<const char*>(&bits), sizeof(bits));
  }
  std::map<std::string, std::string> header = metadata;
  header["avro.schema"] = schema_json;
  header["avro.codec"] = codec_name;
  state->file = std::string("Obj\x01", 4);
  AppendLong(static_cast<int64_t>(header.size()), state->file);
  for (const auto& [key, value] : header) {
    AppendText(key, state->file);
    AppendText(value, state->file);
  }
  AppendLong(0, state->file);
  state->file += state->sync;
  return AvroWriter(std::move(state));
}

void AvroWriter::Null() {
  auto* type = state_->Choose("null", [](const AvroType& t) { return t.kind == Kind::kNull; });
  if (type != nullptr) state_->Done();
}

void AvroWriter::Boolean(bool value) {
  auto* type =
      state_->Choose("a boolean", [](const AvroType& t) { return t.kind == Kind::kBoolean; });
  if (type == nullptr) return;
  state_->block += value ? '\1' : '\0';
  state_->Done();
}

void AvroWriter::Int(int64_t value) {
  auto* type = state_->Choose("an integer", [&](const AvroType& t) {
    return t.kind == Kind::kLong || t.kind == Kind::kInt;
  });
  if (type == nullptr) return;
  if (type->kind == Kind::kInt && value != static_cast<int32_t>(value)) {
    return state_->Refuse(std::to_string(value) + " does not fit into an int");
  }
  AppendLong(value, state_->block);
  state_->Done();
}

void AvroWriter::Double(double value) {
  auto* type = state_->Choose("a double", [](const AvroType& t) {
    return t.kind == Kind::kDouble || t.kind == Kind::kFloat;
  });
  if (type == nullptr) return;
  static_assert(std::endian::native == std::endian::little, "floats are written as they lie");
  if (type->kind == Kind::kFloat) {
    const auto narrow = static_cast<float>(value);
    state_->block.append(reinterpret_cast<const char*>(&narrow), sizeof(narrow));
  } else {
    state_->block.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  state_->Done();
}

void AvroWriter::Bytes(std::string_view value) {
  auto* type = state_->Choose(
      "text", [](const AvroType& t) { return t.kind >= Kind::kBytes && t.kind <= Kind::kEnum; });
  if (type == nullptr) return;
  if (type->kind == Kind::kFixed) {
    if (static_cast<int64_t>(value.size()) != type->fixed_bytes) {
      return state_->Refuse(std::to_string(value.size()) + " bytes for a fixed of " +
                            std::to_string(type->fixed_bytes));
    }
    state_->block.append(value);
  } else if (type->kind == Kind::kEnum) {
    size_t i = 0;
    while (i < type->symbols.size() && type->symbols[i] != value) ++i;
    if (i == type->symbols.size()) {
      return state_->Refuse("unknown symbol " + ToString(Scalar(std::string(value))));
    }
    AppendLong(static_cast<int64_t>(i), state_->block);
  } else {
    AppendText(value, state_->block);
  }
  state_->Done();
}

void AvroWriter::Value(const Scalar& value) {
  if (auto* flag = std::get_if<bool>(&value)) return Boolean(*flag);
  if (auto* number = std::get_if<int64_t>(&value)) return Int(*number);
  if (auto* real = std::get_if<double>(&value)) return Double(*real);
  if (auto* text = std::get_if<std::string>(&value)) return Bytes(*text);
  auto* decimal = std::get_if<Int128>(&value);
  if (decimal == nullptr) return Null();
  auto* type = state_->Choose("a decimal", [](const AvroType& t) {
    return t.kind == Kind::kFixed || t.kind == Kind::kBytes;
  });
  if (type == nullptr) return;
  if (type->kind == Kind::kBytes) {
    AppendText(Int128ToBigEndian(*decimal), state_->block);
  } else {
    auto bytes = Int128ToBigEndian(*decimal, static_cast<int>(type->fixed_bytes));
    if (!bytes.ok()) return state_->Refuse(bytes.error().message);
    state_->block += *bytes;
  }
  state_->Done();
}

void AvroWriter::BeginRecord() {
  auto* type =
      state_->Choose("a record", [](const AvroType& t) { return t.kind == Kind::kRecord; });
  if (type != nullptr) state_->frames.push_back({type});
}

void AvroWriter::EndRecord() {
  if (!state_->status.ok()) return;
  if (state_->frames.empty() || state_->frames.back().type->kind != Kind::kRecord ||
      state_->frames.back().done != state_->frames.back().type->fields.size()) {
    return state_->Fail("the end of a record");
  }
  state_->frames.pop_back();
  state_->Done();
}

void AvroWriter::BeginList(size_t items) {
  auto* type = state_->Choose(
      "a list", [](const AvroType& t) { return t.kind == Kind::kArray || t.kind == Kind::kMap; });
  if (type == nullptr) return;
  if (items > 0) AppendLong(static_cast<int64_t>(items), state_->block);
  state_->frames.push_back({type, 0, items});
}

void AvroWriter::EndList() {
  if (!state_->status.ok()) return;
  if (state_->frames.empty() || state_->frames.back().type->kind == Kind::kRecord ||
      state_->frames.back().key_done || state_->frames.back().done != state_->frames.back().items) {
    return state_->Fail("the end of a list");
  }
  AppendLong(0, state_->block);
  state_->frames.pop_back();
  state_->Done();
}

int64_t AvroWriter::records() const { return state_->records; }
int64_t AvroWriter::estimated_bytes() const {
  return static_cast<int64_t>(state_->file.size() + state_->block.size());
}
const Status& AvroWriter::status() const { return state_->status; }

Result<std::string> AvroWriter::Finish() && {
  if (!state_->frames.empty()) state_->Fail("the end of the file");
  state_->Flush();
  if (!state_->status.ok()) return state_->status.error();
  return std::move(state_->file);
}

}  // namespace tarn
